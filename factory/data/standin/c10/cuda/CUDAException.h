// Stand-in for the part of torch's header that flash-attn's kernels use; see ../../README.md.
#pragma once

// flash-attn's own headers print and exit, and rely on torch to bring these two.
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include <cuda_runtime_api.h>

namespace c10::cuda {

#ifdef FACTORY_CHECK_LOG_CAPTURE
class CUDAErrorLogCapture;
#endif

// Defined in libc10_cuda; its mangled name, and so the class, follows from these types.
void c10_cuda_check_implementation(const int32_t err,
                                   const char* filename,
                                   const char* function_name,
                                   const FACTORY_CHECK_LINE_T line_number,
                                   const bool include_device_assertions
#ifdef FACTORY_CHECK_LOG_CAPTURE
                                   , CUDAErrorLogCapture* log_capture
#endif
);

}  // namespace c10::cuda

#ifdef FACTORY_CHECK_LOG_CAPTURE
#define FACTORY_CHECK_TAIL , nullptr
#else
#define FACTORY_CHECK_TAIL
#endif

#define C10_CUDA_CHECK(EXPR)                                                              \
  do {                                                                                    \
    const cudaError_t __err = EXPR;                                                       \
    c10::cuda::c10_cuda_check_implementation(static_cast<int32_t>(__err), __FILE__,       \
                                             __func__, static_cast<uint32_t>(__LINE__),   \
                                             true FACTORY_CHECK_TAIL);                    \
  } while (0)

#define C10_CUDA_KERNEL_LAUNCH_CHECK() C10_CUDA_CHECK(cudaGetLastError())
