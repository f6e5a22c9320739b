// From the views of a call to the pointers and strides that kernels and products take.
#pragma once

#include "host/gpu_pass/geometry.hpp"
#include "host/gpu_pass/walk.hpp"
#include "host/layers/weights.hpp"

namespace recur::host::gpu_pass {

using layers::advance;
using layers::rows_at;
using layers::rows_of;
using layers::state_rows;
using layers::timeline_of;

inline ConstRows constant(const Rows& rows) { return {rows.data, rows.step, rows.batch}; }

template <class Pointer>
RowLayout layout_of(const recur::gpu_pass::BasicRows<Pointer>& rows, std::int64_t columns) {
  return {rows.step, rows.batch, columns};
}

// The element (t, b) of rows.
inline const void* at(const ConstRows& rows, DataType type, std::int64_t t, std::int64_t b) {
  return advance(rows.data, type, t * rows.step + b * rows.batch);
}
inline void* at(const Rows& rows, DataType type, std::int64_t t, std::int64_t b) {
  return advance(rows.data, type, t * rows.step + b * rows.batch);
}

// Weights of one direction of one layer. Rows of the matrices at one distance, the others dense; null where
// not given.
template <class Pointer>
struct BasicDirectionWeights {
  Pointer W = nullptr, R = nullptr, bW = nullptr, bR = nullptr, peephole = nullptr, projection = nullptr;
  std::int64_t W_row = 0, R_row = 0, projection_row = 0;
};
using DirectionWeights = BasicDirectionWeights<const void*>;
using DirectionGradients = BasicDirectionWeights<void*>;

template <class Pointer>
BasicDirectionWeights<Pointer> direction_of(const BasicLayerWeights<BasicTensorView<Pointer>>& layer,
                                            std::int64_t direction) {
  const auto data = [&](const auto& view) { return layers::direction_of(view, direction); };
  const auto row = [](const auto& view) { return view.given() ? layers::row_stride(view) : 0; };
  return {.W = data(layer.W),
          .R = data(layer.R),
          .bW = data(layer.bW),
          .bR = data(layer.bR),
          .peephole = data(layer.peephole),
          .projection = data(layer.projection),
          .W_row = row(layer.W),
          .R_row = row(layer.R),
          .projection_row = row(layer.projection)};
}

}  // namespace recur::host::gpu_pass
