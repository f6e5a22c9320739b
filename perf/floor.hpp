// The least time that a machine could take for a job, from rates that were measured on it.
#pragma once

#include <string>

#include "perf/work.hpp"
#include "recur/rates.hpp"

namespace recur::perf {

struct Floor {
  double seconds = 0;
  std::string bound;  // what sets it: "operations", "bytes in L2", "steps: R in L1 ..."
};

// The largest of
//   operations / rate,
//   (inputs + outputs + weights) / bandwidth of the level that holds them,
//   steps: chain x hop + the larger of recurrent operations / rate and reads of R / bandwidth of its level.
// `cold`: inputs, outputs and weights come from the last level. R is read from the smallest level that holds
// it, less what is resident. The hop is the fastest of those that hold R. No floor (0 seconds) for a
// precision without a rate.
Floor floor_of(const Work& work, const Rates& rates, Precision precision, bool cold);

}  // namespace recur::perf
