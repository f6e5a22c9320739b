// How the CPU engine stores values of a type and what it computes with: f32 and f64 are both themselves, bf16
// is storage only and its arithmetic f32.
#pragma once

#include <cstdint>

#include "host/bf16.hpp"
#include "recur/types.hpp"

namespace recur::host::cpu {

template <class E>
struct StorageTraits {
  using Arithmetic = E;
  using Unit = E;
  static constexpr int kUnitDepth = 1;
};
template <>
struct StorageTraits<Bf16> {
  using Arithmetic = float;
  using Unit = std::uint32_t;
  static constexpr int kUnitDepth = 2;
};

// Sums, cell states, gates, their gradients.
template <class E>
using Arithmetic = typename StorageTraits<E>::Arithmetic;

// What the right side of a product is packed in: kUnitDepth successive values of k of one column, the first
// in the lower bits. Where the depth is not a whole number of units, the rest of the last is zero.
template <class E>
using Unit = typename StorageTraits<E>::Unit;
template <class E>
constexpr std::int64_t units_of(std::int64_t depth) {
  return (depth + StorageTraits<E>::kUnitDepth - 1) / StorageTraits<E>::kUnitDepth;
}

// The type of Arithmetic.
constexpr DataType arithmetic_of(DataType type) { return type == DataType::bf16 ? DataType::f32 : type; }

}  // namespace recur::host::cpu
