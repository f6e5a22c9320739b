// The plan of a job whose layers are scheduled by the pass of GPU engines.
#pragma once

#include "host/gpu_pass/stepper.hpp"

namespace recur::host::gpu_pass {

// `plan.geometry` is that of the job.
std::unique_ptr<const EnginePlan> make_engine_plan(const Job& job, const PassPlan& plan);

}  // namespace recur::host::gpu_pass
