// Every option of a layer, crossed with every cell: directions, stacks, biases, lengths, reset marks,
// layouts, strides, threads, plans larger than the run.
#include <gtest/gtest.h>

#include "engines/judge.hpp"
#include "support/spec_name.hpp"

namespace recur::test {
namespace {

// Odd sizes, several rows, more than one vector; T large enough for episodes to start and end inside.
constexpr Index kT = 7;
constexpr Index kB = 5;
constexpr Index kI = 3;
constexpr Index kH = 19;

Spec sized(Spec spec) {
  spec.input_size = kI;
  spec.hidden_size = kH;
  return spec;
}

class Options : public ::testing::TestWithParam<Spec> {};

TEST_P(Options, DirectionsStacksAndMasks) {
  for (Direction direction : {Direction::forward, Direction::reverse, Direction::bidirectional}) {
    for (Index layers : {1, 3}) {
      for (int masks = 0; masks < 4; ++masks) {
        Spec spec = sized(GetParam());
        spec.direction = direction;
        spec.layers = layers;
        spec.variable_lengths = (masks & 1) != 0;
        spec.reset_mask = (masks & 2) != 0;
        spec.cell_sequence = spec.cell == Cell::lstm;
        SCOPED_TRACE(spec_name(spec));
        judge<float>(spec, kT, kB, {});
      }
    }
  }
}

TEST_P(Options, DoublePrecision) {
  Spec spec = sized(GetParam());
  spec.direction = Direction::bidirectional;
  spec.layers = 2;
  spec.variable_lengths = true;
  spec.reset_mask = true;
  spec.cell_sequence = spec.cell == Cell::lstm;
  judge<double>(spec, kT, kB, {});
}

TEST_P(Options, Biases) {
  for (Bias bias : {Bias::none, Bias::single, Bias::both}) {
    Spec spec = sized(GetParam());
    spec.bias = bias;
    SCOPED_TRACE(spec_name(spec));
    judge<float>(spec, kT, kB, {});
  }
}

// Rows that lie at one distance, and rows that must be gathered.
TEST_P(Options, LayoutsAndStrides) {
  for (Layout layout : {Layout::time_major, Layout::batch_major}) {
    for (Index row_gap : {0, 4}) {
      Spec spec = sized(GetParam());
      spec.direction = Direction::bidirectional;
      spec.layers = 2;
      spec.reset_mask = true;
      spec.cell_sequence = spec.cell == Cell::lstm;
      SCOPED_TRACE(std::string(name_of(layout)) + " gap " + std::to_string(row_gap));
      judge<float>(spec, kT, kB, {.layout = layout, .row_gap = row_gap});
    }
  }
}

TEST_P(Options, OwnProducts) {
  Spec spec = sized(GetParam());
  spec.direction = Direction::bidirectional;
  spec.layers = 2;
  spec.variable_lengths = true;
  judge<float>(spec, kT, kB, {.batch_invariant = true});
}

TEST_P(Options, PlanLargerThanTheRun) {
  Spec spec = sized(GetParam());
  spec.layers = 2;
  spec.variable_lengths = true;
  judge<float>(spec, kT, kB, {.spare_steps = 9, .spare_batch = 3});
}

TEST_P(Options, PreparedWeights) {
  for (bool batch_invariant : {false, true}) {
    Spec spec = sized(GetParam());
    spec.direction = Direction::bidirectional;
    spec.layers = 2;
    spec.variable_lengths = true;
    judge_inference<float>(spec, kT, kB, {.batch_invariant = batch_invariant, .prepared = true});
  }
}

INSTANTIATE_TEST_SUITE_P(Cpu, Options, ::testing::ValuesIn(all_cells()),
                         [](const auto& instance) { return camel_case(cell_name(instance.param)); });

}  // namespace
}  // namespace recur::test
