#include "host/resident/engine.hpp"

#include "host/gpu_pass/plan.hpp"
#include "host/refusals.hpp"
#include "host/resident/steps.hpp"

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
  const gpu_pass::Geometry geometry = gpu_pass::geometry_of(job);
  const std::optional<Choice> choice =
      choose(geometry.traits, geometry.hidden, job.shape.batch, geometry.directions, job.device.cuda);
  return gpu_pass::make_engine_plan(job, pass_plan(geometry, choice.value(), backward_));
}

}  // namespace recur::host::resident
