// Times several jobs in turns.
#pragma once

#include <functional>
#include <vector>

#include "perf/job.hpp"
#include "perf/statistics.hpp"

namespace recur::perf {

// How a call is timed.
enum class Timing {
  wall,    // the host's clock, until the result is there
  events,  // the device's events around calls that the host issues
  graph,   // the same around replays of a recorded graph; of a single step: the host's clock
};
// What is in the caches when a call starts.
enum class Inputs {
  warm,  // the call before was the same
  cold,  // the calls before used other tensors, of twice the last cache together
};

std::string_view name_of(Timing value);
std::string_view name_of(Inputs value);

// One row of a comparison while it is measured.
struct Series {
  Job* job = nullptr;  // with its graph recorded where that is what is timed
  Timing timing = Timing::wall;
  Inputs inputs = Inputs::warm;

  // Filled by `measure`.
  std::vector<double> seconds = {};  // of a call, one value a sample
  std::size_t calls = 1;             // of a sample, whose time is divided by them
  StoppingRule::Verdict verdict = StoppingRule::Verdict::go_on;
};

// Takes samples of all series in turns, so that a change of the machine's mood hits all of them, until each
// is settled or its time is up. Every call of a single step (`is_step`) is a sample; of others a sample has
// as many as make it long enough for the clock. `still_time` false ends it early, once each series has three
// samples.
void measure(Backend& backend, std::vector<Series>& series, const StoppingRule& rule, bool is_step,
             const std::function<bool()>& still_time);

}  // namespace recur::perf
