// What a loaded model holds.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "buffer.hpp"
#include "lac.hpp"

namespace lac {

// A label, taken apart once. "n-B" begins a word of tag "n"; "O" begins one where the label before is not
// "O".
struct LacLabel {
  std::string text;
  std::string tag;  // up to the first '-'
  bool begins = false;
  bool outside = false;
};

struct LacModel::State {
  recur::Spec spec;
  Buffer<float> embedding;   // [V][I]
  Buffer<float> W[2];        // layer: [D][3H][J]
  Buffer<float> R[2];        // layer: [D][3H][H]
  Buffer<float> bW[2];       // layer: [D][3H]
  Buffer<float> emission_W;  // [N][2H]
  Buffer<float> emission_b;  // [N]
  Buffer<float> crf;         // [N+2][N]
  std::int64_t rows = 0;     // V
  std::vector<recur::LayerWeights> layers;
  std::vector<LacLabel> labels;
  std::unordered_map<char32_t, std::int32_t> ids;
  std::int32_t unknown = 0;
};

}  // namespace lac
