// Loads and stores of a few neighbouring elements in one memory access, converted to and from the compute
// type.
#pragma once

#include "kernels/device/numeric.cuh"

namespace recur::device {

// Elements that move together; a power of two of them, at most 16 bytes.
template <class T, int kWidth>
struct alignas(sizeof(T) * kWidth) Pack {
  T values[kWidth];
};

// `from` is aligned to the pack.
template <int kWidth, class T>
RECUR_DEVICE void load(const T* from, Compute<T> (&to)[kWidth]) {
  const Pack<T, kWidth> pack = *reinterpret_cast<const Pack<T, kWidth>*>(from);
  RECUR_UNROLL
  for (int i = 0; i < kWidth; ++i) to[i] = to_compute(pack.values[i]);
}

template <int kWidth, class T>
RECUR_DEVICE void store(const Compute<T> (&from)[kWidth], T* to) {
  Pack<T, kWidth> pack;
  RECUR_UNROLL
  for (int i = 0; i < kWidth; ++i) pack.values[i] = to_storage<T>(from[i]);
  *reinterpret_cast<Pack<T, kWidth>*>(to) = pack;
}

template <int kWidth, class T>
RECUR_DEVICE void store_zeros(T* to) {
  const Compute<T> zeros[kWidth] = {};
  store(zeros, to);
}

}  // namespace recur::device
