// Training is reproducible: the same seed gives the same parameters to the last bit, with any one number of
// threads.
#include "learning/trainer.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "recur/tasks/loss.hpp"
#include "support/instrumented.hpp"
#include "support/random.hpp"
#include "support/spec_name.hpp"

namespace recur::test {
namespace {

constexpr std::int64_t kSteps = 10;
constexpr std::int64_t kBatch = 24;
constexpr std::int64_t kInputs = 3;
// Every update touches the same memory; enough of them learn.
constexpr int kUpdates = kInstrumented ? 3 : 20;

// Two stacked bidirectional layers learn to repeat their input.
struct Outcome {
  std::vector<float> parameters;
  double first_loss = 0;
  double last_loss = 0;
};

Outcome train(const Spec& cell, int threads) {
  Spec spec = cell;
  spec.input_size = kInputs;
  spec.hidden_size = 96;  // enough work for two threads
  spec.layers = 2;
  spec.direction = Direction::bidirectional;
  Trainer trainer({.spec = spec,
                   .shape = {kSteps, kBatch},
                   .outputs = kInputs,
                   .read_steps = kSteps,
                   .threads = threads,
                   .learning_rate = 0.01});
  EXPECT_EQ(trainer.plan().threads(), threads);
  Random random(1, 1);
  for (std::int64_t i = 0; i < kSteps * kBatch * kInputs; ++i) {
    trainer.x()[i] = static_cast<float>(random.symmetric(1));
  }
  Outcome run;
  for (int update = 0; update < kUpdates; ++update) {
    trainer.predict();
    const ConstTensorView target(trainer.x(), {kSteps * kBatch, kInputs});
    run.last_loss = tasks::mean_squared_error(trainer.prediction_rows(), target, trainer.dprediction_rows());
    if (update == 0) run.first_loss = run.last_loss;
    trainer.learn();
  }
  run.parameters.assign(trainer.parameters().begin(), trainer.parameters().end());
  return run;
}

class Training : public ::testing::TestWithParam<Spec> {};

TEST_P(Training, IsReproducible) {
  for (int threads : {1, 2}) {
    SCOPED_TRACE(threads);
    const Outcome once = train(GetParam(), threads);
    const Outcome again = train(GetParam(), threads);
    if (!kInstrumented) {
      EXPECT_LT(once.last_loss, once.first_loss / 2);
    }
    ASSERT_EQ(once.parameters.size(), again.parameters.size());
    EXPECT_EQ(
        std::memcmp(once.parameters.data(), again.parameters.data(), once.parameters.size() * sizeof(float)),
        0);
  }
}

INSTANTIATE_TEST_SUITE_P(Cpu, Training, ::testing::ValuesIn(all_cells()),
                         [](const auto& instance) { return camel_case(cell_name(instance.param)); });

}  // namespace
}  // namespace recur::test
