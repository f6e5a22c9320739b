// Dropout between layers (docs/equations.md): which outputs of a layer a training pass drops on their way to
// the next one. The mask is a function of the call's seed and of where the output stands, and of nothing else,
// so that every engine has the same mask, and backward forms it again where it needs it.
#pragma once

#include <cstdint>

#include "kernels/device/philox.cuh"

namespace recur::device {

// Outputs that one block of random words decides.
inline constexpr int kOutputsPerBlock = 4;

// What becomes of an output.
struct DropoutRate {
  std::uint32_t threshold;  // it is dropped where its word is below this
  double factor;            // else multiplied by this

  // `probability` lies in [0, 1).
  static DropoutRate of(double probability) {
    return {static_cast<std::uint32_t>(probability * 0x1p32), 1 / (1 - probability)};
  }
};

// The words of outputs 4 * group to 4 * group + 3 of layer `layer` at (t, b), counted over both directions.
RECUR_HD PhiloxBlock dropout_words(std::uint64_t seed, std::int64_t layer, std::int64_t t, std::int64_t b,
                                   std::int64_t group) {
  const auto step = static_cast<std::uint64_t>(t);
  const auto high = static_cast<std::uint32_t>(step >> 32) << 8;
  return philox({{static_cast<std::uint32_t>(group), static_cast<std::uint32_t>(b),
                  static_cast<std::uint32_t>(step), static_cast<std::uint32_t>(layer) | high}},
                static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32));
}

}  // namespace recur::device
