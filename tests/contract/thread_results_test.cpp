// Right numbers from many threads, judged by the rule of docs/design.md. Sizes at which the work is really
// shared out: by direction, by rows of the batch and by hidden units.
#include <gtest/gtest.h>

#include "contract/session.hpp"
#include "engines/judge.hpp"
#include "support/problem.hpp"
#include "support/spec_name.hpp"

namespace recur::test {
namespace {

class ThreadResults : public ::testing::TestWithParam<Spec> {
 protected:
  static void judge_threads(Spec spec, const SharedWork& sizes, const std::vector<int>& threads) {
    spec.input_size = 6;
    set_hidden(spec, sizes.H);
    for (DataType type : {DataType::f32, DataType::bf16}) {
      spec.dtype = type;
      std::vector<RunOptions> runs;
      for (int count : threads) {
        runs.push_back({.threads = count});
        const Plan plan =
            make_plan(spec, {sizes.T, sizes.B}, Device::cpu(), {.pass = Pass::training, .threads = count});
        ASSERT_EQ(plan.threads(), count) << plan.tile();
      }
      with_storage(type, [&]<class T>() { judge_all<T>(spec, sizes.T, sizes.B, runs); });
    }
  }
  static std::string groups_of(Spec spec, const SharedWork& sizes, int threads) {
    spec.input_size = 6;
    set_hidden(spec, sizes.H);
    const std::string tile = make_plan(spec, {sizes.T, sizes.B}, Device::cpu(), {.threads = threads}).tile();
    const std::size_t begin = tile.find("threads ");
    return tile.substr(begin, tile.find(';', begin) - begin);
  }
};

TEST_P(ThreadResults, UnitsOfOneDirection) {
  const SharedWork sizes = unit_groups(GetParam());
  EXPECT_EQ(groups_of(GetParam(), sizes, 3), "threads 1 direction x 1 batch x 3 unit");
  judge_threads(GetParam(), sizes, {2, 3});
}

TEST_P(ThreadResults, RowsAndUnitsOfOneDirection) {
  const SharedWork sizes = all_groups(GetParam());
  EXPECT_EQ(groups_of(GetParam(), sizes, 4), "threads 1 direction x 2 batch x 2 unit");
  judge_threads(GetParam(), sizes, {2, 4});
}

TEST_P(ThreadResults, BothDirections) {
  Spec spec = GetParam();
  spec.direction = Direction::bidirectional;
  const SharedWork sizes = all_groups(spec);
  EXPECT_EQ(groups_of(spec, sizes, 2), "threads 2 direction x 1 batch x 1 unit");
  EXPECT_EQ(groups_of(spec, sizes, 4), "threads 2 direction x 2 batch x 1 unit");
  EXPECT_EQ(groups_of(spec, sizes, 8), "threads 2 direction x 2 batch x 2 unit");
  judge_threads(spec, sizes, {2, 4, 8});
}

// An odd team leaves one thread over.
TEST_P(ThreadResults, ThreeThreadsForTwoDirections) {
  Spec spec = GetParam();
  spec.direction = Direction::bidirectional;
  EXPECT_EQ(groups_of(spec, all_groups(spec), 3), "threads 2 direction x 1 batch x 1 unit");
}

// One direction, three shares of a batch that three do not divide.
TEST_P(ThreadResults, ThreeThreadsGiveTheSameBits) {
  Spec spec = GetParam();
  const SharedWork sizes = all_groups(spec);
  spec.input_size = 5;
  set_hidden(spec, sizes.H);
  const Index batch = 13;
  const auto problem = oracle::convert<float>(random_problem(spec, 2 * sizes.T, batch, 1));
  const auto upstream = oracle::convert<float>(random_output_gradients(spec, 2 * sizes.T, batch, 2));
  Session<float> session(problem, {.pass = Pass::training, .threads = 3});
  ASSERT_EQ(session.plan.threads(), 3);
  session.set_upstream(upstream);
  session.forward();
  session.backward();
  const auto outputs = session.outputs();
  const auto gradients = session.all_gradients();
  for (int again = 0; again < 5; ++again) {
    session.poison_outputs();
    session.forward();
    session.backward();
    EXPECT_TRUE(same_bits(session.outputs(), outputs));
    EXPECT_TRUE(same_bits(session.all_gradients(), gradients));
  }
}

INSTANTIATE_TEST_SUITE_P(Cpu, ThreadResults, ::testing::ValuesIn(cells_of_each_kind()),
                         [](const auto& instance) { return camel_case(cell_name(instance.param)); });

}  // namespace
}  // namespace recur::test
