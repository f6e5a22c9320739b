#include "host/resident/steps.hpp"

#include "host/gpu_pass/cost.hpp"

namespace recur::host::resident {

std::string ResidentSteps::describe(const gpu_pass::Geometry& g, const RunSizes& planned) const {
  return resident::describe(choice_, g.traits) + describe_products(g, planned) + describe_dropout(g);
}

// Which units a block has decides the order in which it adds up products.
void ResidentSteps::add_choices(Hash& hash) const {
  hash.add("resident 1")
      .add(static_cast<std::uint64_t>(choice_.tile))
      .add(static_cast<std::uint64_t>(choice_.cluster));
}

// A launch for each chunk.
double ResidentSteps::seconds(const gpu_pass::CostModel& cost, bool /*training*/) const {
  return static_cast<double>(cost.chunks.count()) * cost.rates.launch_seconds +
         cost.steps * step_seconds(choice_, cost.g.traits, &cost.rates);
}

gpu_pass::PassPlan pass_plan(const gpu_pass::Geometry& geometry, const Choice& choice,
                             std::shared_ptr<const gpu_pass::BackwardSteps> backward) {
  gpu_pass::PassPlan plan{geometry, std::make_shared<const ResidentSteps>(choice), std::move(backward)};
  plan.geometry.forward_slots = static_cast<int>(geometry.directions);
  plan.geometry.layer_by_layer = true;
  return plan;
}

}  // namespace recur::host::resident
