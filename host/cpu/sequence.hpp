// Where the rows of a batch of sequences lie, and what each does at each step: the meaning of lengths and
// reset marks (run.hpp) in one place.
#pragma once

#include <algorithm>
#include <cstdint>

#include "host/cpu/simd/kernels.hpp"
#include "host/cpu/tiling.hpp"
#include "host/engine.hpp"

namespace recur::host::cpu {

// Rows (t, b) of a [T][B][...] or [B][T][...] tensor. Null data where the tensor is not given.
template <class T>
struct Rows {
  T* data = nullptr;
  std::ptrdiff_t step = 0;   // elements from (t, b) to (t + 1, b)
  std::ptrdiff_t batch = 0;  // elements from (t, b) to (t, b + 1)

  T* at(std::int64_t t, std::int64_t b) const { return data + t * step + b * batch; }
  explicit operator bool() const { return data != nullptr; }

  // Whether all rows of the tensor follow each other at one distance, t outermost.
  bool uniform(const RunSizes& sizes) const {
    return sizes.steps == 1 || sizes.batch == 1 || step == sizes.batch * batch;
  }
  // That distance.
  std::ptrdiff_t row(const RunSizes& sizes) const { return sizes.batch == 1 ? step : batch; }
};

template <class T, class View>
Rows<T> rows_of(const View& view, Layout layout, std::int64_t offset = 0) {
  if (!view.given()) return {};
  const bool time_major = layout == Layout::time_major;
  return {static_cast<T*>(view.data()) + offset, view.stride(time_major ? 0 : 1),
          view.stride(time_major ? 1 : 0)};
}

// A dense time-major tensor of our own.
template <class T>
Rows<T> dense_rows(T* data, std::int64_t batch, std::int64_t row, std::int64_t offset = 0) {
  return {data + offset, batch * row, row};
}

// Rows of one layer and direction of a state [L][D][B][H].
template <class T, class View>
Rows<T> state_rows(const View& view, std::int64_t layer, std::int64_t direction) {
  if (!view.given()) return {};
  return {static_cast<T*>(view.data()) + layer * view.stride(0) + direction * view.stride(1), 0,
          view.stride(2)};
}

// The valid steps and episode starts of a batch, seen in one direction of time.
class Sequence {
 public:
  Sequence(const RunSizes& sizes, Rows<const std::int32_t> lengths, Rows<const std::uint8_t> marks,
           bool reverse)
      : steps_(sizes.steps), lengths_(lengths), marks_(marks), reverse_(reverse) {}

  // The step visited at position 0 .. T-1.
  std::int64_t step_at(std::int64_t position) const { return reverse_ ? steps_ - 1 - position : position; }
  // True where every row runs every step and nothing is cleared.
  bool plain() const { return !lengths_ && !marks_; }

  // True where no row ends before the last step.
  bool full_length() const { return !lengths_; }

  std::int64_t length(std::int64_t b) const {
    return lengths_ ? std::clamp<std::int64_t>(*lengths_.at(0, b), 0, steps_) : steps_;
  }
  bool valid(std::int64_t t, std::int64_t b) const { return t < length(b); }
  // The first step of a row in this direction; only where its length is not 0.
  std::int64_t first_step(std::int64_t b) const { return reverse_ ? length(b) - 1 : 0; }
  // The step visited before t.
  std::int64_t previous(std::int64_t t) const { return reverse_ ? t + 1 : t - 1; }

  // Whether the state is cleared before the valid step t: a mark at t going forward, at t + 1 in reverse.
  bool starts_episode(std::int64_t t, std::int64_t b) const {
    if (!marks_) return false;
    if (!reverse_) return *marks_.at(t, b) != 0;
    return t + 1 < length(b) && *marks_.at(t + 1, b) != 0;
  }
  // What forward does: a step after which the next valid one starts an episode leaves a cleared state behind.
  RowStep forward_step(std::int64_t t, std::int64_t b) const {
    if (!valid(t, b)) return RowStep::skip;
    const std::int64_t next = reverse_ ? t - 1 : t + 1;
    const bool clear = next >= 0 && valid(next, b) && starts_episode(next, b);
    return clear ? RowStep::run_then_clear : RowStep::run;
  }
  // What backward does: a step that started an episode passes no gradient on.
  RowStep backward_step(std::int64_t t, std::int64_t b) const {
    if (!valid(t, b)) return RowStep::skip;
    return starts_episode(t, b) ? RowStep::run_then_clear : RowStep::run;
  }

 private:
  std::int64_t steps_;
  Rows<const std::int32_t> lengths_;
  Rows<const std::uint8_t> marks_;
  bool reverse_;
};

// Rows of a product, counted from its first: all of them where `index` is null.
struct RowList {
  const std::int32_t* index;
  std::int64_t count;

  std::int64_t at(std::int64_t i) const { return index != nullptr ? index[i] : i; }
};

// Those of the (t, b) rows [range) from step t0 on, t outermost, that are within their sequences. `list`
// holds as many as the range.
inline RowList list_valid(const Sequence& sequence, std::int64_t batch, std::int64_t t0, Range range,
                          std::int32_t* list) {
  if (sequence.full_length()) return {nullptr, range.size()};
  std::int64_t count = 0;
  std::int64_t t = t0 + range.begin / batch;
  std::int64_t b = range.begin % batch;
  for (std::int64_t i = 0; i < range.size(); ++i) {
    if (sequence.valid(t, b)) list[count++] = static_cast<std::int32_t>(i);
    if (++b == batch) {
      b = 0;
      ++t;
    }
  }
  return {list, count};
}

// Rows of the state before a step, for backward: of h given outputs, of c given saved cell states.
template <class T>
struct PreviousRows {
  const Sequence* sequence;
  Rows<const T> sequence_rows;
  Rows<const T> initial;  // not given: zeros

  // Null for zeros. Only for valid (t, b).
  const T* at(std::int64_t t, std::int64_t b) const {
    if (sequence->starts_episode(t, b)) return nullptr;
    if (t != sequence->first_step(b)) return sequence_rows.at(sequence->previous(t), b);
    return initial ? initial.at(0, b) : nullptr;
  }
};

inline Rows<const std::int32_t> length_rows(const ConstTensorView& lengths) {
  if (!lengths.given()) return {};
  return {static_cast<const std::int32_t*>(lengths.data()), 0, lengths.stride(0)};
}

}  // namespace recur::host::cpu
