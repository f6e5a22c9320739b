// The engine whose steps are one kernel each: the product with R and the gates behind it, of both directions. For
// small batches, on any GPU. Everything around it is the pass's of all engines on GPUs.
#pragma once

#include "host/engine.hpp"
#include "host/gpu_pass/stepper.hpp"

namespace recur::host::fused {

class FusedEngine final : public Engine {
 public:
  // `backward`: the steps of another engine, by which backward goes where they are faster.
  explicit FusedEngine(std::shared_ptr<const gpu_pass::BackwardSteps> backward)
      : backward_(std::move(backward)) {}

  EngineId id() const override { return EngineId::fused; }
  std::optional<std::string> refuse(const Job& job) const override;
  std::optional<std::string> yields(const Job& job) const override;
  std::unique_ptr<const EnginePlan> plan(const Job& job) const override;

 private:
  std::shared_ptr<const gpu_pass::BackwardSteps> backward_;
};

}  // namespace recur::host::fused
