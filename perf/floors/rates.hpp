// Measures what a machine can do: the rates that floors are made of.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "perf/backend.hpp"
#include "recur/rates.hpp"

namespace recur::perf {

struct Measured {
  Rates rates;
  // What else was measured, for readers: name with its unit, and value.
  std::vector<std::pair<std::string, double>> notes;
};

// The better of two measurements of one CPU in everything: a floor is what could be, and machines have moods.
Measured better_of(const Measured& a, const Measured& b);

// Of all threads of the team together: products by the engine's kernel, nonlinearities in f32 and f64,
// reading from each level of memory, barriers and calls.
Measured measure_cpu_rates(ThreadTeam& team);

// Products in every precision that the GPU has, copying in L2 and in memory, launches, and the hops of
// perf/floors/hops.hpp. Throws Unsupported in a build without CUDA.
Measured measure_cuda_rates(Backend& backend);

}  // namespace recur::perf
