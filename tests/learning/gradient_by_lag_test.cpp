// What docs/gradients.md says of gradients, where theory knows it: in a linear layer to rounding, as bounds
// in any, and beside the oracle.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "examples/gradient_by_lag/study.hpp"
#include "oracle/backward.hpp"
#include "oracle/oracle.hpp"

namespace recur::test {
namespace {

using study::Kind;
using study::Sizes;

constexpr std::int64_t kHidden = 8;
constexpr std::uint64_t kSeeds = 5;
// From zeros without inputs a state stays zero: gates are what their biases make them, and gradients linear.
constexpr Sizes kLinear{.steps = 60, .batch = 3, .inputs = 2, .hidden = kHidden, .input = 0};
constexpr Sizes kDriven{.steps = 60, .batch = 3, .inputs = 2, .hidden = kHidden, .input = 1};

std::vector<double> norms_of(const Kind& kind, const Sizes& sizes, std::uint64_t seed) {
  return norms_by_lag(make_model(kind, sizes, seed), sizes, make_data(sizes, seed));
}

double sigmoid(double a) { return 1 / (1 + std::exp(-a)); }

// Relative, after so many steps: a product with a matrix of norm 1, made orthogonal by as many roundings, is
// wrong by at most H^1.5 roundings a step each time, and what is done to single elements by a few.
double rounding(std::int64_t steps) {
  return 2 * static_cast<double>(steps + 1) * (std::pow(kHidden, 1.5) + 8) * 0x1p-52;
}

// A state's gradient is multiplied each step by a matrix whose singular values lie between these, once it has
// arrived, which takes the first step of an lstm and multiplies it by `arrival`.
struct Factors {
  double least, largest;
  double arrival = 1;
};

Factors linear_factors(const Kind& kind) {
  if (kind.cell.cell == Cell::gru) {
    // dh' = z dh + (1 - z) R^T (r dh), all else is zero.
    const double z = kind.memory > 0 ? sigmoid(std::log(kind.memory)) : 0.5;
    return {z - (1 - z) * 0.5 * kind.gain, z + (1 - z) * 0.5 * kind.gain};
  }
  if (kind.cell.cell == Cell::lstm) {
    // With u = dc + o dh: dc' = f u, dh' = i R^T u.
    const double f = sigmoid(kind.memory > 0 ? std::log(kind.memory) : 1);
    const double i = kind.memory > 0 ? sigmoid(-std::log(kind.memory)) : 0.5;
    const double o = 0.5;
    return {f - o * i * kind.gain, f + o * i * kind.gain, o * std::hypot(f, i * kind.gain)};
  }
  if (!kind.cell.residual) return {kind.gain, kind.gain};
  // An antisymmetric orthogonal J has J^T J = 1 and J + J^T = 0: |v + g J v|^2 = (1 + g^2) |v|^2.
  const double turned = std::hypot(1, kind.gain);
  if (kind.antisymmetric) return {turned, turned};
  return {1 - kind.gain, 1 + kind.gain};
}

void expect_between(const Kind& kind, const Sizes& sizes, const Factors& factors) {
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    const std::vector<double> norms = norms_of(kind, sizes, seed);
    ASSERT_EQ(norms.size(), static_cast<std::size_t>((sizes.steps + 1) * sizes.batch));
    for (std::int64_t lag = 0; lag <= sizes.steps; ++lag) {
      const double steps = static_cast<double>(factors.arrival == 1 || lag == 0 ? lag : lag - 1);
      const double start = lag == 0 ? 1 : factors.arrival;
      for (std::int64_t b = 0; b < sizes.batch; ++b) {
        const double norm = norms[static_cast<std::size_t>(lag * sizes.batch + b)];
        ASSERT_GE(norm, start * std::pow(factors.least, steps) * (1 - rounding(lag)))
            << kind.name << " lag " << lag;
        ASSERT_LE(norm, start * std::pow(factors.largest, steps) * (1 + rounding(lag)))
            << kind.name << " lag " << lag;
      }
    }
  }
}

// Vanishing as 0.8^lag, exploding as 2^lag, kept by residual connections and gates that start open: rnn and
// the antisymmetric residual rnn exactly.
TEST(GradientByLag, LinearLayersDoWhatTheirFactorsSay) {
  for (const Kind& kind : study::kinds()) expect_between(kind, kLinear, linear_factors(kind));
}

// A slope of tanh is at most 1: gradients of an rnn are never above gain^lag, and those of a residual rnn
// between (1 - gain)^lag and (1 + gain)^lag, whatever the inputs.
TEST(GradientByLag, RnnsStayInTheirBounds) {
  for (const Kind& kind : study::kinds()) {
    if (kind.cell.cell != Cell::rnn) continue;
    Factors bounds{0, kind.gain};
    if (kind.cell.residual) bounds = {1 - kind.gain, 1 + kind.gain};
    expect_between(kind, kDriven, bounds);
  }
}

// The inputs of the test above are felt: slopes are below 1.
TEST(GradientByLag, SaturationHoldsBackWhatExplodes) {
  const Kind& kind = study::kinds()[1];
  ASSERT_EQ(kind.gain, 2);
  const std::vector<double> linear = norms_of(kind, kLinear, 1);
  const std::vector<double> driven = norms_of(kind, kDriven, 1);
  EXPECT_LT(driven.back(), linear.back() / 1e6);
}

// All kinds together: what the page compares.
TEST(GradientByLag, MemoryIsKeptByGatesThatStartOpen) {
  for (const auto& [plain, open] : {std::pair(4, 5), std::pair(6, 7)}) {
    const std::vector<double> short_lived =
        norms_of(study::kinds()[static_cast<std::size_t>(plain)], kDriven, 1);
    const std::vector<double> kept = norms_of(study::kinds()[static_cast<std::size_t>(open)], kDriven, 1);
    EXPECT_LT(short_lived.back(), 0.01);
    EXPECT_GT(kept.back(), 0.05);
  }
}

// The gradients of the last steps' initial state, by the oracle.
TEST(GradientByLag, AgreesWithTheOracle) {
  constexpr Sizes kFew{.steps = 6, .batch = 2, .inputs = 3, .hidden = kHidden, .input = 1};
  for (const Kind& kind : study::kinds()) {
    const study::Model model = make_model(kind, kFew, 1);
    const study::Data data = make_data(kFew, 1);
    const std::vector<double> norms = norms_by_lag(model, kFew, data);
    oracle::Problem<double> problem;
    problem.spec = model.spec;
    problem.spec.cell_sequence = has_cell_state(model.spec);
    problem.B = kFew.batch;
    problem.layers = {{model.W, model.R, model.bias, {}, {}}};
    const auto part = [&](const std::vector<double>& of, std::int64_t first, std::int64_t count,
                          std::int64_t columns) {
      const std::int64_t row = kFew.batch * columns;
      return std::vector<double>(of.begin() + first * row, of.begin() + (first + count) * row);
    };
    problem.T = kFew.steps;
    problem.x = data.x;
    const auto whole = oracle::forward(problem);
    // A step multiplies errors by at most this: an rnn by its gain, a gated layer by less than 1 for the
    // state it keeps and a quarter, the most slope of a sigmoid, for each gate's R.
    const double factor = kind.cell.residual ? 1 + kind.gain : kind.cell.cell == Cell::rnn ? kind.gain : 2;
    for (std::int64_t lag = 1; lag <= kFew.steps; ++lag) {
      const std::int64_t start = kFew.steps - lag;
      problem.T = lag;
      problem.x = part(data.x, start, lag, kFew.inputs);
      if (start > 0) {
        problem.h0 = part(whole.y, start - 1, 1, kHidden);
        if (problem.spec.cell_sequence) problem.c0 = part(whole.c_sequence, start - 1, 1, kHidden);
      } else {
        problem.h0 = problem.c0 = {};
      }
      oracle::OutputGradients<double> upstream;
      upstream.dhN = data.dh;
      const auto gradients = oracle::backward(problem, oracle::forward(problem), upstream);
      for (std::int64_t b = 0; b < kFew.batch; ++b) {
        double squares = 0;
        for (const auto* tensor : {&gradients.dh0, &gradients.dc0}) {
          if (tensor->empty()) continue;
          for (std::int64_t j = b * kHidden; j < (b + 1) * kHidden; ++j) {
            squares += (*tensor)[static_cast<std::size_t>(j)] * (*tensor)[static_cast<std::size_t>(j)];
          }
        }
        // Of the states, which decide the slopes, and of the gradients.
        const double growth = std::pow(std::max(1.0, factor), 2 * static_cast<double>(kFew.steps));
        EXPECT_NEAR(norms[static_cast<std::size_t>(lag * kFew.batch + b)], std::sqrt(squares),
                    growth * 2 * static_cast<double>(lag) * rounding(kFew.steps))
            << kind.name << " lag " << lag;
      }
    }
  }
}

}  // namespace
}  // namespace recur::test
