// What a plan says of steps whose recurrent weights stay on chip.
#pragma once

#include "host/gpu_pass/stepper.hpp"
#include "host/resident/choice.hpp"

namespace recur::host::resident {

class ResidentSteps final : public gpu_pass::ForwardSteps {
 public:
  explicit ResidentSteps(const Choice& choice) : choice_(choice) {}

  const Choice& choice() const { return choice_; }

  gpu_pass::Stepper stepper() const override { return gpu_pass::Stepper::cluster_resident; }
  std::string describe(const gpu_pass::Geometry& g, const RunSizes& planned) const override;
  void add_choices(Hash& hash) const override;
  double resident_fraction() const override { return 1; }
  double seconds(const gpu_pass::CostModel& cost, bool training) const override;

 private:
  Choice choice_;
};

// What an engine runs whose forward goes by such steps, both directions in one launch, and its backward by others.
gpu_pass::PassPlan pass_plan(const gpu_pass::Geometry& geometry, const Choice& choice,
                             std::shared_ptr<const gpu_pass::BackwardSteps> backward);

}  // namespace recur::host::resident
