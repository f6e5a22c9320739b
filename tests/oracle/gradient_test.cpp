// The proof of the oracle: every gradient of every cell and option against central differences of the forward
// pass, in quadruple precision. The loss is a random linear functional of all outputs.
//
// The tolerance is derived, not tuned. For the derivative along a direction v, with step h:
//
//     |(L(p + h v) - L(p - h v)) / 2h - L'(p) v|  <=  h^2/6 |L'''|  +  n eps S / h
//
// - Truncation. |L'''|, the third derivative along v, is taken as 10^4: data is O(1) and contractive, v has
//   entries in [-1, 1], and tanh and sigmoid have third derivatives of at most 2. (Measured, from how the
//   error falls with h^2: about 30.)
// - Rounding. Each output carries at most n = 1000 roundings of eps = 2^-112, weighted by S, the sum of
//   |coefficient * output|.
//
// With h = 2^-36 that is 3.5e-19 + 1.3e-20 S, S being some dozens: the analytic gradients are right to 18
// digits, and any wrong term shows.
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <tuple>
#include <vector>

#include "oracle/backward.hpp"
#include "oracle/dropout.hpp"
#include "support/functions.hpp"
#include "support/problem.hpp"
#include "support/random.hpp"
#include "support/spec_name.hpp"

namespace recur::oracle {
namespace {

constexpr double kStep = 0x1p-36;
constexpr double kThirdDerivative = 1e4;
constexpr double kRoundings = 1000;

// Distance every argument must keep from a kink of its function: a perturbation of kStep reaches a
// pre-activation through at most the 50 entries of v and 2 * T steps, so 10^4 steps are plenty.
constexpr double kKinkMargin = 1e4 * kStep;

// I = 3 and H = 2 differ, so that no transposition fits; H = 2 is the least with off-diagonal recurrence.
// T = 4 has steps before, between and after two marks. B = 3: an empty, a full and another sequence.
constexpr Index kI = 3, kH = 2, kT = 4, kB = 3;

using Tensor = std::vector<float128>;

/// An input of the loss and the gradient that backward gives for it.
struct Variable {
  std::string name;
  Tensor* value;
  const Tensor* gradient;
};

std::vector<Variable> variables_of(Problem<float128>& problem, const Gradients<float128>& gradients) {
  std::vector<Variable> all = {{"x", &problem.x, &gradients.dx},
                               {"h0", &problem.h0, &gradients.dh0},
                               {"c0", &problem.c0, &gradients.dc0}};
  for (std::size_t l = 0; l < problem.layers.size(); ++l) {
    auto& layer = problem.layers[l];
    const auto& gradient = gradients.layers[l];
    const std::string of = " of layer " + std::to_string(l);
    all.push_back({"W" + of, &layer.W, &gradient.W});
    all.push_back({"R" + of, &layer.R, &gradient.R});
    all.push_back({"bW" + of, &layer.bW, &gradient.bW});
    all.push_back({"bR" + of, &layer.bR, &gradient.bR});
    all.push_back({"peephole" + of, &layer.peephole, &gradient.peephole});
    all.push_back({"projection" + of, &layer.projection, &gradient.projection});
  }
  return all;
}

/// Sum of coefficient * output, and of its absolute terms.
struct Loss {
  float128 value = 0;
  double magnitude = 0;

  Loss(const Outputs<float128>& outputs, const OutputGradients<float128>& coefficients) {
    add(outputs.y, coefficients.dy);
    add(outputs.hN, coefficients.dhN);
    add(outputs.cN, coefficients.dcN);
    add(outputs.c_sequence, coefficients.dc_sequence);
  }

 private:
  void add(const Tensor& output, const Tensor& coefficient) {
    ASSERT_EQ(output.size(), coefficient.size());
    for (std::size_t k = 0; k < output.size(); ++k) {
      const float128 term = output[k] * coefficient[k];
      value += term;
      magnitude += static_cast<double>(absolute(term));
    }
  }
};

/// A problem with its loss and gradients.
class Case {
 public:
  Case(const Spec& spec, std::uint64_t seed)
      : problem_(problem_of(spec, seed)),
        coefficients_(convert<float128>(test::random_output_gradients(spec, kT, kB, seed))),
        result_(forward(problem_)),
        gradients_(backward(problem_, result_, coefficients_)),
        tolerance_(kStep * kStep / 6 * kThirdDerivative +
                   kRoundings * kFloat128Epsilon * Loss(result_, coefficients_).magnitude / kStep) {}

  std::vector<Variable> variables() { return variables_of(problem_, gradients_); }
  double tolerance() const { return tolerance_; }

  /// Central difference of the loss along `direction` of one variable.
  float128 difference(const Variable& variable, const Tensor& direction) {
    const Tensor original = *variable.value;
    const auto loss_at = [&](double step) {
      for (std::size_t k = 0; k < original.size(); ++k) {
        (*variable.value)[k] = original[k] + static_cast<float128>(step) * direction[k];
      }
      return Loss(forward(problem_), coefficients_).value;
    };
    const float128 ahead = loss_at(kStep);
    const float128 behind = loss_at(-kStep);
    *variable.value = original;
    return (ahead - behind) / (2 * kStep);
  }

  static Problem<float128> problem_of(const Spec& spec, std::uint64_t seed) {
    Problem<double> problem = test::random_problem(spec, kT, kB, seed);
    if (spec.dropout > 0) problem.dropout_masks = dropout_masks(spec, kT, kB, seed);
    return convert<float128>(problem);
  }
  bool clear_of_kinks() const { return distance_from_kinks(problem_.spec, result_) >= kKinkMargin; }

 private:
  Problem<float128> problem_;
  OutputGradients<float128> coefficients_;
  Result<float128> result_;
  Gradients<float128> gradients_;
  double tolerance_;
};

float128 dot(const Tensor& a, const Tensor& b) {
  float128 sum = 0;
  for (std::size_t k = 0; k < a.size(); ++k) sum += a[k] * b[k];
  return sum;
}

void expect_equal(Case& test_case, const Variable& variable, const Tensor& direction,
                  const std::string& what) {
  const float128 analytic = dot(*variable.gradient, direction);
  const float128 numeric = test_case.difference(variable, direction);
  const auto error = static_cast<double>(absolute(numeric - analytic));
  EXPECT_LE(error, test_case.tolerance()) << what << ": gradient " << static_cast<double>(analytic)
                                          << ", central difference " << static_cast<double>(numeric);
}

/// Derivatives along a random direction of each tensor: an error in any element shows, as the direction has
/// weight on all of them.
void check_random_directions(const Spec& spec, std::uint64_t seed) {
  Case test_case(spec, seed);
  ASSERT_TRUE(test_case.clear_of_kinks()) << "choose another seed";
  std::uint64_t stream = 1000;
  for (const Variable& variable : test_case.variables()) {
    ASSERT_EQ(variable.value->size(), variable.gradient->size()) << variable.name;
    test::Random random(seed, stream++);
    Tensor direction(variable.value->size());
    for (float128& v : direction) v = random.symmetric(1.0);
    if (!direction.empty()) expect_equal(test_case, variable, direction, variable.name);
  }
}

/// Derivatives along every coordinate of every tensor.
void check_every_element(const Spec& spec, std::uint64_t seed) {
  Case test_case(spec, seed);
  ASSERT_TRUE(test_case.clear_of_kinks()) << "choose another seed";
  for (const Variable& variable : test_case.variables()) {
    for (std::size_t k = 0; k < variable.value->size(); ++k) {
      Tensor direction(variable.value->size());
      direction[k] = 1;
      expect_equal(test_case, variable, direction, variable.name + "[" + std::to_string(k) + "]");
    }
  }
}

Spec make_spec(Spec spec, Direction direction, Index layers) {
  spec.dtype = DataType::f64;
  spec.input_size = kI;
  spec.hidden_size = kH;
  // P = 2 and H = 3: P too has off-diagonal recurrence, and differs from H.
  if (is_projected(spec)) spec.hidden_size = (spec.projection_size = kH) + 1;
  spec.direction = direction;
  spec.layers = layers;
  spec.cell_sequence = has_cell_state(spec);
  return spec;
}

using CellAndDirection = std::tuple<Spec, Direction>;

class Gradient : public ::testing::TestWithParam<CellAndDirection> {};

INSTANTIATE_TEST_SUITE_P(Cells, Gradient,
                         ::testing::Combine(::testing::ValuesIn(test::all_cells_and_projections()),
                                            ::testing::Values(Direction::forward, Direction::reverse,
                                                              Direction::bidirectional)),
                         [](const auto& instance) {
                           return test::camel_case(test::cell_name(std::get<0>(instance.param)) + "_" +
                                                   test::direction_name(std::get<1>(instance.param)));
                         });

TEST_P(Gradient, MatchesDifferencesForEveryOption) {
  const auto& [cell, direction] = GetParam();
  std::uint64_t seed = 1;
  for (Index layers : {1, 2}) {
    for (Bias bias : {Bias::none, Bias::single, Bias::both}) {
      for (int options = 0; options < 4; ++options) {
        Spec spec = make_spec(cell, direction, layers);
        spec.bias = bias;
        spec.variable_lengths = (options & 1) != 0;
        spec.reset_mask = (options & 2) != 0;
        SCOPED_TRACE(test::spec_name(spec));
        check_random_directions(spec, seed++);
      }
    }
  }
}

TEST_P(Gradient, MatchesDifferencesInEveryElement) {
  // The Spec with everything in it, and all of it in one problem.
  const auto& [cell, direction] = GetParam();
  Spec spec = make_spec(cell, direction, 2);
  spec.variable_lengths = true;
  spec.reset_mask = true;
  SCOPED_TRACE(test::spec_name(spec));
  check_every_element(spec, 7);
}

// Of three layers: gradients pass one boundary, and both.
TEST_P(Gradient, MatchesDifferencesWithDropout) {
  const auto& [cell, direction] = GetParam();
  std::uint64_t seed = 1;
  for (double dropout : {0.25, 0.5}) {
    Spec spec = make_spec(cell, direction, 3);
    spec.variable_lengths = spec.reset_mask = true;
    spec.dropout = dropout;
    SCOPED_TRACE(test::spec_name(spec));
    check_random_directions(spec, seed++);
  }
}

// Every function in every place that the cell has, with a clip that some arguments pass and without.
TEST_P(Gradient, MatchesDifferencesForEveryFunction) {
  const auto& [cell, direction] = GetParam();
  std::uint64_t seed = 1;
  for (const test::FunctionCase& functions : test::function_cases()) {
    Spec spec = functions.apply(make_spec(cell, direction, 1));
    spec.variable_lengths = spec.reset_mask = true;
    SCOPED_TRACE(functions.name + " " + test::spec_name(spec));
    check_random_directions(spec, seed++);
  }
}

TEST(GradientDetails, ReluHasSlopeZeroAtZero) {
  // x = h0 = 0 without biases: every argument is exactly 0, so nothing flows.
  Spec spec = make_spec(test::all_cells()[1], Direction::forward, 1);
  ASSERT_EQ(spec.activation, RnnActivation::relu);
  spec.bias = Bias::none;
  auto problem = test::random_problem(spec, kT, kB, 1);
  problem.x.assign(problem.x.size(), 0.0);
  problem.h0.assign(problem.h0.size(), 0.0);
  const auto upstream = test::random_output_gradients(spec, kT, kB, 1);
  const auto gradients = backward(problem, forward(problem), upstream);
  EXPECT_EQ(gradients.dx, std::vector<double>(gradients.dx.size(), 0.0));
  EXPECT_EQ(gradients.dh0, std::vector<double>(gradients.dh0.size(), 0.0));
}

TEST(GradientDetails, BiasGradientsDifferOnlyForGruWithResetAfter) {
  for (const Spec& cell : test::all_cells()) {
    if (!has_recurrent_weights(cell)) continue;  // no bR either
    const Spec spec = make_spec(cell, Direction::bidirectional, 2);
    const auto problem = test::random_problem(spec, kT, kB, 1);
    const auto upstream = test::random_output_gradients(spec, kT, kB, 1);
    const auto gradients = backward(problem, forward(problem), upstream);
    const bool differ = spec.cell == Cell::gru && spec.gru_reset == GruReset::after;
    for (const auto& layer : gradients.layers)
      EXPECT_EQ(layer.bW != layer.bR, differ) << test::spec_name(spec);
  }
}

TEST(GradientDetails, AbsentUpstreamGradientsAreZeros) {
  const Spec spec = make_spec(test::all_cells().back(), Direction::bidirectional, 2);
  const auto problem = test::random_problem(spec, kT, kB, 1);
  auto upstream = test::random_output_gradients(spec, kT, kB, 1);
  const auto result = forward(problem);
  OutputGradients<double> only_dy;
  only_dy.dy = upstream.dy;
  for (auto* tensor : {&upstream.dhN, &upstream.dcN, &upstream.dc_sequence}) {
    tensor->assign(tensor->size(), 0.0);
  }
  const auto with_zeros = backward(problem, result, upstream);
  const auto absent = backward(problem, result, only_dy);
  EXPECT_EQ(with_zeros.dx, absent.dx);
  EXPECT_EQ(with_zeros.dc0, absent.dc0);
  EXPECT_EQ(with_zeros.layers[0].peephole, absent.layers[0].peephole);
}

}  // namespace
}  // namespace recur::oracle
