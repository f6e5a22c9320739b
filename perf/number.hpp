// Numbers in the storage types of tensors, on the host.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "perf/random.hpp"
#include "recur/types.hpp"

namespace recur::perf {

// Stores a value that the type can hold exactly, as a normal number or zero.
inline void store_number(DataType type, double value, void* to) {
  const auto single = static_cast<float>(value);
  const auto bits = std::bit_cast<std::uint32_t>(single);
  switch (type) {
    case DataType::f64: std::memcpy(to, &value, sizeof(value)); return;
    case DataType::bf16: {
      const auto half = static_cast<std::uint16_t>(bits >> 16);
      std::memcpy(to, &half, sizeof(half));
      return;
    }
    case DataType::f16: {
      const std::uint32_t magnitude = single == 0 ? 0 : ((bits & 0x7fffffffu) >> 13) - (112u << 10);
      const auto half = static_cast<std::uint16_t>(((bits >> 16) & 0x8000u) | magnitude);
      std::memcpy(to, &half, sizeof(half));
      return;
    }
    default: std::memcpy(to, &single, sizeof(single)); return;
  }
}

inline double load_number(DataType type, const void* from) {
  std::uint16_t half = 0;
  float single = 0;
  double value = 0;
  switch (type) {
    case DataType::f64: std::memcpy(&value, from, sizeof(value)); return value;
    case DataType::bf16:
      std::memcpy(&half, from, sizeof(half));
      return std::bit_cast<float>(static_cast<std::uint32_t>(half) << 16);
    case DataType::f16: {
      std::memcpy(&half, from, sizeof(half));
      const int exponent = (half >> 10) & 0x1f;
      const int mantissa = half & 0x3ff;
      if (exponent == 0x1f) {
        value = mantissa == 0 ? HUGE_VAL : std::nan("");
      } else {
        value = exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(mantissa + 1024, exponent - 25);
      }
      return (half & 0x8000) != 0 ? -value : value;
    }
    default: std::memcpy(&single, from, sizeof(single)); return single;
  }
}

// Fills memory with numbers of the type: multiples of a power of two with seven bits, which every type has;
// uniform in about [-bound, bound].
inline void fill_random(DataType type, double bound, std::uint64_t seed, std::span<std::byte> memory) {
  constexpr std::uint64_t kMost = 63;
  constexpr int kSmallestExponent = -14;  // of normal f16
  const double unit = std::ldexp(1.0, std::max(std::ilogb(bound) - 6, kSmallestExponent));
  const std::size_t element_bytes = size_of(type);
  Random random(seed);
  for (std::size_t at = 0; at + element_bytes <= memory.size(); at += element_bytes) {
    const double value = static_cast<double>(random.below(2 * kMost + 1)) - static_cast<double>(kMost);
    store_number(type, value * unit, memory.data() + at);
  }
}

}  // namespace recur::perf
