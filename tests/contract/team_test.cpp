// ThreadTeam: who runs, how often, and that it can be used again and again.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

#include "recur/recur.hpp"

namespace recur::test {
namespace {

// Runs a lambda on members of a team.
template <class F>
void run(ThreadTeam& team, int members, F f) {
  team.run(
      members, [](void* user, int member) { (*static_cast<F*>(user))(member); }, &f);
}

TEST(ThreadTeam, EveryMemberRunsOnce) {
  for (int size : {1, 2, 3, 7}) {
    ThreadTeam team(size);
    EXPECT_EQ(team.size(), size);
    for (int members = 1; members <= size; ++members) {
      std::vector<int> calls(static_cast<std::size_t>(size), 0);
      run(team, members, [&](int member) { ++calls[static_cast<std::size_t>(member)]; });
      for (int member = 0; member < size; ++member) {
        EXPECT_EQ(calls[static_cast<std::size_t>(member)], member < members ? 1 : 0)
            << member << " of " << members;
      }
    }
  }
}

TEST(ThreadTeam, MemberZeroIsTheCaller) {
  ThreadTeam team(3);
  std::vector<std::thread::id> ids(3);
  for (int again = 0; again < 3; ++again) {
    std::vector<std::thread::id> now(3);
    run(team, 3, [&](int member) { now[static_cast<std::size_t>(member)] = std::this_thread::get_id(); });
    EXPECT_EQ(now[0], std::this_thread::get_id());
    EXPECT_NE(now[1], now[0]);
    EXPECT_NE(now[2], now[1]);
    EXPECT_TRUE(again == 0 || now == ids) << "threads persist";
    ids = now;
  }
}

// What the caller wrote before a run is seen in it, and what members wrote is seen after it: plain memory, so
// that ThreadSanitizer is the judge.
TEST(ThreadTeam, RunsAreOrdered) {
  ThreadTeam team(4);
  std::vector<int> values(4, 0);
  int round = 0;
  for (; round < 1000; ++round) {
    const int members = round % 4 + 1;
    run(team, members, [&](int member) { values[static_cast<std::size_t>(member)] += round; });
  }
  int expected[4] = {};
  for (int r = 0; r < round; ++r) {
    for (int member = 0; member <= r % 4; ++member) expected[member] += r;
  }
  for (int member = 0; member < 4; ++member)
    EXPECT_EQ(values[static_cast<std::size_t>(member)], expected[member]);
}

// Workers that had time to fall asleep wake up.
TEST(ThreadTeam, WakesSleepers) {
  ThreadTeam team(3);
  std::atomic<int> calls{0};
  for (int again = 0; again < 5; ++again) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    run(team, 3, [&](int) { ++calls; });
  }
  EXPECT_EQ(calls.load(), 15);
}

// A caller that waits long sleeps, and is woken.
TEST(ThreadTeam, WaitsForSlowMembers) {
  ThreadTeam team(2);
  bool done = false;
  run(team, 2, [&](int member) {
    if (member == 0) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    done = true;
  });
  EXPECT_TRUE(done);
}

TEST(ThreadTeam, ComesAndGoes) {
  for (int again = 0; again < 50; ++again) {
    ThreadTeam idle(3);
    ThreadTeam used(2);
    int calls = 0;
    run(used, 1, [&](int) { ++calls; });
    EXPECT_EQ(calls, 1);
  }
}

TEST(ThreadTeam, OneCallAtATime) {
  ThreadTeam team(2);
  std::string message;
  run(team, 1, [&](int) {
    try {
      run(team, 1, [](int) {});
    } catch (const InvalidArgument& error) {
      message = error.what();
    }
  });
  EXPECT_EQ(message, "thread team: already running a call");
  int calls = 0;
  run(team, 1, [&](int) { ++calls; });
  EXPECT_EQ(calls, 1) << "usable again";
}

// A team inside a member of another team: they know nothing of each other.
TEST(ThreadTeam, Nests) {
  ThreadTeam outer(2);
  std::atomic<int> calls{0};
  run(outer, 2, [&](int) {
    ThreadTeam inner(2);
    run(inner, 2, [&](int) { ++calls; });
  });
  EXPECT_EQ(calls.load(), 4);
}

TEST(ThreadTeam, ErrorsLeaveItUsable) {
  ThreadTeam team(2);
  EXPECT_THROW(run(team, 3, [](int) {}), InvalidArgument);
  EXPECT_THROW(run(team, 0, [](int) {}), InvalidArgument);
  EXPECT_THROW(team.run(2, nullptr, nullptr), InvalidArgument);
  std::atomic<int> calls{0};
  run(team, 2, [&](int) { ++calls; });
  EXPECT_EQ(calls.load(), 2);
}

}  // namespace
}  // namespace recur::test
