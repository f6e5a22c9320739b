// bfloat16 as it lies in memory: the upper half of a float.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

namespace recur::host {

struct Bf16 {
  std::uint16_t bits;
};

// Exact.
inline float to_float(Bf16 value) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(value.bits) << 16);
}

// To the nearest, ties to even; NaN stays NaN, whatever is cut off.
inline Bf16 to_bf16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
  const std::uint32_t nan = (bits >> 16) | 0x40u;
  return {static_cast<std::uint16_t>(std::isnan(value) ? nan : rounded)};
}

}  // namespace recur::host
