// Times contenders on shapes.
#pragma once

#include <limits>

#include "perf/contenders.hpp"
#include "perf/progress.hpp"
#include "perf/result.hpp"

namespace recur::perf {

struct Request {
  std::vector<Shape> shapes;  // most worth first
  std::vector<Contender> contenders;
  std::vector<int> threads = {1};  // on the CPU, every shape with each
  std::vector<Inputs> inputs = {Inputs::warm, Inputs::cold};
  StoppingRule rule;
  double seconds = std::numeric_limits<double>::infinity();  // for all of it
  bool floors = true;
};

// All cases in the order they are timed: every shape in its first precision, then in its second, and so on,
// so that a short run has seen every shape.
std::vector<Case> cases_of(const Request& request, DeviceKind device);

// Times all cases, until the time is up. What a contender refuses, or computes wrongly, is in the result with
// its reason. Facts are the caller's to fill.
Result run_suite(Backend& backend, const Request& request, Progress& progress);

}  // namespace recur::perf
