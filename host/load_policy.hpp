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

  // Learns from a call of n members that took from `begin` to `end`, in which they waited for each other for
  // `waited` in all. Of n members n - 1 can wait. The members were as fast as n f threads that never wait,
  // with f = 1 - waited / ((n - 1) duration). A team that brings less than half of what its further threads
  // could, n f < (n + 1) / 2, is not worth running, since real threads bring less than this rule assumes.
  //
  // Such a call makes `debt_` grow, and any other call pays the debt back. It may pay up to a bound in
  // advance, since load that comes and goes is no reason to stop. While there is a debt, the next calls run
  // on one thread, for several times as long as the last call took; that bounds the share of time that
  // finding out costs. The first call of a team afterwards wakes threads up, which may take longer than a
  // short call, so that it begins with something paid.
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
