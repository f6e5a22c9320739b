// Calls that run a plan one step at a time.
#include <algorithm>

#include "host/context_state.hpp"
#include "host/empty_call.hpp"
#include "host/layers/rows.hpp"
#include "host/plan_state.hpp"
#include "host/validate_run.hpp"
#include "host/validate_steps.hpp"
#include "recur/run.hpp"

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

ForwardArgs as_forward(const StepArgs& args, Layout layout) {
  ForwardArgs forward_args;
  forward_args.x = as_sequence(args.x, layout);
  forward_args.y = as_sequence(args.y, layout);
  forward_args.h0 = args.h;
  forward_args.hN = args.h;
  forward_args.c0 = args.c;
  forward_args.cN = args.c;
  return forward_args;
}

// Step t of a [T][B][columns] or [B][T][columns] tensor, [B][columns].
TensorView step_of(const TensorView& view, Layout layout, std::int64_t t) {
  const int time = layout == Layout::time_major ? 0 : 1;
  return TensorView(host::layers::advance(view.data(), view.type(), t * view.stride(time)), view.type(),
                    {view.size(1 - time), view.size(2)}, {view.stride(1 - time), view.stride(2)});
}

// The arguments of step t.
StepArgs step_args(const GenerateArgs& args, Layout layout, std::int64_t t) {
  StepArgs step;
  step.x = t == 0 || args.feed != nullptr ? args.x : step_of(args.y, layout, t - 1);
  step.y = step_of(args.y, layout, t);
  step.h = args.h;
  step.c = args.c;
  return step;
}

}  // namespace

void step(const Plan& plan, Context& context, Stream stream, const Weights& weights, const StepArgs& args,
          std::span<std::byte> workspace) {
  host::validate_step(plan, args);
  forward(plan, context, stream, weights, as_forward(args, plan.spec().layout), workspace);
}

void generate(const Plan& plan, Context& context, Stream stream, const Weights& weights,
              const GenerateArgs& args, std::span<std::byte> workspace) {
  const Layout layout = plan.spec().layout;
  const host::EnginePlan& engine_plan = plan.state().engine_plan();
  // f(call of step t)
  const auto with_step = [&](std::int64_t t, const auto& f) {
    const ForwardArgs forward_args = as_forward(step_args(args, layout, t), layout);
    f(host::ForwardCall{{1, args.x.size(0)}, stream, &weights, &forward_args, workspace, {}});
  };
  host::RunSizes sizes{};
  {
    const host::ContextLock lock(context.state());
    sizes = host::validate_generate(plan, context, weights, args, workspace);
    if (host::is_empty(sizes)) return host::check_empty_call(context.state());
    // Later steps differ from step 1 in their addresses alone.
    for (std::int64_t t = 0; t < std::min<std::int64_t>(sizes.steps, 2); ++t) {
      with_step(t, [&](const host::ForwardCall& call) { engine_plan.check_forward(context.state(), call); });
    }
  }
  for (std::int64_t t = 0; t < sizes.steps; ++t) {
    with_step(t, [&](const host::ForwardCall& call) {
      const host::ContextLock lock(context.state());
      engine_plan.forward(context.state(), call);
    });
    if (args.feed != nullptr && t + 1 < sizes.steps) {
      args.feed(args.user, stream, t, step_of(args.y, layout, t), args.x);
    }
  }
}

}  // namespace recur
