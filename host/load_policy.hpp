// Whether a call that was planned for several threads is run by the calling thread alone.
//
// Beside other load a thread of the team may have to wait for a processor for a time slice, some
// milliseconds, in the middle of a step of some microseconds, and all others wait for it. Sleeping does not
// help then; a call that depends on one thread does. The bits stay those of the plan (`Member::alone`).
#pragma once

#include <algorithm>
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
  // members n - 1 can wait: they were as fast as n f threads that never wait, f = 1 - waited / ((n - 1)
  // duration). Less than half of what more threads than one can bring, n f < (n + 1) / 2, is not worth a
  // team, as real ones bring less than that rule says. Then `debt_` grows, and otherwise it is paid back; up
  // to a bound more than that, since load that comes and goes is no reason. With a debt, the next calls are
  // one thread's, for some times as long as the last one took: that bounds the part of the time that finding
  // out costs. The first call of a team after that wakes threads up, which may take longer than a short call
  // does, so that it begins with something paid.
  void record(int members, std::int64_t begin, std::int64_t end, std::int64_t waited) {
    const std::int64_t n = members;
    const std::int64_t duration = end - begin;
    debt_ = std::max(debt_ + 2 * n * waited / ((n - 1) * (n - 1)) - duration, -kMostPaid);
    if (debt_ <= 0) return;
    alone_until_ = end + kRest * std::max(duration, kPaidAtFirst);
    debt_ = -kPaidAtFirst;
  }

 private:
  static constexpr std::int64_t kMostPaid = 10'000'000;
  static constexpr std::int64_t kPaidAtFirst = 1'000'000;
  static constexpr std::int64_t kRest = 8;

  std::int64_t debt_ = -kPaidAtFirst;
  std::int64_t alone_until_ = INT64_MIN;
  Choice choice_ = Choice::as_measured;
};

}  // namespace recur::host
