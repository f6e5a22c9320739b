#include "host/stepwise/engine.hpp"

#include "host/refusals.hpp"
#include "host/stepwise/plan.hpp"

namespace recur::host::stepwise {

std::optional<std::string> StepwiseEngine::refuse(const Job& job) const { return refusal_of(id(), job); }

std::unique_ptr<const EnginePlan> StepwiseEngine::plan(const Job& job) const {
  return make_engine_plan(job, geometry_of(job));
}

}  // namespace recur::host::stepwise
