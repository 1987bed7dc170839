#pragma once
#include <c10/cuda/CUDAException.h>
#include <cutlass/cutlass.h>
#include <tuple>

#include "flash.h"
#include <ATen/cuda/detail/UnpackRaw.cuh>

// Internal to the unit like CUTLASS's constants, so that its name holds what nvcc calls the unit.
namespace constants {
struct Same {
  __host__ __device__ float operator()(float x) const { return x; }
};
static const __device__ Same same{};
}  // namespace constants

template <int kFactor>
__global__ void kernel(const Flash_fwd_params params) {
  auto seed_offset = at::cuda::philox::unpack(params.philox_args);
  params.out[threadIdx.x] = constants::same(params.scale) * kFactor + std::get<0>(seed_offset) + params.num_splits;
}

template <int kFactor>
void launch(Flash_fwd_params& params, cudaStream_t stream) {
#ifndef FLASHATTENTION_DISABLE_DROPOUT
  C10_CUDA_CHECK(cudaFuncSetAttribute(kernel<kFactor>, cudaFuncAttributeMaxDynamicSharedMemorySize, 1024));
#endif
  kernel<kFactor><<<1, 32, 0, stream>>>(params);
  C10_CUDA_KERNEL_LAUNCH_CHECK();
}
