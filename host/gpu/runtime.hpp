// The runtime that runs plans on GPUs, as the core sees it. The core plans, and needs no library of CUDA for
// that; a runtime needs them. The shared core loads its runtime from librecur_cuda when a CUDA device is
// first named (load.cpp). Static builds and tests have a runtime linked in (linked.cpp), or none (none.cpp).
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "host/engine.hpp"
#include "host/gpu/resources.hpp"

namespace recur::host::gpu_pass {
struct Geometry;
struct PassPlan;
}  // namespace recur::host::gpu_pass

namespace recur::host::gpu {

// The functions are those of their names in gpu.hpp, resources.hpp and gpu_pass/.
class Runtime {
 public:
  virtual ~Runtime() = default;
  // Throws Unsupported where there is no such device.
  virtual DeviceProps device_props(int ordinal) const = 0;
  virtual std::unique_ptr<Resources> make_resources(int ordinal) const = 0;
  // `resources` were made by this runtime.
  virtual void prepare(const gpu_pass::Geometry& geometry, Resources& resources, Stream stream,
                       std::span<const LayerWeights> weights, std::byte* buffer) const = 0;
  virtual void forward(const gpu_pass::PassPlan& plan, Resources& resources, bool training,
                       const ForwardCall& call) const = 0;
  virtual void backward(const gpu_pass::PassPlan& plan, Resources& resources,
                        const BackwardCall& call) const = 0;
  // The reference engine, which can only plan with its library; null in a build without.
  virtual const Engine* cudnn() const = 0;
};

struct LoadedRuntime {
  const Runtime* runtime = nullptr;
  std::string failure = {};  // why there is none
};

// Loaded by the first call and kept.
const LoadedRuntime& load_runtime();

// The runtime for callers that name a device. Throws Unsupported where there is none.
const Runtime& runtime_for(int ordinal);

// The runtime for callers that hold something which a runtime made, such as a context with resources.
inline const Runtime& runtime() { return *load_runtime().runtime; }

// The runtime over the seam of gpu.hpp that is linked beside it.
const Runtime& linked_runtime();

}  // namespace recur::host::gpu
