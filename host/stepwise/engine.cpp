#include "host/stepwise/engine.hpp"

#include "host/gpu_pass/plan.hpp"
#include "host/refusals.hpp"
#include "host/stepwise/steps.hpp"

namespace recur::host::stepwise {

std::optional<std::string> StepwiseEngine::refuse(const Job& job) const { return refusal_of(id(), job); }

std::unique_ptr<const EnginePlan> StepwiseEngine::plan(const Job& job) const {
  return gpu_pass::make_engine_plan(job, {gpu_pass::geometry_of(job), forward_steps(), backward_steps()});
}

}  // namespace recur::host::stepwise
