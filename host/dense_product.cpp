#include "host/dense_product.hpp"

#include <algorithm>

#include "host/cpu/large_product.hpp"

namespace recur::host {
namespace {

using cpu::kMostPanelBytes;
using cpu::Range;

constexpr std::int64_t kDepthBlock = 256;  // of the kernel's own chains
constexpr std::int64_t kRowBlock = cpu::kTileRows;

std::int64_t units_of(std::int64_t count, std::int64_t unit) { return (count + unit - 1) / unit; }

// What a part has of `count` in whole units.
Range share_of(std::int64_t count, std::int64_t unit, int part, int parts) {
  const std::int64_t units = units_of(count, unit);
  return {std::min(count, units * part / parts * unit), std::min(count, units * (part + 1) / parts * unit)};
}

// One part: all of its rows and columns.
template <class E>
class Part {
 public:
  Part(const DenseProduct<E>& p, const cpu::Kernels<E>& kernels, Range rows, Range columns)
      : p_(p),
        kernels_(kernels),
        rows_(rows),
        columns_(columns),
        width_(std::int64_t{kernels.lanes} * kernels.max_panel_vectors) {}

  void run() {
    for (std::int64_t r = rows_.begin; r < rows_.end; ++r) {
      E* const c = p_.c + r * p_.c_row;
      if (p_.start != nullptr) {
        std::copy(p_.start + columns_.begin, p_.start + columns_.end, c + columns_.begin);
      } else if (!p_.accumulate) {
        std::fill(c + columns_.begin, c + columns_.end, E{0});
      }
    }
    // B as it lies will do where its rows are contiguous, but for columns that fill no panel.
    const std::int64_t whole = (columns_.end - columns_.begin) / width_;
    const std::int64_t direct = p_.b_column == 1 ? whole * width_ : 0;
    if (direct > 0) each_block_of_rows([&](const Left& left) { multiply_in_place(left, whole); });
    for (std::int64_t k = 0; k < p_.depth; k += kDepthBlock) {
      for (std::int64_t j = columns_.begin + direct; j < columns_.end; j += width_) {
        multiply_packed(k, std::min(kDepthBlock, p_.depth - k), j, std::min(width_, columns_.end - j));
      }
    }
  }

 private:
  // Rows first..first+count of A for values k..k+depth.
  struct Left {
    const E* a;
    std::ptrdiff_t row;
    std::ptrdiff_t column;
    std::int64_t first;
    std::int64_t count;
    std::int64_t k;
    std::int64_t depth;
  };

  // f for all rows and all of the depth, in blocks. Columns of A that lie apart are copied: a step of k would
  // read a page for each.
  template <class F>
  void each_block_of_rows(F&& f) {
    each_block_of_rows(0, p_.depth, f);
  }
  template <class F>
  void each_block_of_rows(std::int64_t k_begin, std::int64_t k_end, F&& f) {
    if (p_.a_column == 1) {
      f(Left{p_.a + rows_.begin * p_.a_row + k_begin, p_.a_row, 1, rows_.begin, rows_.end - rows_.begin,
             k_begin, k_end - k_begin});
      return;
    }
    alignas(64) E copy[kDepthBlock * kRowBlock];
    for (std::int64_t first = rows_.begin; first < rows_.end; first += kRowBlock) {
      const std::int64_t count = std::min(kRowBlock, rows_.end - first);
      for (std::int64_t k = k_begin; k < k_end; k += kDepthBlock) {
        const std::int64_t depth = std::min(kDepthBlock, k_end - k);
        for (std::int64_t i = 0; i < depth; ++i) {
          const E* const from = p_.a + (k + i) * p_.a_column + first * p_.a_row;
          for (std::int64_t r = 0; r < count; ++r) copy[i * kRowBlock + r] = from[r * p_.a_row];
        }
        f(Left{copy, 1, kRowBlock, first, count, k, depth});
      }
    }
  }

  cpu::ProductArgs<E> product_of(const Left& left) const {
    return {.a = left.a,
            .a_row = left.row,
            .a_column = left.column,
            .b = nullptr,
            .b_row = width_,
            .c = nullptr,
            .c_row = p_.c_row,
            .rows = left.count,
            .columns = width_,
            .depth = left.depth,
            .accumulate = true};
  }

  // All whole panels at once.
  void multiply_in_place(const Left& left, std::int64_t panels) const {
    cpu::ProductArgs<E> product = product_of(left);
    product.b = p_.b + left.k * p_.b_row + columns_.begin;
    product.b_row = p_.b_row;
    product.c = p_.c + left.first * p_.c_row + columns_.begin;
    product.panels = panels;
    product.b_panel = product.c_panel = width_;
    kernels_.product(product);
  }

  // One panel of B, copied with zeros past the last column, times all rows.
  void multiply_packed(std::int64_t k, std::int64_t depth, std::int64_t column, std::int64_t count) {
    const std::int64_t width = units_of(count, kernels_.lanes) * kernels_.lanes;
    alignas(64) E panel[kDepthBlock * kMostPanelBytes / sizeof(E)];
    // Whichever of B's strides is 1 is walked by the inner loop.
    if (p_.b_row == 1) {
      for (std::int64_t j = 0; j < count; ++j) {
        const E* const from = p_.b + k + (column + j) * p_.b_column;
        for (std::int64_t i = 0; i < depth; ++i) panel[i * width + j] = from[i];
      }
    } else {
      for (std::int64_t i = 0; i < depth; ++i) {
        const E* const from = p_.b + (k + i) * p_.b_row + column * p_.b_column;
        for (std::int64_t j = 0; j < count; ++j) panel[i * width + j] = from[j * p_.b_column];
      }
    }
    for (std::int64_t i = 0; i < depth; ++i) std::fill_n(panel + i * width + count, width - count, E{0});

    each_block_of_rows(k, k + depth, [&](const Left& left) {
      cpu::ProductArgs<E> product = product_of(left);
      product.b = panel;
      product.b_row = product.columns = width;
      product.c = p_.c + left.first * p_.c_row + column;
      cpu::product_of_columns(kernels_.product, product, count);
    });
  }

  const DenseProduct<E>& p_;
  const cpu::Kernels<E>& kernels_;
  const Range rows_;
  const Range columns_;
  const std::int64_t width_;  // of a panel
};

template <class E>
void run_part(const DenseProduct<E>& product, int part, int parts) {
  const cpu::Kernels<E>& kernels = cpu::kernels_of<E>(cpu::best_target());
  const std::int64_t width = std::int64_t{kernels.lanes} * kernels.max_panel_vectors;
  // What is copied for each part is copied least where the longer side is cut.
  const bool cut_columns = units_of(product.columns, width) > units_of(product.rows, kRowBlock);
  const Range rows = cut_columns ? Range{0, product.rows} : share_of(product.rows, kRowBlock, part, parts);
  const Range columns =
      cut_columns ? share_of(product.columns, width, part, parts) : Range{0, product.columns};
  if (rows.begin == rows.end || columns.begin == columns.end) return;
  Part<E>(product, kernels, rows, columns).run();
}

}  // namespace

void dense_product(const DenseProduct<float>& product, int part, int parts) {
  run_part(product, part, parts);
}
void dense_product(const DenseProduct<double>& product, int part, int parts) {
  run_part(product, part, parts);
}

}  // namespace recur::host
