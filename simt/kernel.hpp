/// @file
/// CUDA's built-in names for kernels that g++ or clang++ compiles: included by kernels/device/platform.cuh.
/// What needs inline PTX on a GPU is in kernels/device, which calls simt/runtime.hpp from its branch for the
/// CPU.
#pragma once

#include <cuda_runtime_api.h>
#include <vector_functions.h>

#include <cmath>
#include <cstring>

#include "simt/launch.hpp"
#include "simt/runtime.hpp"

// NOLINTBEGIN(bugprone-reserved-identifier): CUDA's names

// Real variables, set at every switch of threads: a debugger can ask for threadIdx.x == 37.
inline uint3 threadIdx, blockIdx;
inline dim3 blockDim, gridDim;
inline constexpr int warpSize = 32;

// A raw __shared__ would be one array for all blocks.
#undef __shared__
#define __shared__ use_RECUR_SHARED_or_RECUR_DYNAMIC_SHARED

#define SIMT_SHARED(Type, name, ...)                                                             \
  using simt_type_of_##name = Type __VA_ARGS__;                                                  \
  static const int simt_slot_of_##name =                                                         \
      ::simt::register_static_shared(sizeof(simt_type_of_##name), alignof(simt_type_of_##name)); \
  simt_type_of_##name& name = *static_cast<simt_type_of_##name*>(::simt::static_shared(simt_slot_of_##name))

#define SIMT_WHERE ::simt::Where where = ::simt::Where::here()

inline void __syncthreads(SIMT_WHERE) { simt::barrier(simt::Scope::block, 0, 0, "__syncthreads", where); }

namespace simt {

template <class T>
T shuffled(unsigned mask, T value, int source, const char* name, Where where) {
  static_assert(std::is_trivially_copyable_v<T>);
  shuffle(mask, &value, sizeof(T), source, name, where);
  return value;
}

// The lane to read from, or the calling one where the shuffle would leave its segment.
inline int in_segment(int source, int width) {
  const int self = static_cast<int>(lane());
  const int first = self & ~(width - 1);
  return source < first || source >= first + width ? self : source;
}

template <class T>
struct Identity {
  using Type = T;
};

// One thread of the CPU runs all of them: a load and a store are atomic. The builtins tell the race detector.
template <class T, class Operation>
T atomic(T* address, Operation operation) {
  T old;
  __atomic_load(address, &old, __ATOMIC_RELAXED);
  T next = operation(old);
  __atomic_store(address, &next, __ATOMIC_RELAXED);
  write_through(address, sizeof(T));
  progress();
  return old;
}

}  // namespace simt

inline void __syncwarp(unsigned mask = ~0u, SIMT_WHERE) { simt::sync_warp(mask, where); }

template <class T>
T __shfl_sync(unsigned mask, T value, int source, int width = 32, SIMT_WHERE) {
  const int first = static_cast<int>(simt::lane()) & ~(width - 1);
  return simt::shuffled(mask, value, first | (source & (width - 1)), "__shfl_sync", where);
}
template <class T>
T __shfl_xor_sync(unsigned mask, T value, int lane_mask, int width = 32, SIMT_WHERE) {
  const int source = simt::in_segment(static_cast<int>(simt::lane()) ^ lane_mask, width);
  return simt::shuffled(mask, value, source, "__shfl_xor_sync", where);
}
template <class T>
T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = 32, SIMT_WHERE) {
  const int source = simt::in_segment(static_cast<int>(simt::lane() + delta), width);
  return simt::shuffled(mask, value, source, "__shfl_down_sync", where);
}
template <class T>
T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = 32, SIMT_WHERE) {
  const int source = simt::in_segment(static_cast<int>(simt::lane()) - static_cast<int>(delta), width);
  return simt::shuffled(mask, value, source, "__shfl_up_sync", where);
}
inline unsigned __ballot_sync(unsigned mask, int predicate, SIMT_WHERE) {
  return simt::ballot(mask, predicate != 0, where);
}
inline int __any_sync(unsigned mask, int predicate, SIMT_WHERE) {
  return simt::ballot(mask, predicate != 0, where) != 0 ? 1 : 0;
}
inline int __all_sync(unsigned mask, int predicate, SIMT_WHERE) {
  return simt::ballot(mask, predicate == 0, where) == 0 ? 1 : 0;
}

#define SIMT_ATOMIC(name, expression)                                                \
  template <class T>                                                                 \
  T name(T* address, typename simt::Identity<T>::Type value) {                       \
    return simt::atomic(address, [&](T old) { return static_cast<T>(expression); }); \
  }
SIMT_ATOMIC(atomicAdd, old + value)
SIMT_ATOMIC(atomicSub, old - value)
SIMT_ATOMIC(atomicExch, (static_cast<void>(old), value))
SIMT_ATOMIC(atomicMax, old < value ? value : old)
SIMT_ATOMIC(atomicMin, value < old ? value : old)
SIMT_ATOMIC(atomicAnd, old& value)
SIMT_ATOMIC(atomicOr, old | value)
SIMT_ATOMIC(atomicXor, old ^ value)
#undef SIMT_ATOMIC
template <class T>
T atomicCAS(T* address, typename simt::Identity<T>::Type compare, typename simt::Identity<T>::Type value) {
  return simt::atomic(address, [&](T old) { return old == compare ? value : old; });
}

template <class T>
T __ldg(const T* address) {
  return *address;
}
inline void __threadfence() {}
inline void __threadfence_block() {}
inline void __nanosleep(unsigned, SIMT_WHERE) { simt::poll(where); }
[[noreturn]] inline void __trap() { simt::fail(simt::FaultKind::misuse, "__trap()"); }

// NOLINTEND(bugprone-reserved-identifier)
