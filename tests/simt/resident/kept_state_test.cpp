// Gates that keep a state for hundreds of steps: what their function is off is off from 1 - gate, and every
// step adds to it. The emulated tanh of the hardware is as wrong as PTX allows, in one direction for
// neighbouring arguments (kernels/device/fast_math.cuh), which is what a sigmoid by it would not survive.
#include <gtest/gtest.h>

#include "simt/resident/tiled_device.hpp"

namespace recur::test {
namespace {

struct KeptState {
  const char* name;
  Spec cell;
  std::size_t gate;  // that keeps the state, or of which 1 - gate does
  double direction;  // of its bias
};

const KeptState kKept[] = {
    {"Forget", {.cell = Cell::lstm}, 1, 1},
    {"CoupledInput", {.cell = Cell::lstm, .coupled_input_forget = true}, 0, -1},
    {"ResetAfter", {.cell = Cell::gru}, 1, 1},
    {"ResetBefore", {.cell = Cell::gru, .gru_reset = GruReset::before}, 1, 1},
};

void PrintTo(const KeptState& value, std::ostream* out) { *out << value.name; }

class ResidentKeptState : public ::testing::TestWithParam<KeptState> {};

TEST_P(ResidentKeptState, IsRightAfterAThousandSteps) {
  const KeptState& param = GetParam();
  constexpr Index kSteps = 1024, kRows = 8, kUnits = 16;
  Spec spec = param.cell;
  spec.input_size = 4;
  spec.hidden_size = kUnits;
  spec.cell_sequence = spec.cell == Cell::lstm;
  spec.dtype = DataType::bf16;
  tile_of_plans() = {4, 1, 1};
  const TestDevice device = tiled_device();
  for (const double bias : {5.0, 6.0, 7.0, 8.0}) {
    SCOPED_TRACE("bias " + std::to_string(bias));
    ErrorPools pools(spec.dtype);
    oracle::Problem<double> problem = random_problem(spec, kSteps, kRows, 1);
    for (std::size_t unit = 0; unit < static_cast<std::size_t>(kUnits); ++unit) {
      problem.layers[0].bW.at(param.gate * kUnits + unit) = param.direction * bias;
      problem.layers[0].bR.at(param.gate * kUnits + unit) = 0;
      // The gate moves little: errors of one direction must not cancel because of what it sees.
      for (std::size_t k = 0; k < static_cast<std::size_t>(kUnits); ++k) {
        problem.layers[0].R.at((param.gate * kUnits + unit) * kUnits + k) *= 0.125;
      }
      for (std::size_t k = 0; k < 4; ++k) {
        problem.layers[0].W.at((param.gate * kUnits + unit) * 4 + k) *= 0.125;
      }
    }
    const Naive<Bf16> naive(problem);
    const auto typed = oracle::convert<Bf16>(problem);
    EngineRun<Bf16> engine(typed, Pass::training, {.device = &device});
    auto right = oracle::forward(oracle::convert<StorageOf<Bf16>::Judge>(problem));
    auto naive_outputs = naive.outputs;
    auto outputs = engine.forward();
    // The last state is the last step's, and too few values for a verdict of their own.
    const auto drop_last_state = [](auto& of) {
      of.hN.clear();
      of.cN.clear();
    };
    drop_last_state(right);
    drop_last_state(naive_outputs);
    drop_last_state(outputs);
    pools.add(right, naive_outputs, outputs, "bias " + std::to_string(bias));
    EXPECT_TRUE(pools.verdict());
  }
}

INSTANTIATE_TEST_SUITE_P(Resident, ResidentKeptState, ::testing::ValuesIn(kKept),
                         [](const auto& of) { return std::string(of.param.name); });

}  // namespace
}  // namespace recur::test
