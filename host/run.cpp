// The calls that run a plan: validate, let the engine check what only it can, then go.
#include "recur/run.hpp"

#include "host/buffer_header.hpp"
#include "host/check.hpp"
#include "host/context_state.hpp"
#include "host/empty_call.hpp"
#include "host/layer_tensors.hpp"
#include "host/plan_state.hpp"
#include "host/validate_run.hpp"

namespace recur {
namespace {

// [B][columns] as the [T=1][B][columns] or [B][T=1][columns] tensor that forward reads.
template <class View>
View as_sequence(const View& view, Layout layout) {
  const std::int64_t rows = view.size(0);
  const std::int64_t columns = view.size(1);
  const std::int64_t row = view.stride(0);
  if (layout == Layout::time_major) {
    return View(view.data(), view.type(), {1, rows, columns}, {row, row, view.stride(1)});
  }
  return View(view.data(), view.type(), {rows, 1, columns}, {row, row, view.stride(1)});
}

void check_step(const Plan& plan) {
  const auto refuse = [](std::string_view what) {
    throw InvalidArgument("step: expected a plan with " + std::string(what));
  };
  const Spec& spec = plan.spec();
  if (plan.options().pass != Pass::inference) refuse("Pass::inference");
  if (spec.direction != Direction::forward) refuse("Direction::forward");
  if (spec.variable_lengths) refuse("Spec::variable_lengths off");
  if (spec.reset_mask) refuse("Spec::reset_mask off");
  if (spec.cell_sequence) refuse("Spec::cell_sequence off");
  if (spec.forest) refuse("Spec::forest off");
}

// By the names and shapes that `step` gives them, before `forward` speaks of [T=1], h0 and hN.
void check_step_views(const Plan& plan, const StepArgs& args) {
  const Spec& spec = plan.spec();
  if (args.x.rank() != 2) throw InvalidArgument("x: expected [B] [I], got " + host::describe(args.x));
  const std::int64_t batch = args.x.size(0);
  if (batch < 0 || batch > plan.shape().batch) {
    throw InvalidArgument("x: expected 0 <= B <= " + std::to_string(plan.shape().batch) +
                          " as planned, got " + host::describe(args.x));
  }
  const host::Dim B{"B", batch};
  const host::Dim h = host::output_dim(spec);
  host::check_view("x", args.x, spec.dtype, {B, {"I", spec.input_size}});
  host::check_output("y", args.y, spec.dtype, {B, h});
  host::check_output("h", args.h, spec.dtype, {{"L", spec.layers}, {"D", 1}, B, h});
  if (has_cell_state(spec)) {
    host::check_output("c", args.c, spec.dtype, {{"L", spec.layers}, {"D", 1}, B, {"H", spec.hidden_size}});
  } else {
    host::check_not_given("c", args.c, "the cell has no cell state");
  }
  host::validate_alignment(plan, "x", args.x);
  host::validate_alignment(plan, "y", args.y);
  host::validate_alignment(plan, "h", args.h);
  host::validate_alignment(plan, "c", args.c);
}

}  // namespace

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

void step(const Plan& plan, Context& context, Stream stream, const Weights& weights, const StepArgs& args,
          std::span<std::byte> workspace) {
  check_step(plan);
  check_step_views(plan, args);
  const Layout layout = plan.spec().layout;
  ForwardArgs forward_args;
  forward_args.x = as_sequence(args.x, layout);
  forward_args.y = as_sequence(args.y, layout);
  forward_args.h0 = args.h;
  forward_args.hN = args.h;
  forward_args.c0 = args.c;
  forward_args.cN = args.c;
  forward(plan, context, stream, weights, forward_args, workspace);
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
