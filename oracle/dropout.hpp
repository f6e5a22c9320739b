/// @file
/// What is dropped between layers, written from docs/equations.md and from nothing else.
#pragma once

#include <array>
#include <cmath>
#include <utility>

#include "oracle/problem.hpp"

namespace recur::oracle {

/// Four words, the first first.
using Words = std::array<std::uint32_t, 4>;

/// Philox 4x32-10 (Salmon et al. 2011).
inline Words philox(Words c, std::array<std::uint32_t, 2> k) {
  const auto product = [](std::uint64_t a, std::uint32_t b) {
    const std::uint64_t whole = a * b;
    return std::pair(static_cast<std::uint32_t>(whole), static_cast<std::uint32_t>(whole >> 32));
  };
  for (int round = 1; round <= 10; ++round) {
    const auto [lo0, hi0] = product(0xD2511F53u, c[0]);
    const auto [lo1, hi1] = product(0xCD9E8D57u, c[2]);
    c = {hi1 ^ c[1] ^ k[0], lo1, hi0 ^ c[3] ^ k[1], lo0};
    k = {k[0] + 0x9E3779B9u, k[1] + 0xBB67AE85u};
  }
  return c;
}

/// The word of output k of layer l at (t, b).
inline std::uint32_t dropout_word(std::uint64_t seed, Index l, Index t, Index b, Index k) {
  const Index two32 = Index(1) << 32;
  const auto word = [&](Index value) { return static_cast<std::uint32_t>(value % two32); };
  const Words counter = {word(k / 4), word(b), word(t), word(l + 256 * (t / two32))};
  const std::array<std::uint32_t, 2> key = {static_cast<std::uint32_t>(seed % (std::uint64_t(1) << 32)),
                                            static_cast<std::uint32_t>(seed / (std::uint64_t(1) << 32))};
  return philox(counter, key)[static_cast<std::size_t>(k % 4)];
}

/// The masks of a call, for `Problem::dropout_masks`.
inline std::vector<std::vector<std::uint8_t>> dropout_masks(const Spec& spec, Index T, Index B,
                                                            std::uint64_t seed) {
  const Index columns = directions_of(spec) * output_size_of(spec);
  const double bound = std::floor(std::ldexp(spec.dropout, 32));
  std::vector<std::vector<std::uint8_t>> masks(static_cast<std::size_t>(spec.layers - 1));
  for (Index l = 0; l + 1 < spec.layers; ++l) {
    std::vector<std::uint8_t>& mask = masks[static_cast<std::size_t>(l)];
    for (Index t = 0; t < T; ++t) {
      for (Index b = 0; b < B; ++b) {
        for (Index k = 0; k < columns; ++k) mask.push_back(dropout_word(seed, l, t, b, k) < bound ? 0 : 1);
      }
    }
  }
  return masks;
}

}  // namespace recur::oracle
