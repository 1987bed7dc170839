#include <ATen/cuda/CUDAContext.h>
#include <torch/python.h>

#include <string>

#include "flash.h"

std::string fwd(double scale) {
#ifdef FLASHATTENTION_DISABLE_BACKWARD
  const std::string profile = "forward only";
#else
  const std::string profile = "full";
#endif
  TORCH_CHECK(scale <= 1, "scale must be at most 1, not ", scale);
  if (scale > 0) {
    Flash_fwd_params params{};
    auto stream = at::cuda::getCurrentCUDAStream().stream();
    run_fwd(params, stream);
    run_fwd_split(params, stream);
    run_bwd(params, stream);
  }
  return profile;
}

PYBIND11_MODULE(TORCH_EXTENSION_NAME, m) {
  m.doc() = "A small extension with flash-attn's conventions";
  m.def("fwd", &fwd, "What this build can do; launches the kernels if scale is positive");
}
