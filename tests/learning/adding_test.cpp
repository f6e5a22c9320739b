// The adding problem (Hochreiter & Schmidhuber 1997, section 5.4, in the form of Arjovsky, Shah & Bengio
// 2016, arXiv:1511.06464): each step brings a value, uniform in [0, 1], and a mark. One step in each half of
// the sequence is marked; after the last step the network says the sum of the two marked values. Saying 1
// always has a mean squared error of 1/6 = 0.167. Gradients of a wrong sign learn no more than that; crude
// but well-meant ones get far, the copy task is harder on those.
#include <gtest/gtest.h>

#include <algorithm>
#include <iostream>
#include <vector>

#include "learning/trainer.hpp"
#include "recur/tasks/loss.hpp"
#include "support/random.hpp"
#include "support/spec_name.hpp"

namespace recur::test {
namespace {

#ifdef RECUR_LEARNING_SHORT
constexpr std::int64_t kSteps = 20;
#else
constexpr std::int64_t kSteps = 100;
#endif
constexpr std::int64_t kBatch = 32;
constexpr std::int64_t kHidden = 32;
// Steps that the gates remember before they have learned to. A layer that remembered for 100 would solve the
// task with a trained affine layer on top of it and no gradient through time.
constexpr double kFirstMemory = 3;
constexpr int kMostUpdates = 2000;
constexpr int kUpdatesBetweenLooks = 100;

class AddingProblem {
 public:
  explicit AddingProblem(const Spec& spec)
      : trainer_({.spec = spec,
                  .shape = {kSteps, kBatch},
                  .shortest_memory = kFirstMemory,
                  .longest_memory = kFirstMemory,
                  .seed = 1,
                  .learning_rate = 0.01}),
        target_(kBatch) {}

  // Mean squared error on a new batch. The gradient is ready for learn().
  double predict(Random& random) {
    float* x = trainer_.x();
    for (std::int64_t t = 0; t < kSteps; ++t) {
      for (std::int64_t b = 0; b < kBatch; ++b) {
        *x++ = static_cast<float>(random.symmetric(0.5) + 0.5);
        *x++ = 0;
      }
    }
    for (std::int64_t b = 0; b < kBatch; ++b) {
      float* first = trainer_.x() + (random.integer(0, kSteps / 2 - 1) * kBatch + b) * 2;
      float* second = trainer_.x() + (random.integer(kSteps / 2, kSteps - 1) * kBatch + b) * 2;
      first[1] = second[1] = 1;
      target_[static_cast<std::size_t>(b)] = first[0] + second[0];
    }
    trainer_.predict();
    return tasks::mean_squared_error(trainer_.prediction_rows(), TensorView(target_.data(), {kBatch, 1}),
                                     trainer_.dprediction_rows());
  }
  void learn() { trainer_.learn(); }

  double mean_error(Random random, int batches) {
    double sum = 0;
    for (int k = 0; k < batches; ++k) sum += predict(random);
    return sum / batches;
  }

 private:
  Trainer trainer_;
  Aligned<float> target_;
};

class Adding : public ::testing::TestWithParam<Spec> {};

TEST_P(Adding, IsLearned) {
  AddingProblem problem(GetParam());
  Random train(1, 1);
  const Random look(1, 2);
  const Random held_out(1, 3);
  const double untrained = problem.mean_error(held_out, 32);
  int updates = 0;
  do {
    for (int k = 0; k < kUpdatesBetweenLooks; ++k) {
      problem.predict(train);
      problem.learn();
    }
    updates += kUpdatesBetweenLooks;
  } while (updates < kMostUpdates && problem.mean_error(look, 8) > 0.002);
  const double error = problem.mean_error(held_out, 32);
  std::cout << cell_name(GetParam()) << ", T = " << kSteps << ": mean squared error " << error << " after "
            << updates << " updates; " << untrained << " untrained, 0.167 for always 1\n";
  EXPECT_LT(error, 0.01);
}

std::vector<Spec> gated_cells() {
  std::vector<Spec> cells;
  for (Spec spec : all_cells()) {
    if (spec.cell == Cell::rnn) continue;
    spec.input_size = 2;
    spec.hidden_size = kHidden;
    cells.push_back(spec);
  }
  return cells;
}

INSTANTIATE_TEST_SUITE_P(Cpu, Adding, ::testing::ValuesIn(gated_cells()),
                         [](const auto& instance) { return camel_case(cell_name(instance.param)); });

}  // namespace
}  // namespace recur::test
