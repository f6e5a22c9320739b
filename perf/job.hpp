// A plan bound to its buffers: what is run and timed.
#pragma once

#include <optional>
#include <vector>

#include "perf/tensors.hpp"
#include "recur/graph.hpp"
#include "recur/plan.hpp"

namespace recur::perf {

// Everything that calls of one plan need, over all sets of tensors: prepared weights and a reserve for each
// set, so that a run over the sets finds nothing of the last call in a cache.
class Job {
 public:
  // Prepares the weights (inference, step), or runs forward (backward), on every set. The sets must outlive
  // this.
  Job(Backend& backend, Context& context, Plan plan, Timed pass, const std::vector<TensorSet>& sets);

  // Bytes of each set beside the tensors.
  static std::size_t bytes_per_set(const Plan& plan, Timed pass);

  const Plan& plan() const { return plan_; }
  std::size_t sets() const { return sets_.size(); }

  // Puts one call on the backend's stream.
  void run(std::size_t set);
  // The same call on the first set by a recorded graph. Throws Unsupported where the plan's device has none.
  void record_graph();
  void launch_graph();

 private:
  void forward(std::size_t set);

  Backend& backend_;
  Context& context_;
  Plan plan_;
  Timed pass_;
  const std::vector<TensorSet>& sets_;
  DeviceBuffer workspace_;
  std::vector<DeviceBuffer> kept_;  // prepared weights or reserve, one a set
  std::vector<PreparedWeights> prepared_;
  std::optional<GraphRun> graph_;
};

// Root mean square of the difference of two runs' outputs, as a fraction of that of the first.
// NaN or infinity where values are missing or not finite.
double relative_difference(const std::vector<double>& first, const std::vector<double>& second);

// The most that two right results of this precision can differ in that way. Not a test of correctness (that
// is tests/engines): it only keeps a computation of something else from being timed.
double allowed_difference(Precision precision);

}  // namespace recur::perf
