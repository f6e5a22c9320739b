// The seam between the pass of GPU engines and what runs the steps of a chunk of time, a stepper. Everything else
// is the pass's: the input products of a chunk, streams, buffers, dropout, the gradients of weights and inputs.
//
// This is the side that plans: what a plan has to say of steps before any runs. run.hpp is the side that runs.
#pragma once

#include <string>

#include "host/gpu_pass/geometry.hpp"
#include "host/hash.hpp"

namespace recur::host::gpu_pass {

struct CostModel;

// The steppers. host/gpu/steppers.cpp has a row for each with what runs it.
enum class Stepper : std::uint8_t { step_by_step, cluster_resident, fused };

// What a plan chose for the steps of forward.
class ForwardSteps {
 public:
  virtual ~ForwardSteps() = default;
  virtual Stepper stepper() const = 0;
  // Text for Plan::tile().
  virtual std::string describe(const Geometry& g, const RunSizes& planned) const = 0;
  // Adds those choices that the results' bits depend on, beyond the Geometry.
  virtual void add_choices(Hash& /*hash*/) const {}
  // The share of the recurrent weights that stays on chip between steps.
  virtual double resident_fraction() const { return 0; }
  // Of all steps of one layer, in all its directions.
  virtual double seconds(const CostModel& cost, bool training) const = 0;
};

// What a plan chose for the steps of backward.
class BackwardSteps {
 public:
  virtual ~BackwardSteps() = default;
  virtual Stepper stepper() const = 0;
  // As of ForwardSteps; the text follows that of forward, and may be empty.
  virtual std::string describe(const Geometry& /*g*/) const { return {}; }
  virtual void add_choices(Hash& /*hash*/) const {}
  virtual double seconds(const CostModel& cost) const = 0;
};

// What one plan runs. It is passed from the library that plans to the one that runs.
struct PassPlan {
  Geometry geometry;
  std::shared_ptr<const ForwardSteps> forward;
  std::shared_ptr<const BackwardSteps> backward;
};

}  // namespace recur::host::gpu_pass
