// The same plan and the same inputs give the same bits, however often; what may alias gives what separate
// memory gives; backward only reads its reserve.
#include <gtest/gtest.h>

#include "contract/session.hpp"
#include "support/problem.hpp"
#include "support/spec_name.hpp"

namespace recur::test {
namespace {

class Determinism : public ::testing::TestWithParam<Spec> {
 protected:
  // Everything at once, at sizes where four threads are four.
  Spec full_spec() const {
    Spec spec = GetParam();
    spec.input_size = 5;
    spec.hidden_size = all_groups(spec).H;
    spec.layers = 2;
    spec.direction = Direction::bidirectional;
    spec.variable_lengths = true;
    spec.reset_mask = true;
    spec.cell_sequence = spec.cell == Cell::lstm;
    return spec;
  }
  template <class T>
  static oracle::Problem<T> problem_of(Spec spec) {
    const SharedWork sizes = all_groups(spec);
    spec.dtype = data_type_of<T>;
    return oracle::convert<T>(random_problem(spec, sizes.T, sizes.B, 1));
  }
  template <class T>
  static oracle::OutputGradients<T> upstream_of(const oracle::Problem<T>& problem) {
    return oracle::convert<T>(random_output_gradients(problem.spec, problem.T, problem.B, 2));
  }

  template <class T>
  void expect_same_bits_again(const Options& options) {
    const auto problem = problem_of<T>(full_spec());
    const auto upstream = upstream_of(problem);
    Session<T> session(problem, options);
    ASSERT_EQ(session.plan.threads(), options.threads);
    session.set_upstream(upstream);
    session.forward();
    const std::vector<std::byte> reserve = session.reserve.vector();
    const auto outputs = session.outputs();
    session.backward();
    const auto gradients = session.all_gradients();
    EXPECT_EQ(session.reserve.vector(), reserve) << "backward wrote to its reserve";

    // Again on the same reserve, then all again; outputs and workspaces poisoned between.
    for (int again = 0; again < 2; ++again) {
      Aligned<T> y(outputs.y);
      session.poison_outputs();
      std::memcpy(session.y.data(), y.data(), y.size() * sizeof(T));  // an input of backward
      session.backward();
      EXPECT_TRUE(same_bits(session.all_gradients(), gradients)) << "backward " << again;
      EXPECT_EQ(session.reserve.vector(), reserve);
    }
    for (int again = 0; again < 3; ++again) {
      session.poison_outputs();
      session.reserve.poison();
      session.forward();
      EXPECT_TRUE(same_bits(session.outputs(), outputs)) << "forward " << again;
      session.backward();
      EXPECT_TRUE(same_bits(session.all_gradients(), gradients)) << "forward and backward " << again;
    }
    // In memory of its own, with a team and a context of its own.
    Session<T> other(problem, options);
    EXPECT_EQ(other.plan.fingerprint(), session.plan.fingerprint());
    other.set_upstream(upstream);
    other.forward();
    other.backward();
    EXPECT_TRUE(same_bits(other.outputs(), outputs));
    EXPECT_TRUE(same_bits(other.all_gradients(), gradients));
  }
};

TEST_P(Determinism, RepeatedRunsGiveTheSameBits) {
  for (int threads : {1, 2, 4}) {
    for (bool batch_invariant : {false, true}) {
      SCOPED_TRACE("threads " + std::to_string(threads) + (batch_invariant ? ", batch invariant" : ""));
      const Options options{.pass = Pass::training, .threads = threads, .batch_invariant = batch_invariant};
      expect_same_bits_again<float>(options);
      if (threads == 4) expect_same_bits_again<double>(options);
    }
  }
}

// Three threads: one direction, three shares of a batch that three do not divide.
TEST_P(Determinism, ThreeThreads) {
  Spec spec = GetParam();
  const SharedWork sizes = all_groups(spec);
  spec.input_size = 5;
  spec.hidden_size = sizes.H;
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

// hN may be h0 and cN c0, dh0 may be dhN and dc0 dcN.
TEST_P(Determinism, StatesInPlace) {
  for (int threads : {1, 4}) {
    const auto problem = problem_of<float>(full_spec());
    const auto upstream = upstream_of(problem);
    const Options options{.pass = Pass::training, .threads = threads};
    Session<float> apart(problem, options);
    apart.set_upstream(upstream);
    apart.forward();
    apart.backward();

    Session<float> in_place(problem, options);
    in_place.set_upstream(upstream);
    in_place.forward_args.hN = in_place.state(in_place.h0);
    in_place.forward_args.cN = in_place.state(in_place.c0);
    in_place.forward();
    EXPECT_EQ(in_place.y.vector(), apart.y.vector());
    EXPECT_EQ(in_place.h0.vector(), apart.hN.vector());
    EXPECT_EQ(in_place.c0.vector(), apart.cN.vector());
    // Backward wants the h0 and c0 that forward began with.
    in_place.h0 = Aligned<float>(problem.h0);
    in_place.c0 = Aligned<float>(problem.c0);
    in_place.backward_args.h0 = in_place.state(in_place.h0);
    in_place.backward_args.c0 = in_place.state(in_place.c0);
    in_place.backward_args.dh0 = in_place.state(in_place.dhN);
    in_place.backward_args.dc0 = in_place.state(in_place.dcN);
    in_place.backward();
    EXPECT_EQ(in_place.dx.vector(), apart.dx.vector());
    EXPECT_EQ(in_place.dhN.vector(), apart.dh0.vector());
    EXPECT_EQ(in_place.dcN.vector(), apart.dc0.vector());
  }
}

// Adding to zeros gives what overwriting gives; adding twice gives twice that, for 2 g is exact. Both hold of
// sums that do not start from what was there, which chains of our own product may.
TEST_P(Determinism, AccumulationStartsFromWhatIsThere) {
  const auto problem = problem_of<float>(full_spec());
  Session<float> session(problem, {.pass = Pass::training});
  session.set_upstream(upstream_of(problem));
  session.forward();
  session.backward();
  const auto overwritten = session.all_gradients();
  for (auto& layer : session.gradients) {
    for (Aligned<float>* tensor : {&layer.W, &layer.R, &layer.bW, &layer.bR, &layer.peephole}) {
      std::fill_n(tensor->data(), tensor->size(), 0.0f);
    }
  }
  session.backward_args.mode = GradientMode::accumulate;
  session.backward();
  const auto accumulated = session.all_gradients();
  EXPECT_EQ(accumulated.dx, overwritten.dx) << "only the gradients of weights accumulate";
  EXPECT_EQ(accumulated.dh0, overwritten.dh0);
  for (std::size_t l = 0; l < accumulated.layers.size(); ++l) {
    EXPECT_EQ(accumulated.layers[l].W, overwritten.layers[l].W);
    EXPECT_EQ(accumulated.layers[l].R, overwritten.layers[l].R);
    EXPECT_EQ(accumulated.layers[l].bW, overwritten.layers[l].bW);
    EXPECT_EQ(accumulated.layers[l].bR, overwritten.layers[l].bR);
    EXPECT_EQ(accumulated.layers[l].peephole, overwritten.layers[l].peephole);
  }
}

INSTANTIATE_TEST_SUITE_P(Cpu, Determinism, ::testing::ValuesIn(all_cells()),
                         [](const auto& instance) { return camel_case(cell_name(instance.param)); });

}  // namespace
}  // namespace recur::test
