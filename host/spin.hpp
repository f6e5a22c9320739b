// A barrier for threads that arrive within a step of each other.
#pragma once

#include <atomic>
#include <cstdint>

#include "host/awaited_counter.hpp"

namespace recur::host {

// Every arrival counts one, and the last of a round opens the barrier by being counted: there is nothing to
// reset. The others poll for that, and sleep if it takes long.
class SpinBarrier {
 public:
  // `waited`, if given, gets the nanoseconds of waits that took long, of all members together.
  void init(int members, std::atomic<std::int64_t>* waited = nullptr, int polls = kPolls) {
    members_ = static_cast<std::uint64_t>(members);
    waited_ = waited;
    arrivals_.set_polls(polls);
  }

  void wait() {
    if (members_ <= 1) return;
    const std::uint64_t before = arrivals_.add(1);
    const std::uint64_t round = before - before % members_ + members_;
    if (before + 1 == round) return arrivals_.wake_sleepers();
    const std::int64_t waited = arrivals_.wait_for(round);
    if (waited != 0 && waited_ != nullptr) waited_->fetch_add(waited, std::memory_order_relaxed);
  }

 private:
  AwaitedCounter arrivals_;
  std::uint64_t members_ = 1;
  std::atomic<std::int64_t>* waited_ = nullptr;
};

}  // namespace recur::host
