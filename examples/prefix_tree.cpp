// Words that begin alike share the steps of their common letters: a tree of prefixes, run level by level, gives
// every word the state that a run of its own gives it.
#include <algorithm>
#include <cstdio>
#include <map>
#include <string>

#include "recur/recur.hpp"

using namespace recur;

int main() {
  const std::vector<std::string> words = {"record", "recorder", "recur", "recurrent", "reset", "recurrence"};
  const std::int64_t I = 26, H = 64;

  // A node for every prefix, whose parent is the prefix without its last letter.
  std::map<std::string, std::int32_t> node_of;
  std::vector<std::int32_t> parents;
  std::string letters;  // the last of each prefix
  for (const std::string& word : words) {
    for (std::size_t t = 0; t < word.size(); ++t) {
      if (!node_of.emplace(word.substr(0, t + 1), static_cast<std::int32_t>(parents.size())).second) continue;
      parents.push_back(t == 0 ? -1 : node_of.at(word.substr(0, t)));
      letters += word[t];
    }
  }

  Spec spec{.cell = Cell::gru, .input_size = I, .hidden_size = H};
  LayerTensors weights(spec);
  initialise(weights, 1);
  const Device device = Device::cpu();
  Context context(device);
  // y of `steps` x `rows` letters, one-hot.
  const auto run = [&](std::int64_t steps, std::int64_t rows, const std::string& of, const Forest* forest) {
    Tensor x({steps, rows, I}), y({steps, rows, H});
    for (std::size_t row = 0; row < of.size(); ++row)
      x.values<float>()[row * I + std::size_t(of[row] - 'a')] = 1;
    spec.forest = forest != nullptr;
    const Plan plan = make_plan(spec, {steps, rows}, device, {.batch_invariant = true});
    Buffer workspace(plan.sizes().workspace);
    ForwardArgs args;
    args.x = x.view();
    args.y = y.view();
    args.forest = forest;
    forward(plan, context, Stream(), weights.weights(), args, workspace);
    return y;
  };

  const OrderedForest ordered = order_forest(parents);
  const Forest forest = ordered.view();
  std::string of_rows;
  for (const std::int32_t node : ordered.nodes) of_rows += letters[static_cast<std::size_t>(node)];
  const Tensor tree = run(1, static_cast<std::int64_t>(parents.size()), of_rows, &forest);
  const Tensor word = run(10, 1, words.back(), nullptr);  // the last row, since it is the longest

  const bool equal = std::ranges::equal(tree.values<float>().last(H), word.values<float>().last(H));
  std::printf("%zu words, %zu prefixes in %zu levels; %s by itself is %s\n", words.size(), parents.size(),
              ordered.level_begin.size() - 1, words.back().c_str(), equal ? "the same" : "different");
  return equal ? 0 : 1;
}
