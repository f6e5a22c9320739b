// Storage types, and the type that their values are computed in: float for the 16-bit ones, else their own.
// Conversions to storage round to nearest, ties to even.
#pragma once

#include <type_traits>

#include "kernels/device/platform.cuh"
#include "recur/types.hpp"

namespace recur::device {

template <DataType kType>
struct StorageOf;
template <>
struct StorageOf<DataType::f32> {
  using Type = float;
};
template <>
struct StorageOf<DataType::f64> {
  using Type = double;
};
template <>
struct StorageOf<DataType::f16> {
  using Type = __half;
};
template <>
struct StorageOf<DataType::bf16> {
  using Type = __nv_bfloat16;
};
template <DataType kType>
using Storage = typename StorageOf<kType>::Type;

template <class E>
struct ComputeOf {
  using Type = float;
};
template <>
struct ComputeOf<double> {
  using Type = double;
};
template <class E>
using Compute = typename ComputeOf<E>::Type;

RECUR_DEVICE float to_compute(float value) { return value; }
RECUR_DEVICE double to_compute(double value) { return value; }
RECUR_DEVICE float to_compute(__half value) { return __half2float(value); }
RECUR_DEVICE float to_compute(__nv_bfloat16 value) { return __bfloat162float(value); }

template <class E>
RECUR_DEVICE E to_storage(Compute<E> value) {
  // A pair is converted by the arithmetic units (F2FP), a single value at times by the slow ones (F2F).
  if constexpr (std::is_same_v<E, __half>) {
    return __floats2half2_rn(value, 0.0f).x;
  } else if constexpr (std::is_same_v<E, __nv_bfloat16>) {
    return __floats2bfloat162_rn(value, 0.0f).x;
  } else {
    return value;
  }
}

}  // namespace recur::device
