// Where the naive 16-bit run rounds, said as equalities of bits that hold only if it rounds there and only
// there. docs/design.md, "Precision", and oracle/backward.hpp have the reasons.
#include <gtest/gtest.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "oracle/backward.hpp"
#include "support/problem.hpp"
#include "support/spec_name.hpp"

namespace recur::oracle {
namespace {

using test::Bf16;
using test::F16;
using test::StorageOf;

constexpr Index kI = 5, kH = 9;

class NaiveRounding : public ::testing::TestWithParam<Spec> {
 protected:
  static Spec sized(DataType dtype, Index layers = 1) {
    Spec spec = GetParam();
    spec.input_size = kI;
    spec.hidden_size = kH;
    spec.layers = layers;
    spec.dtype = dtype;
    return spec;
  }
  static Problem<float> problem_of(const Spec& spec, Index T, Index B) {
    return convert<float>(test::random_problem(spec, T, B, 1));
  }
  static OutputGradients<float> upstream_of(const Spec& spec, Index T, Index B) {
    return convert<float>(test::random_output_gradients(spec, T, B, 2));
  }
};

// Of one step of one sequence the gradient of a bias is the rounded gate gradient itself, so that every
// product can be formed again from it. The operands' product is exact in float: a fused multiply-add changes
// nothing.
template <class T>
void expect_rounded_operands(const Spec& spec, const Problem<float>& problem,
                             const OutputGradients<float>& upstream) {
  const typename StorageOf<T>::Round round;
  const auto result = forward(problem, round);
  const auto gradients = backward(problem, result, upstream, round);
  const auto unrounded = backward(problem, result, upstream);
  const Index rows = gates_of(spec) * kH;
  const auto& layer = gradients.layers[0];
  const auto at = [](const std::vector<float>& tensor, Index k) {
    return tensor[static_cast<std::size_t>(k)];
  };

  std::vector<float> dW, dR, dx(kI, 0.0f);
  for (Index r = 0; r < rows; ++r) {
    const bool reset = spec.cell == Cell::gru && spec.gru_reset == GruReset::before && r >= 2 * kH;
    for (Index k = 0; k < kI; ++k) {
      dW.push_back(round(at(layer.bW, r) * at(problem.x, k)));
      dx[static_cast<std::size_t>(k)] += at(layer.bW, r) * at(problem.layers[0].W, r * kI + k);
    }
    for (Index k = 0; k < kH && has_recurrent_weights(spec); ++k) {
      const float h = at(problem.h0, k);
      dR.push_back(round(at(layer.bR, r) * (reset ? round(at(result.traces[0].gates, k) * h) : h)));
    }
  }
  for (float& value : dx) value = round(value);
  EXPECT_EQ(layer.W, dW);
  EXPECT_EQ(layer.R, dR);
  EXPECT_EQ(gradients.dx, dx);

  // The same from operands that were not rounded differs: the equalities say something.
  std::vector<float> late = unrounded.layers[0].W;
  for (float& value : late) value = round(value);
  EXPECT_NE(layer.W, late);
}

TEST_P(NaiveRounding, OperandsOfProductsAreRounded) {
  const Spec bf16 = sized(DataType::bf16);
  expect_rounded_operands<Bf16>(bf16, problem_of(bf16, 1, 1), upstream_of(bf16, 1, 1));
  const Spec f16 = sized(DataType::f16);
  expect_rounded_operands<F16>(f16, problem_of(f16, 1, 1), upstream_of(f16, 1, 1));
}

// What gru with reset before multiplies by R is not h: it is rounded in its own right.
template <class T>
void expect_rounded_reset(const Problem<float>& problem) {
  const typename StorageOf<T>::Round round;
  const auto result = forward(problem, round);
  const auto& trace = result.traces[0];
  std::vector<float> operand, linear(kH);
  for (std::size_t k = 0; k < kH; ++k) operand.push_back(round(trace.gates[k] * problem.h0[k]));
  multiply(problem.layers[0].R.data() + 2 * kH * kH, kH, kH, operand.data(), linear.data());
  add(problem.layers[0].bR.data() + 2 * kH, kH, linear.data());
  EXPECT_EQ(trace.linear, linear);
}

TEST_P(NaiveRounding, TheResetStateIsRounded) {
  if (GetParam().cell != Cell::gru || GetParam().gru_reset != GruReset::before) return;
  expect_rounded_reset<Bf16>(problem_of(sized(DataType::bf16), 1, 1));
  expect_rounded_reset<F16>(problem_of(sized(DataType::f16), 1, 1));
}

// What an lstm projects is an operand, and so is the gradient of what came of it.
template <class T>
void expect_rounded_projection(const Spec& spec, const Problem<float>& problem,
                               const OutputGradients<float>& upstream) {
  const typename StorageOf<T>::Round round;
  const auto result = forward(problem, round);
  const auto gradients = backward(problem, result, upstream, round);
  const auto& trace = result.traces[0];
  const auto P = static_cast<std::size_t>(spec.projection_size);
  std::vector<float> operand, h(P), d_projection;
  for (float m : trace.m) operand.push_back(round(m));
  EXPECT_NE(operand, trace.m);
  multiply(problem.layers[0].projection.data(), spec.projection_size, kH, operand.data(), h.data());
  for (std::size_t r = 0; r < P; ++r) {
    h[r] = round(h[r]);
    const float dh = round(upstream.dy[r] + upstream.dhN[r]);
    for (float m : operand) d_projection.push_back(round(dh * m));
  }
  EXPECT_EQ(result.hN, h);
  EXPECT_EQ(gradients.layers[0].projection, d_projection);
}

TEST_P(NaiveRounding, WhatIsProjectedIsRounded) {
  if (GetParam().cell != Cell::lstm) return;
  const auto projected = [](DataType dtype) {
    Spec spec = sized(dtype);
    spec.projection_size = 4;
    return spec;
  };
  const Spec bf16 = projected(DataType::bf16);
  expect_rounded_projection<Bf16>(bf16, problem_of(bf16, 1, 1), upstream_of(bf16, 1, 1));
  const Spec f16 = projected(DataType::f16);
  expect_rounded_projection<F16>(f16, problem_of(f16, 1, 1), upstream_of(f16, 1, 1));
}

// With R = 0 nothing that was rounded as an operand comes back into dh, so that all sums over time but dW and
// dR are those of a run that rounds nothing, rounded once at the end.
template <class T>
void expect_sums_in_full(Problem<float> problem, const OutputGradients<float>& upstream) {
  const typename StorageOf<T>::Round round;
  std::fill(problem.layers[0].R.begin(), problem.layers[0].R.end(), 0.0f);
  const auto result = forward(problem, round);
  const auto gradients = backward(problem, result, upstream, round);
  auto expected = backward(problem, result, upstream);
  bool any_rounded = false;
  const auto compare = [&](const std::vector<float>& got, std::vector<float>& full, const char* name) {
    for (float& value : full) {
      any_rounded = any_rounded || round(value) != value;
      value = round(value);
    }
    EXPECT_EQ(got, full) << name;
  };
  compare(gradients.layers[0].bW, expected.layers[0].bW, "dbW");
  compare(gradients.layers[0].bR, expected.layers[0].bR, "dbR");
  compare(gradients.layers[0].peephole, expected.layers[0].peephole, "dpeephole");
  compare(gradients.dh0, expected.dh0, "dh0");
  compare(gradients.dc0, expected.dc0, "dc0");
  EXPECT_TRUE(any_rounded);
}

TEST_P(NaiveRounding, SumsOverTimeAreNot) {
  const Spec bf16 = sized(DataType::bf16);
  expect_sums_in_full<Bf16>(problem_of(bf16, 9, 3), upstream_of(bf16, 9, 3));
  const Spec f16 = sized(DataType::f16);
  expect_sums_in_full<F16>(problem_of(f16, 9, 3), upstream_of(f16, 9, 3));
}

// A stack of two is one layer after another: what passes between them, both ways, is a rounded tensor.
template <class T>
void expect_layers_of_their_own(const Spec& spec, const Problem<float>& stack,
                                const OutputGradients<float>& upstream) {
  const typename StorageOf<T>::Round round;
  const auto result = forward(stack, round);
  const auto gradients = backward(stack, result, upstream, round);
  const auto layer = [&](std::size_t l) {
    Problem<float> one = stack;
    one.spec.layers = 1;
    one.spec.input_size = l == 0 ? kI : kH;
    one.layers = {stack.layers[l]};
    const auto half = [&](const std::vector<float>& states) {
      const auto size = static_cast<std::ptrdiff_t>(states.size() / 2);
      const auto begin = states.begin() + static_cast<std::ptrdiff_t>(l) * size;
      return std::vector<float>(begin, begin + size);
    };
    one.h0 = half(stack.h0);
    one.c0 = half(stack.c0);
    return std::pair(one, OutputGradients<float>{{}, half(upstream.dhN), half(upstream.dcN), {}});
  };
  auto [below, below_upstream] = layer(0);
  auto [above, above_upstream] = layer(1);
  const auto below_result = forward(below, round);
  above.x = below_result.y;
  for (float value : above.x) ASSERT_EQ(value, round(value));
  const auto above_result = forward(above, round);
  EXPECT_EQ(above_result.y, result.y) << test::spec_name(spec);
  above_upstream.dy = upstream.dy;
  const auto above_gradients = backward(above, above_result, above_upstream, round);
  below_upstream.dy = above_gradients.dx;
  const auto below_gradients = backward(below, below_result, below_upstream, round);
  EXPECT_EQ(above_gradients.layers[0].W, gradients.layers[1].W);
  EXPECT_EQ(above_gradients.layers[0].R, gradients.layers[1].R);
  EXPECT_EQ(below_gradients.layers[0].W, gradients.layers[0].W);
  EXPECT_EQ(below_gradients.layers[0].R, gradients.layers[0].R);
  EXPECT_EQ(below_gradients.dx, gradients.dx);
}

TEST_P(NaiveRounding, WhatLayersHandOverIsRounded) {
  const Spec bf16 = sized(DataType::bf16, 2);
  expect_layers_of_their_own<Bf16>(bf16, problem_of(bf16, 6, 2), upstream_of(bf16, 6, 2));
  const Spec f16 = sized(DataType::f16, 2);
  expect_layers_of_their_own<F16>(f16, problem_of(f16, 6, 2), upstream_of(f16, 6, 2));
}

INSTANTIATE_TEST_SUITE_P(Cells, NaiveRounding, ::testing::ValuesIn(test::all_cells()),
                         [](const auto& instance) {
                           return test::camel_case(test::cell_name(instance.param));
                         });

}  // namespace
}  // namespace recur::oracle
