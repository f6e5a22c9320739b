#include "host/fused/steps.hpp"

#include "host/gpu_pass/cost.hpp"

namespace recur::host::fused {

std::string FusedSteps::describe(const gpu_pass::Geometry& g, const RunSizes& planned) const {
  return fused::describe(shape_, chip_) + describe_products(g, planned) + describe_dropout(g);
}

// How the depth is cut into chunks and dealt to warps decides the order in which products are added up.
void FusedSteps::add_choices(Hash& hash) const {
  hash.add("fused 1")
      .add(static_cast<std::uint64_t>(shape_.operands))
      .add(static_cast<std::uint64_t>(recur::fused::warps_of(shape_.operands, shape_.hidden)));
}

// A launch for each phase of a step, of all directions.
double FusedSteps::seconds(const gpu_pass::CostModel& cost, bool training) const {
  const gpu_pass::Geometry& g = cost.g;
  const auto directions = static_cast<double>(g.directions);
  const double states = cost.stored(cost.batch * cost.hidden) +
                        (g.traits.cell_state ? cost.summed(cost.batch * cost.hidden) : 0);
  double step = 0;
  for (int phase = 0; phase < g.traits.phases; ++phase) {
    const double sums = directions * g.traits.gates_of_phase(phase) * cost.hidden;
    // W x is read, states are read and written, y is written, and what training keeps.
    double bytes =
        cost.summed(cost.batch * sums) + directions * (2 * states + cost.stored(cost.batch * cost.hidden));
    if (training) {
      bytes += directions * (cost.stored(cost.batch * static_cast<double>(g.saved_columns())) + states);
    }
    step += cost.product(cost.batch, sums, cost.hidden, bytes);
  }
  return cost.steps * step;
}

std::string FusedBackwardSteps::describe(const gpu_pass::Geometry& /*g*/) const {
  return describe_backward(shape_, chip_);
}

void FusedBackwardSteps::add_choices(Hash& hash) const {
  hash.add("fused backward 1")
      .add(static_cast<std::uint64_t>(shape_.operands))
      .add(static_cast<std::uint64_t>(
          recur::fused::warps_of(shape_.operands, shape_.traits.gates * shape_.hidden)));
}

// R is transposed once, and each phase of a step is a launch; a last product gives the gradient of the first state.
double FusedBackwardSteps::seconds(const gpu_pass::CostModel& cost) const {
  const gpu_pass::Geometry& g = cost.g;
  const auto directions = static_cast<double>(g.directions);
  const double states = cost.summed(cost.batch * cost.hidden) * (g.traits.cell_state ? 2 : 1);
  double step = 0;
  for (int phase = 0; phase < g.traits.phases; ++phase) {
    const double sums = g.traits.gates_of_phase(phase) * cost.hidden;
    const double kept = static_cast<double>(g.saved_columns() + g.sum_columns()) + 3 * cost.hidden;
    step += cost.product(cost.batch, cost.hidden, directions * sums,
                         directions * (cost.stored(cost.batch * kept) + 2 * states));
  }
  const double first = g.traits.gates_of_phase(0) * cost.hidden;
  return cost.steps * step + directions * (cost.kernel(cost.stored(2 * cost.gate_columns * cost.hidden)) +
                                           cost.product(cost.batch, cost.hidden, first,
                                                        2 * cost.summed(cost.batch * cost.hidden)));
}

namespace {

// The steps of another engine, with what the model says of them.
class SlowerBackwardSteps final : public gpu_pass::BackwardSteps {
 public:
  SlowerBackwardSteps(const StepShape& shape, const CudaProps& chip,
                      std::shared_ptr<const gpu_pass::BackwardSteps> steps)
      : shape_(shape), chip_(chip), steps_(std::move(steps)) {}

  gpu_pass::Stepper stepper() const override { return steps_->stepper(); }
  std::string describe(const gpu_pass::Geometry& /*g*/) const override {
    return describe_backward(shape_, chip_);
  }
  void add_choices(Hash& hash) const override { steps_->add_choices(hash); }
  double seconds(const gpu_pass::CostModel& cost) const override { return steps_->seconds(cost); }

 private:
  StepShape shape_;
  CudaProps chip_;
  std::shared_ptr<const gpu_pass::BackwardSteps> steps_;
};

}  // namespace

gpu_pass::PassPlan pass_plan(const Job& job, std::shared_ptr<const gpu_pass::BackwardSteps> backward) {
  const StepShape shape = step_shape_of(job);
  gpu_pass::PassPlan plan{gpu_pass::geometry_of(job),
                          std::make_shared<const FusedSteps>(shape, job.device.cuda), nullptr};
  plan.geometry.forward_slots = static_cast<int>(plan.geometry.directions);
  plan.geometry.layer_by_layer = true;
  if (has_fused_backward(shape, job.device.cuda)) {
    plan.backward = std::make_shared<const FusedBackwardSteps>(shape, job.device.cuda);
    plan.geometry.backward_slots = static_cast<int>(plan.geometry.directions);
    plan.geometry.backward_layer_by_layer = true;
    plan.geometry.transposes_R = true;
  } else {
    plan.backward = std::make_shared<const SlowerBackwardSteps>(shape, job.device.cuda, std::move(backward));
  }
  return plan;
}

}  // namespace recur::host::fused
