// What a careful programmer writes first: loops over time, batch, inputs and units, with the weights
// transposed so that the innermost loop runs along memory and the compiler vectorises it. One layer, one
// direction, inference, f32.
#pragma once

#include <cstdint>
#include <vector>

namespace recur::perf {

enum class PlainCell { lstm, gru_reset_after };

class PlainLoop {
 public:
  // W [G*H][I], R [G*H][H] and biases [G*H] in the canonical layout.
  PlainLoop(PlainCell cell, std::int64_t I, std::int64_t H, const float* W, const float* R, const float* bW,
            const float* bR);

  // x [T][B][I] -> y [T][B][H], states start at zero.
  void forward(std::int64_t T, std::int64_t B, const float* x, float* y);

 private:
  void accumulate(const std::vector<float>& transposed, std::int64_t depth, const float* from,
                  float* to) const;

  PlainCell cell_;
  std::int64_t I_, H_, G_;
  std::vector<float> W_, R_;  // [I][G*H], [H][G*H]
  std::vector<float> bW_, bR_;
  std::vector<float> input_sums_, recurrent_sums_, h_, c_;
};

}  // namespace recur::perf
