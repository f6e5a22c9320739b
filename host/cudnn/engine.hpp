// cuDNN's layers behind our plan: what our engines on GPUs are compared with. Plans come here by way of
// named_engine.hpp.
#pragma once

#include "host/engine.hpp"

namespace recur::host::cudnn {

class CudnnEngine final : public Engine {
 public:
  EngineId id() const override { return EngineId::cudnn; }
  bool is_reference() const override { return true; }
  // What cuDNN itself says on the device, of a job that the table of refusals lets through.
  std::optional<std::string> refuse(const Job& job) const override;
  std::unique_ptr<const EnginePlan> plan(const Job& job) const override;
};

}  // namespace recur::host::cudnn
