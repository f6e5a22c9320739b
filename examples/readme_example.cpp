#include <cstdio>
#include <vector>

#include "recur/recur.hpp"

struct alignas(64) Line {  // memory is the caller's, aligned to a cache line
  char bytes[64];
};

int main() {
  const std::int64_t T = 50, B = 8, I = 32, H = 64;  // steps, batch, input size, hidden size
  const recur::Device device = recur::Device::cpu();
  const recur::Spec spec{.cell = recur::Cell::gru, .input_size = I, .hidden_size = H};
  const recur::Plan plan = recur::make_plan(spec, {.steps = T, .batch = B}, device);
  std::puts(plan.explain().c_str());  // which engine, why, how tiled, how much memory

  std::vector<float> x(T * B * I, 0.5f), y(T * B * H), W(3 * H * I, 0.01f), R(3 * H * H, 0.01f), b(3 * H);
  recur::LayerWeights layer;  // rows of W and R are the gates r z n
  layer.W = {W.data(), {1, 3 * H, I}};
  layer.R = {R.data(), {1, 3 * H, H}};
  layer.bW = layer.bR = {b.data(), {1, 3 * H}};

  recur::ForwardArgs args;
  args.x = {x.data(), {T, B, I}};
  args.y = {y.data(), {T, B, H}};
  std::vector<Line> workspace(plan.sizes().workspace / sizeof(Line) + 1);  // forward itself allocates nothing
  recur::Context context(device);
  const std::span<const recur::LayerWeights> layers(&layer, 1);
  recur::forward(plan, context, recur::Stream(), layers, args, std::as_writable_bytes(std::span(workspace)));
  std::printf("last output of unit 0: %f\n", y[(T - 1) * B * H]);
}
