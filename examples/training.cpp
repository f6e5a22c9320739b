// Trains a model of characters, lstm and softmax, with Adam. It learns a sentence by heart.
#include <algorithm>
#include <cstdio>
#include <string_view>

#include "recur/recur.hpp"
#include "recur/tasks/adam.hpp"
#include "recur/tasks/affine.hpp"
#include "recur/tasks/loss.hpp"

using namespace recur;

int main() {
  constexpr std::string_view text = "the quick brown fox jumps over the lazy dog and the dog sleeps on. ";
  constexpr std::int64_t T = 32, B = 8, V = 128, H = 64;  // V characters, which come in as vectors of one 1
  const Spec spec{.cell = Cell::lstm, .input_size = V, .hidden_size = H};
  const Device device = Device::cpu();
  Context context(device);
  const Plan plan = make_plan(spec, {.steps = T, .batch = B}, device, {.pass = Pass::training});
  Buffer workspace(std::max(plan.sizes().workspace, plan.sizes().workspace_backward));
  Buffer reserve(plan.sizes().reserve);  // what backward needs of forward

  LayerTensors weights(spec), dweights(spec);
  Tensor W({V, H}), dW({V, H}), b({V}), db({V});
  initialise(weights, 1);
  fill_uniform(W.view(), 0.1, 2);
  tasks::Adam adam({.learning_rate = 2e-2});
  adam.add(weights.flat(), dweights.flat());
  adam.add(W.view(), dW.view());
  adam.add(b.view(), db.view());

  Tensor x({T, B, V}), y({T, B, H}), dy({T, B, H});
  Tensor logits({T, B, V}), dlogits({T, B, V}), labels({T, B}, DataType::i32);
  ForwardArgs in;
  BackwardArgs back;
  in.x = back.x = x.view();
  back.y = in.y = y.view();
  back.dy = dy.view();
  back.dweights = dweights.writable();

  double first = 0, loss = 0;
  for (std::size_t update = 0; update < 200; ++update) {
    std::ranges::fill(x.values<float>(), 0.0f);
    for (std::size_t i = 0; i < T * B; ++i) {  // step i / B of sequence i % B, a window of the text
      const std::size_t at = i / B + 7 * (i % B) + 13 * update;
      x.values<float>()[i * V + static_cast<unsigned char>(text[at % text.size()])] = 1;
      labels.values<std::int32_t>()[i] = static_cast<unsigned char>(text[(at + 1) % text.size()]);
    }
    forward(plan, context, Stream(), weights.weights(), in, workspace, reserve);
    tasks::affine({y.rows(), W.view(), b.view(), logits.rows()});
    loss = tasks::softmax_cross_entropy({logits.view(), labels.view(), {}, dlogits.view()});
    if (update == 0) first = loss;
    if (update % 40 == 0) std::printf("update %3zu: loss %.4f\n", update, loss);
    tasks::affine_backward({y.rows(), W.view(), dlogits.rows(), dy.rows(), dW.view(), db.view()});
    backward(plan, context, Stream(), weights.weights(), back, reserve, workspace);
    adam.step();
  }
  std::printf("loss %.4f at first, %.4f at last\n", first, loss);
  return loss < first / 10 ? 0 : 1;
}
