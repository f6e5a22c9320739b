// The plan of a job whose layers are scheduled as the stepwise engine does it.
#pragma once

#include "host/stepwise/geometry.hpp"

namespace recur::host::stepwise {

// `geometry` is that of the job, and may say that forward is resident.
std::unique_ptr<const EnginePlan> make_engine_plan(const Job& job, const Geometry& geometry);

}  // namespace recur::host::stepwise
