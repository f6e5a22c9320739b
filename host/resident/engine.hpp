// The engine whose recurrent weights stay on chip for all steps of a call, in clusters of blocks: forward by
// one launch for each layer and chunk of time. Everything around it is the pass's of all engines on GPUs.
#pragma once

#include "host/engine.hpp"
#include "host/gpu_pass/stepper.hpp"

namespace recur::host::resident {

class ClusterResidentEngine final : public Engine {
 public:
  // `backward`: the steps that backward goes by, another engine's.
  explicit ClusterResidentEngine(std::shared_ptr<const gpu_pass::BackwardSteps> backward)
      : backward_(std::move(backward)) {}

  EngineId id() const override { return EngineId::cluster_resident; }
  std::optional<std::string> refuse(const Job& job) const override;
  std::optional<std::string> yields(const Job& job) const override;
  std::unique_ptr<const EnginePlan> plan(const Job& job) const override;

 private:
  std::shared_ptr<const gpu_pass::BackwardSteps> backward_;
};

}  // namespace recur::host::resident
