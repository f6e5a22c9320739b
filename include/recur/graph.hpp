/// @file
/// A call that is recorded once and launched many times, without the host's work of every step.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "recur/export.hpp"
#include "recur/run.hpp"

namespace recur {

/// One `forward`, `generate` or `backward` as a CUDA graph. Making a GraphRun checks and records the call, and runs
/// nothing on the device. `launch` runs it with the same pointers, sizes and strides. The values there may
/// change between launches, those of lengths and reset mask too. `dropout_seed` is recorded, so that all
/// launches drop the same outputs. Every tensor, buffer and the context must outlive the last launch.
/// Launches must not overlap in time, since they share the workspace. A GraphRun that was moved from can be
/// assigned to and destroyed.
class RECUR_API GraphRun {
 public:
  /// Records a `recur::forward`. The parameters are those of that function.
  ///
  /// @throws Unsupported  for a plan that is not for a CUDA device: it has no work per step to save
  /// @throws OutOfMemory  where the host has no memory for the recording
  /// @throws  else as `recur::forward`
  static GraphRun forward(const Plan& plan, Context& context, const Weights& weights, const ForwardArgs& args,
                          std::span<std::byte> workspace, std::span<std::byte> reserve = {});
  /// Records a `recur::generate`. The parameters are those of that function. The feed is called here, and what
  /// it puts on the stream is recorded; launches do not call it.
  ///
  /// @throws Unsupported  for a plan that is not for a CUDA device
  /// @throws OutOfMemory  where the host has no memory for the recording
  /// @throws  else as `recur::generate`
  static GraphRun generate(const Plan& plan, Context& context, const Weights& weights,
                           const GenerateArgs& args, std::span<std::byte> workspace);
  /// Records a `recur::backward`. The parameters are those of that function.
  ///
  /// @throws Unsupported  for a plan that is not for a CUDA device
  /// @throws OutOfMemory  where the host has no memory for the recording
  /// @throws  else as `recur::backward`
  static GraphRun backward(const Plan& plan, Context& context, std::span<const LayerWeights> weights,
                           const BackwardArgs& args, std::span<const std::byte> reserve,
                           std::span<std::byte> workspace);
  GraphRun(GraphRun&& other) noexcept;
  GraphRun& operator=(GraphRun&& other) noexcept;
  ~GraphRun();

  /// Puts one run of the call on a stream.
  ///
  /// @param stream  any stream of the context's device; the run is ordered with it
  /// @throws DeviceError  where CUDA reports a failure
  void launch(Stream stream);

 private:
  struct State;
  explicit GraphRun(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace recur
