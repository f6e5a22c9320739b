// The oracle's code in narrower types and with storage rounding: the naive runs that engines are measured
// against must themselves be right, and rounded where docs/design.md says.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "oracle/backward.hpp"
#include "support/problem.hpp"
#include "support/spec_name.hpp"
#include "support/tolerance.hpp"

namespace recur::oracle {
namespace {

using test::random_output_gradients;
using test::random_problem;

// H = 5, I = 3: odd, and not multiples of the eight rows that `multiply` takes at a time; with four gates it
// meets full blocks and a remainder. T = 9 lets errors travel.
constexpr Index kT = 9, kB = 3;

Spec make_spec(Spec spec, DataType dtype) {
  spec.input_size = 3;
  spec.hidden_size = 5;
  if (is_projected(spec)) spec.projection_size = 3;
  spec.layers = 2;
  spec.direction = Direction::bidirectional;
  spec.dtype = dtype;
  spec.variable_lengths = true;
  spec.reset_mask = true;
  spec.cell_sequence = has_cell_state(spec);
  return spec;
}

class Naive : public ::testing::TestWithParam<Spec> {};

INSTANTIATE_TEST_SUITE_P(Cells, Naive, ::testing::ValuesIn(test::all_cells_and_projections()),
                         [](const auto& instance) {
                           return test::camel_case(test::cell_name(instance.param));
                         });

template <class Wide, class Narrow>
double largest_difference(const std::vector<Wide>& wide, const std::vector<Narrow>& narrow) {
  EXPECT_EQ(wide.size(), narrow.size());
  double largest = 0;
  for (std::size_t k = 0; k < wide.size(); ++k) {
    const double difference = static_cast<double>(absolute(Wide(wide[k] - static_cast<Wide>(narrow[k]))));
    if (!(difference <= largest)) largest = difference;  // keeps a NaN
  }
  return largest;
}

/// Largest difference over all outputs and gradients.
template <class Wide, class Narrow, class Round = RoundNothing>
double largest_difference(const Problem<double>& problem, Round round = {}) {
  const auto upstream = random_output_gradients(problem.spec, problem.T, problem.B, 2);
  const auto wide_problem = convert<Wide>(problem);
  const auto wide = forward(wide_problem);
  const auto wide_gradients = backward(wide_problem, wide, convert<Wide>(upstream));
  const auto narrow_problem = convert<Narrow>(problem);
  const auto narrow = forward(narrow_problem, round);
  const auto narrow_gradients = backward(narrow_problem, narrow, convert<Narrow>(upstream), round);
  double largest = 0;
  const auto compare = [&](const auto& a, const auto& b) {
    largest = std::fmax(largest, largest_difference(a, b));
  };
  compare(wide.y, narrow.y);
  compare(wide.hN, narrow.hN);
  compare(wide.cN, narrow.cN);
  compare(wide.c_sequence, narrow.c_sequence);
  compare(wide_gradients.dx, narrow_gradients.dx);
  compare(wide_gradients.dh0, narrow_gradients.dh0);
  compare(wide_gradients.dc0, narrow_gradients.dc0);
  for (std::size_t l = 0; l < wide.layer_inputs.size(); ++l) {
    compare(wide_gradients.layers[l].W, narrow_gradients.layers[l].W);
    compare(wide_gradients.layers[l].R, narrow_gradients.layers[l].R);
    compare(wide_gradients.layers[l].bW, narrow_gradients.layers[l].bW);
    compare(wide_gradients.layers[l].bR, narrow_gradients.layers[l].bR);
    compare(wide_gradients.layers[l].peephole, narrow_gradients.layers[l].peephole);
    compare(wide_gradients.layers[l].projection, narrow_gradients.layers[l].projection);
  }
  return largest;
}

// Values and gradients are below 32 and pass through some hundred roundings, which at worst add up: 32 * 128
// half-units of the narrower type. Typical is a hundredth of that; a wrong equation is off by far more.
constexpr double kRoundings = 32 * 128 / 2.0;

TEST_P(Naive, LongDoubleAgreesWithQuadruple) {
  const double difference = largest_difference<float128, long double>(
      random_problem(make_spec(GetParam(), DataType::f64), kT, kB, 1));
  EXPECT_GT(difference, 0.0);
  EXPECT_LT(difference, kRoundings * 0x1p-63);
}

TEST_P(Naive, DoubleAgreesWithQuadruple) {
  const double difference =
      largest_difference<float128, double>(random_problem(make_spec(GetParam(), DataType::f64), kT, kB, 1));
  EXPECT_GT(difference, 0.0);
  EXPECT_LT(difference, kRoundings * 0x1p-52);
}

TEST_P(Naive, FloatAgreesWithDouble) {
  const double difference =
      largest_difference<double, float>(random_problem(make_spec(GetParam(), DataType::f32), kT, kB, 1));
  EXPECT_GT(difference, 0.0);
  EXPECT_LT(difference, kRoundings * 0x1p-23);
}

template <class Round>
void expect_rounded(const std::vector<float>& tensor, Round round, const char* name) {
  for (float value : tensor) ASSERT_EQ(value, round(value)) << name;
}

template <class Round>
void expect_storage_rounding(const Spec& spec, Round round) {
  const auto problem = convert<float>(random_problem(spec, kT, kB, 1));
  const auto result = forward(problem, round);
  expect_rounded(result.y, round, "y");
  expect_rounded(result.hN, round, "hN");
  expect_rounded(result.cN, round, "cN");
  expect_rounded(result.c_sequence, round, "c_sequence");
  for (const auto& trace : result.traces) expect_rounded(trace.h_prev, round, "h between steps");
  const auto upstream = convert<float>(random_output_gradients(spec, kT, kB, 2));
  const auto gradients = backward(problem, result, upstream, round);
  expect_rounded(gradients.dx, round, "dx");
  expect_rounded(gradients.dh0, round, "dh0");
  expect_rounded(gradients.layers[0].R, round, "dR");
  if (has_cell_state(spec)) {
    // The running c is kept in full: rounding it would show as equality here.
    const auto& c = result.traces[0].c;
    EXPECT_FALSE(std::all_of(c.begin(), c.end(), [&](float value) { return value == round(value); }));
  }
}

TEST_P(Naive, StorageRoundingIsApplied) {
  expect_storage_rounding(make_spec(GetParam(), DataType::bf16), RoundToBf16{});
  expect_storage_rounding(make_spec(GetParam(), DataType::f16), RoundToF16{});
}

TEST_P(Naive, StorageErrorsFollowTheStorageType) {
  const double f16 = largest_difference<double, float>(
      random_problem(make_spec(GetParam(), DataType::f16), kT, kB, 1), RoundToF16{});
  const double bf16 = largest_difference<double, float>(
      random_problem(make_spec(GetParam(), DataType::bf16), kT, kB, 1), RoundToBf16{});
  EXPECT_LT(f16, kRoundings * 0x1p-10 / 32) << "the few roundings to storage, not every operation's";
  EXPECT_LT(bf16, kRoundings * 0x1p-7 / 32);
  EXPECT_GT(f16, 0x1p-12);
  EXPECT_GT(bf16, 0x1p-9);
}

// dR, and dW of a cell without R.
template <class Real>
std::vector<Real>& matrix_of(const Spec& spec, LayerParameters<Real>& layer) {
  return has_recurrent_weights(spec) ? layer.R : layer.W;
}

TEST_P(Naive, TheRulePassesItAndSeesAWrongTensor) {
  // How an engine is judged, with the nearest floats to the oracle's values as the engine.
  const Spec spec = make_spec(GetParam(), DataType::f32);
  test::ErrorPools good(DataType::f32);
  test::ErrorPools bad(DataType::f32);
  for (std::uint64_t seed = 1; !good.enough(); ++seed) {
    const auto problem = random_problem(spec, kT, kB, seed);
    const auto upstream = random_output_gradients(spec, kT, kB, seed);
    const auto oracle = forward(problem);
    const auto oracle_gradients = backward(problem, oracle, upstream);
    const auto naive_problem = convert<float>(problem);
    const auto naive = forward(naive_problem);
    const auto naive_gradients = backward(naive_problem, naive, convert<float>(upstream));

    Outputs<float> outputs = {convert<float>(oracle.y), convert<float>(oracle.hN), convert<float>(oracle.cN),
                              convert<float>(oracle.c_sequence)};
    Gradients<float> gradients = {convert<float>(oracle_gradients.dx), convert<float>(oracle_gradients.dh0),
                                  convert<float>(oracle_gradients.dc0),
                                  convert<float>(oracle_gradients.layers)};
    const std::string label = "seed " + std::to_string(seed);
    good.add(oracle, naive, outputs, label);
    good.add(oracle_gradients, naive_gradients, gradients, label);
    // One sequence's final state mistaken for another's, and one layer's gradient off by 1 in 10^4.
    std::swap(outputs.hN.front(), outputs.hN.back());
    for (float& value : matrix_of(spec, gradients.layers[1])) value *= 1.0001f;
    bad.add(oracle, naive, outputs, label);
    bad.add(oracle_gradients, naive_gradients, gradients, label);
  }
  EXPECT_TRUE(good.verdict());
  const auto verdict = bad.verdict();
  ASSERT_FALSE(verdict);
  const std::string message = verdict.message();
  EXPECT_NE(message.find("\nhN: "), std::string::npos) << message;
  const std::string name = has_recurrent_weights(spec) ? "\ndR" : "\ndW";
  EXPECT_NE(message.find(name + "[1]: "), std::string::npos) << message;
  EXPECT_EQ(message.find("\ny: "), std::string::npos) << message;
  EXPECT_EQ(message.find(name + "[0]: "), std::string::npos) << message;
}

// An engine in 16 bit that is right: sums in another arithmetic, and the gates that backward reads kept in 16
// bit, which the naive run does not need to. And two that are wrong.
template <class T>
void expect_rule_in_16_bit(const Spec& spec) {
  const typename test::StorageOf<T>::Round round;
  const struct {
    double operator()(double value) const {
      return static_cast<double>(typename test::StorageOf<T>::Round{}(static_cast<float>(value)));
    }
    double operand(double value) const { return (*this)(value); }
  } round_double;
  test::ErrorPools good(spec.dtype);
  test::ErrorPools bad(spec.dtype);
  for (std::uint64_t seed = 1; !good.enough(); ++seed) {
    const auto problem = random_problem(spec, kT, kB, seed);
    const auto upstream = random_output_gradients(spec, kT, kB, seed);
    const auto oracle = forward(problem);
    const auto oracle_gradients = backward(problem, oracle, upstream);
    const auto naive_problem = convert<float>(problem);
    const auto naive = forward(naive_problem, round);
    const auto naive_gradients = backward(naive_problem, naive, convert<float>(upstream), round);

    auto engine = forward(problem, round_double);
    for (auto& trace : engine.traces) detail::round_all(trace.gates, round_double);
    auto gradients = backward(problem, engine, upstream, round_double);
    const std::string label = "seed " + std::to_string(seed);
    good.add(oracle, naive, engine, label);
    good.add(oracle_gradients, naive_gradients, gradients, label);
    std::swap(engine.hN.front(), engine.hN.back());
    for (double& value : matrix_of(spec, gradients.layers[1]))
      value *= 1.0 + 8 * test::epsilon_of(spec.dtype);
    bad.add(oracle, naive, engine, label);
    bad.add(oracle_gradients, naive_gradients, gradients, label);
  }
  EXPECT_TRUE(good.verdict());
  const auto verdict = bad.verdict();
  ASSERT_FALSE(verdict);
  const std::string message = verdict.message();
  EXPECT_NE(message.find("\nhN: "), std::string::npos) << message;
  EXPECT_NE(message.find(has_recurrent_weights(spec) ? "\ndR[1]: " : "\ndW[1]: "), std::string::npos)
      << message;
}

TEST_P(Naive, TheRuleIn16Bit) {
  expect_rule_in_16_bit<test::Bf16>(make_spec(GetParam(), DataType::bf16));
  expect_rule_in_16_bit<test::F16>(make_spec(GetParam(), DataType::f16));
}

}  // namespace
}  // namespace recur::oracle
