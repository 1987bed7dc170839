// Stand-in for the part of torch's header that flash-attn's kernels use; see ../../README.md.
#pragma once

#include <cstdint>
#include <tuple>

namespace at {

// Passed by value inside kernel parameters: the layout is what matters, and class_check.cpp asserts it.
struct PhiloxCudaState {
  PhiloxCudaState() = default;

  union Payload {
    uint64_t val;
    int64_t* ptr;
  };

  Payload seed_{};
  Payload offset_{};
  FACTORY_PHILOX_INTRAGRAPH_T offset_intragraph_ = 0;
  bool captured_ = false;
};

}  // namespace at
