// The products that span many time steps. Every element is formed in order of k (simd/kernels.hpp).
#pragma once

#include <algorithm>

#include "host/cpu/packed_weights.hpp"
#include "host/cpu/rows.hpp"

namespace recur::host::cpu {

// Those of the rows that `rows` lists, and of the panels of W, of out = x W^T, with W as packed. out has rows
// of `Geometry::input_row`.
template <class E>
void input_product(const Geometry& g, const Kernels<E>& kernels, std::int64_t layer,
                   const PackedDirection<E>& packed, Range panels, const E* x, std::int64_t x_row,
                   const RowList& rows, Arithmetic<E>* out) {
  const std::int64_t width = g.tiling.input_width;
  kernels.product({.a = x,
                   .a_row = x_row,
                   .a_column = 1,
                   .b = packed.W + panels.begin * PackedDirection<E>::W_panel_size(g, layer),
                   .b_row = width,
                   .c = out + panels.begin * width,
                   .c_row = g.input_row(),
                   .rows = rows.count,
                   .columns = width,
                   .depth = g.columns(layer),
                   .accumulate = false,
                   .a_rows = rows.index,
                   .c_rows = rows.index,
                   .panels = panels.size(),
                   .b_panel = PackedDirection<E>::W_panel_size(g, layer),
                   .c_panel = width});
}

// A product whose C has any number of `columns`: `p` describes its panels, and C may end within the last.
template <class E>
void product_of_columns(void (*product)(const ProductArgs<E>&), ProductArgs<E> p, std::int64_t columns) {
  using A = Arithmetic<E>;
  const std::int64_t width = p.columns;
  p.panels = columns / width;
  p.c_panel = width;
  if (p.panels > 0) product(p);
  const std::int64_t rest = columns - p.panels * width;
  if (rest == 0) return;

  alignas(64) A whole[kTileRows * kMostPanelBytes / sizeof(A)];
  ProductArgs<E> last = p;
  last.b = p.b + p.panels * p.b_panel;
  last.c = whole;
  last.c_row = width;
  last.c_rows = nullptr;
  last.panels = 1;
  for (std::int64_t first = 0; first < p.rows; first += kTileRows) {
    last.rows = std::min(kTileRows, p.rows - first);
    if (p.a_rows != nullptr) {
      last.a_rows = p.a_rows + first;
    } else {
      last.a = p.a + first * p.a_row;
    }
    const auto each_row = [&](auto&& f) {
      for (std::int64_t i = 0; i < last.rows; ++i) {
        const std::int64_t row = p.c_rows != nullptr ? p.c_rows[first + i] : first + i;
        f(p.c + row * p.c_row + p.panels * width, whole + i * width);
      }
    };
    if (p.accumulate) {
      std::fill_n(whole, last.rows * width, A(0));
      each_row([&](const A* c, A* copy) { std::copy_n(c, rest, copy); });
    }
    product(last);
    each_row([&](A* c, const A* copy) { std::copy_n(copy, rest, c); });
  }
}

}  // namespace recur::host::cpu
