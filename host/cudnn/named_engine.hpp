// The reference engine cudnn as the core has it: it refuses by the table, and asks the runtime's engine,
// which has cuDNN, for everything else.
#pragma once

#include "host/engine.hpp"

namespace recur::host::cudnn {

class NamedEngine final : public Engine {
 public:
  EngineId id() const override { return EngineId::cudnn; }
  bool is_reference() const override { return true; }
  std::optional<std::string> refuse(const Job& job) const override;
  std::unique_ptr<const EnginePlan> plan(const Job& job) const override;
};

}  // namespace recur::host::cudnn
