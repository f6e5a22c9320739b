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

// A call of two that mostly waits sends the next ones to one thread, for eight times as long as it took.
TEST(LoadPolicy, ACallThatMostlyWaitedIsFollowedByCallsAlone) {
  LoadPolicy load;
  EXPECT_FALSE(load.alone(0));
  load.record(2, 1000, 2000, 500);
  EXPECT_FALSE(load.alone(2000)) << "half of the time of one member: two were as fast as one";
  load.record(2, 3000, 4000, 501);
  EXPECT_TRUE(load.alone(4000));
  EXPECT_TRUE(load.alone(11999));
  EXPECT_FALSE(load.alone(12000)) << "and then two try again";
}

// Three of four can wait at a time: one thread is faster once they work less than a quarter of it.
TEST(LoadPolicy, ALargerTeamMayWaitMore) {
  LoadPolicy load;
  load.record(4, 0, 1000, 2250);
  EXPECT_FALSE(load.alone(1000));
  load.record(4, 0, 1000, 2251);
  EXPECT_TRUE(load.alone(1000));
}

TEST(LoadPolicy, AChoiceHoldsWhateverWasMeasured) {
  LoadPolicy load;
  load.choose(LoadPolicy::Choice::team);
  load.record(2, 0, 1000, 1000);
  EXPECT_FALSE(load.alone(1000));
  load.choose(LoadPolicy::Choice::alone);
  EXPECT_TRUE(load.alone(1000000));
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

TEST(LoadPolicy, WhatBarriersWaitedForIsWhatDecides) {
  host::cpu::Tiling tiling{};
  tiling.direction_groups = tiling.batch_groups = 1;
  tiling.unit_groups = 2;
  ThreadTeam team(2);
  Context context(Device::cpu(), &team);
  const auto runs_alone = [&] {
    LatePass pass(tiling);
    host::cpu::run_members(context.state(), tiling, pass);
    return pass.ran_alone.load();
  };
  EXPECT_FALSE(runs_alone());
  EXPECT_TRUE(runs_alone());
  std::this_thread::sleep_for(std::chrono::milliseconds(400));
  EXPECT_FALSE(runs_alone()) << "two try again";
}

}  // namespace
}  // namespace recur::test
