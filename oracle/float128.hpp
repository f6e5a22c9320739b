/// @file
/// Quadruple precision without libquadmath, which clang lacks: the type and the functions the cells need.
#pragma once

#include <array>
#include <cmath>
#include <limits>

namespace recur::oracle {

// __extension__ keeps -Wpedantic quiet about the one type that ISO C++ does not have.
__extension__ typedef __float128 float128;  // NOLINT(modernize-use-using)

/// Distance from 1 to the next float128: 113 significant bits.
inline constexpr double kFloat128Epsilon = 0x1p-112;

namespace detail {

/// Taylor coefficients 1/1!, 1/2!, ... of expm1.
inline constexpr int kExpTerms = 25;
constexpr std::array<float128, kExpTerms> inverse_factorials() {
  std::array<float128, kExpTerms> result{};
  float128 factorial = 1;
  for (int n = 1; n <= kExpTerms; ++n) {
    factorial *= n;  // 25! has fewer than 113 significant bits: exact
    result[static_cast<std::size_t>(n - 1)] = 1 / factorial;
  }
  return result;
}

/// expm1 for |r| <= ln(2)/2. The first term left out is below r * 0.35^25 / 26! < r * 2^-125, far under the
/// last bit.
inline float128 expm1_reduced(float128 r) {
  static constexpr auto kCoefficients = inverse_factorials();
  float128 sum = 0;
  for (int n = kExpTerms; n-- > 0;) sum = sum * r + kCoefficients[static_cast<std::size_t>(n)];
  return sum * r;
}

/// value * 2^exponent; in pieces, because each factor is a double.
inline float128 scale_by_power_of_two(float128 value, int exponent) {
  for (; exponent > 1000; exponent -= 1000) value *= 0x1p1000;
  for (; exponent < -1000; exponent += 1000) value *= 0x1p-1000;
  return value * static_cast<float128>(std::ldexp(1.0, exponent));
}

/// e^value - 1 as 2^k * (1 + expm1(r)) - 1 with value = k ln 2 + r; `scale` is 2^k.
inline float128 expm1_and_scale(float128 value, int& k) {
  // ln 2 as three doubles, each the rounding of what the earlier ones leave. k has at most 15 bits, so that
  // k * part is exact in 113 bits.
  constexpr double kHigh = 0x1.62e42fefa39efp-1;
  constexpr double kMiddle = 0x1.abc9e3b39803fp-56;
  constexpr double kLow = 0x1.7b57a079a1934p-111;
  const double nearest = std::nearbyint(static_cast<double>(value) * 1.4426950408889634);
  k = static_cast<int>(nearest);
  const float128 n = k;
  return expm1_reduced(((value - n * kHigh) - n * kMiddle) - n * kLow);
}

}  // namespace detail

inline float128 absolute(float128 value) { return value < 0 ? -value : value; }

/// e^value, to about one unit in the last place.
inline float128 exponential(float128 value) {
  if (value != value) return value;
  if (value > 11356) return std::numeric_limits<double>::infinity();  // above ln of the largest float128
  if (value < -11400) return 0;                                       // below ln of the smallest normal one
  int k = 0;
  const float128 reduced = detail::expm1_and_scale(value, k);
  return detail::scale_by_power_of_two(1 + reduced, k);
}

/// e^value - 1, to a few units in the last place, small arguments included. For arguments below 11356.
inline float128 exponential_minus_1(float128 value) {
  if (value != value) return value;
  if (value < -100) return -1;  // e^-100 is less than half the last bit
  int k = 0;
  const float128 reduced = detail::expm1_and_scale(value, k);
  // k = 0 keeps the full relative accuracy near zero.
  return k == 0 ? reduced : detail::scale_by_power_of_two(1 + reduced, k) - 1;
}

/// log(1 + value) of value >= 0, to a few units in the last place. That of double is right to 2^-53; the
/// error e it leaves is log1p(d) with d = (value - expm1(it)) / (1 + expm1(it)), and d^3 is far below the
/// last bit.
inline float128 logarithm_of_1_plus(float128 value) {
  const float128 first = std::log1p(static_cast<double>(value));
  const float128 back = exponential_minus_1(first);
  const float128 d = (value - back) / (1 + back);
  return first + (d - d * d / 2);
}

/// tanh(value), to a few units in the last place, small arguments included.
inline float128 hyperbolic_tangent(float128 value) {
  if (value != value) return value;
  const float128 magnitude = absolute(value);
  float128 result = 1;
  if (magnitude < 45) {  // from there 1 - tanh < 2 e^-90, less than half the last bit
    const float128 e = exponential_minus_1(-2 * magnitude);
    result = -e / (2 + e);
  }
  return value < 0 ? -result : result;
}

}  // namespace recur::oracle
