// A call that one thread runs alone, as beside other load, has the bits that the team gives.
#include <gtest/gtest.h>

#include <chrono>
#include <thread>
#include <utility>

#include "contract/session.hpp"
#include "host/context_state.hpp"
#include "host/cpu/members.hpp"
#include "support/problem.hpp"
#include "support/spec_name.hpp"

namespace recur::test {
namespace {

using host::LoadPolicy;

struct Job {
  Index T, B;
  int threads;
};

class Alone : public ::testing::TestWithParam<Spec> {
 protected:
  template <class T>
  static void expect_same_bits(Spec spec, const Job& job) {
    spec.input_size = 5;
    set_hidden(spec, all_groups(spec).H);
    spec.dtype = storage_type<T>;
    const auto problem = oracle::convert<T>(random_problem(spec, job.T, job.B, 1));
    const auto upstream = oracle::convert<T>(random_output_gradients(spec, job.T, job.B, 2));
    Session<T> session(problem, {.pass = Pass::training, .threads = job.threads});
    ASSERT_EQ(session.plan.threads(), job.threads) << session.plan.tile();
    session.set_upstream(upstream);
    LoadPolicy& load = session.context.state().load;
    const auto run = [&](LoadPolicy::Choice forward, LoadPolicy::Choice backward) {
      session.poison_outputs();
      load.choose(forward);
      session.forward();
      load.choose(backward);
      session.backward();
      return std::pair(session.outputs(), session.all_gradients());
    };
    using enum LoadPolicy::Choice;
    const auto by_team = run(team, team);
    for (const auto& [forward, backward] : {std::pair(alone, alone), {alone, team}, {team, alone}}) {
      const auto found = run(forward, backward);
      EXPECT_TRUE(same_bits(found.first, by_team.first));
      EXPECT_TRUE(same_bits(found.second, by_team.second));
    }
  }
};

// 2 directions x 2 batch groups x 2 unit groups, a stack, lengths and marks.
TEST_P(Alone, EveryKindOfSharing) {
  Spec spec = GetParam();
  spec.direction = Direction::bidirectional;
  spec.layers = 2;
  spec.variable_lengths = true;
  spec.reset_mask = true;
  spec.cell_sequence = spec.cell == Cell::lstm;
  const SharedWork work = all_groups(spec);
  expect_same_bits<float>(spec, {work.T, work.B, 8});
  expect_same_bits<double>(spec, {work.T, work.B, 8});
  expect_same_bits<Bf16>(spec, {work.T, work.B, 8});
}

// What BLAS reads and writes in place.
TEST_P(Alone, Plain) {
  for (const int threads : {2, 3}) {
    expect_same_bits<float>(GetParam(), {5, 7, threads});
    expect_same_bits<float>(GetParam(), {8, 13, threads});
  }
}

// Rows that are gathered first. T is B, so that a time-major tensor has a batch-major one's shape.
TEST_P(Alone, BatchMajor) {
  Spec spec = GetParam();
  spec.layout = Layout::batch_major;
  const SharedWork work = all_groups(spec);
  ASSERT_EQ(work.T, work.B);
  expect_same_bits<float>(spec, {work.T, work.B, 4});
  expect_same_bits<Bf16>(spec, {work.T, work.B, 4});
}

// More than one chunk of time, the last one shorter.
TEST_P(Alone, ChunksOfTime) { expect_same_bits<float>(GetParam(), {90, 7, 2}); }

INSTANTIATE_TEST_SUITE_P(Cpu, Alone, ::testing::ValuesIn(cells_of_each_kind()),
                         [](const auto& instance) { return camel_case(cell_name(instance.param)); });

constexpr std::int64_t kMillisecond = 1'000'000;

// Calls one after the other, and whether the next one is to be one thread's.
struct Calls {
  explicit Calls(int team) : members(team) {}
  bool call(std::int64_t duration, std::int64_t waited) {
    load.record(members, now, now + duration, waited);
    now += duration;
    return load.alone(now);
  }
  int members;
  LoadPolicy load;
  std::int64_t now = 0;
};

// A call of two that waits for more than a quarter of it is followed by one thread's, for eight times as
// long.
TEST(LoadPolicy, ACallThatMostlyWaitedIsFollowedByCallsAlone) {
  Calls two(2);
  EXPECT_FALSE(two.load.alone(0));
  EXPECT_FALSE(two.call(100 * kMillisecond, 25 * kMillisecond)) << "half of what the second thread can bring";
  EXPECT_TRUE(two.call(100 * kMillisecond, 26 * kMillisecond));
  EXPECT_TRUE(two.load.alone(two.now + 800 * kMillisecond - 1));
  EXPECT_FALSE(two.load.alone(two.now + 800 * kMillisecond)) << "and then two try again";
}

// Three of four can wait at a time: half of what they bring is lost where they wait for 9/8 of a call's time.
TEST(LoadPolicy, ALargerTeamMayWaitMore) {
  Calls four(4);
  EXPECT_FALSE(four.call(80 * kMillisecond, 90 * kMillisecond));
  EXPECT_TRUE(four.call(80 * kMillisecond, 92 * kMillisecond));
}

// A thread that has to be woken up makes one short call wait, and is no reason to leave it asleep.
TEST(LoadPolicy, WakingUpIsNoReason) {
  Calls two(2);
  EXPECT_TRUE(two.call(100 * kMillisecond, 100 * kMillisecond));
  two.now += 1000 * kMillisecond;
  EXPECT_FALSE(two.call(70'000, 50'000));
  for (int again = 0; again < 100; ++again) EXPECT_FALSE(two.call(20'000, 0));
  int calls = 0;
  while (!two.call(70'000, 50'000)) ASSERT_LT(++calls, 30) << "where all of them wait, it is one";
}

// A time slice lost in thirty milliseconds is not, but one in six is.
TEST(LoadPolicy, LoadThatComesAndGoesIsNoReason) {
  Calls two(2);
  for (int again = 0; again < 20; ++again) {
    for (int good = 0; good < 270; ++good) ASSERT_FALSE(two.call(100'000, 0));
    ASSERT_FALSE(two.call(3 * kMillisecond, 3 * kMillisecond)) << again;
  }
  int lost = 0;
  do {
    ASSERT_LT(++lost, 4);
    for (int good = 0; good < 30; ++good) ASSERT_FALSE(two.call(100'000, 0));
  } while (!two.call(3 * kMillisecond, 3 * kMillisecond));
}

TEST(LoadPolicy, AChoiceHoldsWhateverWasMeasured) {
  LoadPolicy load;
  load.choose(LoadPolicy::Choice::team);
  load.record(2, 0, 10 * kMillisecond, 10 * kMillisecond);
  EXPECT_FALSE(load.alone(10 * kMillisecond));
  load.choose(LoadPolicy::Choice::alone);
  EXPECT_TRUE(load.alone(1000 * kMillisecond));
}

// A pass of two members, of which the second comes late to a barrier, as a thread without a processor does.
class LatePass {
 public:
  explicit LatePass(const host::cpu::Tiling& tiling) : barriers_(tiling) {}
  void run(const host::cpu::Member& member) {
    ran_alone = member.members == 1;
    if (member.index == 1) std::this_thread::sleep_for(std::chrono::milliseconds(20));
    barriers_.team.wait();
  }
  host::cpu::Barriers& barriers() { return barriers_; }

  std::atomic<bool> ran_alone{false};

 private:
  host::cpu::Barriers barriers_;
};

// Other load may keep the first member from its processor as long as the second one is late, or the next call
// from it until the rest is over: then it is tried again.
TEST(LoadPolicy, WhatBarriersWaitedForIsWhatDecides) {
  host::cpu::Tiling tiling{};
  tiling.direction_groups = tiling.batch_groups = 1;
  tiling.unit_groups = 2;
  ThreadTeam team(2);
  constexpr int kTries = 100;
  bool one_followed = false;
  for (int again = 0; again < kTries && !one_followed; ++again) {
    Context context(Device::cpu(), &team);
    const auto runs_alone = [&] {
      LatePass pass(tiling);
      host::cpu::run_members(context.state(), tiling, pass);
      return pass.ran_alone.load();
    };
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_FALSE(runs_alone());
    const auto duration = std::chrono::steady_clock::now() - begin;
    one_followed = runs_alone();
    if (!one_followed) continue;
    std::this_thread::sleep_for(8 * duration + std::chrono::milliseconds(1));
    EXPECT_FALSE(runs_alone()) << "two try again";
  }
  EXPECT_TRUE(one_followed);
}

}  // namespace
}  // namespace recur::test
