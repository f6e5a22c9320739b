#include "perf/plain_loop.hpp"

#include <algorithm>
#include <cmath>

namespace recur::perf {
namespace {

std::vector<float> transposed(const float* matrix, std::int64_t rows, std::int64_t columns) {
  std::vector<float> result(static_cast<std::size_t>(rows * columns));
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t c = 0; c < columns; ++c)
      result[static_cast<std::size_t>(c * rows + r)] = matrix[r * columns + c];
  }
  return result;
}

float sigmoid(float x) { return 1.0f / (1.0f + std::exp(-x)); }

}  // namespace

PlainLoop::PlainLoop(PlainCell cell, std::int64_t I, std::int64_t H, const float* W, const float* R,
                     const float* bW, const float* bR)
    : cell_(cell),
      I_(I),
      H_(H),
      G_(cell == PlainCell::lstm ? 4 : 3),
      W_(transposed(W, G_ * H, I)),
      R_(transposed(R, G_ * H, H)),
      bW_(bW, bW + G_ * H),
      bR_(bR, bR + G_ * H),
      input_sums_(bW_.size()),
      recurrent_sums_(bR_.size()) {}

void PlainLoop::accumulate(const std::vector<float>& matrix, std::int64_t depth, const float* from,
                           float* to) const {
  const std::int64_t rows = G_ * H_;
  for (std::int64_t k = 0; k < depth; ++k) {
    const float value = from[k];
    const float* row = matrix.data() + k * rows;
    for (std::int64_t j = 0; j < rows; ++j) to[j] += value * row[j];
  }
}

void PlainLoop::forward(std::int64_t T, std::int64_t B, const float* x, float* y) {
  h_.assign(static_cast<std::size_t>(B * H_), 0.0f);
  c_.assign(static_cast<std::size_t>(B * H_), 0.0f);
  for (std::int64_t t = 0; t < T; ++t) {
    for (std::int64_t b = 0; b < B; ++b) {
      input_sums_ = bW_;
      recurrent_sums_ = bR_;
      float* h = h_.data() + b * H_;
      float* c = c_.data() + b * H_;
      accumulate(W_, I_, x + (t * B + b) * I_, input_sums_.data());
      accumulate(R_, H_, h, recurrent_sums_.data());
      const float* u = input_sums_.data();
      const float* v = recurrent_sums_.data();
      for (std::int64_t j = 0; j < H_; ++j) {
        if (cell_ == PlainCell::lstm) {
          const float i = sigmoid(u[j] + v[j]);
          const float f = sigmoid(u[H_ + j] + v[H_ + j]);
          const float g = std::tanh(u[2 * H_ + j] + v[2 * H_ + j]);
          const float o = sigmoid(u[3 * H_ + j] + v[3 * H_ + j]);
          c[j] = f * c[j] + i * g;
          h[j] = o * std::tanh(c[j]);
        } else {
          const float r = sigmoid(u[j] + v[j]);
          const float z = sigmoid(u[H_ + j] + v[H_ + j]);
          const float n = std::tanh(u[2 * H_ + j] + r * v[2 * H_ + j]);
          h[j] = (1.0f - z) * n + z * h[j];
        }
      }
      std::copy_n(h, H_, y + (t * B + b) * H_);
    }
  }
}

}  // namespace recur::perf
