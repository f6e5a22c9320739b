// The CPU engine: plans by choose_tiling, runs by forward.cpp and backward.cpp.
#pragma once

#include "host/engine.hpp"

namespace recur::host::cpu {

class CpuEngine final : public Engine {
 public:
  EngineId id() const override { return EngineId::cpu; }
  std::optional<std::string> refuse(const Job& job) const override;
  std::unique_ptr<const EnginePlan> plan(const Job& job) const override;
};

}  // namespace recur::host::cpu
