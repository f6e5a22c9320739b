// oneDNN behind the plan: a reference.
#pragma once

#include "host/engine.hpp"

namespace recur::host::onednn {

class OneDnnEngine final : public Engine {
 public:
  EngineId id() const override { return EngineId::onednn; }
  bool is_reference() const override { return true; }
  std::optional<std::string> refuse(const Job& job) const override;
  std::unique_ptr<const EnginePlan> plan(const Job& job) const override;
};

}  // namespace recur::host::onednn
