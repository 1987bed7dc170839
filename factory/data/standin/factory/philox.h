// The random-number state as kernels take it, whatever torch's own looks like; see ../README.md.
#pragma once

#include <cstdint>

namespace factory {

// Passed by value inside kernels' parameters: the layout is what matters, that of torch 2.10 to 2.15, the widest.
struct PhiloxCudaState {
  PhiloxCudaState() = default;

  // Implicit, for flash_api.cpp assigns torch's state; bridge.h asserts that nothing of it is lost.
  template <typename Torch>
  PhiloxCudaState(const Torch& torch) : offset_intragraph_(torch.offset_intragraph_), captured_(torch.captured_) {
    if (captured_) {
      seed_.ptr = torch.seed_.ptr;
      offset_.ptr = torch.offset_.ptr;
    } else {
      seed_.val = torch.seed_.val;
      offset_.val = torch.offset_.val;
    }
  }

  union Payload {
    uint64_t val;
    int64_t* ptr;
  };

  Payload seed_{};
  Payload offset_{};
  uint64_t offset_intragraph_ = 0;
  bool captured_ = false;
};

}  // namespace factory
