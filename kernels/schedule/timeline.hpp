// What time means to a layer: which steps a sequence has, in which order they are visited, what comes before
// each, and where the state is cleared. Host and device code reads lengths, reset marks and direction here and
// nowhere else (their meaning to a caller: recur/run.hpp).
//
// A step t is a place in memory, 0 <= t < T. A sequence has the steps below its length; the others are
// padding, which no engine runs. Going forward, steps are visited from 0 up, in reverse from T - 1 down. A mark
// at m separates step m from step m - 1: the state is cleared before whichever of the two is visited later. A
// mark at 0 clears the state that a call begins with, going forward; in reverse nothing follows step 0.
#pragma once

#include <cstdint>

#include "kernels/cells/unit.cuh"

namespace recur::schedule {

// The order in which steps are visited. Int is the type of a step, whatever the caller counts in.
struct VisitOrder {
  bool reverse = false;

  // The steps visited before and after t.
  template <class Int>
  RECUR_HD Int previous(Int t) const {
    return reverse ? t + 1 : t - 1;
  }
  template <class Int>
  RECUR_HD Int next(Int t) const {
    return reverse ? t - 1 : t + 1;
  }
  // The i-th step visited from `first` on.
  template <class Int>
  RECUR_HD Int step(Int first, Int i) const {
    return first + (reverse ? -i : i);
  }
  // The first step visited of a sequence, which has one.
  template <class Int>
  RECUR_HD Int first(Int length) const {
    return reverse ? length - 1 : 0;
  }
  // Whether a sequence visits another step after its step t.
  template <class Int>
  RECUR_HD bool has_next(Int t, Int length) const {
    return reverse ? t > 0 : t + 1 < length;
  }
  // The places of the marks that clear the state before t and after it.
  template <class Int>
  RECUR_HD Int mark_before(Int t) const {
    return reverse ? t + 1 : t;
  }
  template <class Int>
  RECUR_HD Int mark_after(Int t) const {
    return reverse ? t : t + 1;
  }

  // A run of visits [begin, end).
  template <class Int>
  struct Visits {
    Int begin, end;
  };
  // Those of `count` visits from step `first` on at which a sequence has a step.
  template <class Int>
  RECUR_HD Visits<Int> visits_within(Int length, Int first, Int count) const {
    if (reverse) return {clamp(first - length + 1, count), count};
    return {0, clamp(length - first, count)};
  }

 private:
  template <class Int>
  RECUR_HD static Int clamp(Int visit, Int count) {
    return visit < 0 ? 0 : (visit < count ? visit : count);
  }
};

// Time as one direction of a layer reads it, for all sequences of a batch. Strides are in elements.
struct Timeline {
  std::int64_t steps = 0;                 // T
  const std::int32_t* lengths = nullptr;  // [B]; null: all sequences have T steps
  std::int64_t lengths_batch = 0;
  const std::uint8_t* marks = nullptr;  // [T][B]; null: no marks
  std::int64_t marks_step = 0;
  std::int64_t marks_batch = 0;
  bool reverse = false;

  RECUR_HD VisitOrder order() const { return {reverse}; }

  // For kernels that have lengths as ints and read marks before they need them: the parts of
  // Sequence::ends_episode. Whether a sequence of `length` visits another step after its step t, and, if so,
  // where the mark between the two is. Written out, not by VisitOrder: the resident kernel's machine code is better so.
  template <class Int>
  RECUR_HD bool has_next(Int length, Int t) const {
    return reverse ? t > 0 : t + 1 < length;
  }
  RECUR_HD const std::uint8_t* place_of_mark_after(std::int64_t b, std::int64_t t) const {
    const std::int64_t at = reverse ? t : t + 1;
    return marks + b * marks_batch + at * marks_step;
  }
};

// What the state is that a step reads.
enum class Predecessor : std::uint8_t {
  none,     // zeros: the step starts an episode
  initial,  // the state that the call began with: the step is the first
  step,     // the state after the step visited before
};

// One sequence of a batch.
class Sequence {
 public:
  RECUR_HD Sequence(const Timeline& timeline, std::int64_t b)
      : marks_(timeline.marks == nullptr ? nullptr : timeline.marks + b * timeline.marks_batch),
        marks_step_(timeline.marks_step),
        length_(timeline.steps),
        order_(timeline.order()) {
    if (timeline.lengths != nullptr) {
      // Whatever the caller wrote: 0 to T.
      const std::int64_t length = timeline.lengths[b * timeline.lengths_batch];
      length_ = length < 0 ? 0 : (length < timeline.steps ? length : timeline.steps);
    }
  }

  RECUR_HD std::int64_t length() const { return length_; }
  RECUR_HD bool empty() const { return length_ == 0; }
  RECUR_HD bool valid(std::int64_t t) const { return t < length_; }
  // The first step visited; only of a sequence that is not empty.
  RECUR_HD std::int64_t first() const { return order_.first(length_); }
  RECUR_HD std::int64_t previous(std::int64_t t) const { return order_.previous(t); }

  // Of a valid step: whether the state is cleared before it, and after it.
  RECUR_HD bool starts_episode(std::int64_t t) const {
    const std::int64_t mark = order_.mark_before(t);
    return marks_ != nullptr && mark < length_ && marked(mark);
  }
  RECUR_HD bool ends_episode(std::int64_t t) const {
    return marks_ != nullptr && order_.has_next(t, length_) && marked(order_.mark_after(t));
  }
  RECUR_HD Predecessor predecessor(std::int64_t t) const {
    if (starts_episode(t)) return Predecessor::none;
    return t == first() ? Predecessor::initial : Predecessor::step;
  }
  // Whether the state that the call began with is read by nobody.
  RECUR_HD bool drops_initial() const { return !empty() && starts_episode(first()); }

 private:
  RECUR_HD bool marked(std::int64_t at) const { return marks_[at * marks_step_] != 0; }

  const std::uint8_t* marks_;
  std::int64_t marks_step_;
  std::int64_t length_;
  VisitOrder order_;
};

// T steps as runs of at most `most`, in the order in which they are visited: chunk 0 has the first steps
// visited, and the last chunk what is left.
class Chunks {
 public:
  constexpr Chunks(std::int64_t steps, std::int64_t most)
      : steps_(steps), most_(steps < most ? steps : most) {}

  constexpr std::int64_t count() const { return (steps_ + most_ - 1) / most_; }
  // Steps of a chunk, and the first of them in memory.
  constexpr std::int64_t size(std::int64_t chunk) const {
    const std::int64_t left = steps_ - chunk * most_;
    return left < most_ ? left : most_;
  }
  constexpr std::int64_t first(std::int64_t chunk, bool reverse) const {
    return reverse ? steps_ - chunk * most_ - size(chunk) : chunk * most_;
  }
  // The i-th step visited of a chunk.
  constexpr std::int64_t step(std::int64_t chunk, std::int64_t i, bool reverse) const {
    return reverse ? steps_ - 1 - chunk * most_ - i : chunk * most_ + i;
  }

 private:
  std::int64_t steps_;
  std::int64_t most_;
};

}  // namespace recur::schedule
