/// @file
/// Random numbers that are the same on every platform: a counter-based generator with its own mapping to
/// floating point (the standard library's distributions differ between implementations).
#pragma once

#include <cstdint>

namespace recur::test {

/// The n-th number of a stream is a fixed mixture (SplitMix64's finaliser) of seed, stream and n.
class Random {
 public:
  /// Streams of one seed are independent, so that one tensor's values do not depend on another's size.
  explicit Random(std::uint64_t seed, std::uint64_t stream = 0)
      : counter_(mix(seed + 0x9e3779b97f4a7c15u) ^ mix(~stream)) {}

  std::uint64_t next() { return mix(counter_ += 0x9e3779b97f4a7c15u); }

  /// Uniform in [-bound, bound). One exact difference and one rounded product: no compiler can make it differ
  /// by contracting operations.
  double symmetric(double bound) {
    const double unit = static_cast<double>(next() >> 11) * 0x1p-52;  // [0, 2), 53 bits
    return bound * (unit - 1.0);
  }

  /// Uniform in first..last.
  std::int64_t integer(std::int64_t first, std::int64_t last) {
    return first + static_cast<std::int64_t>(next() % static_cast<std::uint64_t>(last - first + 1));
  }

 private:
  static constexpr std::uint64_t mix(std::uint64_t v) {
    v = (v ^ (v >> 30)) * 0xbf58476d1ce4e5b9u;
    v = (v ^ (v >> 27)) * 0x94d049bb133111ebu;
    return v ^ (v >> 31);
  }

  std::uint64_t counter_;
};

}  // namespace recur::test
