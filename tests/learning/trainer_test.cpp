// Training is reproducible: the same seed gives the same parameters to the last bit, with any one number of
// threads.
#include "learning/trainer.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "recur/tasks/loss.hpp"
#include "support/random.hpp"
#include "support/spec_name.hpp"

namespace recur::test {
namespace {

constexpr std::int64_t kSteps = 7;
constexpr std::int64_t kBatch = 24;
constexpr std::int64_t kInputs = 3;

// Two stacked bidirectional layers learn to say zero.
struct Run {
  std::vector<float> parameters;
  double first_loss = 0;
  double last_loss = 0;
};

Run train(const Spec& cell, int threads) {
  Spec spec = cell;
  spec.input_size = kInputs;
  spec.hidden_size = 48;
  spec.layers = 2;
  spec.direction = Direction::bidirectional;
  Trainer trainer({.spec = spec,
                   .shape = {kSteps, kBatch},
                   .outputs = 2,
                   .read_steps = kSteps,
                   .threads = threads,
                   .learning_rate = 0.01});
  Random random(1, 1);
  for (std::int64_t i = 0; i < kSteps * kBatch * kInputs; ++i) {
    trainer.x()[i] = static_cast<float>(random.symmetric(1));
  }
  const Aligned<float> zeros(std::vector<float>(kSteps * kBatch * 2));
  Run run;
  for (int update = 0; update < 20; ++update) {
    trainer.predict();
    run.last_loss = tasks::mean_squared_error(
        trainer.prediction(), ConstTensorView(zeros.data(), {kSteps * kBatch, 2}), trainer.dprediction());
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
    const Run once = train(GetParam(), threads);
    const Run again = train(GetParam(), threads);
    EXPECT_LT(once.last_loss, once.first_loss / 4);
    ASSERT_EQ(once.parameters.size(), again.parameters.size());
    EXPECT_EQ(
        std::memcmp(once.parameters.data(), again.parameters.data(), once.parameters.size() * sizeof(float)),
        0);
  }
}

std::vector<Spec> cells_without_peepholes() {
  std::vector<Spec> cells = all_cells();
  std::erase_if(cells, [](const Spec& spec) { return spec.peepholes; });
  return cells;
}

INSTANTIATE_TEST_SUITE_P(Cpu, Training, ::testing::ValuesIn(cells_without_peepholes()),
                         [](const auto& instance) { return camel_case(cell_name(instance.param)); });

}  // namespace
}  // namespace recur::test
