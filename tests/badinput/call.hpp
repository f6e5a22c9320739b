/// @file
/// A valid call of every kind, whose arguments a test then spoils one at a time.
#pragma once

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "badinput/arena.hpp"
#include "recur/recur.hpp"
#include "support/random.hpp"
#include "support/spec_name.hpp"

namespace recur::test {

/// Which call, of what. The sizes below make every dimension different from its neighbours, and rows of 4 or
/// 8 floats, so that every tensor is a whole number of 16-byte units and can follow another without a gap.
struct Scene {
  Spec spec;
  Pass pass = Pass::inference;
  bool prepared = false;
  std::size_t gap =
      4096;  // between tensors; as large as the largest, so that one moved onto another meets no third
  std::size_t arena_bytes = 2 << 20;
  int threads = 1;

  static constexpr std::int64_t kT = 3;
  static constexpr std::int64_t kB = 6;
  static constexpr std::int64_t kI = 4;
  static constexpr std::int64_t kH = 8;
  static constexpr std::int64_t kP = 4;
};

/// Everything optional switched on.
inline Spec full_lstm(Layout layout = Layout::time_major) {
  Spec spec;
  spec.cell = Cell::lstm;
  spec.peepholes = true;
  spec.input_size = Scene::kI;
  spec.hidden_size = Scene::kH;
  spec.layers = 2;
  spec.direction = Direction::bidirectional;
  spec.layout = layout;
  spec.variable_lengths = true;
  spec.reset_mask = true;
  spec.cell_sequence = true;
  return spec;
}

/// The same, projected.
inline Spec projected_lstm(Layout layout = Layout::time_major) {
  Spec spec = full_lstm(layout);
  spec.projection_size = Scene::kP;
  return spec;
}

/// What `step` takes of them.
inline Spec streaming_lstm(Layout layout = Layout::time_major, std::int64_t projection_size = 0) {
  Spec spec = full_lstm(layout);
  spec.projection_size = projection_size;
  spec.direction = Direction::forward;
  spec.variable_lengths = spec.reset_mask = spec.cell_sequence = false;
  return spec;
}

/// Everything optional switched off.
inline Spec plain_gru() {
  Spec spec;
  spec.cell = Cell::gru;
  spec.input_size = Scene::kI;
  spec.hidden_size = Scene::kH;
  spec.bias = Bias::none;
  return spec;
}

/// Rows of a forest: two roots with two children each.
inline Spec forest_lstm(Layout layout = Layout::time_major) {
  Spec spec = full_lstm(layout);
  spec.direction = Direction::forward;
  spec.variable_lengths = spec.reset_mask = false;
  spec.forest = true;
  return spec;
}

/// Valid arguments of all calls for one plan, in one arena; inputs random, outputs poisoned.
struct Call {
  explicit Call(const Scene& scene)
      : spec(scene.spec),
        arena(scene.arena_bytes, scene.gap),
        team(scene.threads),
        device(Device::cpu()),
        context(device, &team),
        plan(make_plan(spec, {spec.forest ? 1 : Scene::kT, Scene::kB}, device,
                       {.pass = scene.pass, .threads = scene.threads})),
        use_prepared(scene.prepared) {
    const std::int64_t D = directions_of(spec);
    const std::int64_t G = gates_of(spec);
    const std::int64_t L = spec.layers;
    const std::int64_t H = spec.hidden_size;
    const std::int64_t P = output_size_of(spec);
    const bool time_major = spec.layout == Layout::time_major;
    const std::int64_t T = plan.shape().steps;
    const std::int64_t first = time_major ? T : Scene::kB;
    const std::int64_t second = time_major ? Scene::kB : T;
    const std::int64_t roots = spec.forest ? level_begin[1] : Scene::kB;
    const bool lstm = spec.cell == Cell::lstm;

    for (std::int64_t l = 0; l < L; ++l) {
      const std::int64_t K = layer_input_size(spec, l);
      weights.emplace_back();
      weights.back().W = random_floats({D, G * H, K});
      if (spec.cell != Cell::min_gru) weights.back().R = random_floats({D, G * H, P});
      if (spec.bias != Bias::none) weights.back().bW = random_floats({D, G * H});
      if (spec.bias == Bias::both && spec.cell != Cell::min_gru)
        weights.back().bR = random_floats({D, G * H});
      if (spec.peepholes) weights.back().peephole = random_floats({D, peepholes_of(spec) * H});
      if (is_projected(spec)) weights.back().projection = random_floats({D, P, H});
    }
    ForwardArgs& f = forward_args;
    f.x = random_floats({first, second, spec.input_size});
    f.h0 = random_floats({L, D, roots, P});
    if (lstm) f.c0 = random_floats({L, D, roots, H});
    if (spec.forest) f.forest = &forest;
    if (spec.variable_lengths) {
      auto* lengths = reinterpret_cast<std::int32_t*>(arena.take(Scene::kB * sizeof(std::int32_t)));
      for (std::int64_t b = 0; b < Scene::kB; ++b)
        lengths[b] = static_cast<std::int32_t>(b % (Scene::kT + 1));
      f.lengths = ConstTensorView(lengths, {Scene::kB});
    }
    if (spec.reset_mask) {
      auto* mask = reinterpret_cast<std::uint8_t*>(arena.take(Scene::kT * Scene::kB));
      for (std::int64_t i = 0; i < Scene::kT * Scene::kB; ++i) mask[i] = i % 5 == 0 ? 1 : 0;
      f.reset_mask = ConstTensorView(mask, {first, second});
    }
    f.y = floats({first, second, D * P});
    f.hN = floats({L, D, Scene::kB, P});
    if (lstm) f.cN = floats({L, D, Scene::kB, H});
    if (spec.cell_sequence) f.c_sequence = floats({first, second, D * H});

    const BufferSizes& sizes = plan.sizes();
    workspace = bytes(sizes.workspace);
    reserve = bytes(sizes.reserve);
    backward_workspace = bytes(sizes.workspace_backward);
    prepared_buffer = bytes(sizes.prepared_weights);
    if (use_prepared) prepared = prepare_weights(plan, context, Stream(), weights, prepared_buffer);

    BackwardArgs& b = backward_args;
    b.x = f.x;
    b.h0 = f.h0;
    b.c0 = f.c0;
    b.lengths = f.lengths;
    b.reset_mask = f.reset_mask;
    b.y = f.y;
    b.dy = random_floats({first, second, D * P});
    b.dhN = random_floats({L, D, Scene::kB, P});
    if (lstm) b.dcN = random_floats({L, D, Scene::kB, H});
    if (spec.cell_sequence) b.dc_sequence = random_floats({first, second, D * H});
    b.dx = floats({first, second, spec.input_size});
    b.dh0 = floats({L, D, roots, P});
    if (lstm) b.dc0 = floats({L, D, roots, H});
    b.forest = f.forest;
    for (std::int64_t l = 0; l < L; ++l) {
      gradients.emplace_back();
      gradients.back().W = floats({D, G * H, layer_input_size(spec, l)});
      if (spec.cell != Cell::min_gru) gradients.back().R = floats({D, G * H, P});
      if (spec.bias != Bias::none) gradients.back().bW = floats({D, G * H});
      if (spec.bias == Bias::both && spec.cell != Cell::min_gru) gradients.back().bR = floats({D, G * H});
      if (spec.peepholes) gradients.back().peephole = floats({D, peepholes_of(spec) * H});
      if (is_projected(spec)) gradients.back().projection = floats({D, P, H});
    }
    b.dweights = gradients;

    step_args.x = random_floats({Scene::kB, spec.input_size});
    step_args.y = floats({Scene::kB, P});
    step_args.h = random_floats({L, D, Scene::kB, P});
    if (lstm) step_args.c = random_floats({L, D, Scene::kB, H});

    generate_args.x = random_floats({Scene::kB, spec.input_size});
    generate_args.y = floats({first, second, P});
    generate_args.h = random_floats({L, D, Scene::kB, P});
    if (lstm) generate_args.c = random_floats({L, D, Scene::kB, H});
    generate_args.feed = [](void*, Stream, std::int64_t, const ConstTensorView&, const TensorView& x) {
      std::fill_n(static_cast<float*>(x.data()), x.size(0) * x.size(1), 0.25f);
    };
  }
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  Weights all_weights() const {
    return use_prepared ? Weights(prepared) : Weights(std::span<const LayerWeights>(weights));
  }
  void forward() { recur::forward(plan, context, Stream(), all_weights(), forward_args, workspace, reserve); }
  void backward() {
    recur::backward(plan, context, Stream(), weights, backward_args, reserve, backward_workspace);
  }
  void generate() { recur::generate(plan, context, Stream(), all_weights(), generate_args, workspace); }
  void step() { recur::step(plan, context, Stream(), all_weights(), step_args, workspace); }
  void prepare() { prepare_weights(plan, context, Stream(), weights, prepared_buffer); }

  std::vector<std::int64_t> level_begin = {0, 2, 6};
  std::vector<std::int32_t> parents = {-1, -1, 0, 0, 1, 1};
  Forest forest = {level_begin, parents};
  Spec spec;
  Arena arena;
  ThreadTeam team;
  Device device;
  Context context;
  Plan plan;
  std::vector<LayerWeights> weights;
  bool use_prepared;
  PreparedWeights prepared;
  std::span<std::byte> prepared_buffer;
  ForwardArgs forward_args;
  StepArgs step_args;
  GenerateArgs generate_args;
  BackwardArgs backward_args;
  std::vector<LayerGradients> gradients;
  std::span<std::byte> workspace;
  std::span<std::byte> reserve;
  std::span<std::byte> backward_workspace;

 private:
  TensorView floats(std::initializer_list<std::int64_t> shape) {
    std::int64_t count = 1;
    for (std::int64_t size : shape) count *= size;
    return TensorView(arena.take(static_cast<std::size_t>(count) * sizeof(float), 16), DataType::f32, shape);
  }
  TensorView random_floats(std::initializer_list<std::int64_t> shape) {
    const TensorView view = floats(shape);
    std::int64_t count = 1;
    for (std::int64_t size : shape) count *= size;
    auto* data = static_cast<float*>(view.data());
    for (std::int64_t i = 0; i < count; ++i) data[i] = static_cast<float>(random_.symmetric(0.5));
    return view;
  }
  std::span<std::byte> bytes(std::size_t count) { return {arena.take(count), count}; }

  Random random_{1};
};

}  // namespace recur::test
