// Random problems: the same on every platform, representable in storage, and with the hard cases present.
#include "support/problem.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "oracle/backward.hpp"
#include "oracle/oracle.hpp"
#include "support/spec_name.hpp"

namespace recur::test {
namespace {

TEST(Random, IsTheSameOnEveryPlatform) {
  // Recorded once; a change would silently change every test's data.
  Random random(1, 2);
  EXPECT_EQ(random.next(), 0x828fa3e0afc3e80bu);
  EXPECT_EQ(random.symmetric(3.0), -0x1.f714bf5112384p+0);
  EXPECT_EQ(random.integer(-5, 5), 4);
}

TEST(Random, SeedsAndStreamsDiffer) {
  std::set<std::uint64_t> firsts;
  for (std::uint64_t seed = 0; seed < 32; ++seed) {
    for (std::uint64_t stream = 0; stream < 32; ++stream) firsts.insert(Random(seed, stream).next());
  }
  EXPECT_EQ(firsts.size(), 32u * 32u);
}

TEST(Random, SymmetricHasTheMomentsOfTheUniformDistribution) {
  // 2^16 draws in [-2, 2): mean 0 and variance 4/3, with standard errors of 0.0045 and 0.0047; 5 of them.
  Random random(7);
  double sum = 0;
  double squares = 0;
  constexpr int kDraws = 1 << 16;
  for (int k = 0; k < kDraws; ++k) {
    const double value = random.symmetric(2.0);
    ASSERT_GE(value, -2.0);
    ASSERT_LT(value, 2.0);
    sum += value;
    squares += value * value;
  }
  EXPECT_NEAR(sum / kDraws, 0.0, 5 * 0.0045);
  EXPECT_NEAR(squares / kDraws, 4.0 / 3.0, 5 * 0.0047);
}

Spec lstm_with_everything() {
  Spec spec;
  spec.cell = Cell::lstm;
  spec.peepholes = true;
  spec.input_size = 3;
  spec.hidden_size = 5;
  spec.layers = 2;
  spec.direction = Direction::bidirectional;
  spec.variable_lengths = true;
  spec.reset_mask = true;
  spec.cell_sequence = true;
  return spec;
}

TEST(Problem, HasTheSizesTheOracleWants) {
  for (Spec spec : all_cells()) {
    spec.input_size = 3;
    spec.hidden_size = 5;
    spec.layers = 2;
    EXPECT_NO_THROW(oracle::validate(random_problem(spec, 4, 3, 1))) << spec_name(spec);
  }
  EXPECT_NO_THROW(oracle::validate(random_problem(lstm_with_everything(), 4, 3, 1)));
}

TEST(Problem, LengthsHaveZeroFullAndAreUnsorted) {
  bool unsorted = false;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    // B = 5 leaves room for lengths between the two that are always there.
    const auto lengths = random_lengths(9, 5, Random(seed));
    EXPECT_EQ(std::count(lengths.begin(), lengths.end(), 0), 1);
    EXPECT_GE(std::count(lengths.begin(), lengths.end(), 9), 1);
    EXPECT_LE(*std::max_element(lengths.begin(), lengths.end()), 9);
    unsorted = unsorted || !std::is_sorted(lengths.rbegin(), lengths.rend());
  }
  EXPECT_TRUE(unsorted);
  // A single sequence is full: an empty one alone would test nothing.
  EXPECT_EQ(random_lengths(9, 1, Random(1)), std::vector<std::int32_t>{9});
}

TEST(Problem, ResetMaskMarksTheFirstStepAndALaterOne) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const auto mask = random_reset_mask(6, 2, Random(seed));
    const auto marked = [](std::uint8_t mark) { return mark != 0; };
    EXPECT_TRUE(std::any_of(mask.begin(), mask.begin() + 2, marked));
    EXPECT_TRUE(std::any_of(mask.begin() + 2, mask.end(), marked));
    EXPECT_FALSE(std::all_of(mask.begin(), mask.end(), marked));
  }
  EXPECT_EQ(random_reset_mask(1, 1, Random(1)).size(), 1u);  // T = 1 has no later step
}

TEST(Problem, ValuesAreRepresentableInStorage) {
  for (DataType type : {DataType::f64, DataType::f32, DataType::bf16, DataType::f16}) {
    for (Spec spec : all_cells()) {
      spec.input_size = 3;
      spec.hidden_size = 5;
      spec.dtype = type;
      const auto problem = random_problem(spec, 4, 3, 1);
      const auto upstream = random_output_gradients(spec, 4, 3, 1);
      with_storage(type, [&]<class T>() {
        const auto back = oracle::convert<double>(oracle::convert<T>(problem));
        EXPECT_EQ(back.x, problem.x);
        EXPECT_EQ(back.h0, problem.h0);
        EXPECT_EQ(back.c0, problem.c0);
        EXPECT_EQ(back.layers[0].W, problem.layers[0].W);
        EXPECT_EQ(back.layers[0].R, problem.layers[0].R);
        EXPECT_EQ(back.layers[0].bW, problem.layers[0].bW);
        EXPECT_EQ(back.layers[0].bR, problem.layers[0].bR);
        EXPECT_EQ(back.layers[0].peephole, problem.layers[0].peephole);
        EXPECT_EQ(oracle::convert<double>(oracle::convert<T>(upstream)).dy, upstream.dy);
      });
    }
  }
}

// Of relu in 16 bit: no argument has terms of two signs, and both signs occur.
TEST(Problem, OneSignedSumsNeverCancel) {
  Spec spec;
  spec.cell = Cell::rnn;
  spec.activation = RnnActivation::relu;
  spec.input_size = 3;
  spec.hidden_size = 17;
  spec.layers = 2;
  spec.direction = Direction::bidirectional;
  EXPECT_FALSE(has_one_signed_sums(spec));
  spec.dtype = DataType::bf16;
  ASSERT_TRUE(has_one_signed_sums(spec));
  const auto problem = random_problem(spec, 4, 3, 1);
  const auto exact = oracle::forward(problem);
  for (std::size_t k = 0; k < exact.traces.size(); ++k) {
    const auto& layer = problem.layers[k / 2];
    int plus = 0;
    int minus = 0;
    for (std::size_t unit = 0; unit < 17; ++unit) {
      const bool positive = layer.bW[(k % 2) * 17 + unit] > 0;
      ++(positive ? plus : minus);
      for (std::size_t row = 0; row < 12; ++row) {
        EXPECT_EQ(exact.traces[k].sums[row * 17 + unit] > 0, positive) << "unit " << unit;
      }
    }
    EXPECT_GT(plus, 3);
    EXPECT_GT(minus, 3);
  }
}

// Contractive: what the last states depend on is forgotten. Where it is not, one rounding error decides all
// later ones, and errors of different runs are as alike as throws of a die.
TEST(Problem, LongSequencesForgetWhereTheyStarted) {
  for (Spec spec : all_cells_and_projections()) {
    if (has_growing_state(spec)) continue;
    SCOPED_TRACE(spec_name(spec));
    spec.input_size = 3;
    set_hidden(spec, 9);
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
      const auto problem = random_problem(spec, 60, 4, seed);
      auto upstream = random_output_gradients(spec, 60, 4, seed);
      std::fill(upstream.dy.begin(), upstream.dy.end(), 0.0);
      const auto gradients = oracle::backward(problem, oracle::forward(problem), upstream);
      for (const auto* tensor : {&gradients.dh0, &gradients.dc0}) {
        for (double value : *tensor) ASSERT_LT(std::fabs(value), 1e-3) << "seed " << seed;
      }
    }
  }
}

// A residual relu keeps what it has: its gradients neither vanish nor explode.
TEST(Problem, GrowingStatesStayTame) {
  Spec spec;
  spec.cell = Cell::rnn;
  spec.activation = RnnActivation::relu;
  spec.residual = true;
  spec.input_size = 3;
  spec.hidden_size = 9;
  ASSERT_TRUE(has_growing_state(spec));
  for (DataType type : {DataType::f32, DataType::bf16}) {
    spec.dtype = type;
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
      const auto problem = random_problem(spec, 40, 4, seed);
      const auto exact = oracle::forward(problem);
      const auto gradients = oracle::backward(problem, exact, random_output_gradients(spec, 40, 4, seed));
      for (double value : exact.y) ASSERT_LT(std::fabs(value), 100) << "seed " << seed;
      for (double value : gradients.layers[0].R) ASSERT_LT(std::fabs(value), 65504) << "seed " << seed;
    }
  }
}

TEST(Problem, AnotherLengthKeepsTheWeights) {
  const Spec spec = lstm_with_everything();
  const auto one = random_problem(spec, 4, 3, 1);
  const auto other = random_problem(spec, 6, 2, 1);
  EXPECT_EQ(one.layers[1].R, other.layers[1].R);
  EXPECT_NE(one.layers[1].R, random_problem(spec, 4, 3, 2).layers[1].R);
}

}  // namespace
}  // namespace recur::test
