// The calls that run a plan: validate, let the engine check what only it can, then go.
#include "recur/run.hpp"

#include "host/buffer_header.hpp"
#include "host/context_state.hpp"
#include "host/empty_call.hpp"
#include "host/plan_state.hpp"
#include "host/validate_run.hpp"

namespace recur {

PreparedWeights prepare_weights(const Plan& plan, Context& context, Stream stream,
                                std::span<const LayerWeights> weights, std::span<std::byte> buffer) {
  const host::ContextLock lock(context.state());
  host::validate_prepare(plan, context, weights, buffer);
  plan.state().engine_plan().prepare_weights(context.state(), stream, weights, buffer);
  return {buffer.data(), buffer.size(), plan.layout_id()};
}

void forward(const Plan& plan, Context& context, Stream stream, const Weights& weights,
             const ForwardArgs& args, std::span<std::byte> workspace, std::span<std::byte> reserve) {
  const host::ContextLock lock(context.state());
  const host::RunSizes sizes = host::validate_forward(plan, context, weights, args, workspace, reserve);
  const host::ForwardCall call{sizes, stream, &weights, &args, workspace, reserve};
  const host::EnginePlan& engine_plan = plan.state().engine_plan();
  const bool empty = host::is_empty(sizes);
  if (empty) {
    host::check_empty_call(context.state());
  } else {
    engine_plan.check_forward(context.state(), call);
  }
  auto* const header = engine_plan.facts().reserve_has_header
                           ? reinterpret_cast<host::BufferHeader*>(reserve.data())
                           : nullptr;
  try {
    if (empty) {
      host::forward_of_nothing(context.state(), call);
    } else {
      engine_plan.forward(context.state(), call);
    }
  } catch (const DeviceError&) {
    if (header != nullptr) *header = {};  // what a failing library has half written is nobody's reserve
    throw;
  }
  if (header != nullptr) {
    *header = host::reserve_header(engine_plan.facts().bits_id, host::kept_inputs(sizes, plan.spec(), args));
  }
}

void backward(const Plan& plan, Context& context, Stream stream, std::span<const LayerWeights> weights,
              const BackwardArgs& args, std::span<const std::byte> reserve, std::span<std::byte> workspace) {
  const host::ContextLock lock(context.state());
  const host::RunSizes sizes = host::validate_backward(plan, context, weights, args, reserve, workspace);
  const host::BackwardCall call{sizes, stream, weights, &args, reserve, workspace};
  const host::EnginePlan& engine_plan = plan.state().engine_plan();
  if (engine_plan.facts().reserve_has_header) {
    host::check_reserve_header(reserve.data(), engine_plan.facts().bits_id,
                               host::kept_inputs(sizes, plan.spec(), args));
  }
  if (host::is_empty(sizes)) {
    host::check_empty_call(context.state());
    return host::backward_of_nothing(context.state(), call);
  }
  engine_plan.check_backward(context.state(), call);
  engine_plan.backward(context.state(), call);
}

}  // namespace recur
