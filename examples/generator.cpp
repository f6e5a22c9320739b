// A generator: a layer that is fed its own output continues a wave. A turn by a fixed angle takes each point of
// a circle to the next, and an rnn whose R is a turn does that as long as its numbers are small, where tanh(v)
// is v.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numbers>

#include "recur/recur.hpp"

using namespace recur;

int main() {
  const std::int64_t T = 48, B = 1, N = 2;  // a point of the plane; a full turn takes 24 steps
  const double angle = 2 * std::numbers::pi / 24, radius = 1e-3;
  const Spec spec{.cell = Cell::rnn, .input_size = N, .hidden_size = N, .bias = Bias::none};
  const Device device = Device::cpu();
  Context context(device);

  // h = tanh(W x + R h'), and x is h': both have half of the turn.
  LayerTensors weights(spec);
  const LayerGradients& layer = weights.writable()[0];
  const double turn[] = {std::cos(angle), -std::sin(angle), std::sin(angle), std::cos(angle)};
  for (void* half : {layer.W.data(), layer.R.data()}) {
    std::ranges::transform(turn, static_cast<float*>(half),
                           [](double a) { return static_cast<float>(a / 2); });
  }

  // A plan of one step runs as many as y has room for.
  const Plan plan = make_plan(spec, {.steps = 1, .batch = B}, device);
  Buffer workspace(plan.sizes().workspace);
  Tensor x({B, N}), h({1, 1, B, N}), y({T, B, N});
  x.values<float>()[0] = h.values<float>()[0] = static_cast<float>(radius);  // the point at angle 0
  GenerateArgs args;
  args.x = x.view();
  args.y = y.view();
  args.h = h.view();  // no feed: y of a step is x of the next
  generate(plan, context, Stream(), weights.weights(), args, workspace);

  double worst = 0;
  for (std::int64_t t = 0; t < T; ++t) {
    const double got = y.values<float>()[static_cast<std::size_t>(t * N)] / radius;
    const double expected = std::cos(angle * static_cast<double>(t + 1));
    worst = std::max(worst, std::abs(got - expected));
    if (t % 4 == 3) std::printf("step %2d: %7.4f of the radius\n", static_cast<int>(t + 1), got);
  }
  std::printf("at most %.0e off the cosine\n", worst);
  return worst < 1e-4 ? 0 : 1;
}
