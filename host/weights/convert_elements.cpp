#include "host/weights/convert_elements.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <ranges>

namespace recur::host {
namespace {

// A 16-bit format: sign, exponent, fraction, from the highest bit down.
struct Half {
  int fraction_bits;
  int lowest_exponent;  // of normal numbers
  int highest_exponent;
};
constexpr Half kF16 = {10, -14, 15};
constexpr Half kBf16 = {7, -126, 127};

constexpr std::uint16_t infinity_of(const Half& half) {
  return static_cast<std::uint16_t>((half.highest_exponent - half.lowest_exponent + 2) << half.fraction_bits);
}

double decoded(const Half& half, std::uint16_t bits) {
  const std::uint16_t infinity = infinity_of(half);
  const std::uint16_t magnitude = bits & 0x7fffu;
  const std::uint16_t fraction = magnitude & ((1u << half.fraction_bits) - 1);
  const int exponent = magnitude >> half.fraction_bits;
  double value = 0;
  if (magnitude > infinity) {
    value = std::numeric_limits<double>::quiet_NaN();
  } else if (magnitude == infinity) {
    value = std::numeric_limits<double>::infinity();
  } else {
    const int significand = exponent == 0 ? fraction : fraction + (1 << half.fraction_bits);
    value = std::ldexp(significand, std::max(exponent, 1) - 1 + half.lowest_exponent - half.fraction_bits);
  }
  return (bits & 0x8000u) == 0 ? value : -value;
}

// Rounded to a multiple of the last place that the value has in the format: the exponent's place and that
// multiple add up to the bits, whether the number is normal or not, and a carry goes where it belongs.
std::uint16_t encoded(const Half& half, double value) {
  const auto sign = static_cast<std::uint16_t>(std::signbit(value) ? 0x8000u : 0u);
  const std::uint16_t infinity = infinity_of(half);
  if (std::isnan(value))
    return static_cast<std::uint16_t>(sign | infinity | (1u << (half.fraction_bits - 1)));
  const double magnitude = std::fabs(value);
  if (std::isinf(magnitude)) return static_cast<std::uint16_t>(sign | infinity);
  const int exponent =
      magnitude == 0 ? half.lowest_exponent : std::max(std::ilogb(magnitude), half.lowest_exponent);
  if (exponent > half.highest_exponent) return static_cast<std::uint16_t>(sign | infinity);
  const double places = std::ldexp(magnitude, half.fraction_bits - exponent);  // exact
  const double whole = std::floor(places);
  const double rest = places - whole;
  auto rounded = static_cast<std::uint32_t>(whole);
  if (rest > 0.5 || (rest == 0.5 && rounded % 2 == 1)) ++rounded;
  const std::uint32_t bits =
      (static_cast<std::uint32_t>(exponent - half.lowest_exponent) << half.fraction_bits) + rounded;
  return static_cast<std::uint16_t>(sign | std::min<std::uint32_t>(bits, infinity));
}

template <class E>
E load(const std::byte* from) {
  E value;
  std::memcpy(&value, from, sizeof(E));
  return value;
}

double load_as_double(DataType type, const std::byte* from) {
  switch (type) {
    case DataType::f64: return load<double>(from);
    case DataType::f32: return static_cast<double>(load<float>(from));
    case DataType::bf16: return decoded(kBf16, load<std::uint16_t>(from));
    default: return decoded(kF16, load<std::uint16_t>(from));
  }
}

// False where a finite value becomes an infinity.
bool store(double value, DataType type, std::byte* to) {
  double stored = value;
  if (type == DataType::f64) {
    std::memcpy(to, &value, sizeof(value));
  } else if (type == DataType::f32) {
    const auto narrow = static_cast<float>(value);
    stored = static_cast<double>(narrow);
    if (!std::isinf(stored) || std::isinf(value)) std::memcpy(to, &narrow, sizeof(narrow));
  } else {
    const Half& half = type == DataType::bf16 ? kBf16 : kF16;
    const std::uint16_t bits = encoded(half, value);
    stored = decoded(half, bits);
    if (!std::isinf(stored) || std::isinf(value)) std::memcpy(to, &bits, sizeof(bits));
  }
  return !std::isinf(stored) || std::isinf(value);
}

}  // namespace

bool is_floating_point(DataType type) { return type != DataType::i32 && type != DataType::u8; }

std::optional<std::size_t> convert_elements(DataType from_type, std::span<const std::byte> from,
                                            DataType to_type, std::span<std::byte> to) {
  if (from_type == to_type) {
    std::ranges::copy(from, to.begin());
    return {};
  }
  const std::size_t count = to.size() / size_of(to_type);
  for (std::size_t i = 0; i < count; ++i) {
    const double value = element_of(from_type, from, i);
    if (!store(value, to_type, to.data() + i * size_of(to_type))) return i;
  }
  return {};
}

double element_of(DataType type, std::span<const std::byte> elements, std::size_t index) {
  return load_as_double(type, elements.data() + index * size_of(type));
}

}  // namespace recur::host
