#include "host/gpu_pass/plan.hpp"

#include "host/check.hpp"
#include "host/context_state.hpp"
#include "host/gpu/planned_device.hpp"
#include "host/gpu/runtime.hpp"
#include "host/gpu_pass/buffers.hpp"
#include "host/gpu_pass/cost.hpp"

namespace recur::host::gpu_pass {
namespace {

// Prepared weights are dense copies and combined biases, so that these are all they depend on.
std::uint64_t layout_id_of(const Geometry& g) {
  Hash hash;
  if (!g.traits.recurrent) hash.add("without R");
  hash.add("stepwise weights 3")
      .add(static_cast<std::uint64_t>(g.traits.gates))
      .add(static_cast<std::uint64_t>(g.traits.split_gate))
      .add(static_cast<std::uint64_t>(g.traits.peepholes))
      .add(static_cast<std::uint64_t>(g.type))
      .add(static_cast<std::uint64_t>(g.bias));
  return g.add_to(hash).add(static_cast<std::uint64_t>(g.directions)).value();
}

// The library chooses how to form a product by its shape and by the chip.
std::uint64_t bits_id_of(const PassPlan& plan, const CudaProps& device, bool training) {
  const Geometry& g = plan.geometry;
  Hash hash;
  plan.forward->add_choices(hash);
  if (training) plan.backward->add_choices(hash);
  return hash.add("stepwise 2")
      .add(static_cast<std::uint64_t>(g.chunk_rows))
      .add(g.tf32)
      .add(static_cast<std::uint64_t>(device.compute_major))
      .add(static_cast<std::uint64_t>(device.compute_minor))
      .add(static_cast<std::uint64_t>(device.multiprocessors))
      .value();
}

class PlanOfPass final : public EnginePlan {
 public:
  PlanOfPass(const Job& job, const PassPlan& plan)
      : plan_(plan), device_(job.device.cuda), training_(job.options.pass == Pass::training) {
    const RunSizes most{job.shape.steps, job.shape.batch};
    facts_.tile = plan_.forward->describe(geometry_, most);
    if (training_) facts_.tile += plan_.backward->describe(geometry_);
    facts_.resident_fraction = plan_.forward->resident_fraction();
    facts_.layout_id = layout_id_of(geometry_);
    facts_.bits_id = bits_id_of(plan_, device_, training_);
    facts_.tensor_alignment = 16;  // vectors of kernels, and operands of cuBLASLt
    BufferSizes& sizes = facts_.sizes;
    sizes.workspace = ForwardBuffers(nullptr, geometry_, most, training_, false).carver.bytes();
    if (training_) {
      sizes.reserve = ReserveBuffer(nullptr, geometry_, most).carver.bytes();
      sizes.workspace_backward = BackwardBuffers(nullptr, geometry_, most).carver.bytes();
    } else {
      sizes.workspace_prepared = ForwardBuffers(nullptr, geometry_, most, false, true).carver.bytes();
      sizes.prepared_weights = PreparedBuffer(nullptr, geometry_).carver.bytes();
    }
    // After the sizes, which are refused where they overflow: counts of work are of the same.
    if (const std::optional<Rates>& rates = job.device.rates) {
      facts_.predicted_seconds = forward_seconds(plan_, most, training_, *rates);
      if (training_) facts_.predicted_backward_seconds = backward_seconds(plan_, most, *rates);
    }
  }

  const EngineFacts& facts() const override { return facts_; }

  void check_forward(Context::State& context, const ForwardCall& call) const override {
    gpu::check_planned_device(context, device_);
    if (!call.weights->is_prepared()) layers::check_weight_rows(call.weights->canonical(), kMostProductSize);
  }

  void check_backward(Context::State& context, const BackwardCall& call) const override {
    gpu::check_planned_device(context, device_);
    layers::check_weight_rows(call.weights, kMostProductSize);
    layers::check_weight_rows(call.args->dweights, kMostProductSize);
    const Rows dx = rows_of(call.args->dx, geometry_.layout);
    const RowLayout rows = layout_of(dx, geometry_.input_size);
    if (dx && !Walk::batched(call.sizes, geometry_.layout, {rows})) {
      throw InvalidArgument("dx: expected rows at most 2^31 - 1 elements apart, got " +
                            host::describe(call.args->dx));
    }
  }

  void prepare_weights(Context::State& context, Stream stream, std::span<const LayerWeights> weights,
                       std::span<std::byte> buffer) const override {
    gpu::check_planned_device(context, device_);
    gpu::runtime().prepare(geometry_, *context.gpu, stream, weights, buffer.data());
  }
  void forward(Context::State& context, const ForwardCall& call) const override {
    gpu::runtime().forward(plan_, *context.gpu, training_, call);
  }
  void backward(Context::State& context, const BackwardCall& call) const override {
    gpu::runtime().backward(plan_, *context.gpu, call);
  }

 private:
  const PassPlan plan_;
  const Geometry& geometry_ = plan_.geometry;
  const CudaProps device_;
  const bool training_;
  EngineFacts facts_;
};

}  // namespace

std::unique_ptr<const EnginePlan> make_engine_plan(const Job& job, const PassPlan& plan) {
  return std::make_unique<PlanOfPass>(job, plan);
}

}  // namespace recur::host::gpu_pass
