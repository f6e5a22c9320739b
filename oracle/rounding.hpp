/// @file
/// Rounding to a storage type, as a policy of the naive run. A policy maps a value to the nearest one that
/// the storage type holds (ties to even) and returns it in the arithmetic type; `operand` maps it to what a
/// product takes.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

namespace recur::oracle {

/// Storage equals the arithmetic type.
struct RoundNothing {
  template <class Real>
  Real operator()(Real value) const {
    return value;
  }
  template <class Real>
  Real operand(Real value) const {
    return value;
  }
};

/// Storage is float, products take TF32: 11 significant bits, the exponents of float, ties away from zero as
/// cvt.rna.tf32 has them.
struct RoundOperandsToTf32 : RoundNothing {
  float operand(float value) const {
    if (!std::isfinite(value)) return value;
    return std::bit_cast<float>((std::bit_cast<std::uint32_t>(value) + 0x1000u) & 0xffffe000u);
  }
};

/// bfloat16: 8 significant bits, the exponents of float.
struct RoundToBf16 {
  float operator()(float value) const {
    if (std::isnan(value)) return value;
    const auto bits = std::bit_cast<std::uint32_t>(value);
    const std::uint32_t tie_to_even = (bits >> 16) & 1u;
    return std::bit_cast<float>((bits + 0x7fffu + tie_to_even) & 0xffff0000u);
  }
  float operand(float value) const { return (*this)(value); }
};

/// IEEE half: 11 significant bits, largest value 65504, smallest normal 2^-14.
struct RoundToF16 {
  float operator()(float value) const {
    if (std::isnan(value) || std::isinf(value)) return value;
    const float magnitude = std::fabs(value);
    float rounded;
    if (magnitude < 0x1p-14f) {
      // Floats in [0.5, 1) are 2^-24 apart, which is the spacing of half's subnormals.
      rounded = (magnitude + 0.5f) - 0.5f;
    } else if (magnitude >= 65520.0f) {
      rounded = INFINITY;
    } else {
      const auto bits = std::bit_cast<std::uint32_t>(magnitude);
      const std::uint32_t tie_to_even = (bits >> 13) & 1u;
      rounded = std::bit_cast<float>((bits + 0xfffu + tie_to_even) & ~0x1fffu);
    }
    return std::copysign(rounded, value);
  }
  float operand(float value) const { return (*this)(value); }
};

}  // namespace recur::oracle
