// Typed access to views, and the checks that several tasks share. All of it allocates nothing on success.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "host/check.hpp"
#include "recur/error.hpp"
#include "recur/tensor.hpp"
#include "recur/types.hpp"

namespace recur::tasks {

[[noreturn]] inline void fail(std::string_view name, std::string_view expected, const std::string& got) {
  throw InvalidArgument(std::string(name) + ": expected " + std::string(expected) + ", got " + got);
}

// Throws unless the view that defines the sizes of a call has this rank, and sizes of at least 1. Of the first
// `counts` dimensions, which count rows, steps or sequences, a size may be 0.
inline void check_rank(std::string_view name, const ConstTensorView& view, int rank, std::string_view shape,
                       int counts = 0) {
  bool good = view.given() && view.rank() == rank;
  for (int d = 0; good && d < rank; ++d) good = view.size(d) >= (d < counts ? 0 : 1);
  if (good) return;
  const std::string_view sizes = counts == 0      ? " with sizes of at least 1"
                                 : counts == rank ? " with sizes of at least 0"
                                                  : " with a last size of at least 1";
  fail(name, std::string(shape).append(sizes), host::describe(view));
}

inline void check_f32_or_f64(std::string_view name, const ConstTensorView& view) {
  if (view.type() != DataType::f32 && view.type() != DataType::f64) {
    fail(name, "f32 or f64", host::describe(view));
  }
}

// Calls body(E{}) with E the element type of an f32 or f64 tensor.
template <class Body>
void with_float(DataType type, Body&& body) {
  if (type == DataType::f64) {
    std::forward<Body>(body)(double{});
  } else {
    std::forward<Body>(body)(float{});
  }
}

template <class E>
const E* row_of(const ConstTensorView& view, std::int64_t i) {
  return static_cast<const E*>(view.data()) + i * view.stride(0);
}
template <class E>
E* row_of(const TensorView& view, std::int64_t i) {
  return static_cast<E*>(view.data()) + i * view.stride(0);
}
template <class E>
const E* row_of(const ConstTensorView& view, std::int64_t i, std::int64_t j) {
  return row_of<E>(view, i) + j * view.stride(1);
}
template <class E>
E* row_of(const TensorView& view, std::int64_t i, std::int64_t j) {
  return row_of<E>(view, i) + j * view.stride(1);
}

// A view [T][B][...] or [B][T][...], asked by step and sequence whatever the layout. B = 1, T = 1 included.
template <class E>
class Steps {
 public:
  Steps(const ConstTensorView& view, Layout layout)
      : data_(static_cast<const E*>(view.data())),
        step_(stride_of(view, layout, 0)),
        sequence_(stride_of(view, layout, 1)) {}

  const E* at(std::int64_t t, std::int64_t b) const { return data_ + t * step_ + b * sequence_; }

  static std::int64_t stride_of(const ConstTensorView& view, Layout layout, int time_major_dimension) {
    return view.stride(layout == Layout::time_major ? time_major_dimension : 1 - time_major_dimension);
  }

 private:
  const E* data_;
  std::int64_t step_;
  std::int64_t sequence_;
};

// As Steps, for what a call writes.
template <class E>
class OutputSteps {
 public:
  OutputSteps(const TensorView& view, Layout layout)
      : data_(static_cast<E*>(view.data())),
        step_(Steps<E>::stride_of(view, layout, 0)),
        sequence_(Steps<E>::stride_of(view, layout, 1)) {}

  E* at(std::int64_t t, std::int64_t b) const { return data_ + t * step_ + b * sequence_; }

 private:
  E* data_;
  std::int64_t step_;
  std::int64_t sequence_;
};

// T and B of a batch of sequences, and where its optional lengths lie.
struct Batch {
  std::int64_t steps = 0;  // T
  std::int64_t size = 0;   // B
  const std::int32_t* lengths = nullptr;

  std::int64_t length(std::int64_t b) const {
    return lengths == nullptr ? steps : std::clamp<std::int64_t>(lengths[b], 0, steps);
  }
};

inline std::int64_t steps_of(const ConstTensorView& view, Layout layout) {
  return view.size(layout == Layout::time_major ? 0 : 1);
}
inline std::int64_t batch_of(const ConstTensorView& view, Layout layout) {
  return view.size(layout == Layout::time_major ? 1 : 0);
}

// The outer two letters in the order of the layout.
struct OuterDims {
  host::Dim first;
  host::Dim second;
};
inline OuterDims outer_dims(const Batch& batch, Layout layout) {
  const host::Dim steps{"T", batch.steps};
  const host::Dim size{"B", batch.size};
  return layout == Layout::time_major ? OuterDims{steps, size} : OuterDims{size, steps};
}

// Checks [B] lengths where they are given. Reads no element of them.
inline void check_lengths(const ConstTensorView& lengths, std::int64_t batch) {
  if (lengths.given()) host::check_view("lengths", lengths, DataType::i32, {{"B", batch}});
}

// Checks a rank-2 view of labels and, at every valid step, their range.
inline void check_labels(const ConstTensorView& labels, const Batch& batch, Layout layout,
                         std::int64_t count) {
  const OuterDims outer = outer_dims(batch, layout);
  host::check_view("labels", labels, DataType::i32, {outer.first, outer.second});
  const Steps<std::int32_t> steps(labels, layout);
  for (std::int64_t b = 0; b < batch.size; ++b) {
    const std::int64_t length = batch.length(b);
    for (std::int64_t t = 0; t < length; ++t) {
      const std::int32_t label = *steps.at(t, b);
      if (label < 0 || label >= count) {
        fail("labels", "labels in [0, N=" + std::to_string(count) + ")",
             std::to_string(label) + " at step " + std::to_string(t) + " of sequence " + std::to_string(b));
      }
    }
  }
}

}  // namespace recur::tasks
