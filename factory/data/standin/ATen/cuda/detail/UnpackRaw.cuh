// Stand-in for torch's header of this name; see ../../../README.md. No include guard, as in the original.

namespace at::cuda::philox {

// While a CUDA graph is captured the seed and offset live in device memory, else in the state itself.
__host__ __device__ __forceinline__ std::tuple<uint64_t, uint64_t> unpack(at::PhiloxCudaState state) {
  if (state.captured_) {
    return std::make_tuple(static_cast<uint64_t>(*state.seed_.ptr),
                           static_cast<uint64_t>(*(state.offset_.ptr) + state.offset_intragraph_));
  }
  return std::make_tuple(state.seed_.val, state.offset_.val);
}

}  // namespace at::cuda::philox
