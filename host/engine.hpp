// What an engine is to the rest of the library: something that says whether it can do a job, and a plan of
// its own that can run it. The engines of the build stand in one ordered table (engines.cpp).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "kernels/cells/variants.cuh"
#include "recur/context.hpp"
#include "recur/plan.hpp"
#include "recur/run.hpp"

namespace recur::host {

// Everything that planning depends on.
struct Job {
  Spec spec;
  Shape shape;
  DeviceProps device;
  Options options;
};

// What an engine's plan says about itself; `Plan` passes it on.
struct EngineFacts {
  BufferSizes sizes;
  std::string tile;
  double resident_fraction = 0;
  // By the engine's cost model, from DeviceProps::rates; backward in training only.
  std::optional<double> predicted_seconds;
  std::optional<double> predicted_backward_seconds;
  int threads = 1;
  std::uint64_t layout_id = 0;
  // Hash of every choice that the results' bits depend on, beyond the job itself.
  std::uint64_t bits_id = 0;
  // What the bases of tensors must be aligned to, where it is more than their elements.
  std::size_t tensor_alignment = 1;
  // The reserve begins with a BufferHeader (buffer_header.hpp) and lies where the host reads it: run.cpp
  // writes the header and checks it.
  bool reserve_has_header = false;
};

// The arguments of a call after validation (validate_run.cpp): sizes are known, every view is as documented.
struct RunSizes {
  std::int64_t steps;  // T
  std::int64_t batch;  // B
};

struct ForwardCall {
  RunSizes sizes;
  Stream stream;
  const Weights* weights;
  const ForwardArgs* args;
  std::span<std::byte> workspace;
  std::span<std::byte> reserve;
};

struct BackwardCall {
  RunSizes sizes;
  Stream stream;
  std::span<const LayerWeights> weights;
  const BackwardArgs* args;
  std::span<const std::byte> reserve;
  std::span<std::byte> workspace;
};

// An engine's part of a plan: immutable, thread-safe, no buffers.
class EnginePlan {
 public:
  virtual ~EnginePlan() = default;
  virtual const EngineFacts& facts() const = 0;
  // Checks only the engine can make (weights that it did not prepare, a missing instruction set). Called
  // before anything is written.
  virtual void check_forward(Context::State& context, const ForwardCall& call) const = 0;
  virtual void check_backward(Context::State& context, const BackwardCall& call) const = 0;
  virtual void prepare_weights(Context::State& context, Stream stream, std::span<const LayerWeights> weights,
                               std::span<std::byte> buffer) const = 0;
  virtual void forward(Context::State& context, const ForwardCall& call) const = 0;
  virtual void backward(Context::State& context, const BackwardCall& call) const = 0;
};

class Engine {
 public:
  virtual ~Engine() = default;
  virtual EngineId id() const = 0;
  // Another library's implementation, which ours are compared with: taken only when it is named.
  virtual bool is_reference() const { return false; }
  // Why `EngineId::best` should go on to the next engine though this one could do the job; empty where it
  // should not.
  virtual std::optional<std::string> yields(const Job& /*job*/) const { return std::nullopt; }
  // The reason the engine refuses the job, taken from the table of refusals; empty where it accepts.
  virtual std::optional<std::string> refuse(const Job& job) const = 0;
  virtual std::unique_ptr<const EnginePlan> plan(const Job& job) const = 0;
};

// The engines of this build, in the order `EngineId::best` tries them; references last, which it never takes.
std::span<const Engine* const> engines();
// Those of them that run on GPUs; none in a build without.
std::span<const Engine* const> gpu_engines();
// oneDNN, a reference; none in a build without.
std::span<const Engine* const> onednn_engines();

inline constexpr std::string_view kOnlyWhenNamed = "a reference, taken only when named";

// Why the job does not go to this engine: its own reason, or that it is a reference that the job does not
// name. Such a one is not even asked, since asking may load its library. Empty where the engine may take the
// job. Where the job names no engine, also why this one yields to the next.
std::optional<std::string> reason_against(const Engine& engine, const Job& job);

// Whether runs drop outputs between layers: in training, where there is a layer to pass them to.
inline bool drops(const Job& job) {
  return job.spec.dropout != 0 && job.spec.layers > 1 && job.options.pass == Pass::training;
}

// The cell that a Spec names.
cells::Variant variant_of(const Spec& spec);

}  // namespace recur::host
