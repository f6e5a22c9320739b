// Which steps a row runs, and where its state starts afresh.
#pragma once

#include "kernels/device/platform.cuh"
#include "kernels/stepwise/launch.hpp"

namespace recur::stepwise {

// One row of a Timeline.
class RowTimeline {
 public:
  RECUR_DEVICE RowTimeline(const Timeline& timeline, std::int64_t b)
      : marks_(timeline.marks == nullptr ? nullptr : timeline.marks + b * timeline.marks_batch),
        marks_step_(timeline.marks_step),
        length_(timeline.steps),
        reverse_(timeline.reverse) {
    if (timeline.lengths != nullptr) {
      const std::int64_t length = timeline.lengths[b * timeline.lengths_batch];
      length_ = length < 0 ? 0 : (length < timeline.steps ? length : timeline.steps);
    }
  }

  RECUR_DEVICE bool empty() const { return length_ == 0; }
  RECUR_DEVICE std::int64_t length() const { return length_; }
  RECUR_DEVICE bool valid(std::int64_t t) const { return t < length_; }
  // The first valid step visited; only of a row that is not empty.
  RECUR_DEVICE std::int64_t first() const { return reverse_ ? length_ - 1 : 0; }
  // The steps visited before and after t.
  RECUR_DEVICE std::int64_t before(std::int64_t t) const { return reverse_ ? t + 1 : t - 1; }
  RECUR_DEVICE std::int64_t after(std::int64_t t) const { return reverse_ ? t - 1 : t + 1; }

  // Whether the state is cleared before the valid step t: a mark at t going forward, at t + 1 in reverse.
  RECUR_DEVICE bool starts_afresh(std::int64_t t) const {
    if (marks_ == nullptr) return false;
    const std::int64_t mark = reverse_ ? t + 1 : t;
    return mark < length_ && marks_[mark * marks_step_] != 0;
  }
  // Whether the step visited after t is valid and starts afresh.
  RECUR_DEVICE bool ends_episode(std::int64_t t) const {
    const std::int64_t next = after(t);
    return next >= 0 && valid(next) && starts_afresh(next);
  }

 private:
  const std::uint8_t* marks_;
  std::int64_t marks_step_;
  std::int64_t length_;
  bool reverse_;
};

// The two parts of ends_episode, for a kernel that reads reset marks before it needs them. has_after says
// whether a sequence of `length` steps has a step that is visited after t. mark_after reads the mark that
// starts an episode at that step.
RECUR_DEVICE bool has_after(const Timeline& timeline, int length, int t) {
  return timeline.reverse ? t > 0 : t + 1 < length;
}
RECUR_DEVICE std::uint8_t mark_after(const Timeline& timeline, std::int64_t b, std::int64_t t) {
  const std::int64_t mark = timeline.reverse ? t : t + 1;
  return timeline.marks[b * timeline.marks_batch + mark * timeline.marks_step];
}

}  // namespace recur::stepwise
