// What a plan says of steps that are one kernel each.
#pragma once

#include "host/fused/model.hpp"
#include "host/gpu_pass/stepper.hpp"

namespace recur::host::fused {

class FusedSteps final : public gpu_pass::ForwardSteps {
 public:
  FusedSteps(const StepShape& shape, const CudaProps& chip) : shape_(shape), chip_(chip) {}

  Operands operands() const { return shape_.operands; }
  bool is_dependent() const { return has_dependent_launches(chip_); }

  gpu_pass::Stepper stepper() const override { return gpu_pass::Stepper::fused; }
  std::string describe(const gpu_pass::Geometry& g, const RunSizes& planned) const override;
  void add_choices(Hash& hash) const override;
  double seconds(const gpu_pass::CostModel& cost, bool training) const override;

 private:
  StepShape shape_;
  CudaProps chip_;
};

class FusedBackwardSteps final : public gpu_pass::BackwardSteps {
 public:
  FusedBackwardSteps(const StepShape& shape, const CudaProps& chip) : shape_(shape), chip_(chip) {}

  Operands operands() const { return shape_.operands; }
  bool is_dependent() const { return has_dependent_launches(chip_); }

  gpu_pass::Stepper stepper() const override { return gpu_pass::Stepper::fused; }
  std::string describe(const gpu_pass::Geometry& g) const override;
  void add_choices(Hash& hash) const override;
  double seconds(const gpu_pass::CostModel& cost) const override;

 private:
  StepShape shape_;
  CudaProps chip_;
};

// What an engine runs whose forward goes by such steps, both directions in one launch, and its backward likewise
// or, where the model has that faster, by others.
gpu_pass::PassPlan pass_plan(const Job& job, std::shared_ptr<const gpu_pass::BackwardSteps> backward);

}  // namespace recur::host::fused
