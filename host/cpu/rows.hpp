// Rows of a batch at each step, in the engine's terms: where they lie, which of them run, and what they read of
// the step before.
#pragma once

#include <cstdint>

#include "host/cpu/simd/kernels.hpp"
#include "host/cpu/tiling.hpp"
#include "host/layers/rows.hpp"

namespace recur::host::cpu {

using layers::rows_of;
using layers::state_rows;
using layers::timeline_of;
using schedule::Predecessor;
using schedule::Sequence;
using schedule::Timeline;

// Rows (t, b) of a tensor.
template <class E>
using Rows = schedule::BasicRows<E*>;

// Those of a dense time-major tensor of our own, from a column on.
template <class E>
Rows<E> dense_rows(E* data, const RunSizes& sizes, std::int64_t columns, std::int64_t column = 0) {
  return layers::rows_at(data + column, layers::dense_layout(sizes, Layout::time_major, columns));
}

// What a row does at step t of forward: a step after which the next one starts an episode leaves a cleared state
// behind.
inline RowStep forward_step(const Sequence& sequence, std::int64_t t) {
  if (!sequence.valid(t)) return RowStep::skip;
  return sequence.ends_episode(t) ? RowStep::run_then_clear : RowStep::run;
}

// Rows of a product, counted from its first: all of them where `index` is null.
struct RowList {
  const std::int32_t* index;
  std::int64_t count;

  std::int64_t at(std::int64_t i) const { return index != nullptr ? index[i] : i; }
};

// Those of the (t, b) rows [range) from step t0 on, t outermost, that are within their sequences. `list`
// holds as many as the range.
inline RowList list_valid(const Timeline& timeline, std::int64_t batch, std::int64_t t0, Range range,
                          std::int32_t* list) {
  if (timeline.lengths == nullptr) return {nullptr, range.size()};
  std::int64_t count = 0;
  std::int64_t t = t0 + range.begin / batch;
  std::int64_t b = range.begin % batch;
  for (std::int64_t i = 0; i < range.size(); ++i) {
    if (Sequence(timeline, b).valid(t)) list[count++] = static_cast<std::int32_t>(i);
    if (++b == batch) {
      b = 0;
      ++t;
    }
  }
  return {list, count};
}

// Those of `count` steps from t0 on, row (t, b) at (t - t0) * batch + b, of the sequences [owned) that are
// within them. `list` holds as many as there can be.
inline RowList list_owned(const Timeline& timeline, std::int64_t batch, std::int64_t t0, std::int64_t count,
                          Range owned, std::int32_t* list) {
  std::int64_t rows = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    for (std::int64_t b = owned.begin; b < owned.end; ++b) {
      if (Sequence(timeline, b).valid(t0 + i)) list[rows++] = static_cast<std::int32_t>(i * batch + b);
    }
  }
  return {list, rows};
}

// Rows of the state before a step, for backward: of h given outputs, of c given saved cell states.
template <class E>
struct PreviousRows {
  Rows<const E> steps;                    // after each step
  Rows<const E> initial;                  // not given: zeros
  const std::int32_t* parents = nullptr;  // of the rows of a forest; null: rows are sequences

  // Null for zeros. `t` is the step visited before.
  const E* at(Predecessor predecessor, std::int64_t t, std::int64_t b) const {
    if (predecessor == Predecessor::none) return nullptr;
    if (predecessor == Predecessor::step) return steps.at(t, b);
    return initial ? initial.at(0, b) : nullptr;
  }
  // Of a row of a forest.
  const E* of_parent(std::int64_t row) const {
    const std::int32_t parent = parents[row];
    return parent < 0 ? at(Predecessor::initial, 0, row) : at(Predecessor::step, 0, parent);
  }
  // Of a valid step (t, b).
  const E* before(const Timeline& timeline, std::int64_t t, std::int64_t b) const {
    if (parents != nullptr) return of_parent(b);
    const Sequence sequence(timeline, b);
    return at(sequence.predecessor(t), sequence.previous(t), b);
  }
};

}  // namespace recur::host::cpu
