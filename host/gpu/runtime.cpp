#include "host/gpu/runtime.hpp"

#include "host/gpu/device_resources.hpp"
#include "host/gpu_pass/backward.hpp"
#include "host/gpu_pass/forward.hpp"
#ifdef RECUR_HAVE_CUDNN
#include "host/cudnn/engine.hpp"
#endif

namespace recur::host::gpu {
namespace {

DeviceResources& ours(Resources& resources) { return static_cast<DeviceResources&>(resources); }

class LinkedRuntime final : public Runtime {
 public:
  DeviceProps device_props(int ordinal) const override { return gpu::device_props(ordinal); }
  std::unique_ptr<Resources> make_resources(int ordinal) const override {
    return std::make_unique<DeviceResources>(ordinal);
  }
  void prepare(const gpu_pass::Geometry& geometry, Resources& resources, Stream stream,
               std::span<const LayerWeights> weights, std::byte* buffer) const override {
    gpu_pass::prepare(geometry, ours(resources), stream, weights, buffer);
  }
  void forward(const gpu_pass::PassPlan& plan, Resources& resources, bool training,
               const ForwardCall& call) const override {
    gpu_pass::run_forward(plan, ours(resources), training, call);
  }
  void backward(const gpu_pass::PassPlan& plan, Resources& resources,
                const BackwardCall& call) const override {
    gpu_pass::run_backward(plan, ours(resources), call);
  }
  const Engine* cudnn() const override {
#ifdef RECUR_HAVE_CUDNN
    static const cudnn::CudnnEngine engine;
    return &engine;
#else
    return nullptr;
#endif
  }
};

}  // namespace

const Runtime& linked_runtime() {
  static const LinkedRuntime linked;
  return linked;
}

}  // namespace recur::host::gpu
