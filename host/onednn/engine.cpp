#include "host/onednn/engine.hpp"

#include "host/hash.hpp"
#include "host/onednn/run.hpp"
#include "host/refusals.hpp"

namespace recur::host::onednn {
namespace {

class OneDnnPlan final : public EnginePlan {
 public:
  explicit OneDnnPlan(const Job& job)
      : geometry_(geometry_of(job)), stack_(geometry_, {job.shape.steps, job.shape.batch}) {
    facts_.tile = describe();
    facts_.threads = stack_.threads;
    facts_.layout_id = layout_id();
    facts_.bits_id = bits_id();
    // As for the CPU engine, with oneDNN's threads sharing out units.
    const double bytes = static_cast<double>(geometry_.gate_columns()) *
                         static_cast<double>(geometry_.h_size()) *
                         static_cast<double>(size_of(geometry_.type)) / stack_.threads;
    facts_.resident_fraction = std::min(1.0, static_cast<double>(job.device.cpu.l2_bytes) / bytes);
    facts_.sizes = sizes_of(stack_);
    facts_.reserve_has_header = geometry_.training;
  }

  const EngineFacts& facts() const override { return facts_; }

  void check_forward(Context::State&, const ForwardCall& call) const override {
    if (call.weights->is_prepared()) {
      check_prepared_header(call.weights->prepared().data, facts_.layout_id);
    }
    check_sizes(call.sizes);
  }
  void check_backward(Context::State&, const BackwardCall& call) const override { check_sizes(call.sizes); }

  void prepare_weights(Context::State&, Stream, std::span<const LayerWeights> weights,
                       std::span<std::byte> buffer) const override {
    prepare(view(stack_), weights, buffer.data());
  }
  void forward(Context::State&, const ForwardCall& call) const override {
    with_stack(call.sizes, [&](const Stack& stack) { run_forward(view(stack), call); });
  }
  void backward(Context::State&, const BackwardCall& call) const override {
    with_stack(call.sizes, [&](const Stack& stack) { run_backward(view(stack), call); });
  }

 private:
  PlanView view(const Stack& stack) const { return {stack, facts_.layout_id}; }

  // f with primitives for these sizes: the plan's, or where a call is smaller than planned its own, which
  // oneDNN keeps for the next call of these sizes.
  template <class F>
  void with_stack(const RunSizes& sizes, F&& f) const {
    if (sizes.steps == stack_.sizes.steps && sizes.batch == stack_.sizes.batch) {
      f(stack_);
    } else {
      // Inference may bring weights that were prepared in the plan's formats.
      f(Stack(geometry_, sizes, geometry_.training ? nullptr : &stack_));
    }
  }

  // Throws Unsupported where a call of these sizes needs what the plan did not say, or where oneDNN cannot
  // run it on weights in the formats of the plan's sizes.
  void check_sizes(const RunSizes& sizes) const {
    try {
      check_memory(sizes);
    } catch (const DeviceError&) {
      throw Unsupported("onednn: for T=" + std::to_string(sizes.steps) +
                        ", B=" + std::to_string(sizes.batch) +
                        " oneDNN has no implementation that takes weights in "
                        "the format that it chose for the plan's T=" +
                        std::to_string(stack_.sizes.steps) + ", B=" + std::to_string(stack_.sizes.batch) +
                        "; expected a plan for these sizes");
    }
  }

  void check_memory(const RunSizes& sizes) const {
    with_stack(sizes, [&](const Stack& stack) {
      const BufferSizes needed = sizes_of(stack);
      const BufferSizes& planned = facts_.sizes;
      if (needed.workspace <= planned.workspace && needed.workspace_prepared <= planned.workspace_prepared &&
          needed.workspace_backward <= planned.workspace_backward && needed.reserve <= planned.reserve &&
          needed.prepared_weights <= planned.prepared_weights) {
        return;
      }
      throw Unsupported("onednn: T=" + std::to_string(sizes.steps) + ", B=" + std::to_string(sizes.batch) +
                        " needs more memory than the larger T and B of the plan");
    });
  }

  BufferSizes sizes_of(const Stack& stack) const {
    BufferSizes sizes;
    sizes.workspace = ForwardBuffers(nullptr, stack, false).carver.bytes();
    if (geometry_.training) {
      sizes.reserve = ReserveBuffer(nullptr, stack).carver.bytes();
      sizes.workspace_backward = BackwardBuffers(nullptr, stack).carver.bytes();
    } else {
      sizes.workspace_prepared = ForwardBuffers(nullptr, stack, true).carver.bytes();
      sizes.prepared_weights = PreparedBuffer(nullptr, stack).carver.bytes();
    }
    return sizes;
  }

  // E.g. "oneDNN 3.2.0, brgemm:avx512_core, 2 threads of OpenMP".
  std::string describe() const {
    std::string text = "oneDNN " + lib().version_name + ", " + implementations();
    text += ", " + std::to_string(stack_.threads) + (stack_.threads == 1 ? " thread" : " threads");
    return text + (lib().omp_set_num_threads == nullptr ? "" : " of OpenMP");
  }
  std::string implementations() const {
    const Layer& layer = stack_.first;
    std::string text = layer.forward.implementation();
    if (layer.backward) text += std::string(" and ") + layer.backward->primitive.implementation();
    return text;
  }

  // oneDNN may choose a format by anything it is asked for.
  std::uint64_t layout_id() const {
    const Geometry& g = geometry_;
    Hash hash;
    hash.add("onednn packed weights 2")
        .add(facts_.tile)
        .add(static_cast<std::uint64_t>(lib().get_effective_cpu_isa()))
        .add(static_cast<std::uint64_t>(g.variant))
        .add(static_cast<std::uint64_t>(g.type))
        .add(static_cast<std::uint64_t>(g.bias));
    return g.add_to(hash)
        .add(static_cast<std::uint64_t>(g.direction))
        .add(static_cast<std::uint64_t>(g.layout))
        .add(static_cast<std::uint64_t>(stack_.sizes.steps))
        .add(static_cast<std::uint64_t>(stack_.sizes.batch))
        .value();
  }
  // Also names who may read a reserve.
  std::uint64_t bits_id() const { return Hash().add(facts_.layout_id).add(geometry_.training).value(); }

  const Geometry geometry_;
  const Stack stack_;
  EngineFacts facts_;
};

}  // namespace

std::optional<std::string> OneDnnEngine::refuse(const Job& job) const { return refusal_of(id(), job); }

std::unique_ptr<const EnginePlan> OneDnnEngine::plan(const Job& job) const {
  return std::make_unique<OneDnnPlan>(job);
}

}  // namespace recur::host::onednn

namespace recur::host {

std::span<const Engine* const> onednn_engines() {
  static const onednn::OneDnnEngine engine;
  static constexpr const Engine* kEngines[] = {&engine};
  return kEngines;
}

}  // namespace recur::host
