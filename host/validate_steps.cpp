#include "host/validate_steps.hpp"

#include <string>

#include "host/check.hpp"
#include "host/layer_tensors.hpp"
#include "host/plan_state.hpp"
#include "host/validate_run.hpp"

namespace recur::host {
namespace {

void check_plan(std::string_view call, const Plan& plan) {
  const auto refuse = [&](std::string_view what) {
    throw InvalidArgument(std::string(call) + ": expected a plan with " + std::string(what));
  };
  const Spec& spec = plan.spec();
  if (plan.options().pass != Pass::inference) refuse("Pass::inference");
  if (spec.direction != Direction::forward) refuse("Direction::forward");
  if (spec.variable_lengths) refuse("Spec::variable_lengths off");
  if (spec.reset_mask) refuse("Spec::reset_mask off");
  if (spec.cell_sequence) refuse("Spec::cell_sequence off");
  if (spec.forest) refuse("Spec::forest off");
}

// x gives B.
Dim check_x(const Plan& plan, const ConstTensorView& x) {
  if (x.rank() != 2) throw InvalidArgument("x: expected [B] [I], got " + describe(x));
  const std::int64_t batch = x.size(0);
  if (batch < 0 || batch > plan.shape().batch) {
    throw InvalidArgument("x: expected 0 <= B <= " + std::to_string(plan.shape().batch) +
                          " as planned, got " + describe(x));
  }
  const Dim B{"B", batch};
  check_view("x", x, plan.spec().dtype, {B, {"I", plan.spec().input_size}});
  validate_alignment(plan, "x", x);
  return B;
}

void check_states(const Plan& plan, const Dim& B, const ConstTensorView& h, const ConstTensorView& c) {
  const Spec& spec = plan.spec();
  check_output("h", h, spec.dtype, {{"L", spec.layers}, {"D", 1}, B, output_dim(spec)});
  if (has_cell_state(spec)) {
    check_output("c", c, spec.dtype, {{"L", spec.layers}, {"D", 1}, B, {"H", spec.hidden_size}});
  } else {
    check_not_given("c", c, "the cell has no cell state");
  }
  validate_alignment(plan, "h", h);
  validate_alignment(plan, "c", c);
}

// y gives T.
std::int64_t check_generated(const Plan& plan, const Dim& B, const ConstTensorView& y) {
  const Spec& spec = plan.spec();
  const bool time_major = spec.layout == Layout::time_major;
  const Dim outputs = output_dim(spec);
  const int time = time_major ? 0 : 1;
  if (y.rank() != 3 || y.size(time) < 0) {
    throw InvalidArgument("y: expected " + std::string(time_major ? "[T] [B] [" : "[B] [T] [") +
                          std::string(outputs.letters) + "], got " + describe(y));
  }
  const Dim T{"T", y.size(time)};
  if (time_major) {
    check_output("y", y, spec.dtype, {T, B, outputs});
  } else {
    check_output("y", y, spec.dtype, {B, T, outputs});
  }
  validate_alignment(plan, "y", y);
  const auto alignment = static_cast<std::int64_t>(plan.state().facts().tensor_alignment);
  const auto width = static_cast<std::int64_t>(size_of(y.type()));
  if (T.size > 1 && B.size > 0 && y.stride(time) % alignment * width % alignment != 0) {
    throw InvalidArgument("y: expected steps that begin at multiples of " + std::to_string(alignment) +
                          " bytes, which " + std::string(name_of(plan.engine())) + " needs, got " +
                          describe(y));
  }
  return T.size;
}

}  // namespace

void validate_step(const Plan& plan, const StepArgs& args) {
  check_plan("step", plan);
  const Dim B = check_x(plan, args.x);
  check_output("y", args.y, plan.spec().dtype, {B, output_dim(plan.spec())});
  validate_alignment(plan, "y", args.y);
  check_states(plan, B, args.h, args.c);
}

RunSizes validate_generate(const Plan& plan, const Context& context, const Weights& weights,
                           const GenerateArgs& args, std::span<std::byte> workspace) {
  const Spec& spec = plan.spec();
  check_plan("generate", plan);
  const Dim outputs = output_dim(spec);
  if (args.feed == nullptr && spec.input_size != outputs.size) {
    throw InvalidArgument("generate: expected a feed, or a plan with I = " + std::string(outputs.letters) +
                          ", got no feed, I=" + std::to_string(spec.input_size) + " and " +
                          std::string(outputs.letters) + "=" + std::to_string(outputs.size));
  }
  validate_inference(plan, context, weights, workspace);
  const Dim B = check_x(plan, args.x);
  if (args.feed != nullptr) check_output("x", args.x, spec.dtype, {B, {"I", spec.input_size}});
  const std::int64_t steps = check_generated(plan, B, args.y);
  check_states(plan, B, args.h, args.c);

  OverlapCheck overlap;
  if (args.feed != nullptr) {
    overlap.output("x", args.x);
  } else {
    overlap.input("x", args.x);
  }
  overlap.output("y", args.y);
  overlap.output("h", args.h);
  overlap.output("c", args.c);
  overlap.output("workspace", workspace.data(), workspace.size());
  add_weights(plan, weights, overlap);
  overlap.check();
  return {steps, B.size};
}

}  // namespace recur::host
