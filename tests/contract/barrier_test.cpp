// SpinBarrier and the counter under it: what was written before is seen after, and nobody sleeps for ever.
// With few polls or none every wait goes to sleep, and with some tens of them openings meet threads that are
// just falling asleep. Values are plain memory, so that ThreadSanitizer is the judge.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "host/spin.hpp"
#include "recur/recur.hpp"

namespace recur::test {
namespace {

template <class F>
void run(int members, F f) {
  ThreadTeam team(members);
  team.run(
      members, [](void* user, int member) { (*static_cast<F*>(user))(member); }, &f);
}

// Each member writes its slot, and after the barrier sees the slot of the next one.
void expect_published(int members, int rounds, int polls) {
  host::SpinBarrier barrier;
  std::atomic<std::int64_t> waited{0};
  barrier.init(members, &waited, polls);
  const auto count = static_cast<std::size_t>(members);
  std::vector<int> slots[2] = {std::vector<int>(count), std::vector<int>(count)};
  std::vector<int> wrong(count);
  run(members, [&](int member) {
    const auto own = static_cast<std::size_t>(member);
    for (int round = 1; round <= rounds; ++round) {
      std::vector<int>& now = slots[round % 2];
      now[own] = round;
      barrier.wait();
      if (now[(own + 1) % count] != round) ++wrong[own];
    }
  });
  EXPECT_EQ(std::count(wrong.begin(), wrong.end(), 0), members)
      << members << " members, " << polls << " polls";
}

TEST(SpinBarrier, HundredThousandSleeps) { expect_published(2, 100000, 0); }
TEST(SpinBarrier, OpensBesideThreadsThatFallAsleep) {
  for (const int polls : {1, 10, 50, 200}) expect_published(2, 20000, polls);
}
// Not a power of two among them.
TEST(SpinBarrier, MoreMembersThanProcessors) {
  for (const int members : {3, 4, 7, 16}) {
    expect_published(members, 2000, 0);
    expect_published(members, 2000, 20);
  }
}
TEST(SpinBarrier, WithItsOwnPolls) { expect_published(4, 200, host::kPolls); }

TEST(SpinBarrier, OfOneNeverWaits) {
  host::SpinBarrier barrier;
  barrier.init(1);
  for (int i = 0; i < 100; ++i) barrier.wait();
}

// What was waited for is counted, and no more than that. Where other load keeps the first thread from its
// processor it finds the second one there: that says nothing, and is tried again.
TEST(SpinBarrier, SaysHowLongMembersWaited) {
  constexpr int kTries = 100;
  bool counted = false;
  for (int again = 0; again < kTries && !counted; ++again) {
    host::SpinBarrier barrier;
    std::atomic<std::int64_t> waited{0};
    barrier.init(2, &waited);
    const auto begin = std::chrono::steady_clock::now();
    run(2, [&](int member) {
      if (member == 1) std::this_thread::sleep_for(std::chrono::milliseconds(30));
      barrier.wait();
    });
    const std::chrono::nanoseconds elapsed = std::chrono::steady_clock::now() - begin;
    EXPECT_LE(waited.load(), elapsed.count());
    counted = waited.load() >= 25'000'000;
  }
  EXPECT_TRUE(counted);
}

// A thread that sleeps uses no processor.
TEST(SpinBarrier, SleepsWhileItWaits) {
  host::SpinBarrier barrier;
  barrier.init(2);
  std::int64_t used = -1;
  run(2, [&](int member) {
    if (member == 0) {
      std::this_thread::sleep_for(std::chrono::milliseconds(200));
      barrier.wait();
      return;
    }
    const auto processor_time = [] {
      timespec time{};
      clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
      return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
    };
    const std::int64_t before = processor_time();
    barrier.wait();
    used = processor_time() - before;
  });
  EXPECT_GE(used, 0);
  EXPECT_LT(used, 50'000'000);
}

}  // namespace
}  // namespace recur::test
