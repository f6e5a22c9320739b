// The state before a step, as the backward pass looks it up.
#pragma once

#include "kernels/stepwise/timeline.cuh"
#include "kernels/stepwise/units.cuh"

namespace recur::stepwise {

// The state before step t: `of` has the states after each step, `initial` the one before all.
template <class T, class Initial, int kWidth>
RECUR_DEVICE void load_previous(const RowTimeline& timeline, const ConstRows& of, const ConstRows& initial,
                                std::int64_t t, std::int64_t b, std::int64_t unit, Compute<T> (&to)[kWidth]) {
  if (timeline.starts_afresh(t)) {
    load_or_zero<kWidth>(static_cast<const T*>(nullptr), to);
  } else if (t != timeline.first()) {
    load(row_of<T>(of, timeline.before(t), b, unit), to);
  } else {
    load_or_zero(initial ? row_of<Initial>(initial, 0, b, unit) : nullptr, to);
  }
}

}  // namespace recur::stepwise
