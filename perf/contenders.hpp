// Who takes part in a comparison.
#pragma once

#include <string>
#include <vector>

#include "perf/shape.hpp"
#include "recur/plan.hpp"

namespace recur::perf {

// An engine with the options that make it one contender of several.
struct Contender {
  std::string name;           // the engine's, and of the algorithm where one is chosen
  bool is_reference = false;  // a vendor's library, that ours are compared with
  Options options;            // engine and algorithm; the rest is the job's
};

// Every engine of the build, references with each of their algorithms.
std::vector<Contender> all_contenders(const Device& device);

// Those of `all` that a name of `wanted` (engine, or engine and algorithm) means. Throws InvalidArgument for
// one that means none.
std::vector<Contender> choose_contenders(const std::vector<Contender>& all,
                                         const std::vector<std::string>& wanted);

// Has every contender load its library, which some do when a job first names them: a library's threads keep
// to the processors that its loader may use.
void load_libraries(const std::vector<Contender>& contenders, const Device& device);

// Its plan for a pass of a shape. Throws Unsupported, with this engine's reason alone.
Plan plan_for(const Contender& contender, const Shape& shape, Precision precision, Timed pass, int threads,
              const Device& device);

}  // namespace recur::perf
