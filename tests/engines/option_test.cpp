// Every option of a layer, crossed with every cell: directions, stacks, biases, lengths, reset marks,
// layouts, strides, plans larger than the run, prepared weights, accumulation.
#include "engines/device_test.hpp"
#include "engines/judge.hpp"

namespace recur::test {
namespace {

class Options : public DeviceTest {
 protected:
  // set(Spec, RunOptions) at each of the sizes, then the verdict.
  template <class Set>
  static void judge_each(Set&& set, std::span<const Size> sizes = device().option_sizes) {
    for (const Size& size : sizes) {
      Spec spec = sized(size);
      RunOptions run{.device = &device()};
      set(spec, run);
      SCOPED_TRACE(text_of(size) + " " + spec_name(spec));
      typed([&]<class T>() {
        if (run.prepared) {
          judge_inference<T>(spec, size.T, size.B, run);
        } else {
          judge<T>(spec, size.T, size.B, run);
        }
      });
    }
  }
};

TEST_P(Options, DirectionsStacksAndMasks) {
  for (Direction direction : {Direction::forward, Direction::reverse, Direction::bidirectional}) {
    for (Index layers : {1, 3}) {
      for (int masks = 0; masks < 4; ++masks) {
        judge_each([&](Spec& spec, RunOptions& /*run*/) {
          spec.direction = direction;
          spec.layers = layers;
          spec.variable_lengths = (masks & 1) != 0;
          spec.reset_mask = (masks & 2) != 0;
          spec.cell_sequence = spec.cell == Cell::lstm;
        });
      }
    }
  }
}

TEST_P(Options, Biases) {
  for (Bias bias : {Bias::none, Bias::single, Bias::both}) {
    judge_each([&](Spec& spec, RunOptions& /*run*/) { spec.bias = bias; });
  }
}

// Rows that lie at one distance, and rows that must be gathered; a gap that keeps the rows of f32 aligned to
// 16 bytes, and one that does not.
TEST_P(Options, LayoutsAndStrides) {
  for (Layout layout : {Layout::time_major, Layout::batch_major}) {
    for (Index row_gap : {0, 4, 3}) {
      SCOPED_TRACE(std::string(name_of(layout)) + " gap " + std::to_string(row_gap));
      judge_each([&](Spec& spec, RunOptions& run) {
        spec.direction = Direction::bidirectional;
        spec.layers = 2;
        spec.reset_mask = true;
        spec.cell_sequence = spec.cell == Cell::lstm;
        run.layout = layout;
        run.row_gap = row_gap;
      });
    }
  }
}

TEST_P(Options, OwnProducts) {
  if (!device().batch_invariant) GTEST_SKIP() << name_of(device().engine) << " refuses batch_invariant";
  judge_each([](Spec& spec, RunOptions& run) {
    spec.direction = Direction::bidirectional;
    spec.layers = 2;
    spec.variable_lengths = true;
    run.batch_invariant = true;
  });
}

TEST_P(Options, PlanLargerThanTheRun) {
  judge_each([](Spec& spec, RunOptions& run) {
    spec.layers = 2;
    spec.variable_lengths = true;
    run.spare_steps = 9;
    run.spare_batch = 3;
  });
}

// Lengths that end in any of the chunks, and chunks that are read from their ends.
TEST_P(Options, ChunksOfTime) {
  if (device().chunk_sizes.empty())
    GTEST_SKIP() << device().name << " has no sizes for lengths across chunks of time";
  for (Direction direction : {Direction::forward, Direction::reverse}) {
    for (Layout layout : {Layout::time_major, Layout::batch_major}) {
      const auto set = [&](Spec& spec, RunOptions& run) {
        spec.direction = direction;
        spec.variable_lengths = true;
        spec.reset_mask = true;
        spec.cell_sequence = spec.cell == Cell::lstm;
        run.layout = layout;
      };
      judge_each(set, device().chunk_sizes);
    }
  }
  if (device().engine != EngineId::stepwise) return;
  for (const Size& size : device().chunk_sizes) {
    const Plan plan = make_plan(sized(size), {size.T, size.B}, device().device, {.engine = device().engine});
    EXPECT_EQ(plan.tile().find("products of " + std::to_string(size.T) + " steps"), std::string::npos)
        << "one chunk only: " << plan.tile();
  }
}

TEST_P(Options, PreparedWeights) {
  for (bool batch_invariant : {false, true}) {
    if (batch_invariant && !device().batch_invariant) continue;
    judge_each([&](Spec& spec, RunOptions& run) {
      spec.direction = Direction::bidirectional;
      spec.layers = 2;
      spec.variable_lengths = true;
      run.batch_invariant = batch_invariant;
      run.prepared = true;
    });
  }
}

TEST_P(Options, Accumulation) {
  judge_each([](Spec& spec, RunOptions& run) {
    spec.direction = Direction::bidirectional;
    spec.layers = 2;
    run.mode = GradientMode::accumulate;
  });
}

INSTANTIATE_TEST_SUITE_P(Devices, Options, ::testing::ValuesIn(cases(&TestDevice::option_types)), case_name);

// The types that are not crossed with every option: many at once.
class OptionsTogether : public Options {};

TEST_P(OptionsTogether, AreRight) {
  judge_each([](Spec& spec, RunOptions& /*run*/) {
    spec.direction = Direction::bidirectional;
    spec.layers = 2;
    spec.variable_lengths = true;
    spec.reset_mask = true;
    spec.cell_sequence = spec.cell == Cell::lstm;
  });
}

INSTANTIATE_TEST_SUITE_P(Devices, OptionsTogether, ::testing::ValuesIn(cases(&TestDevice::types)), case_name);

}  // namespace
}  // namespace recur::test
