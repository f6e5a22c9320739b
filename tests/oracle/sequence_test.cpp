// Directions, lengths, reset marks and stacking, for every cell: a batch must equal the runs of single plain
// pieces that it stands for, to the bit, as the oracle's sums have the same terms in the same order.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "oracle/backward.hpp"
#include "support/problem.hpp"
#include "support/spec_name.hpp"

namespace recur::oracle {
namespace {

using test::random_output_gradients;
using test::random_problem;

// I = 3 and H = 2 differ, so that no transposition fits. T = 7 has room for several episodes. B = 5: an empty
// sequence, a full one and three between.
constexpr Index kI = 3, kH = 2, kT = 7, kB = 5;

Spec make_spec(Spec spec, Direction direction, Index layers) {
  spec.input_size = kI;
  spec.hidden_size = kH;
  spec.direction = direction;
  spec.layers = layers;
  spec.cell_sequence = has_cell_state(spec);
  return spec;
}

class Sequences : public ::testing::TestWithParam<Spec> {};

INSTANTIATE_TEST_SUITE_P(Cells, Sequences, ::testing::ValuesIn(test::all_cells_and_projections()),
                         [](const auto& instance) {
                           return test::camel_case(test::cell_name(instance.param));
                         });

/// The part of direction d of a layer's tensors of a bidirectional problem, as a layer of one direction.
LayerParameters<double> half(const LayerParameters<double>& both, Index d) {
  const auto part = [&](const std::vector<double>& tensor) {
    const Index size = static_cast<Index>(tensor.size()) / 2;
    return std::vector<double>(tensor.begin() + d * size, tensor.begin() + (d + 1) * size);
  };
  return {part(both.W),  part(both.R),        part(both.bW),
          part(both.bR), part(both.peephole), part(both.projection)};
}

/// Rows [first, last) of sequence b of a [T][B][n] tensor.
std::vector<double> rows(const std::vector<double>& tensor, Index B, Index b, Index first, Index last) {
  if (tensor.empty()) return {};
  const Index n = static_cast<Index>(tensor.size()) / (kT * B);
  std::vector<double> result;
  for (Index t = first; t < last; ++t) {
    const auto row = tensor.begin() + (t * B + b) * n;
    result.insert(result.end(), row, row + n);
  }
  return result;
}

/// State of sequence b in direction (l, d) of a [L][D][B][n] tensor of `states` = L * D; `ld` = l * D + d.
std::vector<double> state(const std::vector<double>& tensor, Index states, Index B, Index ld, Index b) {
  if (tensor.empty()) return {};
  const Index n = static_cast<Index>(tensor.size()) / (states * B);
  const auto first = tensor.begin() + (ld * B + b) * n;
  return {first, first + n};
}

/// Writes a state into a B = 1 tensor.
void set_state(std::vector<double>& tensor, Index ld, const std::vector<double>& value) {
  std::copy(value.begin(), value.end(), tensor.begin() + ld * static_cast<Index>(value.size()));
}

/// Steps [first, last) of sequence b alone, without lengths and marks, from the given initial states.
Problem<double> piece(const Problem<double>& problem, Index b, Index first, Index last) {
  Problem<double> result;
  result.spec = problem.spec;
  result.spec.variable_lengths = false;
  result.spec.reset_mask = false;
  result.T = last - first;
  result.B = 1;
  result.x = rows(problem.x, problem.B, b, first, last);
  result.layers = problem.layers;
  const Sizes sizes(result.spec, result.T, 1);
  resize(result.h0, sizes.h);
  resize(result.c0, sizes.c);
  return result;
}

void expect_zero(const std::vector<double>& values) {
  for (double value : values) EXPECT_EQ(value, 0.0);
}

/// Compares every sequence of a batch with separate runs of its episodes.
void expect_equals_its_episodes(const Problem<double>& problem) {
  const Spec& spec = problem.spec;
  const Index D = directions_of(spec);
  const Index states = spec.layers * D;
  const auto result = forward(problem);
  for (Index b = 0; b < problem.B; ++b) {
    SCOPED_TRACE("sequence " + std::to_string(b));
    const Index length = spec.variable_lengths ? problem.lengths[static_cast<std::size_t>(b)] : problem.T;
    const auto marked = [&](Index t) {
      return spec.reset_mask && problem.reset_mask[static_cast<std::size_t>(t * problem.B + b)] != 0;
    };
    expect_zero(rows(result.y, problem.B, b, length, problem.T));
    expect_zero(rows(result.c_sequence, problem.B, b, length, problem.T));
    if (length == 0) {
      for (Index ld = 0; ld < spec.layers * D; ++ld) {
        EXPECT_EQ(state(result.hN, states, problem.B, ld, b), state(problem.h0, states, problem.B, ld, b));
        EXPECT_EQ(state(result.cN, states, problem.B, ld, b), state(problem.c0, states, problem.B, ld, b));
      }
    }

    for (Index first = 0; first < length;) {
      Index last = first + 1;
      while (last < length && !marked(last)) ++last;
      SCOPED_TRACE("episode " + std::to_string(first) + ".." + std::to_string(last));
      Problem<double> episode = piece(problem, b, first, last);
      for (Index ld = 0; ld < spec.layers * D; ++ld) {
        // h0 reaches the episode that a direction reads first, unless a mark at t = 0 clears it.
        const bool reverse = reads_in_reverse(spec, ld % D);
        if (reverse ? last == length : first == 0 && !marked(0)) {
          set_state(episode.h0, ld, state(problem.h0, states, problem.B, ld, b));
          set_state(episode.c0, ld, state(problem.c0, states, problem.B, ld, b));
        }
      }
      const auto alone = forward(episode);
      EXPECT_EQ(rows(result.y, problem.B, b, first, last), alone.y);
      EXPECT_EQ(rows(result.c_sequence, problem.B, b, first, last), alone.c_sequence);
      for (Index ld = 0; ld < spec.layers * D; ++ld) {
        if (reads_in_reverse(spec, ld % D) ? first == 0 : last == length) {
          EXPECT_EQ(state(result.hN, states, problem.B, ld, b), state(alone.hN, states, 1, ld, 0));
          EXPECT_EQ(state(result.cN, states, problem.B, ld, b), state(alone.cN, states, 1, ld, 0));
        }
      }
      first = last;
    }
  }
}

TEST_P(Sequences, ABatchEqualsItsEpisodesAlone) {
  for (Direction direction : {Direction::forward, Direction::reverse, Direction::bidirectional}) {
    for (Index layers : {1, 2}) {
      for (int options = 0; options < 4; ++options) {
        Spec spec = make_spec(GetParam(), direction, layers);
        spec.variable_lengths = (options & 1) != 0;
        spec.reset_mask = (options & 2) != 0;
        for (std::uint64_t seed : {1u, 2u, 3u}) {
          SCOPED_TRACE(test::spec_name(spec) + " seed " + std::to_string(seed));
          expect_equals_its_episodes(random_problem(spec, kT, kB, seed));
        }
      }
    }
  }
}

TEST_P(Sequences, ReverseIsForwardOverFlippedTime) {
  const auto reverse = random_problem(make_spec(GetParam(), Direction::reverse, 1), kT, kB, 1);
  auto flipped = reverse;
  flipped.spec.direction = Direction::forward;
  for (Index t = 0; t < kT; ++t) {
    const auto source = reverse.x.begin() + t * kB * kI;
    std::copy(source, source + kB * kI, flipped.x.begin() + (kT - 1 - t) * kB * kI);
  }
  const auto backwards = forward(reverse);
  const auto ahead = forward(flipped);
  EXPECT_EQ(backwards.hN, ahead.hN);
  EXPECT_EQ(backwards.cN, ahead.cN);
  for (Index b = 0; b < kB; ++b) {
    for (Index t = 0; t < kT; ++t) {
      EXPECT_EQ(rows(backwards.y, kB, b, t, t + 1), rows(ahead.y, kB, b, kT - 1 - t, kT - t));
      EXPECT_EQ(rows(backwards.c_sequence, kB, b, t, t + 1),
                rows(ahead.c_sequence, kB, b, kT - 1 - t, kT - t));
    }
  }
}

TEST_P(Sequences, BidirectionalIsBothDirectionsSideBySide) {
  const auto both = random_problem(make_spec(GetParam(), Direction::bidirectional, 1), kT, kB, 1);
  const auto result = forward(both);
  for (Index d = 0; d < 2; ++d) {
    auto one = both;
    one.spec.direction = d == 0 ? Direction::forward : Direction::reverse;
    for (auto* tensor : {&one.h0, &one.c0, &one.layers[0].W, &one.layers[0].R, &one.layers[0].bW,
                         &one.layers[0].bR, &one.layers[0].peephole, &one.layers[0].projection}) {
      const auto half = static_cast<Index>(tensor->size() / 2);
      *tensor = {tensor->begin() + d * half, tensor->begin() + (d + 1) * half};
    }
    const auto alone = forward(one);
    for (Index b = 0; b < kB; ++b) {
      EXPECT_EQ(state(result.hN, 2, kB, d, b), state(alone.hN, 1, kB, 0, b));
      EXPECT_EQ(state(result.cN, 2, kB, d, b), state(alone.cN, 1, kB, 0, b));
      for (Index t = 0; t < kT; ++t) {
        const auto wide = rows(result.y, kB, b, t, t + 1);
        const Index P = output_size_of(both.spec);
        EXPECT_EQ((std::vector<double>{wide.begin() + d * P, wide.begin() + (d + 1) * P}),
                  rows(alone.y, kB, b, t, t + 1));
      }
    }
  }
}

TEST_P(Sequences, AStackIsOneLayerAfterTheOther) {
  Spec spec = make_spec(GetParam(), Direction::bidirectional, 2);
  spec.variable_lengths = true;
  spec.reset_mask = true;
  const auto stack = random_problem(spec, kT, kB, 1);
  const auto result = forward(stack);
  auto layer = stack;
  layer.spec.layers = 1;
  std::vector<double> x = stack.x;
  for (std::size_t l = 0; l < 2; ++l) {
    if (l == 1) layer.spec.input_size = 2 * output_size_of(spec);
    layer.x = x;
    layer.layers = {stack.layers[l]};
    const auto part = [&](const std::vector<double>& tensor) {
      const auto half = static_cast<Index>(tensor.size() / 2);
      const auto first = tensor.begin() + static_cast<Index>(l) * half;
      return std::vector<double>(first, first + half);
    };
    layer.h0 = part(stack.h0);
    layer.c0 = part(stack.c0);
    const auto alone = forward(layer);
    EXPECT_EQ(part(result.hN), alone.hN);
    EXPECT_EQ(part(result.cN), alone.cN);
    x = alone.y;
  }
  EXPECT_EQ(result.y, x);
}

TEST_P(Sequences, WhatLiesPastTheEndIsNeverRead) {
  Spec spec = make_spec(GetParam(), Direction::bidirectional, 2);
  spec.variable_lengths = true;
  spec.reset_mask = true;
  const auto clean = random_problem(spec, kT, kB, 1);
  const auto clean_upstream = random_output_gradients(spec, kT, kB, 2);
  auto dirty = clean;
  auto upstream = clean_upstream;
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (Index b = 0; b < kB; ++b) {
    for (Index t = clean.lengths[static_cast<std::size_t>(b)]; t < kT; ++t) {
      const Index row = t * kB + b;
      dirty.reset_mask[static_cast<std::size_t>(row)] ^= 1;
      std::fill_n(dirty.x.begin() + row * kI, kI, nan);
      const Index P = output_size_of(spec);
      std::fill_n(upstream.dy.begin() + row * 2 * P, 2 * P, nan);
      if (!upstream.dc_sequence.empty())
        std::fill_n(upstream.dc_sequence.begin() + row * 2 * kH, 2 * kH, nan);
    }
  }
  const auto clean_result = forward(clean);
  const auto result = forward(dirty);
  EXPECT_EQ(result.y, clean_result.y);
  EXPECT_EQ(result.hN, clean_result.hN);
  const auto clean_gradients = backward(clean, clean_result, clean_upstream);
  const auto gradients = backward(dirty, result, upstream);
  EXPECT_EQ(gradients.dx, clean_gradients.dx);
  EXPECT_EQ(gradients.dh0, clean_gradients.dh0);
  EXPECT_EQ(gradients.layers[0].W, clean_gradients.layers[0].W);
  for (Index b = 0; b < kB; ++b) {
    expect_zero(rows(gradients.dx, kB, b, clean.lengths[static_cast<std::size_t>(b)], kT));
  }
}

TEST_P(Sequences, AnEmptySequencePassesStateGradientsThrough) {
  Spec spec = make_spec(GetParam(), Direction::bidirectional, 2);
  spec.variable_lengths = true;
  auto problem = random_problem(spec, kT, kB, 1);
  problem.lengths.assign(kB, 0);
  const auto upstream = random_output_gradients(spec, kT, kB, 2);
  const auto gradients = backward(problem, forward(problem), upstream);
  EXPECT_EQ(gradients.dh0, upstream.dhN);
  EXPECT_EQ(gradients.dc0, upstream.dcN);
  expect_zero(gradients.dx);
  expect_zero(gradients.layers[0].W);
}

// Each direction has its functions: it is the layer of one direction that has them.
TEST_P(Sequences, FunctionsByDirection) {
  Spec spec = make_spec(GetParam(), Direction::bidirectional, 1);
  spec.cell_sequence = false;
  spec.reverse_activations.emplace()[0] = {Activation::softsign};
  if (spec.cell != Cell::rnn) (*spec.reverse_activations)[1] = {Activation::leaky_relu, 0.25};
  if (spec.cell == Cell::lstm) (*spec.reverse_activations)[2] = {Activation::softplus};
  const Problem<double> problem = random_problem(spec, kT, kB, 1);
  const OutputGradients<double> upstream = random_output_gradients(spec, kT, kB, 2);
  const Result<double> both = forward(problem);
  const Gradients<double> gradients = backward(problem, both, upstream);
  const Index P = output_size_of(spec);
  const auto half_of_state = [](const std::vector<double>& state, Index d) {
    const Index size = static_cast<Index>(state.size()) / 2;
    return std::vector<double>(state.begin() + d * size, state.begin() + (d + 1) * size);
  };
  const auto half_of_rows = [&](const std::vector<double>& tensor, Index d) {
    std::vector<double> result;
    for (Index row = 0; row < kT * kB; ++row) {
      const auto first = tensor.begin() + (row * 2 + d) * P;
      result.insert(result.end(), first, first + P);
    }
    return result;
  };
  for (const Index d : {0, 1}) {
    SCOPED_TRACE(d);
    Problem<double> alone = problem;
    alone.spec.direction = d == 0 ? Direction::forward : Direction::reverse;
    if (d == 1) alone.spec.activations = *spec.reverse_activations;
    alone.spec.reverse_activations.reset();
    alone.layers = {half(problem.layers[0], d)};
    alone.h0 = half_of_state(problem.h0, d);
    alone.c0 = half_of_state(problem.c0, d);
    const Result<double> one = forward(alone);
    EXPECT_EQ(half_of_rows(both.y, d), one.y);
    EXPECT_EQ(half_of_state(both.hN, d), one.hN);
    OutputGradients<double> into;
    into.dy = half_of_rows(upstream.dy, d);
    into.dhN = half_of_state(upstream.dhN, d);
    into.dcN = half_of_state(upstream.dcN, d);
    const Gradients<double> of_one = backward(alone, one, into);
    EXPECT_EQ(half(gradients.layers[0], d).R, of_one.layers[0].R);
    EXPECT_EQ(half(gradients.layers[0], d).W, of_one.layers[0].W);
    EXPECT_EQ(half_of_state(gradients.dh0, d), of_one.dh0);
  }
}

}  // namespace
}  // namespace recur::oracle
