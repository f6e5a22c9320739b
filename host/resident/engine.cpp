#include "host/resident/engine.hpp"

#include "host/refusals.hpp"
#include "host/resident/choice.hpp"
#include "host/stepwise/plan.hpp"

namespace recur::host::resident {

std::optional<std::string> ClusterResidentEngine::refuse(const Job& job) const {
  return refusal_of(id(), job);
}

std::optional<std::string> ClusterResidentEngine::yields(const Job& job) const {
  const cells::Traits traits = cells::traits_of(variant_of(job.spec));
  const std::int64_t hidden = job.spec.hidden_size;
  const auto choice = choose(traits, hidden, job.shape.batch, directions_of(job.spec), job.device.cuda);
  if (!choice) return std::nullopt;
  return slower_than_steps(*choice, traits, hidden, job.shape.batch);
}

std::unique_ptr<const EnginePlan> ClusterResidentEngine::plan(const Job& job) const {
  stepwise::Geometry geometry = stepwise::geometry_of(job);
  geometry.resident =
      choose(geometry.traits, geometry.hidden, job.shape.batch, geometry.directions, job.device.cuda);
  geometry.forward_lanes = static_cast<int>(geometry.directions);
  return stepwise::make_engine_plan(job, geometry);
}

}  // namespace recur::host::resident
