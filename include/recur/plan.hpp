/// @file
/// `make_plan` joins what (Spec), how large (Shape) and where (Device) into an immutable Plan.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "recur/device.hpp"
#include "recur/export.hpp"
#include "recur/spec.hpp"

namespace recur {

namespace host {
class PlanState;
}

/// An engine that was considered and not taken, and why.
struct PassedOver {
  EngineId engine;
  std::string reason;
};

/// Bytes of each buffer the caller must bring. All are 64-byte aligned where used; 0 means none is needed.
struct BufferSizes {
  std::size_t workspace = 0;           ///< `forward` with canonical weights, `step`
  std::size_t workspace_prepared = 0;  ///< `forward` and `step` with prepared weights
  std::size_t workspace_backward = 0;  ///< `backward`
  std::size_t reserve = 0;             ///< `forward` in training writes it, `backward` reads it
  std::size_t prepared_weights = 0;    ///< what `prepare_weights` fills
};

/// Everything decided about a job: which engine, why, how tiled, how much memory. Immutable, cheap to copy,
/// safe to use from many threads at once; holds no buffers and no device resources.
class RECUR_API Plan {
 public:
  /// As given, with its functions in one form: where they are the cell's own, `Spec::activations` is
  /// standard.
  const Spec& spec() const;
  const Shape& shape() const;
  const Options& options() const;
  const DeviceProps& device() const;

  EngineId engine() const;
  /// Engines passed over before this one was taken, in order, each with its reason.
  const std::vector<PassedOver>& passed_over() const;
  /// One line: how the step is cut up over registers, caches and threads.
  const std::string& tile() const;
  /// Fraction of the recurrent weights that stays on chip between steps (CPU: in the private caches of the
  /// threads that use them), 0 to 1.
  double resident_fraction() const;
  /// Predicted seconds of one `forward` at `shape()`, as many steps and rows as there can be: with prepared
  /// weights where the plan is for inference, with canonical ones in training, tensors still in the caches
  /// that can hold them. Empty without `DeviceProps::rates` for the dtype, and for engines without a cost
  /// model.
  std::optional<double> predicted_seconds() const;
  /// The same of one `backward` with all gradients; empty for inference too.
  std::optional<double> predicted_backward_seconds() const;
  /// Threads that `forward` uses. With `cpu` the Context's team must have at least as many; `onednn` brings
  /// its own.
  int threads() const;

  const BufferSizes& sizes() const;
  /// Names the packing that `prepare_weights` writes.
  std::uint64_t layout_id() const;
  /// Equal fingerprints give equal bits on equal inputs.
  std::uint64_t fingerprint() const;
  /// The above as a few lines of text, with `status_of` the engine. Engines of devices other than the plan's
  /// are left out.
  std::string explain() const;

  /// For the library's own use.
  const host::PlanState& state() const { return *state_; }
  explicit Plan(std::shared_ptr<const host::PlanState> state) : state_(std::move(state)) {}

 private:
  std::shared_ptr<const host::PlanState> state_;
};

/// What an engine has been run on so far, in words: a plan for an engine that no GPU has run says so.
RECUR_API std::string_view status_of(EngineId engine);

/// Plans a job.
///
/// @throws InvalidArgument for a Spec, Shape or Options that can never work (a size below 1, an option of
///         another cell, sizes that overflow).
/// @throws Unsupported when the named engine, or with `EngineId::best` every engine, refuses; the message
///         has each engine's reason.
RECUR_API Plan make_plan(const Spec& spec, const Shape& shape, const Device& device,
                         const Options& options = {});

/// Every engine of this build in the order `EngineId::best` tries them, each with the reason it refuses the
/// job, empty where it accepts. References come last and are asked only where `Options::engine` names them.
/// @throws InvalidArgument as `make_plan` does.
RECUR_API std::vector<PassedOver> survey_engines(const Spec& spec, const Shape& shape, const Device& device,
                                                 const Options& options = {});

}  // namespace recur
