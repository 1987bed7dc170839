// Stand-in for the part of torch's header that flash-attn's kernels use; see ../../README.md.
#pragma once

// flash-attn's own headers print and exit, and rely on torch to bring these two.
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include <cuda_runtime_api.h>
#include <factory/check.h>

#define C10_CUDA_CHECK(EXPR)                                                                               \
  do {                                                                                                     \
    factory::CudaCheck __check;                                                                            \
    const cudaError_t __err = EXPR;                                                                        \
    __check(static_cast<int32_t>(__err), __FILE__, __func__, static_cast<uint32_t>(__LINE__));             \
  } while (0)

#define C10_CUDA_KERNEL_LAUNCH_CHECK() C10_CUDA_CHECK(cudaGetLastError())
