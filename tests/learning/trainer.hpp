/// @file
/// A small model, trained as a program that uses the library would train it: recurrent layers, an affine
/// layer on the outputs of the last steps, Adam with clipped gradients. All of it is public API, f32.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include "recur/recur.hpp"
#include "recur/tasks/affine.hpp"
#include "recur/tasks/optimizer.hpp"
#include "support/aligned.hpp"
#include "support/random.hpp"

namespace recur::test {

/// Views of every tensor of a model, all inside one flat buffer.
template <class View>
struct ModelViews {
  std::vector<BasicLayerWeights<View>> layers;
  View out_W;  ///< [O][D*H]
  View out_b;  ///< [O]
};

/// Where the tensors of a model lie in a flat buffer of floats. Parameters and gradients lie alike, so that
/// the optimiser sees either as one long tensor.
class ModelLayout {
 public:
  ModelLayout(const Spec& spec, std::int64_t outputs) : spec_(spec), outputs_(outputs) {}

  std::size_t size() const {
    std::size_t used = 0;
    place<TensorView>(nullptr, used);
    return used;
  }
  template <class View>
  ModelViews<View> views(float* base) const {
    std::size_t used = 0;
    return place<View>(base, used);
  }

 private:
  // A null `base` only counts.
  template <class View>
  ModelViews<View> place(float* base,  // NOLINT(readability-non-const-parameter): views of it are written
                         std::size_t& used) const {
    const auto next = [&](std::initializer_list<std::int64_t> shape) {
      const View view(base == nullptr ? base : base + used, shape);
      std::size_t elements = 1;
      for (std::int64_t size : shape) elements *= static_cast<std::size_t>(size);
      used += (elements + 3) / 4 * 4;  // views are 16-byte aligned
      return view;
    };
    const std::int64_t D = directions_of(spec_);
    const std::int64_t H = spec_.hidden_size;
    const std::int64_t rows = gates_of(spec_) * H;
    ModelViews<View> model;
    for (std::int64_t l = 0; l < spec_.layers; ++l) {
      auto& layer = model.layers.emplace_back();
      layer.W = next({D, rows, layer_input_size(spec_, l)});
      const bool has_R = has_recurrent_weights(spec_);
      if (has_R) layer.R = next({D, rows, H});
      if (spec_.bias != Bias::none) layer.bW = next({D, rows});
      if (has_R && spec_.bias == Bias::both) layer.bR = next({D, rows});
      if (spec_.peepholes) layer.peephole = next({D, peepholes_of(spec_) * H});
    }
    model.out_W = next({outputs_, D * H});
    model.out_b = next({outputs_});
    return model;
  }

  Spec spec_;
  std::int64_t outputs_;
};

/// What is trained, and how.
struct TrainerOptions {
  Spec spec = {};               ///< time-major f32
  Shape shape = {};             ///< T and B of every batch
  std::int64_t outputs = 1;     ///< O, of the affine layer
  std::int64_t read_steps = 1;  ///< the affine layer reads that many steps at the end
  /// Gates start out remembering for that many steps, uniformly from `shortest_memory` to `longest_memory`:
  /// chrono initialisation (Tallec & Ollivier 2018, arXiv:1804.11188), for gru and lstm with biases. 0: all
  /// biases start at zero.
  double shortest_memory = 1;
  double longest_memory = 0;
  std::uint64_t seed = 1;  ///< of the first parameters
  int threads = 1;         ///< most to use; 1 is enough for small layers
  double learning_rate = 1e-3;
  double max_norm = 1;  ///< of the gradient of all parameters together
};

/// Fill x(), call predict(), write the loss's gradient to dprediction(), call learn().
class Trainer {
 public:
  explicit Trainer(const TrainerOptions& options)
      : options_(options),
        layout_(options.spec, options.outputs),
        device_(Device::cpu()),
        team_(options.threads),
        context_(device_, &team_),
        plan_(make_plan(options.spec, options.shape, device_,
                        {.pass = Pass::training, .threads = options.threads})),
        parameters_(zeros(layout_.size())),
        gradients_(zeros(layout_.size())),
        m_(zeros(layout_.size())),
        v_(zeros(layout_.size())),
        weights_(layout_.views<ConstTensorView>(parameters_.data())),
        dweights_(layout_.views<TensorView>(gradients_.data())),
        x_(zeros(static_cast<std::size_t>(rows() * options.spec.input_size))),
        y_(zeros(static_cast<std::size_t>(rows() * features()))),
        dy_(zeros(y_.size())),
        prediction_(zeros(static_cast<std::size_t>(read_rows() * options.outputs))),
        dprediction_(zeros(prediction_.size())),
        workspace_(std::max(plan_.sizes().workspace, plan_.sizes().workspace_backward)),
        reserve_(plan_.sizes().reserve) {
    Random random(options.seed);
    const double bound = 1 / std::sqrt(static_cast<double>(options.spec.hidden_size));
    const ModelViews<TensorView> start = layout_.views<TensorView>(parameters_.data());
    for (const auto& layer : start.layers) {
      randomise(layer.W, bound, random);
      if (layer.R.given()) randomise(layer.R, bound, random);
    }
    randomise(start.out_W, bound, random);
    if (options.longest_memory > 0) start_remembering(start, random);
  }

  const Plan& plan() const { return plan_; }
  std::span<const float> parameters() const { return {parameters_.data(), parameters_.size()}; }

  float* x() { return x_.data(); }  ///< [T][B][I]
  /// [read_steps][B][O], and the same as [read_steps*B][O].
  TensorView prediction() { return steps_of(prediction_); }
  TensorView dprediction() { return steps_of(dprediction_); }
  TensorView prediction_rows() { return rows_of(prediction_); }
  TensorView dprediction_rows() { return rows_of(dprediction_); }

  void predict() {
    ForwardArgs args;
    args.x = sequence(x_, options_.spec.input_size);
    args.y = sequence(y_, features());
    forward(plan_, context_, Stream(), std::span<const LayerWeights>(weights_.layers), args,
            workspace_.bytes(), reserve_.bytes());
    tasks::affine({.x = read(y_), .W = weights_.out_W, .b = weights_.out_b, .y = rows_of(prediction_)});
  }

  /// One update from dprediction().
  void learn() {
    tasks::AffineBackwardArgs out;
    out.x = read(y_);
    out.W = weights_.out_W;
    out.dy = rows_of(dprediction_);
    out.dx = read(dy_);  // dy is zero at all other steps
    out.dW = dweights_.out_W;
    out.db = dweights_.out_b;
    tasks::affine_backward(out);

    BackwardArgs args;
    args.x = sequence(x_, options_.spec.input_size);
    args.y = sequence(y_, features());
    args.dy = sequence(dy_, features());
    args.dweights = dweights_.layers;
    backward(plan_, context_, Stream(), weights_.layers, args, reserve_.bytes(), workspace_.bytes());

    const TensorView gradient = flat(gradients_);
    tasks::clip_global_norm(std::array{gradient}, options_.max_norm);
    tasks::adam_step({.learning_rate = options_.learning_rate}, ++updates_, flat(parameters_), gradient,
                     flat(m_), flat(v_));
  }

 private:
  static Aligned<float> zeros(std::size_t count) { return Aligned<float>(std::vector<float>(count)); }
  static void randomise(const TensorView& tensor, double bound, Random& random) {
    auto* value = static_cast<float*>(tensor.data());
    std::int64_t count = 1;
    for (int d = 0; d < tensor.rank(); ++d) count *= tensor.size(d);
    for (std::int64_t i = 0; i < count; ++i) value[i] = static_cast<float>(random.symmetric(bound));
  }

  // A gate that keeps the share n / (n + 1) of a state at every step remembers for about n steps. The gate is
  // f of lstm, z of gru, 1 - i where i and f are coupled; plain lstm lets in what it forgets.
  void start_remembering(const ModelViews<TensorView>& start, Random& random) {
    const Spec& spec = options_.spec;
    const std::int64_t H = spec.hidden_size;
    const bool lets_in = spec.cell == Cell::lstm || spec.cell == Cell::min_gru;
    const bool keeps = spec.cell != Cell::min_gru && !spec.coupled_input_forget;
    for (const auto& layer : start.layers) {
      for (std::int64_t d = 0; d < directions_of(spec); ++d) {
        float* bias = static_cast<float*>(layer.bW.data()) + d * layer.bW.stride(0);
        for (std::int64_t j = 0; j < H; ++j) {
          const double steps =
              options_.shortest_memory +
              (options_.longest_memory - options_.shortest_memory) * (random.symmetric(0.5) + 0.5);
          const auto keep = static_cast<float>(std::log(steps));
          if (lets_in) bias[j] = -keep;   // i of lstm, z of min_gru
          if (keeps) bias[H + j] = keep;  // f of lstm, z of gru
        }
      }
    }
  }

  std::int64_t features() const { return directions_of(options_.spec) * options_.spec.hidden_size; }
  std::int64_t rows() const { return options_.shape.steps * options_.shape.batch; }
  std::int64_t read_rows() const { return options_.read_steps * options_.shape.batch; }

  TensorView sequence(Aligned<float>& tensor, std::int64_t columns) const {
    return {tensor.data(), {options_.shape.steps, options_.shape.batch, columns}};
  }
  // The rows of the steps that are read: the last ones, and side by side in memory.
  TensorView read(Aligned<float>& y) const {
    return {y.data() + (rows() - read_rows()) * features(), {read_rows(), features()}};
  }
  TensorView steps_of(Aligned<float>& prediction) const {
    return {prediction.data(), {options_.read_steps, options_.shape.batch, options_.outputs}};
  }
  TensorView rows_of(Aligned<float>& prediction) const {
    return {prediction.data(), {read_rows(), options_.outputs}};
  }
  static TensorView flat(Aligned<float>& tensor) {
    return {tensor.data(), {static_cast<std::int64_t>(tensor.size())}};
  }

  const TrainerOptions options_;
  const ModelLayout layout_;
  Device device_;
  ThreadTeam team_;
  Context context_;
  Plan plan_;
  Aligned<float> parameters_, gradients_, m_, v_;
  ModelViews<ConstTensorView> weights_;
  ModelViews<TensorView> dweights_;
  Aligned<float> x_, y_, dy_, prediction_, dprediction_;
  Aligned<std::byte> workspace_, reserve_;
  std::int64_t updates_ = 0;
};

}  // namespace recur::test
