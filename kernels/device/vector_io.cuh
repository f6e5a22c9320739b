// Loads and stores of a few neighbouring elements in one memory access, converted to and from the compute
// type.
#pragma once

#include "kernels/device/numeric.cuh"

namespace recur::device {

// Elements that move together; a power of two of them, at most 16 bytes.
template <class E, int kWidth>
struct alignas(sizeof(E) * kWidth) Pack {
  E values[kWidth];
};

// `from` is aligned to the pack.
template <int kWidth, class E>
RECUR_DEVICE void load(const E* from, Compute<E> (&to)[kWidth]) {
  const Pack<E, kWidth> pack = *reinterpret_cast<const Pack<E, kWidth>*>(from);
  RECUR_UNROLL
  for (int i = 0; i < kWidth; ++i) to[i] = to_compute(pack.values[i]);
}

template <int kWidth, class E>
RECUR_DEVICE void store(const Compute<E> (&from)[kWidth], E* to) {
  Pack<E, kWidth> pack;
  RECUR_UNROLL
  for (int i = 0; i < kWidth; ++i) pack.values[i] = to_storage<E>(from[i]);
  *reinterpret_cast<Pack<E, kWidth>*>(to) = pack;
}

template <int kWidth, class E>
RECUR_DEVICE void store_zeros(E* to) {
  const Compute<E> zeros[kWidth] = {};
  store(zeros, to);
}

}  // namespace recur::device
