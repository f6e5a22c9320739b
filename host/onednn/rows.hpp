// Copies between the caller's tensors, which have strides and the plan's type, and dense ones of oneDNN's.
#pragma once

#include <cstdint>
#include <type_traits>

#include "host/layers/rows.hpp"

namespace recur::host::onednn {

// A tensor of rows whose elements lie side by side, with two dimensions outside them. f32 or bf16.
template <class Pointer>
struct BasicRows {
  Pointer data;
  DataType type;
  std::int64_t outer, inner, columns;
  std::int64_t outer_stride, inner_stride;  // in elements

  // Rows that may be written are accepted wherever rows are read.
  operator BasicRows<const void*>() const  // NOLINT(google-explicit-constructor)
      requires(!std::is_same_v<Pointer, const void*>) {
    return {data, type, outer, inner, columns, outer_stride, inner_stride};
  }
  // What a pointer alone describes.
  bool dense() const {
    return (inner == 1 || inner_stride == columns) && (outer == 1 || outer_stride == inner * columns);
  }
};
using Rows = BasicRows<void*>;
using ConstRows = BasicRows<const void*>;

template <class Pointer>
BasicRows<Pointer> dense_rows(Pointer data, DataType type, std::int64_t outer, std::int64_t inner,
                              std::int64_t columns) {
  return {data, type, outer, inner, columns, inner * columns, columns};
}

// One of `blocks` blocks of rows: of [outer][blocks*inner][columns] the [outer][inner][columns] of one gate.
template <class Pointer>
BasicRows<Pointer> row_block(const BasicRows<Pointer>& all, std::int64_t block, std::int64_t blocks) {
  BasicRows<Pointer> part = all;
  part.inner = all.inner / blocks;
  part.data = layers::advance(all.data, all.type, block * part.inner * all.inner_stride);
  return part;
}

// A tensor of three dimensions: a sequence, or the W or R of a layer.
template <class Pointer>
BasicRows<Pointer> rows_of(const BasicTensorView<Pointer>& view) {
  return {view.data(), view.type(), view.size(0), view.size(1), view.size(2), view.stride(0), view.stride(1)};
}

// The [D][B][H] of one layer's states.
template <class Pointer>
BasicRows<Pointer> rows_of_state(const BasicTensorView<Pointer>& view, std::int64_t layer) {
  return {layers::advance(view.data(), view.type(), layer * view.stride(0)),
          view.type(),
          view.size(1),
          view.size(2),
          view.size(3),
          view.stride(1),
          view.stride(2)};
}

// Of equal sizes. To bf16 a value is rounded to the nearest, ties to even.
void copy(const Rows& to, const ConstRows& from);
// to += from; the sum is rounded once.
void add(const Rows& to, const ConstRows& from);
void fill_with_zeros(const Rows& to);

}  // namespace recur::host::onednn
