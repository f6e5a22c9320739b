#include "host/onednn/threads.hpp"

#include <algorithm>
#include <initializer_list>

namespace recur::host::onednn {
namespace {

// With more, a remainder of one block in so many counts as none.
constexpr int kMostThreads = 99;

// M x N with K summed over, as oneDNN names them.
struct Product {
  std::int64_t rows, columns, depth;
};

bool has_block_of_rows(std::int64_t rows) {
  constexpr std::int64_t kLeast = 8;
  // In pairs: d and rows / d.
  for (std::int64_t d = 2; d <= rows / d; ++d) {
    if (rows % d == 0 && rows / d >= kLeast) return true;
  }
  return false;
}

bool is_cut_up(const Geometry& g, const Product& product, int threads) {
  if (threads == 1) return true;
  const double bytes = static_cast<double>(size_of(g.type)) * static_cast<double>(product.rows) *
                       static_cast<double>(product.depth);
  if (bytes <= g.small_bytes) return true;
  const bool shared_out = std::ranges::all_of(std::initializer_list<std::int64_t>{32, 64}, [&](auto width) {
    const std::int64_t blocks = (product.columns + width - 1) / width;
    return blocks < threads || blocks % threads == 0;
  });
  return shared_out || (threads <= kMostThreads && has_block_of_rows(product.rows));
}

}  // namespace

int threads_of(const Geometry& g, const RunSizes& sizes) {
  const bool is_lstm = g.traits.cell_state;
  const bool is_rnn = g.variant == cells::Variant::rnn_tanh || g.variant == cells::Variant::rnn_relu;
  const auto all_cut_up = [&](int threads) {
    for (std::int64_t layer = 0; layer < std::min<std::int64_t>(g.layers, 2); ++layer) {
      const std::int64_t inputs = g.columns(layer);
      const std::int64_t widest = std::max(inputs, g.h_size());
      const Product forward{sizes.batch, g.hidden, widest};
      const Product inputs_gradient{sizes.batch, widest, g.hidden};
      const Product weights_gradient{widest, g.gate_columns(), sizes.batch};
      if (is_rnn && !is_cut_up(g, forward, threads)) return false;
      if (!g.training || !(is_rnn || is_lstm)) continue;
      if (!is_cut_up(g, inputs_gradient, threads) || !is_cut_up(g, weights_gradient, threads)) return false;
    }
    return true;
  };
  int threads = g.threads;
  while (!all_cut_up(threads)) --threads;
  return threads;
}

}  // namespace recur::host::onednn
