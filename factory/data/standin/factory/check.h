// What kernels' host code calls where upstream's calls torch's CUDA check; see ../README.md.
#pragma once

#include <cstdint>

namespace factory {

// Hidden: each extension has its own, defined in bridge.h by the check of the torch it is compiled for.
class __attribute__((visibility("hidden"))) CudaCheck {
 public:
  CudaCheck() noexcept;
  void operator()(int32_t error, const char* file, const char* function, uint32_t line);

 private:
  // Room for what some torch makes before the call that it checks.
  alignas(16) unsigned char before_[64];
};

}  // namespace factory
