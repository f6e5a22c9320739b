/// @file
/// The types that tensors are stored in, as tests have them: float and double, and 16-bit types of their own.
/// A test that is a template over one of these serves all four.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <type_traits>

#include "oracle/rounding.hpp"
#include "recur/tensor.hpp"

namespace recur::test {

namespace detail {

/// `value` as a float that a further rounding to 22 bits or fewer treats as it would treat `value`: cut off,
/// with the last bit set where anything was lost. (Rounding to the nearest twice can be wrong by a tie.)
inline float round_to_odd(double value) {
  const auto nearest = static_cast<float>(value);
  if (std::isnan(nearest) || static_cast<double>(nearest) == value) return nearest;
  auto bits = std::bit_cast<std::uint32_t>(nearest);
  if (std::fabs(static_cast<double>(nearest)) > std::fabs(value)) --bits;
  return std::bit_cast<float>(bits | 1u);
}

struct Bf16Format {
  using Round = oracle::RoundToBf16;
  static std::uint16_t encode(float rounded) {
    const auto high = static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(rounded) >> 16);
    return std::isnan(rounded) ? static_cast<std::uint16_t>(high | 0x40u)
                               : high;  // a NaN, whatever was cut off
  }
  static float decode(std::uint16_t bits) {
    return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
  }
};

struct F16Format {
  using Round = oracle::RoundToF16;
  static std::uint16_t encode(float rounded) {
    const std::uint32_t bits = std::bit_cast<std::uint32_t>(rounded);
    const std::uint32_t sign = (bits >> 16) & 0x8000u;
    const float magnitude = std::fabs(rounded);
    std::uint32_t rest = ((bits & 0x7fffffffu) >> 13) - (112u << 10);  // the exponents' biases are 112 apart
    if (std::isnan(rounded)) {
      rest = 0x7e00u;
    } else if (std::isinf(rounded)) {
      rest = 0x7c00u;
    } else if (magnitude < 0x1p-14f) {
      rest = static_cast<std::uint32_t>(magnitude * 0x1p24f);  // subnormals are multiples of 2^-24
    }
    return static_cast<std::uint16_t>(sign | rest);
  }
  static float decode(std::uint16_t bits) {
    const std::uint32_t exponent = (bits >> 10) & 0x1fu;
    const std::uint32_t mantissa = bits & 0x3ffu;
    const std::uint32_t sign = (bits & 0x8000u) << 16;
    if (exponent == 0)
      return std::copysign(static_cast<float>(mantissa) * 0x1p-24f, std::bit_cast<float>(sign));
    const std::uint32_t widened = exponent == 0x1fu ? 0xffu : exponent + 112u;
    return std::bit_cast<float>(sign | (widened << 23) | (mantissa << 13));
  }
};

/// A 16-bit number. Reading it is exact and so is implicit; making one rounds once, to the nearest, ties to
/// even.
template <class Format>
class Storage16 {
 public:
  Storage16() = default;
  template <class Number>
  requires std::is_arithmetic_v<Number>
  explicit Storage16(Number value)
      : bits_(Format::encode(typename Format::Round{}(round_to_odd(static_cast<double>(value))))) {}
  static Storage16 from_bits(std::uint16_t bits) {
    Storage16 result;
    result.bits_ = bits;
    return result;
  }

  operator float() const { return Format::decode(bits_); }  // NOLINT(google-explicit-constructor)
  std::uint16_t bits() const { return bits_; }

 private:
  std::uint16_t bits_;
};

}  // namespace detail

using Bf16 = detail::Storage16<detail::Bf16Format>;
using F16 = detail::Storage16<detail::F16Format>;
static_assert(sizeof(Bf16) == 2 && std::is_trivially_copyable_v<Bf16> && sizeof(F16) == 2);

/// `DataType` of an element: `data_type_of`, and the types that tests add.
template <class T>
inline constexpr DataType storage_type = data_type_of<T>;
template <>
inline constexpr DataType storage_type<Bf16> = DataType::bf16;
template <>
inline constexpr DataType storage_type<F16> = DataType::f16;

/// What belongs to a storage type: the arithmetic of the naive run, how that rounds to storage, and the
/// arithmetic that judges both.
template <class T>
struct StorageOf;
template <>
struct StorageOf<float> {
  using Arithmetic = float;
  using Round = oracle::RoundNothing;
  using Judge = double;
};
template <>
struct StorageOf<double> {
  using Arithmetic = double;
  using Round = oracle::RoundNothing;
  using Judge = long double;
};
template <>
struct StorageOf<Bf16> {
  using Arithmetic = float;
  using Round = oracle::RoundToBf16;
  using Judge = double;
};
template <>
struct StorageOf<F16> {
  using Arithmetic = float;
  using Round = oracle::RoundToF16;
  using Judge = double;
};

/// Calls `f.template operator()<T>()` with the storage type T of a `DataType`: f([&]<class T>() { ... }).
template <class F>
decltype(auto) with_storage(DataType type, F&& f) {
  switch (type) {
    case DataType::f64: return f.template operator()<double>();
    case DataType::bf16: return f.template operator()<Bf16>();
    case DataType::f16: return f.template operator()<F16>();
    default: return f.template operator()<float>();
  }
}

}  // namespace recur::test
