// Compiled, never run, against the target torch's real headers and a kernel class's stand-ins.
// A failed assertion means: kernel objects of this class do not fit this torch.
#include <cstddef>
#include <cstdint>
#include <tuple>
#include <type_traits>

#include <ATen/cuda/PhiloxCudaState.h>
#include <c10/cuda/CUDAException.h>

using TorchPhilox = at::PhiloxCudaState;
using TorchCheck = decltype(&c10::cuda::c10_cuda_check_implementation);

#undef C10_CUDA_CHECK
#undef C10_CUDA_KERNEL_LAUNCH_CHECK
#define at factory_at
#define c10 factory_c10
#include FACTORY_STANDIN_PHILOX
#include FACTORY_STANDIN_CHECK
#undef at
#undef c10

using OurPhilox = factory_at::PhiloxCudaState;
using OurCheck = decltype(&factory_c10::cuda::c10_cuda_check_implementation);

#define SAME_FIELD(field)                                                                          \
  static_assert(offsetof(TorchPhilox, field) == offsetof(OurPhilox, field),                        \
                "kernel class: at::PhiloxCudaState::" #field " stands elsewhere in this torch");   \
  static_assert(sizeof(TorchPhilox::field) == sizeof(OurPhilox::field),                            \
                "kernel class: at::PhiloxCudaState::" #field " has another size in this torch")

static_assert(sizeof(TorchPhilox) == sizeof(OurPhilox),
              "kernel class: at::PhiloxCudaState has another size in this torch");
static_assert(alignof(TorchPhilox) == alignof(OurPhilox),
              "kernel class: at::PhiloxCudaState is aligned otherwise in this torch");
SAME_FIELD(seed_);
SAME_FIELD(offset_);
SAME_FIELD(offset_intragraph_);
SAME_FIELD(captured_);
static_assert(std::is_same_v<decltype(TorchPhilox::offset_intragraph_), decltype(OurPhilox::offset_intragraph_)>,
              "kernel class: at::PhiloxCudaState::offset_intragraph_ has another type in this torch");
static_assert(std::is_trivially_copyable_v<TorchPhilox> == std::is_trivially_copyable_v<OurPhilox>,
              "kernel class: at::PhiloxCudaState is passed otherwise in this torch");

// Pointers to a class of torch's own count as the same whatever namespace our copy of the name is in.
template <typename T>
struct Plain {
  using type = T;
};
template <typename T>
struct Plain<T*> {
  using type = std::conditional_t<std::is_class_v<T>, void*, T*>;
};
template <typename F>
struct Signature;
template <typename R, typename... A>
struct Signature<R (*)(A...)> {
  using type = std::tuple<R*, typename Plain<A>::type...>;
};
static_assert(std::is_same_v<Signature<TorchCheck>::type, Signature<OurCheck>::type>,
              "kernel class: c10::cuda::c10_cuda_check_implementation takes other arguments in this torch");
