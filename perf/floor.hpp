// The least time that a machine could take for a job, from rates that were measured on it.
#pragma once

#include <limits>
#include <map>
#include <string>
#include <vector>

#include "perf/work.hpp"

namespace recur::perf {

// A level of memory as the threads or multiprocessors in use see it together.
struct Level {
  std::string name;
  double bytes = std::numeric_limits<double>::infinity();
  double bytes_per_second = 0;
};

// A way in which the parts of a step on a GPU can tell each other their results.
struct Hop {
  std::string name;
  double holds_bytes = std::numeric_limits<double>::infinity();  // of R, in all blocks that take part
  double seconds = 0;
};

// What was measured on a machine.
struct Rates {
  std::map<Precision, double> operations_per_second;  // of large products; absent where not measured
  std::vector<Level> levels;                          // smallest first; the last one holds anything
  double resident_bytes = 0;                          // R that stays on chip between steps, and is not read
  std::vector<Hop> hops;                              // none: steps are not charged for them
  // What else was measured, for readers: name with its unit, and value.
  std::vector<std::pair<std::string, double>> measured;
};

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
