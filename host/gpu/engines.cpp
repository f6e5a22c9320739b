// The engines on GPUs. All of them plan here; what they run is the runtime's.
#include "host/cudnn/named_engine.hpp"
#include "host/fused/engine.hpp"
#include "host/resident/engine.hpp"
#include "host/stepwise/engine.hpp"
#include "host/stepwise/steps.hpp"

namespace recur::host {

std::span<const Engine* const> gpu_engines() {
  static const resident::ClusterResidentEngine cluster_resident_engine(stepwise::backward_steps());
  static const fused::FusedEngine fused_engine(stepwise::backward_steps());
  static const stepwise::StepwiseEngine stepwise_engine;
  static const cudnn::NamedEngine cudnn_engine;
  static constexpr const Engine* kEngines[] = {&cluster_resident_engine, &fused_engine, &stepwise_engine,
                                               &cudnn_engine};
  return kEngines;
}

}  // namespace recur::host
