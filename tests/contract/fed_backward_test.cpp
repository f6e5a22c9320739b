// Training of layers that are fed their own output, as a user does it: a training call of T = 1 for each
// step, and on the way back dx of step t + 1 is added to dy of step t. The gradients are held against central
// differences of a loss whose outputs `generate` makes.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <vector>

#include "recur/recur.hpp"

namespace recur::test {
namespace {

constexpr std::int64_t kT = 4, kB = 2, kH = 3, kL = 2;  // I = H: y is the next input as it lies

Spec small_rnn() {
  return {.cell = Cell::rnn, .input_size = kH, .hidden_size = kH, .layers = kL, .dtype = DataType::f64};
}
Tensor sequence(std::int64_t steps) { return Tensor({steps, kB, kH}, DataType::f64); }
Tensor states() { return Tensor({kL, 1, kB, kH}, DataType::f64); }
void copy(const Tensor& from, Tensor& to) {
  std::ranges::copy(from.values<double>(), to.values<double>().begin());
}

// Weights, the first input and the first states; the loss is the sum of factor * y over all steps.
struct Decoder {
  Decoder() {
    initialise(weights, 1);
    fill_uniform(x.view(), 1, 2);
    fill_uniform(h.view(), 1, 3);
    fill_uniform(factor.view(), 1, 4);
  }

  double loss() {
    const Plan plan = make_plan(small_rnn(), {.steps = 1, .batch = kB}, device);
    Buffer workspace(plan.sizes().workspace);
    Tensor first = sequence(1), h_now = states(), y = sequence(kT);
    copy(x, first);
    copy(h, h_now);
    GenerateArgs args;
    args.x = first.at(0);
    args.y = y.view();
    args.h = h_now.view();
    generate(plan, context, Stream(), weights.weights(), args, workspace);
    double sum = 0;
    for (std::size_t i = 0; i < y.values<double>().size(); ++i) {
      sum += factor.values<double>()[i] * y.values<double>()[i];
    }
    return sum;
  }

  Device device = Device::cpu();
  Context context{device};
  LayerTensors weights{small_rnn()};
  Tensor x = sequence(1), h = states(), factor = sequence(kT);
};

// The gradients of the loss, by calls of one step.
struct Gradients {
  explicit Gradients(Decoder& decoder) {
    const Plan plan =
        make_plan(small_rnn(), {.steps = 1, .batch = kB}, decoder.device, {.pass = Pass::training});
    Buffer workspace(std::max(plan.sizes().workspace, plan.sizes().workspace_backward));
    // backward reads what forward read and wrote: each step has tensors and a reserve of its own.
    std::vector<ForwardArgs> steps(kT);
    std::vector<Tensor> y, h;
    std::vector<Buffer> reserves;
    for (std::size_t t = 0; t < kT; ++t) {
      y.push_back(sequence(1));
      h.push_back(states());
      reserves.emplace_back(plan.sizes().reserve);
      ForwardArgs& step = steps[t];
      step.x = t == 0 ? decoder.x.view() : y[t - 1].view();
      step.h0 = t == 0 ? decoder.h.view() : h[t - 1].view();
      step.y = y[t].view();
      step.hN = h[t].view();
      forward(plan, decoder.context, Stream(), decoder.weights.weights(), step, workspace, reserves[t]);
    }
    Tensor dy = sequence(1);
    for (std::size_t t = kT; t-- > 0;) {
      // What the loss says of y, and what the next step says of it as its input: dx is zeros at the last step.
      const auto of_loss = decoder.factor.values<double>().subspan(t * kB * kH, kB * kH);
      std::ranges::transform(of_loss, dx.values<double>(), dy.values<double>().begin(), std::plus<>());
      BackwardArgs back;
      back.x = steps[t].x;
      back.h0 = steps[t].h0;
      back.y = steps[t].y;
      back.dy = dy.view();
      back.dhN = dh.view();  // in place, from step to step
      back.dh0 = dh.view();
      back.dx = dx.view();
      back.dweights = dweights.writable();
      back.mode = GradientMode::accumulate;
      backward(plan, decoder.context, Stream(), decoder.weights.weights(), back, reserves[t], workspace);
    }
  }

  LayerTensors dweights{small_rnn()};
  Tensor dx = sequence(1), dh = states();
};

// d loss / d values, one value after the other.
void expect_gradients(Decoder& decoder, double* values, const double* gradients, std::int64_t count,
                      const char* name) {
  constexpr double kStep = 1e-5;  // a difference is off by the square of it, and by 1e-16 / 1e-5
  for (std::int64_t i = 0; i < count; ++i) {
    const double value = values[i];
    values[i] = value + kStep;
    const double above = decoder.loss();
    values[i] = value - kStep;
    const double below = decoder.loss();
    values[i] = value;
    EXPECT_NEAR(gradients[i], (above - below) / (2 * kStep), 1e-8) << name << " " << i;
  }
}

TEST(FedBackward, CallsOfOneStepGiveTheGradients) {
  Decoder decoder;
  Gradients gradients(decoder);
  expect_gradients(decoder, decoder.x.values<double>().data(), gradients.dx.values<double>().data(), kB * kH,
                   "x");
  expect_gradients(decoder, decoder.h.values<double>().data(), gradients.dh.values<double>().data(),
                   kL * kB * kH, "h");
  const TensorView weights = decoder.weights.flat(), dweights = gradients.dweights.flat();
  expect_gradients(decoder, static_cast<double*>(weights.data()), static_cast<const double*>(dweights.data()),
                   weights.size(0), "weights");
}

}  // namespace
}  // namespace recur::test
