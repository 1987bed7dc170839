// Stand-in for the part of torch's header that flash-attn's kernels use; see ../../README.md.
#pragma once

#include <cstdint>
#include <tuple>

#include <factory/philox.h>

namespace at {

using PhiloxCudaState = factory::PhiloxCudaState;

}  // namespace at
