/// @file
/// A call recorded once and launched again and again, without the host's work per step.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "recur/export.hpp"
#include "recur/run.hpp"

namespace recur {

/// `forward` or `backward` as a CUDA graph: checked and recorded when it is made, run by `launch` with the
/// same pointers, sizes and strides. What lies there may change between launches, lengths and reset mask
/// included; `dropout_seed` is recorded, so that all launches drop the same outputs. Every buffer must
/// outlive the last launch. Launches must not overlap in time, since they share the workspace.
///
/// Making one runs nothing on the device. For plans on CUDA devices: others have no per-step host work to
/// save, and are refused. @throws Unsupported for a plan on another device; otherwise as `forward` and
/// `backward` do.
class RECUR_API GraphRun {
 public:
  static GraphRun forward(const Plan& plan, Context& context, const Weights& weights, const ForwardArgs& args,
                          std::span<std::byte> workspace, std::span<std::byte> reserve = {});
  static GraphRun backward(const Plan& plan, Context& context, std::span<const LayerWeights> weights,
                           const BackwardArgs& args, std::span<const std::byte> reserve,
                           std::span<std::byte> workspace);
  GraphRun(GraphRun&& other) noexcept;
  GraphRun& operator=(GraphRun&& other) noexcept;
  ~GraphRun();

  /// Puts one run on the stream.
  void launch(Stream stream);

 private:
  struct State;
  explicit GraphRun(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace recur
