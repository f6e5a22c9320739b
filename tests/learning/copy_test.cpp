// The copy task (Hochreiter & Schmidhuber 1997; Arjovsky, Shah & Bengio 2016, arXiv:1511.06464), smaller than
// in the paper: 5 random symbols out of 8, 50 steps of blanks the last of which says "go", then 5 steps in
// which the network says the symbols in their order. Every symbol is thus recalled 55 steps after it was
// read. The paper has 10 symbols; 5 are learned in seconds and are as hopeless without gradients through
// time: nothing but memory helps, and guessing is right once in 8. The loss is on the recalled steps only.
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
constexpr std::int64_t kSymbols = 2;
constexpr std::int64_t kAlphabet = 4;
constexpr std::int64_t kDelay = 10;
#else
constexpr std::int64_t kSymbols = 5;
constexpr std::int64_t kAlphabet = 8;
constexpr std::int64_t kDelay = 50;
#endif
constexpr std::int64_t kBlank = kAlphabet;
constexpr std::int64_t kGo = kAlphabet + 1;
constexpr std::int64_t kInputs = kAlphabet + 2;  // one-hot
constexpr std::int64_t kSteps = kSymbols + kDelay + kSymbols;
constexpr std::int64_t kBatch = 32;
constexpr int kMostUpdates = 4000;
constexpr int kUpdatesBetweenLooks = 200;

class CopyTask {
 public:
  explicit CopyTask(const Spec& spec)
      : trainer_({.spec = spec,
                  .shape = {kSteps, kBatch},
                  .outputs = kAlphabet,
                  .read_steps = kSymbols,
                  .longest_memory = static_cast<double>(kSteps),
                  .seed = 1,
                  .learning_rate = 0.015}),
        labels_(kSymbols * kBatch) {}

  // Cross entropy on a new batch. The gradient is ready for learn().
  double predict(Random& random) {
    std::fill_n(trainer_.x(), kSteps * kBatch * kInputs, 0.0f);
    for (std::int64_t t = 0; t < kSteps; ++t) {
      for (std::int64_t b = 0; b < kBatch; ++b) {
        std::int64_t symbol = t == kSymbols + kDelay - 1 ? kGo : kBlank;
        if (t < kSymbols) {
          symbol = random.integer(0, kAlphabet - 1);
          labels_[static_cast<std::size_t>(t * kBatch + b)] = static_cast<std::int32_t>(symbol);
        }
        trainer_.x()[(t * kBatch + b) * kInputs + symbol] = 1;
      }
    }
    trainer_.predict();
    tasks::CrossEntropyArgs args;
    args.logits = trainer_.prediction();
    args.labels = ConstTensorView(labels_.data(), {kSymbols, kBatch});
    args.dlogits = trainer_.dprediction();
    return tasks::softmax_cross_entropy(args);
  }
  void learn() { trainer_.learn(); }

  // Share of the symbols that are recalled right.
  double accuracy(Random random, int batches) {
    int right = 0;
    for (int k = 0; k < batches; ++k) {
      predict(random);
      const auto* logits = static_cast<const float*>(trainer_.prediction().data());
      for (std::size_t i = 0; i < labels_.size(); ++i, logits += kAlphabet) {
        right += std::max_element(logits, logits + kAlphabet) - logits == labels_[i];
      }
    }
    return right / (static_cast<double>(batches) * static_cast<double>(labels_.size()));
  }

 private:
  Trainer trainer_;
  Aligned<std::int32_t> labels_;
};

class Copy : public ::testing::TestWithParam<Spec> {};

TEST_P(Copy, IsLearned) {
  CopyTask task(GetParam());
  Random train(1, 1);
  const Random look(1, 2);
  const Random held_out(1, 3);
  const double untrained = task.accuracy(held_out, 32);
  int updates = 0;
  do {
    for (int k = 0; k < kUpdatesBetweenLooks; ++k) {
      task.predict(train);
      task.learn();
    }
    updates += kUpdatesBetweenLooks;
  } while (updates < kMostUpdates && task.accuracy(look, 8) < 0.999);
  const double accuracy = task.accuracy(held_out, 32);
  std::cout << cell_name(GetParam()) << ", " << kSymbols << " symbols of " << kAlphabet << ", delay "
            << kDelay << ": " << 100 * accuracy << " % recalled after " << updates << " updates; "
            << 100 * untrained << " % untrained, chance " << 100.0 / kAlphabet << " %\n";
  EXPECT_GT(accuracy, 0.99);
}

std::vector<Spec> lstm_cells() {
  std::vector<Spec> cells;
  for (Spec spec : all_cells()) {
    if (spec.cell != Cell::lstm) continue;
    spec.input_size = kInputs;
    spec.hidden_size = 64;
    cells.push_back(spec);
  }
  return cells;
}

INSTANTIATE_TEST_SUITE_P(Cpu, Copy, ::testing::ValuesIn(lstm_cells()),
                         [](const auto& instance) { return camel_case(cell_name(instance.param)); });

}  // namespace
}  // namespace recur::test
