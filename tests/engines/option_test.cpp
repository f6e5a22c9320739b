// Every option of a layer, crossed with every cell: directions, stacks, biases, lengths, reset marks,
// layouts, strides, plans larger than the run, prepared weights, accumulation.
#include "engines/device_test.hpp"
#include "engines/judge.hpp"
#include "support/functions.hpp"

namespace recur::test {
namespace {

class Options : public DeviceTest {
 protected:
  // set(Spec, RunOptions) at each of the sizes, then the verdict.
  template <class Set>
  void judge_each(Set&& set, std::span<const Size> sizes = device().option_sizes) {
    for (const Size& size : sizes) {
      Spec spec = sized(size);
      RunOptions run{.device = &device()};
      set(spec, run);
      if (!takes(spec)) continue;
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
  // Lengths and marks at the sizes that time is cut into chunks at.
  void judge_chunks(Direction direction, Layout layout, std::size_t l2_bytes) {
    const auto set = [&](Spec& spec, RunOptions& run) {
      spec.direction = direction;
      spec.variable_lengths = true;
      spec.reset_mask = true;
      spec.cell_sequence = spec.cell == Cell::lstm;
      run.layout = layout;
      run.l2_bytes = l2_bytes;
      const Plan plan = make_plan(spec, {device().chunk_sizes.front().T, device().chunk_sizes.front().B},
                                  device_for(run), {.engine = device().engine});
      const std::string all = "products of " + std::to_string(plan.shape().steps) + " steps";
      EXPECT_EQ(plan.tile().find(all), std::string::npos) << "one chunk only: " << plan.tile();
    };
    judge_each(set, device().chunk_sizes);
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
          add_cell_sequence(spec);
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
      if (row_gap != 0 && !device().gaps) continue;
      SCOPED_TRACE(std::string(name_of(layout)) + " gap " + std::to_string(row_gap));
      judge_each([&](Spec& spec, RunOptions& run) {
        spec.direction = Direction::bidirectional;
        spec.layers = 2;
        add_reset_mask(spec);
        add_cell_sequence(spec);
        run.layout = layout;
        run.row_gap = row_gap;
      });
    }
  }
}

// Sequences as chains of rows, level t their step t; forest_test.cpp has rows with several children.
TEST_P(Options, ChainsOfAForest) {
  for (int way = 0; way < 4; ++way) {
    judge_each([&](Spec& spec, RunOptions& run) {
      spec.forest = true;
      spec.layers = way < 2 ? 1 : 3;
      add_cell_sequence(spec);
      run.layout = way % 2 == 0 ? Layout::time_major : Layout::batch_major;
      run.row_gap = way % 2 == 0 ? 0 : 3;
      run.states = way != 1;
      run.spare_batch = way;
      run.threads = way == 3 ? device().threads : 1;
      if (way == 2 && device().dropout_masks != nullptr) spec.dropout = 0.25;
    });
  }
}

TEST_P(Options, BatchInvariant) {
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
    add_lengths(spec);
    run.spare_steps = 9;
    run.spare_batch = 3;
  });
}

// Lengths that end in any of the chunks, and chunks that are read from their ends. A stack of one direction
// is cut for its wavefront, two directions, and engines that go layer by layer, only where W x would leave the L2: that
// of a small GPU here.
TEST_P(Options, ChunksOfTime) {
  if (device().chunk_sizes.empty())
    GTEST_SKIP() << device().name << " has no sizes for lengths across chunks of time";
  constexpr std::size_t kSmall = std::size_t{16} << 10;
  const bool layer_by_layer =
      device().engine == EngineId::cluster_resident || device().engine == EngineId::fused;
  const std::size_t one_direction = layer_by_layer ? kSmall : 0;
  for (Layout layout : {Layout::time_major, Layout::batch_major}) {
    judge_chunks(Direction::forward, layout, one_direction);
    judge_chunks(Direction::reverse, layout, one_direction);
    judge_chunks(Direction::bidirectional, layout, kSmall);
  }
}

TEST_P(Options, PreparedWeights) {
  for (bool batch_invariant : {false, true}) {
    if (batch_invariant && !device().batch_invariant) continue;
    judge_each([&](Spec& spec, RunOptions& run) {
      spec.direction = Direction::bidirectional;
      spec.layers = 2;
      add_lengths(spec);
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

// h of one element and of as many as H; every other test has one of half of H.
TEST_P(Options, Projections) {
  if (!is_projected(GetParam().cell)) GTEST_SKIP() << "not projected";
  for (Size size : device().option_sizes) {
    size.B *= 4;  // few values a sequence: more of them, fewer seeds
    for (Index P : {Index{1}, size.H}) {
      for (bool prepared : {false, true}) {
        judge_each(
            [&](Spec& spec, RunOptions& run) {
              spec = with_everything(size);
              spec.projection_size = P;
              run.row_gap = device().gaps ? 3 : 0;
              run.spare_batch = 2;
              run.prepared = prepared;
            },
            {&size, 1});
      }
    }
  }
}

// In training as the masks say, of every boundary between layers; in inference nothing is dropped.
TEST_P(Options, Dropout) {
  if (device().dropout_masks == nullptr) GTEST_SKIP() << device().name << ": what is dropped is not known";
  for (Direction direction : {Direction::forward, Direction::bidirectional}) {
    for (bool prepared : {false, true}) {
      judge_each([&](Spec& spec, RunOptions& run) {
        spec.direction = direction;
        spec.layers = 3;
        spec.dropout = 0.25;
        add_lengths(spec);
        run.prepared = prepared;
      });
    }
  }
  judge_each([](Spec& spec, RunOptions& run) {
    spec.layers = 2;
    spec.dropout = 0.75;
    run.layout = Layout::batch_major;
    run.spare_steps = 2;
    run.spare_batch = 1;
    run.mode = GradientMode::accumulate;
  });
}

// Products on TF32 operands are as right as TF32 allows. Not relu: which side of its kink an argument is on
// would be up to the rounding.
TEST_P(Options, Tf32) {
  if (!device().tf32) GTEST_SKIP() << name_of(device().engine) << " has no TF32";
  if (GetParam().type != DataType::f32) GTEST_SKIP() << "for f32 only";
  if (GetParam().cell.activation == RnnActivation::relu) GTEST_SKIP() << "no right slope";
  for (Direction direction : {Direction::forward, Direction::bidirectional}) {
    for (const Size& size : device().option_sizes) {
      Spec spec = sized(size);
      spec.direction = direction;
      spec.layers = 2;
      spec.variable_lengths = true;
      SCOPED_TRACE(text_of(size) + " " + spec_name(spec));
      judge_all<float, oracle::RoundOperandsToTf32>(spec, size.T, size.B,
                                                    {{.device = &device(), .tf32 = true}});
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Devices, Options, ::testing::ValuesIn(cases(&TestDevice::option_types)), case_name);

// The types that are not crossed with every option: many at once.
class OptionsTogether : public Options {};

TEST_P(OptionsTogether, AreRight) {
  for (const Size& size : device().option_sizes) {
    judge_each([&](Spec& spec, RunOptions& /*run*/) { spec = with_everything(size); }, {&size, 1});
  }
}

// Every function in every place, with a clip that some arguments pass and without. In 16 bit those without a
// kink only: with h rounded to 8 or 11 bits, rounding would decide the slope in every problem.
class Functions : public Options {
 protected:
  static bool decides_slopes(const Spec& spec) {
    if (size_of(spec.dtype) > 2) return false;
    for (std::size_t place = 0; place < static_cast<std::size_t>(places_of(spec.cell)); ++place) {
      if (!oracle::kinks_of(oracle::function_in(spec, place)).empty()) return true;
    }
    return false;
  }
};

// Few steps: gates beyond [0, 1] let a state grow, and with it the luck in what a step's rounding leaves.
constexpr Size kFewSteps[] = {{3, 6, 3, 19, "odd, several rows, more than one vector"}};

TEST_P(Functions, EachInEachPlace) {
  std::vector<FunctionCase> all = function_cases();
  // long double takes its time: each with a clip or without.
  if (GetParam().type == DataType::f64) all.resize(all.size() / 2);
  for (const FunctionCase& functions : all) {
    if (decides_slopes(functions.apply(sized(kFewSteps[0])))) continue;
    SCOPED_TRACE(functions.name);
    judge_each(
        [&](Spec& spec, RunOptions& /*run*/) {
          spec = functions.apply(spec);
          add_lengths(spec);
          add_reset_mask(spec);
          add_cell_sequence(spec);
        },
        kFewSteps);
  }
}

// One of another kind in each place, under everything else: both ways of running, instruction sets, threads.
TEST_P(Functions, WithEveryOption) {
  for (const Size& size : device().option_sizes) {
    Spec spec = with_everything(size);
    const bool smooth = size_of(spec.dtype) == 2;
    const Activation kinds[] = {smooth ? Activation::scaled_tanh : Activation::hard_sigmoid,
                                Activation::softsign, smooth ? Activation::softplus : Activation::elu};
    for (std::size_t place = 0; place < static_cast<std::size_t>(places_of(spec.cell)); ++place) {
      spec.activations[place] = {kinds[place], 0.375, 0.5};
    }
    if (!smooth) spec.clip = 2 * kClip;
    if (!takes(spec)) continue;
    SCOPED_TRACE(text_of(size) + " " + spec_name(spec));
    std::vector<RunOptions> runs;
    for (const std::string& simd : device().simd(GetParam().type))
      runs.push_back({.device = &device(), .simd = simd});
    runs.push_back({.device = &device(), .threads = device().threads});
    runs.push_back({.device = &device(), .batch_invariant = device().batch_invariant});
    runs.push_back({.device = &device(), .layout = Layout::batch_major, .spare_steps = 3, .spare_batch = 2});
    if (device().gaps) runs.back().row_gap = 3;
    runs.push_back({.device = &device(), .mode = GradientMode::accumulate});
    typed([&]<class T>() {
      judge_all<T>(spec, size.T, size.B, runs);
      judge_inference<T>(spec, size.T, size.B, {.device = &device(), .prepared = true});
    });
  }
}

// Each direction with functions of its own: in the first layer, above it, and backward through both.
TEST_P(Functions, ByDirection) {
  const auto kinds = [](const Spec& spec, std::array<GateActivation, 3> gates) {
    for (std::size_t place = static_cast<std::size_t>(places_of(spec.cell)); place < gates.size(); ++place)
      gates[place] = {};
    return gates;
  };
  for (const Size& size : device().option_sizes) {
    for (const bool forward_has_its_own : {true, false}) {
      Spec spec = with_everything(size);
      const bool smooth = size_of(spec.dtype) == 2;
      if (!forward_has_its_own) {
        spec.activations =
            kinds(spec, {{{smooth ? Activation::sigmoid : Activation::hard_sigmoid, 0.375, 0.5},
                          {Activation::scaled_tanh, 0.75, 0.625},
                          {Activation::softsign}}});
      }
      // Of a cell with one place the last is left out, so the first must differ from the forward direction's.
      spec.reverse_activations = kinds(spec, {{{Activation::scaled_tanh, 0.5, 0.75},
                                               {Activation::softsign},
                                               {smooth ? Activation::tanh : Activation::elu, 0.5}}});
      if (!takes(spec)) continue;
      SCOPED_TRACE(text_of(size) + " " + spec_name(spec));
      typed([&]<class T>() {
        judge_all<T>(spec, size.T, size.B,
                     {{.device = &device()}, {.device = &device(), .threads = device().threads}});
        judge_inference<T>(spec, size.T, size.B, {.device = &device(), .prepared = true});
      });
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Devices, Functions, ::testing::ValuesIn(cases(&TestDevice::types)), case_name);

INSTANTIATE_TEST_SUITE_P(Devices, OptionsTogether, ::testing::ValuesIn(cases(&TestDevice::types)), case_name);

}  // namespace
}  // namespace recur::test
