// Runs small enough for ThreadSanitizer in which every kind of sharing happens, and plans, weights and
// processes shared by many threads at once. Bits are those of one thread alone.
#include <gtest/gtest.h>

#include <thread>

#include "contract/session.hpp"
#include "engines/engine_run.hpp"
#include "support/problem.hpp"
#include "support/spec_name.hpp"

namespace recur::test {
namespace {

class Threads : public ::testing::TestWithParam<Spec> {
 protected:
  template <class T>
  static void expect_bits_of_one_thread(Spec spec, const SharedWork& sizes, int threads,
                                        bool batch_invariant) {
    spec.input_size = 5;
    set_hidden(spec, sizes.H);
    spec.dtype = storage_type<T>;
    const auto problem = oracle::convert<T>(random_problem(spec, sizes.T, sizes.B, 1));
    const auto upstream = oracle::convert<T>(random_output_gradients(spec, sizes.T, sizes.B, 2));
    Session<T> many(problem,
                    {.pass = Pass::training, .threads = threads, .batch_invariant = batch_invariant});
    ASSERT_EQ(many.plan.threads(), threads) << many.plan.tile();
    many.set_upstream(upstream);
    many.forward();
    many.backward();
    Session<T> one(problem, {.pass = Pass::training, .batch_invariant = true});
    one.set_upstream(upstream);
    one.forward();
    one.backward();
    EXPECT_TRUE(same_bits(many.outputs(), one.outputs()));
    EXPECT_TRUE(same_bits(many.dx.vector(), one.dx.vector()));
    EXPECT_TRUE(same_bits(many.dh0.vector(), one.dh0.vector()));
    EXPECT_TRUE(same_bits(many.dc0.vector(), one.dc0.vector()));
    // Each element of these is formed by one member in one order, however many there are.
    for (std::size_t l = 0; l < many.gradients.size(); ++l) {
      EXPECT_TRUE(same_bits(many.gradients[l].dense(), one.gradients[l].dense())) << "layer " << l;
    }
  }
};

// 2 directions x 2 batch groups x 2 unit groups, a stack, lengths and marks.
TEST_P(Threads, EveryKindOfSharing) {
  Spec spec = GetParam();
  spec.direction = Direction::bidirectional;
  spec.layers = 2;
  spec.variable_lengths = true;
  spec.reset_mask = true;
  spec.cell_sequence = spec.cell == Cell::lstm;
  for (bool batch_invariant : {false, true}) {
    expect_bits_of_one_thread<float>(spec, all_groups(spec), 8, batch_invariant);
    expect_bits_of_one_thread<Bf16>(spec, all_groups(spec), 8, batch_invariant);
  }
}

TEST_P(Threads, UnitsOnly) {
  for (int threads : {2, 3})
    expect_bits_of_one_thread<float>(GetParam(), unit_groups(GetParam()), threads, true);
}

// A last chunk of time shorter than the others is shared out in other parts than they were.
TEST_P(Threads, ChunksOfTime) {
  Spec spec = GetParam();
  spec.input_size = 5;
  set_hidden(spec, unit_groups(spec).H);
  const Index T = 90, B = 7;
  const auto expect_bits = [&]<class T_>(Layout layout) {
    spec.dtype = storage_type<T_>;
    const auto problem = oracle::convert<T_>(random_problem(spec, T, B, 1));
    const auto upstream = oracle::convert<T_>(random_output_gradients(spec, T, B, 2));
    EngineRun<T_> one(problem, Pass::training, {.batch_invariant = true, .layout = layout});
    EngineRun<T_> many(problem, Pass::training, {.threads = 2, .batch_invariant = true, .layout = layout});
    ASSERT_EQ(many.plan().threads(), 2);
    ASSERT_EQ(many.plan().tile().find("chunks of " + std::to_string(T * B) + " rows"), std::string::npos)
        << "one chunk only: " << many.plan().tile();
    EXPECT_TRUE(same_bits(many.forward(), one.forward()));
    EXPECT_TRUE(same_bits(many.backward(upstream), one.backward(upstream)));
  };
  expect_bits.operator()<float>(Layout::batch_major);
  expect_bits.operator()<Bf16>(Layout::time_major);
}

// Several threads, each with a context and buffers of its own, on one plan and one set of prepared weights.
TEST_P(Threads, OnePlanOnePreparedBufferManyContexts) {
  Spec spec = GetParam();
  const SharedWork sizes = unit_groups(spec);
  spec.input_size = 5;
  set_hidden(spec, sizes.H);
  const auto problem = oracle::convert<float>(random_problem(spec, sizes.T, sizes.B, 1));
  Session<float> shared(problem, {.threads = 2});
  ASSERT_EQ(shared.plan.threads(), 2);
  shared.prepare();
  shared.forward_prepared();
  const std::vector<float> expected = shared.y.vector();

  constexpr int kCallers = 3;
  std::vector<int> wrong(kCallers, 0);
  std::vector<std::thread> callers;
  callers.reserve(kCallers);
  for (int caller = 0; caller < kCallers; ++caller) {
    callers.emplace_back([&, caller] {
      ThreadTeam team(2);
      Context context(Device::cpu(), &team);
      context.state().load.choose(host::LoadPolicy::Choice::team);
      const Plan plan = shared.plan;  // a copy of a plan is the plan
      Aligned<std::byte> workspace(plan.sizes().workspace_prepared);
      Aligned<float> y(expected.size());
      ForwardArgs args = shared.forward_args;
      args.y = shared.sequence(y, output_size_of(spec));
      args.hN = args.cN = {};
      for (int again = 0; again < 4; ++again) {
        y.poison();
        forward(plan, context, Stream(), shared.prepared, args, workspace.bytes());
        if (!same_bits(y.vector(), expected)) ++wrong[static_cast<std::size_t>(caller)];
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(wrong, std::vector<int>(kCallers, 0));
}

INSTANTIATE_TEST_SUITE_P(Cpu, Threads, ::testing::ValuesIn(all_cells_and_projections()),
                         [](const auto& instance) { return camel_case(cell_name(instance.param)); });

// Many callers, each planning, preparing, running and training jobs of its own: nothing is shared but the
// library, and nothing of that may be.
TEST(ThreadsStress, ManyThreadsManyPlans) {
  const std::vector<Spec> cells = all_cells();
  std::vector<std::thread> callers;
  std::vector<int> wrong(4, 0);
  for (std::size_t caller = 0; caller < wrong.size(); ++caller) {
    callers.emplace_back([&, caller] {
      for (std::size_t job = 0; job < 6; ++job) {
        Spec spec = cells[(caller + job) % cells.size()];
        spec.input_size = 4;
        spec.hidden_size = 9 + static_cast<Index>(job);
        const auto problem = oracle::convert<float>(random_problem(spec, 5, 4, 1 + job));
        const auto upstream = oracle::convert<float>(random_output_gradients(spec, 5, 4, 2));
        Session<float> training(problem, {.pass = Pass::training, .batch_invariant = true});
        training.set_upstream(upstream);
        training.forward();
        training.backward();
        Session<float> inference(problem, {.batch_invariant = true});
        inference.prepare();
        inference.forward_prepared();
        if (!same_bits(inference.outputs(), training.outputs())) ++wrong[caller];
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(wrong, std::vector<int>(wrong.size(), 0));
}

// Many callers want one context: each call is served alone or refused, and the results are right.
TEST(ThreadsStress, OneContextManyCallers) {
  Spec spec;
  spec.input_size = 4;
  spec.hidden_size = 9;
  const auto problem = oracle::convert<float>(random_problem(spec, 5, 4, 1));
  Session<float> shared(problem, {});
  shared.prepare();
  shared.forward_prepared();
  const std::vector<float> expected = shared.y.vector();
  std::vector<int> served(3, 0), refused(3, 0), wrong(3, 0);
  std::vector<std::thread> callers;
  for (std::size_t caller = 0; caller < served.size(); ++caller) {
    callers.emplace_back([&, caller] {
      Aligned<std::byte> workspace(shared.plan.sizes().workspace_prepared);
      Aligned<float> y(expected.size());
      ForwardArgs args = shared.forward_args;
      args.y = shared.sequence(y, output_size_of(spec));
      args.hN = args.cN = {};
      for (int i = 0; i < 200; ++i) {
        y.poison();
        try {
          forward(shared.plan, shared.context, Stream(), shared.prepared, args, workspace.bytes());
          ++served[caller];
          if (!same_bits(y.vector(), expected)) ++wrong[caller];
        } catch (const InvalidArgument&) {
          ++refused[caller];
        }
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  for (std::size_t caller = 0; caller < served.size(); ++caller) {
    EXPECT_EQ(served[caller] + refused[caller], 200);
    EXPECT_EQ(wrong[caller], 0);
  }
}

}  // namespace
}  // namespace recur::test
