/// @file
/// What the stand-in drops. cuDNN's own numbers are not documented; these are a function of the seed, of how
/// many masks its states have drawn since they were started, and of the element, so that a test can give the
/// oracle the same masks.
#pragma once

#include "oracle/problem.hpp"

namespace recur::test::cudnn {

/// At the start of the memory of cudnnSetDropoutDescriptor, whose rest is of no use.
struct DropoutStates {
  std::uint64_t mark;  ///< kStarted
  std::uint64_t seed;
  std::uint64_t drawn;  ///< masks
};
inline constexpr std::uint64_t kStarted = 0x44524f505f4f5554u;
/// Sized unlike anything else.
inline constexpr std::size_t kDropoutStateBytes = 1000;

/// Whether an element of a mask passes, with the probability 1 - dropout.
inline bool passes(std::uint64_t seed, std::uint64_t mask, std::uint64_t element, float dropout) {
  // The finalizer of SplitMix64, which lets every bit of its argument change every bit of the result.
  const auto mixed = [](std::uint64_t value) {
    value += 0x9e3779b97f4a7c15u;
    value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9u;
    value = (value ^ (value >> 27)) * 0x94d049bb133111ebu;
    return value ^ (value >> 31);
  };
  const std::uint64_t bits = mixed(mixed(mixed(seed) ^ mask) ^ element);
  return static_cast<float>(bits >> 40) * 0x1p-24f >= dropout;
}

/// The masks of a pass, one between each two layers; elements counted as the oracle lays them out.
inline std::vector<std::vector<std::uint8_t>> dropout_masks(const Spec& spec, oracle::Index T,
                                                            oracle::Index B, std::uint64_t seed,
                                                            std::uint64_t drawn = 0) {
  std::vector<std::vector<std::uint8_t>> masks(static_cast<std::size_t>(spec.layers - 1));
  for (std::size_t l = 0; l < masks.size(); ++l) {
    masks[l].resize(static_cast<std::size_t>(oracle::Sizes(spec, T, B).y));
    for (std::size_t k = 0; k < masks[l].size(); ++k)
      masks[l][k] = passes(seed, drawn + l, k, static_cast<float>(spec.dropout)) ? 1 : 0;
  }
  return masks;
}

}  // namespace recur::test::cudnn
