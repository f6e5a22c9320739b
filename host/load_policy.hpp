// Whether a call that was planned for several threads is run by the calling thread alone.
//
// Beside other load a thread of the team may have to wait for a processor for a time slice, some
// milliseconds, in the middle of a step of some microseconds, and everybody waits for it. Sleeping does not
// help with that; not depending on each other does. The bits stay
// those of the plan (`Member::alone`).
#pragma once

#include <cstdint>

namespace recur::host {

// Times are in nanoseconds of one clock.
class LoadPolicy {
 public:
  enum class Choice : std::uint8_t { as_measured, team, alone };

  // For tests, which want both.
  void choose(Choice choice) { choice_ = choice; }

  bool alone(std::int64_t now) const {
    return choice_ == Choice::as_measured ? now < alone_until_ : choice_ == Choice::alone;
  }

  // A call of n members took from `begin` to `end`, and they waited for each other for `waited` in all. Of n
  // members n - 1 can wait: the share f = 1 - waited / ((n - 1) duration) of the time they did work. One
  // thread would not have been slower if n f < 1. Then the next calls are its own, for some times as long as
  // this one took: that is what bounds the part of the time that finding out costs.
  void record(int members, std::int64_t begin, std::int64_t end, std::int64_t waited) {
    const std::int64_t n = members;
    if (waited * n > (n - 1) * (n - 1) * (end - begin)) alone_until_ = end + kRest * (end - begin);
  }

 private:
  static constexpr std::int64_t kRest = 8;

  std::int64_t alone_until_ = INT64_MIN;
  Choice choice_ = Choice::as_measured;
};

}  // namespace recur::host
