// The engine whose recurrent weights stay on chip for all steps of a call, in clusters of blocks: forward by
// one launch for each layer and chunk of time. Everything around it, and backward, is the stepwise engine's.
#pragma once

#include "host/engine.hpp"

namespace recur::host::resident {

class ClusterResidentEngine final : public Engine {
 public:
  EngineId id() const override { return EngineId::cluster_resident; }
  std::optional<std::string> refuse(const Job& job) const override;
  std::optional<std::string> yields(const Job& job) const override;
  std::unique_ptr<const EnginePlan> plan(const Job& job) const override;
};

}  // namespace recur::host::resident
