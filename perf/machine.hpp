// What a result must say of where it comes from.
#pragma once

#include "perf/backend.hpp"
#include "perf/result.hpp"

namespace recur::perf {

// Date, device, clocks, versions, commit. `command` is the command line.
Facts machine_facts(const Backend& backend, const std::string& command);

// Driver, libraries and clocks of a GPU. Empty in a build without CUDA.
Facts cuda_facts(int ordinal);

}  // namespace recur::perf
