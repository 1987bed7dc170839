// Read before flash_api.cpp, and before nothing else: joins the torch it is compiled for to kernels that know none.
// A failed assertion means: this torch has what the kernels' state or check would lose.
#include <ATen/cuda/CUDAGeneratorImpl.h>
#include <c10/cuda/CUDAException.h>

#include <cstdint>
#include <new>
#include <type_traits>

#include "standin/factory/check.h"
#include "standin/factory/philox.h"

namespace factory {

using TorchPhilox = at::PhiloxCudaState;
using TorchPayload = TorchPhilox::Payload;
using TorchIntragraph = decltype(TorchPhilox::offset_intragraph_);

// A torch with another number of fields does not compile here.
inline void has_four_fields(const TorchPhilox& state) {
  [[maybe_unused]] const auto& [seed, offset, offset_intragraph, captured] = state;
}
struct SameFields {
  TorchPayload seed_, offset_;
  TorchIntragraph offset_intragraph_;
  bool captured_;
};
static_assert(sizeof(TorchPhilox) == sizeof(SameFields),
              "at::PhiloxCudaState of this torch has more than the four fields that kernels know");
static_assert(std::is_trivially_copyable_v<TorchPhilox>, "at::PhiloxCudaState of this torch is more than its fields");
static_assert(std::is_same_v<decltype(TorchPhilox::seed_), TorchPayload> &&
                  std::is_same_v<decltype(TorchPhilox::offset_), TorchPayload>,
              "at::PhiloxCudaState::seed_ or offset_ has another type in this torch");
static_assert(sizeof(TorchPayload) == sizeof(PhiloxCudaState::Payload) &&
                  std::is_same_v<decltype(TorchPayload::val), uint64_t> &&
                  std::is_same_v<decltype(TorchPayload::ptr), int64_t*>,
              "at::PhiloxCudaState::Payload has another type in this torch");
static_assert(std::is_unsigned_v<TorchIntragraph> && sizeof(TorchIntragraph) <= sizeof(uint64_t),
              "at::PhiloxCudaState::offset_intragraph_ of this torch does not fit into 64 bits without sign");
static_assert(std::is_same_v<decltype(TorchPhilox::captured_), bool>,
              "at::PhiloxCudaState::captured_ has another type in this torch");

// Torch's check by the signature of this torch; up to 2.13 without the last argument, made before what is checked.
template <typename Function>
struct TorchCheck {
  static constexpr bool known = false;
};
template <typename Line>
struct TorchCheck<void (*)(int32_t, const char*, const char*, Line, bool)> {
  static constexpr bool known = std::is_integral_v<Line>;
  void operator()(int32_t error, const char* file, const char* function, uint32_t line) {
    c10::cuda::c10_cuda_check_implementation(error, file, function, line, true);
  }
};
template <typename Line, typename Log>
struct TorchCheck<void (*)(int32_t, const char*, const char*, Line, bool, Log*)> {
  static constexpr bool known = std::is_integral_v<Line> && std::is_nothrow_default_constructible_v<Log>;
  Log log;
  void operator()(int32_t error, const char* file, const char* function, uint32_t line) {
    c10::cuda::c10_cuda_check_implementation(error, file, function, line, true, &log);
  }
};

using ThisCheck = TorchCheck<decltype(&c10::cuda::c10_cuda_check_implementation)>;
static_assert(ThisCheck::known, "c10::cuda::c10_cuda_check_implementation takes other arguments in this torch");
static_assert(sizeof(ThisCheck) <= sizeof(CudaCheck) && alignof(ThisCheck) <= alignof(CudaCheck) &&
                  std::is_trivially_destructible_v<ThisCheck>,
              "what this torch makes before a checked call does not fit into factory::CudaCheck");

CudaCheck::CudaCheck() noexcept {
  new (before_) ThisCheck;
}

void CudaCheck::operator()(int32_t error, const char* file, const char* function, uint32_t line) {
  (*std::launder(reinterpret_cast<ThisCheck*>(before_)))(error, file, function, line);
}

}  // namespace factory

namespace at {

using FactoryPhiloxCudaState = factory::PhiloxCudaState;

}  // namespace at

// From here on, in upstream's headers, the name means the state that kernels take.
#define PhiloxCudaState FactoryPhiloxCudaState
