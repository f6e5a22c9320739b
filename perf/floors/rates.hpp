// Measures what a machine can do: the rates that floors are made of.
#pragma once

#include "perf/backend.hpp"
#include "perf/floor.hpp"

namespace recur::perf {

// Of all threads of the team together: products in f32 and f64, and reading from each level of memory.
Rates measure_cpu_rates(ThreadTeam& team);

// Products in every precision that the GPU has, copying in L2 and in memory, launches, and the hops of
// perf/floors/hops.hpp. Throws Unsupported in a build without CUDA.
Rates measure_cuda_rates(Backend& backend);

}  // namespace recur::perf
