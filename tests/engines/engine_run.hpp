/// @file
/// Runs an engine on a problem of the oracle, through the public API, and brings the results back in the
/// oracle's layout. Inputs are copied to aligned memory, outputs and buffers poisoned.
#pragma once

#include <algorithm>
#include <optional>

#include "engines/test_device.hpp"
#include "host/context_state.hpp"
#include "oracle/problem.hpp"
#include "recur/recur.hpp"
#include "support/aligned.hpp"
#include "support/storage.hpp"

namespace recur::test {

/// How a problem is run; the defaults are the plainest way.
struct RunOptions {
  const TestDevice* device = &cpu_device();  ///< its memory must be the current one
  std::string simd = {};                     ///< instruction set of the CPU; empty: the best
  int threads = 1;
  bool batch_invariant = false;
  bool tf32 = false;
  std::size_t l2_bytes = 0;     ///< planned for a GPU with this much; 0: what it has
  bool prepared = false;        ///< inference with prepared weights
  bool by_steps = false;        ///< inference by step() for each t; h0 and c0 given
  bool states = true;           ///< h0 and c0 are given
  bool final_gradients = true;  ///< dhN and dcN are given
  Layout layout = Layout::time_major;
  bool forest =
      false;  ///< set where the Spec has forest: every sequence is a chain of T rows, level t its step t
  Index spare_steps = 0;  ///< by how much the plan's Shape exceeds the run's T and B
  Index spare_batch = 0;
  Index row_gap = 0;  ///< elements left between rows of x, y and their gradients
  Index offset = 0;   ///< elements that x, y and their gradients begin past a multiple of 64 bytes
  GradientMode mode = GradientMode::overwrite;
  std::uint64_t dropout_seed = 0;
  std::int64_t checkpoint_interval = 0;
  std::int64_t truncation_window = 0;
};

/// What a run asks of make_plan.
inline Options options_for(const RunOptions& run, Pass pass) {
  return {.engine = run.device->engine,
          .pass = pass,
          .threads = run.threads,
          .batch_invariant = run.batch_invariant,
          .tf32 = run.tf32,
          .cudnn_algorithm = run.device->cudnn_algorithm,
          .checkpoint_interval = run.checkpoint_interval,
          .truncation_window = run.truncation_window};
}

/// What a run of T steps and B sequences plans for.
inline Shape shape_of(const Spec& spec, Index T, Index B, const RunOptions& run) {
  if (spec.forest) return {1, T * B + run.spare_batch};
  return {(run.by_steps ? 1 : T) + run.spare_steps, B + run.spare_batch};
}

inline Device device_for(const RunOptions& run) {
  if (run.simd.empty() && run.l2_bytes == 0) return run.device->device;
  DeviceProps props = run.device->device.props();
  if (!run.simd.empty()) props.cpu.simd = run.simd;
  if (run.l2_bytes != 0) props.cuda.l2_bytes = run.l2_bytes;
  return Device::from_props(props);
}

/// The context of a run: the device's, or one of its own with a team of threads.
class RunContext {
 public:
  RunContext(const TestDevice& device, const Device& plans_for, int threads) {
    if (device.shared_context != nullptr) {
      context_ = device.shared_context();
      return;
    }
    team_.emplace(threads);
    context_ = &own_.emplace(plans_for, &*team_);
    // Beside other tests, too: what is tested is the team.
    context_->state().load.choose(host::LoadPolicy::Choice::team);
  }
  Context& get() { return *context_; }

 private:
  std::optional<ThreadTeam> team_;
  std::optional<Context> own_;
  Context* context_ = nullptr;
};

/// A [T][B][columns] tensor in the layout and with the row gap of a run.
template <class T>
class SequenceTensor {
 public:
  SequenceTensor() = default;
  SequenceTensor(const RunOptions& run, Index steps, Index batch, Index columns)
      : layout_(run.layout),
        forest_(run.forest),
        steps_(steps),
        batch_(batch),
        columns_(columns),
        row_(columns + run.row_gap),
        offset_(run.offset) {
    if (columns != 0) data_ = Aligned<T>(static_cast<std::size_t>(offset_ + steps * batch * row_));
  }
  SequenceTensor(const RunOptions& run, Index steps, Index batch, const std::vector<T>& dense)
      : SequenceTensor(run, steps, batch, static_cast<Index>(dense.size()) / (steps * batch)) {
    for (Index t = 0; t < steps; ++t) {
      for (Index b = 0; b < batch; ++b) {
        for (Index j = 0; j < columns_; ++j) {
          data_[offset(t, b, j)] = dense[static_cast<std::size_t>((t * batch + b) * columns_ + j)];
        }
      }
    }
  }

  TensorView view() {
    if (columns_ == 0) return {};
    const bool time_major = layout_ == Layout::time_major;
    const Index steps = forest_ ? 1 : steps_;
    const Index batch = forest_ ? steps_ * batch_ : batch_;
    const Index outer = time_major ? steps : batch;
    const Index inner = time_major ? batch : steps;
    return TensorView(data_.data() + offset_, storage_type<T>, {outer, inner, columns_},
                      {inner * row_, row_, 1});
  }
  std::vector<T> dense() const {
    std::vector<T> result;
    for (Index t = 0; t < steps_; ++t) {
      for (Index b = 0; b < batch_; ++b) {
        for (Index j = 0; j < columns_; ++j) result.push_back(data_[offset(t, b, j)]);
      }
    }
    return result;
  }
  Aligned<T>& memory() { return data_; }
  /// Whether what lies between rows is as poisoned as it was.
  bool gaps_are_poisoned() const {
    for (Index row = 0; columns_ != 0 && row < steps_ * batch_; ++row) {
      const auto* gap =
          reinterpret_cast<const unsigned char*>(data_.data() + offset_ + row * row_ + columns_);
      const auto bytes = static_cast<std::size_t>(row_ - columns_) * sizeof(T);
      if (std::any_of(gap, gap + bytes, [](unsigned char byte) { return byte != 0xff; })) return false;
    }
    return true;
  }

 private:
  std::size_t offset(Index t, Index b, Index j) const {
    const Index row = forest_ || layout_ == Layout::time_major ? t * batch_ + b : b * steps_ + t;
    return static_cast<std::size_t>(offset_ + row * row_ + j);
  }

  Layout layout_ = Layout::time_major;
  bool forest_ = false;
  Index steps_ = 0;
  Index batch_ = 0;
  Index columns_ = 0;
  Index row_ = 0;
  Index offset_ = 0;
  Aligned<T> data_;
};

/// Aligned tensors of one layer and their views.
template <class T>
struct LayerTensors {
  Aligned<T> W, R, bW, bR, peephole, projection;

  LayerTensors() = default;
  explicit LayerTensors(const oracle::LayerParameters<T>& from)
      : W(from.W),
        R(from.R),
        bW(from.bW),
        bR(from.bR),
        peephole(from.peephole),
        projection(from.projection) {}

  template <class View>
  BasicLayerWeights<View> views(const Spec& spec, Index layer) {
    const Index D = directions_of(spec);
    const Index rows = gates_of(spec) * spec.hidden_size;
    const auto view = [](Aligned<T>& tensor, std::initializer_list<std::int64_t> shape) {
      return tensor.size() == 0 ? View() : View(tensor.data(), storage_type<T>, shape);
    };
    return {view(W, {D, rows, layer_input_size(spec, layer)}),
            view(R, {D, rows, output_size_of(spec)}),
            view(bW, {D, rows}),
            view(bR, {D, rows}),
            view(peephole, {D, peepholes_of(spec) * spec.hidden_size}),
            view(projection, {D, spec.projection_size, spec.hidden_size})};
  }
  oracle::LayerParameters<T> dense() const {
    return {W.vector(), R.vector(), bW.vector(), bR.vector(), peephole.vector(), projection.vector()};
  }
};

/// One problem bound to one plan. Runs may be repeated.
template <class T>
class EngineRun {
 public:
  EngineRun(const oracle::Problem<T>& problem, Pass pass, const RunOptions& run)
      : problem_(problem),
        spec_(problem.spec),
        run_(with_forest(run, spec_.forest)),
        device_(device_for(run)),
        context_(*run.device, device_, run.threads),
        plan_(run.device->plan(with_layout(spec_, run.layout), shape_of(spec_, problem.T, problem.B, run),
                               device_, options_for(run, pass))),
        sizes_(spec_, problem.T, problem.B),
        x_(run_, problem.T, problem.B, problem.x),
        h0_(problem.h0),
        c0_(problem.c0),
        lengths_(problem.lengths),
        workspace_(plan_.sizes().workspace),
        reserve_(plan_.sizes().reserve) {
    for (const auto& layer : problem.layers) layers_.emplace_back(layer);
    for (Index l = 0; l < spec_.layers; ++l) {
      weights_.push_back(layers_[static_cast<std::size_t>(l)].template views<ConstTensorView>(spec_, l));
    }
    if (spec_.reset_mask) {
      mask_ = SequenceTensor<std::uint8_t>(mask_options(), problem.T, problem.B, problem.reset_mask);
    }
    if (!spec_.forest) return;
    for (Index row = 0; row < rows(); ++row)
      parents_.push_back(static_cast<std::int32_t>(std::max<Index>(row - problem.B, -1)));
    for (Index t = 0; t <= problem.T; ++t) level_begin_.push_back(t * problem.B);
    forest_ = {level_begin_, parents_};
  }

  EngineRun(const EngineRun&) = delete;
  EngineRun& operator=(const EngineRun&) = delete;
  /// Where a call throws, what the one before it has put on the stream still needs its buffers.
  ~EngineRun() { run_.device->synchronize(); }

  const Plan& plan() const { return plan_; }

  /// Forward; in training the reserve stays for backward().
  oracle::Outputs<T> forward() {
    if (run_.by_steps) return step_by_step();
    const Index D = directions_of(spec_);
    y_ = SequenceTensor<T>(run_, problem_.T, problem_.B, D * output_size_of(spec_));
    SequenceTensor<T> c_sequence(run_, problem_.T, problem_.B,
                                 spec_.cell_sequence ? D * spec_.hidden_size : 0);
    const Index states = spec_.forest ? problem_.T : 1;  // of a sequence, in hN and cN
    Aligned<T> hN(static_cast<std::size_t>(states * sizes_.h));
    Aligned<T> cN(static_cast<std::size_t>(states * sizes_.c));

    ForwardArgs args;
    args.x = x_.view();
    args.h0 = h_state(h0_);
    args.c0 = c_state(c0_);
    args.lengths = lengths_view();
    args.host_lengths = lengths_.data();
    args.reset_mask = mask_view();
    args.dropout_seed = run_.dropout_seed;
    args.y = y_.view();
    args.hN = h_state(hN, states);
    args.cN = c_state(cN, states);
    args.forest = spec_.forest ? &forest_ : nullptr;
    args.c_sequence = c_sequence.view();
    workspace_.poison();
    reserve_.poison();
    recur::forward(plan_, context_.get(), Stream(), weights(), args, workspace(), reserve_.bytes());
    run_.device->synchronize();
    return {y_.dense(), last_states(hN.vector(), states), last_states(cN.vector(), states),
            c_sequence.dense()};
  }

  /// Backward on the reserve of the last forward(). With `accumulate`, `start` is what the weight gradients
  /// hold before.
  oracle::Gradients<T> backward(const oracle::OutputGradients<T>& upstream,
                                const std::vector<oracle::LayerParameters<T>>* start = nullptr) {
    SequenceTensor<T> dy = sequence(upstream.dy);
    SequenceTensor<T> dc_sequence = sequence(upstream.dc_sequence);
    const Index states = spec_.forest ? problem_.T : 1;
    Aligned<T> dhN(as_last_states(upstream.dhN, states));
    Aligned<T> dcN(as_last_states(upstream.dcN, states));
    SequenceTensor<T> dx(run_, problem_.T, problem_.B, spec_.input_size);
    Aligned<T> dh0(static_cast<std::size_t>(sizes_.h));
    Aligned<T> dc0(static_cast<std::size_t>(sizes_.c));
    std::vector<LayerTensors<T>> gradients;
    gradients.reserve(layers_.size());
    for (std::size_t l = 0; l < layers_.size(); ++l) {
      gradients.emplace_back(start != nullptr ? (*start)[l] : problem_.layers[l]);
      if (start == nullptr) poison(gradients.back());
    }
    std::vector<LayerGradients> views;
    views.reserve(layers_.size());
    for (Index l = 0; l < spec_.layers; ++l) {
      views.push_back(gradients[static_cast<std::size_t>(l)].template views<TensorView>(spec_, l));
    }

    BackwardArgs args;
    args.x = x_.view();
    args.h0 = h_state(h0_);
    args.c0 = c_state(c0_);
    args.lengths = lengths_view();
    args.host_lengths = lengths_.data();
    args.reset_mask = mask_view();
    args.y = y_.view();
    args.dy = dy.view();
    args.dc_sequence = dc_sequence.view();
    args.dhN = h_state(dhN, states);
    args.dcN = c_state(dcN, states);
    args.forest = spec_.forest ? &forest_ : nullptr;
    args.dx = dx.view();
    args.dh0 = h_state(dh0);
    args.dc0 = c_state(dc0);
    args.dweights = views;
    args.mode = run_.mode;
    Aligned<std::byte> workspace(plan_.sizes().workspace_backward);
    recur::backward(plan_, context_.get(), Stream(), weights_, args, reserve_.bytes(), workspace.bytes());
    run_.device->synchronize();

    oracle::Gradients<T> result{dx.dense(), dh0.vector(), dc0.vector(), {}};
    for (const auto& layer : gradients) result.layers.push_back(layer.dense());
    return result;
  }

 private:
  /// Prepared once, or canonical.
  Weights weights() {
    if (!run_.prepared) return std::span<const LayerWeights>(weights_);
    if (prepared_buffer_.size() == 0) {
      prepared_buffer_ = Aligned<std::byte>(plan_.sizes().prepared_weights);
      prepared_ = prepare_weights(plan_, context_.get(), Stream(), weights_, prepared_buffer_.bytes());
    }
    return prepared_;
  }
  std::span<std::byte> workspace() {
    const BufferSizes& sizes = plan_.sizes();
    return workspace_.bytes().first(run_.prepared ? sizes.workspace_prepared : sizes.workspace);
  }
  oracle::Outputs<T> step_by_step() {
    const Index columns = output_size_of(spec_), inputs = spec_.input_size;
    Aligned<T> h(h0_.vector()), c(c0_.vector());
    std::vector<T> y;
    for (Index t = 0; t < problem_.T; ++t) {
      const auto first = problem_.x.begin() + t * problem_.B * inputs;
      Aligned<T> x_t(std::vector<T>(first, first + problem_.B * inputs));
      Aligned<T> y_t(static_cast<std::size_t>(problem_.B * columns));
      StepArgs args;
      args.x = TensorView(x_t.data(), storage_type<T>, {problem_.B, inputs});
      args.y = TensorView(y_t.data(), storage_type<T>, {problem_.B, columns});
      args.h = h_state(h);
      args.c = c_state(c);
      workspace_.poison();
      recur::step(plan_, context_.get(), Stream(), weights(), args, workspace());
      run_.device->synchronize();
      for (std::size_t k = 0; k < y_t.size(); ++k) y.push_back(y_t[k]);
    }
    return {y, h.vector(), c.vector(), {}};
  }

  static RunOptions with_forest(RunOptions run, bool forest) {
    run.forest = forest;
    return run;
  }
  Index rows() const { return problem_.T * problem_.B; }
  /// Of `states` states of every sequence, [L][states][B][columns], the last, and the other way round.
  std::vector<T> last_states(const std::vector<T>& all, Index states) const {
    if (states == 1) return all;
    const std::size_t row = all.size() / static_cast<std::size_t>(spec_.layers * states);
    std::vector<T> last;
    for (auto end = all.begin(); end != all.end();) {
      end += static_cast<std::ptrdiff_t>(row) * states;
      last.insert(last.end(), end - static_cast<std::ptrdiff_t>(row), end);
    }
    return last;
  }
  std::vector<T> as_last_states(const std::vector<T>& last, Index states) const {
    const std::size_t row = last.size() / static_cast<std::size_t>(spec_.layers);
    if (states == 1) return last;
    std::vector<T> all;
    for (auto from = last.begin(); from != last.end(); from += static_cast<std::ptrdiff_t>(row)) {
      all.resize(all.size() + row * static_cast<std::size_t>(states - 1));
      all.insert(all.end(), from, from + static_cast<std::ptrdiff_t>(row));
    }
    return all;
  }
  static Spec with_layout(Spec spec, Layout layout) {
    spec.layout = layout;
    return spec;
  }
  static void poison(LayerTensors<T>& layer) {
    for (Aligned<T>* tensor :
         {&layer.W, &layer.R, &layer.bW, &layer.bR, &layer.peephole, &layer.projection}) {
      if (tensor->size() != 0) tensor->poison();
    }
  }
  RunOptions mask_options() const {
    RunOptions options = run_;
    options.row_gap = 0;
    options.offset = 0;
    return options;
  }
  SequenceTensor<T> sequence(const std::vector<T>& dense) {
    return dense.empty() ? SequenceTensor<T>() : SequenceTensor<T>(run_, problem_.T, problem_.B, dense);
  }
  TensorView state(Aligned<T>& tensor, Index states, Index columns) {
    if (tensor.size() == 0) return {};
    return TensorView(tensor.data(), storage_type<T>,
                      {spec_.layers, directions_of(spec_), states * problem_.B, columns});
  }
  TensorView h_state(Aligned<T>& tensor, Index states = 1) {
    return state(tensor, states, output_size_of(spec_));
  }
  TensorView c_state(Aligned<T>& tensor, Index states = 1) {
    return state(tensor, states, spec_.hidden_size);
  }
  ConstTensorView lengths_view() {
    return lengths_.size() == 0 ? ConstTensorView() : ConstTensorView(lengths_.data(), {problem_.B});
  }
  ConstTensorView mask_view() {
    if (!spec_.reset_mask) return {};
    const bool time_major = run_.layout == Layout::time_major;
    return ConstTensorView(mask_.memory().data(),
                           {time_major ? problem_.T : problem_.B, time_major ? problem_.B : problem_.T});
  }

  const oracle::Problem<T>& problem_;
  const Spec spec_;
  const RunOptions run_;
  Device device_;
  RunContext context_;
  Plan plan_;
  oracle::Sizes sizes_;
  SequenceTensor<T> x_;
  Aligned<T> h0_;
  Aligned<T> c0_;
  Aligned<std::int32_t> lengths_;
  SequenceTensor<std::uint8_t> mask_;
  Aligned<std::byte> workspace_;
  Aligned<std::byte> reserve_;
  std::vector<LayerTensors<T>> layers_;
  std::vector<LayerWeights> weights_;
  Aligned<std::byte> prepared_buffer_;
  PreparedWeights prepared_;
  SequenceTensor<T> y_;
  std::vector<std::int64_t> level_begin_;
  std::vector<std::int32_t> parents_;
  Forest forest_;
};

}  // namespace recur::test
