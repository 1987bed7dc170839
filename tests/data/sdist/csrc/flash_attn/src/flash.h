#pragma once
#include <cuda.h>
#include <vector>

#include <ATen/cuda/CUDAGeneratorImpl.h>

struct Flash_fwd_params {
  float* out;
  float scale;
  at::PhiloxCudaState philox_args;
  int num_splits;
};

void run_fwd(Flash_fwd_params& params, cudaStream_t stream);
void run_fwd_split(Flash_fwd_params& params, cudaStream_t stream);
void run_bwd(Flash_fwd_params& params, cudaStream_t stream);
