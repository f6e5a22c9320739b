// The GPU engines of a build that has them.
#include "host/resident/engine.hpp"
#include "host/stepwise/engine.hpp"
#ifdef RECUR_HAVE_CUDNN
#include "host/cudnn/engine.hpp"
#endif

namespace recur::host {

std::span<const Engine* const> gpu_engines() {
  static const resident::ClusterResidentEngine cluster_resident_engine;
  static const stepwise::StepwiseEngine stepwise_engine;
#ifdef RECUR_HAVE_CUDNN
  static const cudnn::CudnnEngine cudnn_engine;
  static constexpr const Engine* kEngines[] = {&cluster_resident_engine, &stepwise_engine, &cudnn_engine};
#else
  static constexpr const Engine* kEngines[] = {&cluster_resident_engine, &stepwise_engine};
#endif
  return kEngines;
}

}  // namespace recur::host
