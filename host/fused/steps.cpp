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

gpu_pass::PassPlan pass_plan(const Job& job, std::shared_ptr<const gpu_pass::BackwardSteps> backward) {
  gpu_pass::PassPlan plan{gpu_pass::geometry_of(job),
                          std::make_shared<const FusedSteps>(step_shape_of(job), job.device.cuda),
                          std::move(backward)};
  plan.geometry.forward_slots = static_cast<int>(plan.geometry.directions);
  plan.geometry.layer_by_layer = true;
  return plan;
}

}  // namespace recur::host::fused
