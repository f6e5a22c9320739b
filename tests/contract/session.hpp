/// @file
/// A plan and all the memory its calls need, open to the test: for what EngineRun hides, such as one state
/// used in place, the bytes of a reserve, or calls in which nothing is allocated.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "engines/engine_run.hpp"
#include "recur/recur.hpp"
#include "support/same_bits.hpp"

namespace recur::test {

/// Sizes at which the tiling really shares work out (tiling.cpp has the thresholds; tests assert on the
/// plan).
struct SharedWork {
  Index T, B, H;
};
/// Eight threads form 2 directions x 2 batch groups x 2 unit groups: 2^19 multiply-adds a step, 8 rows, 2^22
/// a pass. H is one above a size that fills panels.
inline SharedWork all_groups(const Spec& spec) {
  const Index gates = gates_of(spec);
  return {8, 8, gates == 1 ? 257 : gates == 2 ? 193 : gates == 3 ? 149 : 129};
}
/// Seven rows are one batch group, so that threads share units.
inline SharedWork unit_groups(const Spec& spec) { return {5, 7, all_groups(spec).H}; }
/// Steps are too small to share, a batch of 25 is not; steps enough for two groups. H is one above two
/// vectors of AVX-512 f32.
inline SharedWork batch_groups(const Spec& spec) {
  const Index H = 33, B = 25;
  return {(Index(2) << 21) / (gates_of(spec) * H * H * B) + 1, B, H};
}

/// The device's sizes at which runs are compared bit by bit; the CPU's follow from its tiling.
inline std::vector<Size> bit_sizes(const TestDevice& device, const Spec& spec) {
  if (device.threads == 1) return {device.bit_sizes.begin(), device.bit_sizes.end()};
  const SharedWork work = all_groups(spec);
  return {{work.T, work.B, 5, work.H, "four threads are four"}};
}
/// Those numbers of threads that the device is tested with.
inline std::vector<int> thread_counts(const TestDevice& device, std::vector<int> counts) {
  std::erase_if(counts, [&](int count) { return count > device.threads; });
  return counts;
}

template <class T>
struct Session {
  Session(const oracle::Problem<T>& problem, const Options& options, Shape shape,
          const TestDevice& on = cpu_device())
      : device(on),
        spec(problem.spec),
        T_steps(problem.T),
        B(problem.B),
        owned_context(on, on.device, options.threads),
        context(owned_context.get()),
        plan(make_plan(spec, shape, on.device, of_engine(options, on))),
        x(problem.x),
        h0(problem.h0),
        c0(problem.c0),
        lengths(problem.lengths),
        mask(problem.reset_mask),
        y(static_cast<std::size_t>(T_steps * B * outputs_width())),
        hN(problem.h0.size()),
        cN(problem.c0.size()),
        c_sequence(static_cast<std::size_t>(spec.cell_sequence ? T_steps * B * units_width() : 0)),
        workspace(plan.sizes().workspace),
        reserve(plan.sizes().reserve),
        backward_workspace(plan.sizes().workspace_backward),
        prepared_buffer(plan.sizes().prepared_weights),
        dx(problem.x.size()),
        dh0(problem.h0.size()),
        dc0(problem.c0.size()) {
    for (const auto& layer : problem.layers) {
      layers.emplace_back(layer);
      gradients.emplace_back(layer);
    }
    for (Index l = 0; l < spec.layers; ++l) {
      weights.push_back(layers[static_cast<std::size_t>(l)].template views<ConstTensorView>(spec, l));
      gradient_views.push_back(gradients[static_cast<std::size_t>(l)].template views<TensorView>(spec, l));
    }
    forward_args.x = sequence(x, spec.input_size);
    forward_args.h0 = h_state(h0);
    forward_args.c0 = c_state(c0);
    if (spec.variable_lengths) forward_args.lengths = ConstTensorView(lengths.data(), {B});
    forward_args.host_lengths = lengths.data();
    if (spec.reset_mask) forward_args.reset_mask = ConstTensorView(mask.data(), {T_steps, B});
    forward_args.y = sequence(y, outputs_width());
    forward_args.hN = h_state(hN);
    forward_args.cN = c_state(cN);
    forward_args.c_sequence = sequence(c_sequence, units_width());

    backward_args.x = forward_args.x;
    backward_args.h0 = forward_args.h0;
    backward_args.c0 = forward_args.c0;
    backward_args.lengths = forward_args.lengths;
    backward_args.host_lengths = forward_args.host_lengths;
    backward_args.reset_mask = forward_args.reset_mask;
    backward_args.y = forward_args.y;
    backward_args.dx = sequence(dx, spec.input_size);
    backward_args.dh0 = h_state(dh0);
    backward_args.dc0 = c_state(dc0);
    backward_args.dweights = gradient_views;
  }
  Session(const oracle::Problem<T>& problem, const Options& options, const TestDevice& on = cpu_device())
      : Session(problem, options, {problem.T, problem.B}, on) {}
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  void set_upstream(const oracle::OutputGradients<T>& upstream) {
    dy = Aligned<T>(upstream.dy);
    dhN = Aligned<T>(upstream.dhN);
    dcN = Aligned<T>(upstream.dcN);
    dc_sequence = Aligned<T>(upstream.dc_sequence);
    backward_args.dy = sequence(dy, outputs_width());
    backward_args.dhN = h_state(dhN);
    backward_args.dcN = c_state(dcN);
    backward_args.dc_sequence = sequence(dc_sequence, units_width());
  }
  // Calls return when their work is done.
  void prepare() {
    prepared = prepare_weights(plan, context, Stream(), weights, prepared_buffer.bytes());
    device.synchronize();
  }
  /// With canonical weights, or with those of prepare().
  void forward() {
    recur::forward(plan, context, Stream(), std::span<const LayerWeights>(weights), forward_args,
                   workspace.bytes(), reserve.bytes());
    device.synchronize();
  }
  void forward_prepared() {
    recur::forward(plan, context, Stream(), prepared, forward_args, workspace.bytes());
    device.synchronize();
  }
  void backward() {
    recur::backward(plan, context, Stream(), weights, backward_args, reserve.bytes(),
                    backward_workspace.bytes());
    device.synchronize();
  }
  oracle::Outputs<T> outputs() const { return {y.vector(), hN.vector(), cN.vector(), c_sequence.vector()}; }
  oracle::Gradients<T> all_gradients() const {
    oracle::Gradients<T> result{dx.vector(), dh0.vector(), dc0.vector(), {}};
    for (const auto& layer : gradients) result.layers.push_back(layer.dense());
    return result;
  }
  void poison_outputs() {
    for (Aligned<T>* tensor : {&y, &hN, &cN, &c_sequence, &dx, &dh0, &dc0}) {
      if (tensor->size() != 0) tensor->poison();
    }
    workspace.poison();
    if (backward_workspace.size() != 0) backward_workspace.poison();
  }

  TensorView sequence(Aligned<T>& tensor, Index columns) {
    return tensor.size() == 0 ? TensorView()
                              : TensorView(tensor.data(), storage_type<T>, {T_steps, B, columns});
  }
  TensorView state(Aligned<T>& tensor, Index columns) {
    if (tensor.size() == 0) return {};
    return TensorView(tensor.data(), storage_type<T>, {spec.layers, directions_of(spec), B, columns});
  }
  TensorView h_state(Aligned<T>& tensor) { return state(tensor, output_size_of(spec)); }
  TensorView c_state(Aligned<T>& tensor) { return state(tensor, spec.hidden_size); }
  /// D*P and D*H.
  Index outputs_width() const { return directions_of(spec) * output_size_of(spec); }
  Index units_width() const { return directions_of(spec) * spec.hidden_size; }

  static Options of_engine(Options options, const TestDevice& on) {
    options.engine = on.engine;
    options.cudnn_algorithm = on.cudnn_algorithm;
    return options;
  }

  const TestDevice& device;
  Spec spec;
  Index T_steps, B;
  RunContext owned_context;
  Context& context;
  Plan plan;
  Aligned<T> x, h0, c0;
  Aligned<std::int32_t> lengths;
  Aligned<std::uint8_t> mask;
  Aligned<T> y, hN, cN, c_sequence;
  Aligned<std::byte> workspace, reserve, backward_workspace, prepared_buffer;
  Aligned<T> dy, dhN, dcN, dc_sequence;
  Aligned<T> dx, dh0, dc0;
  std::vector<LayerTensors<T>> layers, gradients;
  std::vector<LayerWeights> weights;
  std::vector<LayerGradients> gradient_views;
  PreparedWeights prepared;
  ForwardArgs forward_args;
  BackwardArgs backward_args;
};

}  // namespace recur::test
