// From the views of a call to the pointers and strides that kernels and products take.
#pragma once

#include "host/gpu_pass/geometry.hpp"
#include "host/gpu_pass/walk.hpp"
#include "recur/tensor.hpp"
#include "recur/weights.hpp"

namespace recur::host::gpu_pass {

// `elements` elements on; null stays null.
inline const void* advance(const void* data, DataType type, std::int64_t elements) {
  if (data == nullptr) return nullptr;
  return static_cast<const std::byte*>(data) + elements * static_cast<std::int64_t>(size_of(type));
}
inline void* advance(void* data, DataType type, std::int64_t elements) {
  return const_cast<void*>(advance(static_cast<const void*>(data), type, elements));
}

template <class Pointer>
recur::gpu_pass::BasicRows<Pointer> rows_at(Pointer data, const RowLayout& layout) {
  if (data == nullptr) return {};
  return {data, layout.step, layout.batch};
}

// Rows of a [T][B][...] or [B][T][...] tensor, from a column on.
template <class Pointer>
recur::gpu_pass::BasicRows<Pointer> rows_of(const BasicTensorView<Pointer>& view, Layout layout,
                                            std::int64_t column = 0) {
  if (!view.given()) return {};
  const bool time_major = layout == Layout::time_major;
  return {advance(view.data(), view.type(), column), view.stride(time_major ? 0 : 1),
          view.stride(time_major ? 1 : 0)};
}

// Rows of one layer and direction of a state [L][D][B][P] or [L][D][B][H].
template <class Pointer>
recur::gpu_pass::BasicRows<Pointer> state_rows(const BasicTensorView<Pointer>& view, std::int64_t layer,
                                               std::int64_t direction) {
  if (!view.given()) return {};
  const std::int64_t offset = layer * view.stride(0) + direction * view.stride(1);
  return {advance(view.data(), view.type(), offset), 0, view.stride(2)};
}

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

template <class Args>
Timeline timeline_of(const Geometry& g, const RunSizes& sizes, const Args& args, std::int64_t direction) {
  Timeline timeline;
  timeline.steps = sizes.steps;
  timeline.reverse = g.reverse(direction);
  if (args.lengths.given()) {
    timeline.lengths = static_cast<const std::int32_t*>(args.lengths.data());
    timeline.lengths_batch = args.lengths.stride(0);
  }
  if (args.reset_mask.given()) {
    const bool time_major = g.layout == Layout::time_major;
    timeline.marks = static_cast<const std::uint8_t*>(args.reset_mask.data());
    timeline.marks_step = args.reset_mask.stride(time_major ? 0 : 1);
    timeline.marks_batch = args.reset_mask.stride(time_major ? 1 : 0);
  }
  return timeline;
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
  const auto data = [&](const BasicTensorView<Pointer>& view) -> Pointer {
    return view.given() ? advance(view.data(), view.type(), direction * view.stride(0)) : nullptr;
  };
  // The distance of a single row does not matter, and may be anything.
  const auto row = [](const BasicTensorView<Pointer>& view) {
    if (!view.given()) return std::int64_t{0};
    return view.size(1) == 1 ? view.size(2) : view.stride(1);
  };
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
