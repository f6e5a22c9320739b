// From the views of a call, and an engine's own buffers, to rows (t, b) and to time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "host/layers/stack.hpp"
#include "kernels/schedule/rows.hpp"
#include "kernels/schedule/timeline.hpp"
#include "recur/tensor.hpp"

namespace recur::host::layers {

using schedule::BasicRows;

// `elements` elements on; null stays null.
inline const void* advance(const void* data, DataType type, std::int64_t elements) {
  if (data == nullptr) return nullptr;
  return static_cast<const std::byte*>(data) + elements * static_cast<std::int64_t>(size_of(type));
}
inline void* advance(void* data, DataType type, std::int64_t elements) {
  return const_cast<void*>(advance(static_cast<const void*>(data), type, elements));
}

// E* where E is named, else the pointer of a view, which has no type.
template <class E, class Pointer>
using PointerTo = std::conditional_t<std::is_void_v<E>, Pointer, E*>;

// Rows of a [T][B][...] or [B][T][...] tensor, from a column on.
template <class E = void, class Pointer>
BasicRows<PointerTo<E, Pointer>> rows_of(const BasicTensorView<Pointer>& view, Layout layout,
                                         std::int64_t column = 0) {
  if (!view.given()) return {};
  const bool time_major = layout == Layout::time_major;
  return {static_cast<PointerTo<E, Pointer>>(advance(view.data(), view.type(), column)),
          view.stride(time_major ? 0 : 1), view.stride(time_major ? 1 : 0)};
}

// Rows of one layer and direction of a state [L][D][B][P] or [L][D][B][H]. Every step has the same.
template <class E = void, class Pointer>
BasicRows<PointerTo<E, Pointer>> state_rows(const BasicTensorView<Pointer>& view, std::int64_t layer,
                                            std::int64_t direction) {
  if (!view.given()) return {};
  const std::int64_t offset = layer * view.stride(0) + direction * view.stride(1);
  return {static_cast<PointerTo<E, Pointer>>(advance(view.data(), view.type(), offset)), 0, view.stride(2)};
}

// How far apart rows are, in elements.
struct RowLayout {
  std::int64_t step;
  std::int64_t batch;
  std::int64_t columns;
};

// That of a dense tensor of our own: in the order of the layout, so that a tensor of the caller that is dense too
// can be walked with it.
inline RowLayout dense_layout(const RunSizes& sizes, Layout layout, std::int64_t columns) {
  if (layout == Layout::time_major) return {sizes.batch * columns, columns, columns};
  return {columns, sizes.steps * columns, columns};
}

template <class Pointer>
BasicRows<Pointer> rows_at(Pointer data, const RowLayout& layout) {
  if (data == nullptr) return {};
  return {data, layout.step, layout.batch};
}

// Time as one direction of a layer reads it, by the lengths and the reset mask of a call.
template <class Args>
schedule::Timeline timeline_of(const StackSizes& g, const RunSizes& sizes, const Args& args,
                               std::int64_t direction) {
  schedule::Timeline timeline;
  timeline.steps = sizes.steps;
  timeline.reverse = g.reverse(direction);
  if (args.lengths.given()) {
    timeline.lengths = static_cast<const std::int32_t*>(args.lengths.data());
    timeline.lengths_batch = args.lengths.stride(0);
  }
  const auto marks = rows_of<const std::uint8_t>(args.reset_mask, g.layout);
  timeline.marks = marks.data;
  timeline.marks_step = marks.step;
  timeline.marks_batch = marks.batch;
  return timeline;
}

}  // namespace recur::host::layers
