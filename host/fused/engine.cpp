#include "host/fused/engine.hpp"

#include "host/fused/steps.hpp"
#include "host/gpu_pass/plan.hpp"
#include "host/refusals.hpp"

namespace recur::host::fused {

std::optional<std::string> FusedEngine::refuse(const Job& job) const { return refusal_of(id(), job); }

std::optional<std::string> FusedEngine::yields(const Job& job) const {
  return slower_than_separate(step_shape_of(job), job.options.pass == Pass::training, job.device.cuda);
}

std::unique_ptr<const EnginePlan> FusedEngine::plan(const Job& job) const {
  return gpu_pass::make_engine_plan(job, pass_plan(job, backward_));
}

}  // namespace recur::host::fused
