#include "host/cudnn/named_engine.hpp"

#include "host/gpu/runtime.hpp"
#include "host/refusals.hpp"

namespace recur::host::cudnn {

std::optional<std::string> NamedEngine::refuse(const Job& job) const {
  if (std::optional<std::string> reason = refusal_of(id(), job)) return reason;
  const gpu::LoadedRuntime& loaded = gpu::load_runtime();
  if (loaded.runtime == nullptr) return loaded.failure;
  const Engine* const engine = loaded.runtime->cudnn();
  if (engine == nullptr) return "built without cuDNN's headers";
  return engine->refuse(job);
}

std::unique_ptr<const EnginePlan> NamedEngine::plan(const Job& job) const {
  return gpu::runtime().cudnn()->plan(job);
}

}  // namespace recur::host::cudnn
