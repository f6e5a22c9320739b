// The engine that puts one product and one gate kernel per step on a stream: any size, any option, on any
// GPU.
#pragma once

#include "host/engine.hpp"

namespace recur::host::stepwise {

class StepwiseEngine final : public Engine {
 public:
  EngineId id() const override { return EngineId::stepwise; }
  std::optional<std::string> refuse(const Job& job) const override;
  std::unique_ptr<const EnginePlan> plan(const Job& job) const override;
};

}  // namespace recur::host::stepwise
