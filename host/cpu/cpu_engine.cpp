#include "host/cpu/cpu_engine.hpp"

#include <algorithm>
#include <array>
#include <limits>

#include "host/activations.hpp"
#include "host/check.hpp"
#include "host/context_state.hpp"
#include "host/cpu/backward.hpp"
#include "host/cpu/cost.hpp"
#include "host/cpu/forward.hpp"
#include "host/hash.hpp"
#include "host/refusals.hpp"

namespace recur::host::cpu {
namespace {

Geometry geometry_of(const Job& job, int lanes, int max_panel_vectors) {
  Geometry g{layers::stack_of(job), choose_tiling(job, lanes, max_panel_vectors)};
  if (has_given_activations(job.spec)) g.traits.saved += g.traits.slopes;
  return g;
}

// By direction; none where all are the cell's own.
template <class E>
using ActivationsByDirection = std::array<TypedActivations<E>, 2>;
template <class E>
std::optional<ActivationsByDirection<E>> activations_of(const Spec& spec) {
  if (!has_given_activations(spec)) return std::nullopt;
  const auto nearest = [](double value) {
    constexpr double kMost = std::numeric_limits<E>::max();
    return static_cast<E>(std::clamp(value, -kMost, kMost));
  };
  ActivationsByDirection<E> both{};
  for (std::int64_t d = 0; d < directions_of(spec); ++d) {
    TypedActivations<E>& activations = both[static_cast<std::size_t>(d)];
    for (int place = 0; place < activation_places(spec.cell); ++place) {
      const GateActivation gate = function_of(spec, d, place);
      activations.of[place] = {gate.function, nearest(gate.alpha), nearest(gate.beta)};
    }
    activations.clip = spec.clip != 0 ? nearest(spec.clip) : std::numeric_limits<E>::infinity();
  }
  return both;
}

// Packed weights depend on these and nothing else.
std::uint64_t layout_id_of(const Geometry& g, std::string_view target) {
  const Tiling& t = g.tiling;
  Hash hash;
  hash.add("cpu packed weights 4")
      .add(target)
      .add(static_cast<std::uint64_t>(g.variant))
      .add(static_cast<std::uint64_t>(g.type))
      .add(static_cast<std::uint64_t>(g.bias));
  return g.add_to(hash)
      .add(static_cast<std::uint64_t>(g.directions))
      .add(static_cast<std::uint64_t>(t.panel_units))
      .add(static_cast<std::uint64_t>(g.projected() ? t.back_units : 0))
      .add(static_cast<std::uint64_t>(t.input_width))
      .value();
}

// Also names who may read a reserve, so it has what a reserve's content depends on.
std::uint64_t bits_id_of(const Job& job, std::uint64_t layout_id, const Tiling& t) {
  Hash hash;
  add_activations(hash, job.spec);
  if (drops(job)) hash.add_bits(job.spec.dropout);
  return hash.add(layout_id)
      .add(static_cast<std::uint64_t>(job.spec.direction))
      .add(job.spec.variable_lengths)
      .add(job.spec.reset_mask)
      .add(job.spec.forest)
      .add(static_cast<std::uint64_t>(t.back_units))
      .add(static_cast<std::uint64_t>(t.direction_groups))
      .add(static_cast<std::uint64_t>(t.batch_groups))
      .add(static_cast<std::uint64_t>(t.unit_groups))
      .add(static_cast<std::uint64_t>(t.gradient_rows))
      .value();
}

// Share of R that fits the private L2 of the threads that read it.
double resident_fraction(const Job& job, const Geometry& g) {
  if (!g.traits.recurrent) return 0;
  const double bytes = static_cast<double>(g.gate_columns()) * static_cast<double>(g.h_size()) *
                       static_cast<double>(size_of(job.spec.dtype)) / g.tiling.unit_groups;
  return std::min(1.0, static_cast<double>(job.device.cpu.l2_bytes) / bytes);
}

template <class E>
class CpuPlan final : public EnginePlan {
 public:
  CpuPlan(const Job& job, const SimdTarget& target)
      : target_(target),
        kernels_(kernels_of<E>(target)),
        geometry_(geometry_of(job, kernels_.lanes, kernels_.max_panel_vectors)),
        activations_(activations_of<Arithmetic<E>>(job.spec)),
        training_(job.options.pass == Pass::training) {
    const RunSizes most{job.shape.steps, job.shape.batch};
    facts_.tile = std::string(kernels_.target) + ", " + geometry_.tiling.describe() +
                  (activations_ ? "; activations of gates given, slopes kept" : "");
    if (geometry_.dropout) facts_.tile += "; dropout between layers, masks formed again in backward";
    if (!kernels_.products.empty()) facts_.tile += "; " + std::string(kernels_.products);
    facts_.threads = geometry_.tiling.threads();
    facts_.layout_id = layout_id_of(geometry_, kernels_.target);
    facts_.bits_id = bits_id_of(job, facts_.layout_id, geometry_.tiling);
    facts_.resident_fraction = resident_fraction(job, geometry_);

    // First, since they are refused where they overflow, and counts of work are of the same sizes.
    BufferSizes& sizes = facts_.sizes;
    sizes.workspace = ForwardBuffers<E>(nullptr, geometry_, most, training_, true).carver.bytes();
    if (training_) {
      sizes.reserve = ReserveBuffer<E>(nullptr, geometry_, most).carver.bytes();
      facts_.reserve_has_header = true;
      sizes.workspace_backward = BackwardBuffers<E>(nullptr, geometry_, most).carver.bytes();
    } else {
      sizes.workspace_prepared = ForwardBuffers<E>(nullptr, geometry_, most, false, false).carver.bytes();
      sizes.prepared_weights = PreparedBuffer<E>(nullptr, geometry_).carver.bytes();
    }

    // How many rows a level has is not known before a call.
    if (const std::optional<Rates>& rates = job.device.rates; rates && !job.spec.forest) {
      facts_.predicted_seconds = forward_seconds(geometry_, most, job.spec.dtype, training_, *rates);
      if (training_) {
        facts_.predicted_backward_seconds = backward_seconds(geometry_, most, job.spec.dtype, *rates);
      }
    }
  }

  const EngineFacts& facts() const override { return facts_; }

  void check_forward(Context::State& context, const ForwardCall& call) const override {
    check_machine(context);
    if (call.weights->is_prepared()) {
      check_prepared_header(call.weights->prepared().data, facts_.layout_id);
    } else {
      layers::check_weight_rows(call.weights->canonical());
    }
  }

  void check_backward(Context::State& context, const BackwardCall& call) const override {
    check_machine(context);
    layers::check_weight_rows(call.weights);
    layers::check_weight_rows(call.args->dweights);
  }

  void prepare_weights(Context::State&, Stream, std::span<const LayerWeights> weights,
                       std::span<std::byte> buffer) const override {
    prepare(view(), weights, buffer.data());
  }
  void forward(Context::State& context, const ForwardCall& call) const override {
    run_forward(view(), context, call);
  }
  void backward(Context::State& context, const BackwardCall& call) const override {
    run_backward(view(), context, call);
  }

 private:
  PlanView<E> view() const {
    return {.geometry = geometry_,
            .kernels = kernels_,
            .training = training_,
            .layout_id = facts_.layout_id,
            .activations = activations_ ? activations_->data() : nullptr};
  }

  void check_machine(const Context::State& context) const {
    if (!is_supported(target_)) {
      throw Unsupported("the plan was made for " + std::string(target_.name) + ", which this machine lacks");
    }
    if (context.team_size() < facts_.threads) {
      throw InvalidArgument("context: expected a team of at least " + std::to_string(facts_.threads) +
                            " threads as planned, got " + std::to_string(context.team_size()));
    }
  }

  const SimdTarget& target_;
  const Kernels<E>& kernels_;
  const Geometry geometry_;
  const std::optional<ActivationsByDirection<Arithmetic<E>>> activations_;
  const bool training_;
  EngineFacts facts_;
};

}  // namespace

std::optional<std::string> CpuEngine::refuse(const Job& job) const { return refusal_of(id(), job); }

std::unique_ptr<const EnginePlan> CpuEngine::plan(const Job& job) const {
  const SimdTarget& target = *find_target(job.device.cpu.simd);
  if (job.spec.dtype == DataType::f64) return std::make_unique<CpuPlan<double>>(job, target);
  if (job.spec.dtype == DataType::bf16) return std::make_unique<CpuPlan<Bf16>>(job, target);
  return std::make_unique<CpuPlan<float>>(job, target);
}

}  // namespace recur::host::cpu
