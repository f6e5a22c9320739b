/// @file
/// `make_plan` joins what to compute (Spec), how large (Shape) and where (Device) into an immutable Plan.
///
///     const Plan plan = make_plan(spec, {.steps = T, .batch = B}, Device::cpu());
///     std::puts(plan.explain().c_str());
///     Buffer workspace(plan.sizes().workspace);
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

/// An engine that was considered and not taken.
struct PassedOver {
  EngineId engine;
  std::string reason;  ///< why it was not taken
};

/// Bytes of each buffer that the caller must bring. Every buffer begins at a multiple of 64 bytes; a size of
/// 0 means that none is needed.
struct BufferSizes {
  std::size_t workspace = 0;           ///< of `forward` and `step` with canonical weights
  std::size_t workspace_prepared = 0;  ///< of `forward` and `step` with prepared weights
  std::size_t workspace_backward = 0;  ///< of `backward`
  std::size_t reserve = 0;             ///< a training `forward` writes it and `backward` reads it
  std::size_t prepared_weights = 0;    ///< `prepare_weights` writes it
};

/// Everything that was decided about a job: which engine and why, how its work is cut up, how much memory it
/// needs. A plan is immutable, cheap to copy and safe to use from many threads at once. It holds no buffers
/// and no device resources. References that its functions return live as long as any copy of the plan. None
/// of the functions throws, but for std::bad_alloc from `explain`.
class RECUR_API Plan {
 public:
  /// The Spec as it was given, with its activations in one form: where they are the cell's own functions,
  /// `Spec::activations` is standard.
  const Spec& spec() const;
  const Shape& shape() const;         ///< the maxima, as they were given
  const Options& options() const;     ///< as they were given
  const DeviceProps& device() const;  ///< the device that the plan was made for

  EngineId engine() const;  ///< the engine that runs the plan, never `best`
  /// The engines that were passed over before this one was taken, in order, each with its reason.
  const std::vector<PassedOver>& passed_over() const;
  /// One line of text that says how a step is cut up over registers, caches and threads.
  const std::string& tile() const;
  /// Fraction of the recurrent weights, from 0 to 1, that stays on chip between steps. On a CPU that is the
  /// fraction that fits the private caches of the threads that use them.
  double resident_fraction() const;
  /// Predicted seconds of one `forward` with the largest T and B of `shape()`, with prepared weights in an
  /// inference plan and canonical weights in a training plan, and with tensors in the caches that can hold
  /// them. Empty without `DeviceProps::rates` for the dtype, and for engines without a cost model.
  std::optional<double> predicted_seconds() const;
  /// Predicted seconds of one `backward` with all gradients. Empty for an inference plan, and where
  /// `predicted_seconds` is.
  std::optional<double> predicted_backward_seconds() const;
  /// Threads that a call uses. A `cpu` plan needs a Context whose team has at least as many; `onednn` brings
  /// threads of its own.
  int threads() const;

  const BufferSizes& sizes() const;  ///< bytes of the buffers that calls need
  /// Names the layout that `prepare_weights` writes: plans of equal ids share a buffer.
  std::uint64_t layout_id() const;
  /// Plans of equal fingerprints give equal bits on equal inputs.
  std::uint64_t fingerprint() const;
  /// All of this as a few lines of text, with `status_of` the engine. The text leaves out engines for other
  /// devices than the plan's.
  std::string explain() const;

  /// For the library's own use.
  const host::PlanState& state() const { return *state_; }
  explicit Plan(std::shared_ptr<const host::PlanState> state) : state_(std::move(state)) {}

 private:
  std::shared_ptr<const host::PlanState> state_;
};

/// What an engine has been run on so far, in words. It says so where no GPU has run the engine.
RECUR_API std::string_view status_of(EngineId engine);

/// Plans a job. A plan can be made for a device that is only described. Planning is a pure function of the
/// arguments, but for the references, which ask their libraries.
///
/// @param spec     what to compute
/// @param shape    the largest T and B that calls will have
/// @param device   where calls will run
/// @param options  wishes about how they run
/// @return the plan of the engine that `Options::engine` names, or with `EngineId::best` of the first engine
///         that accepts the job
/// @throws InvalidArgument  for a Spec, Shape, Options or rates that can never work: a size below 1, an
///         option of another cell, sizes whose products pass 64 bits
/// @throws Unsupported  where the named engine, or with `best` every engine, refuses the job; the message has
///         each engine's reason
/// @throws OutOfMemory  where the host has no memory for the plan
/// @throws DeviceError  where a reference's library reports a failure
RECUR_API Plan make_plan(const Spec& spec, const Shape& shape, const Device& device,
                         const Options& options = {});

/// Asks every engine of this build about a job, in the order in which `EngineId::best` tries them. References
/// come last and are asked only where `Options::engine` names them.
///
/// @param spec     as in `make_plan`
/// @param shape    as in `make_plan`
/// @param device   as in `make_plan`
/// @param options  as in `make_plan`
/// @return each engine with its reason against the job, which is empty where it accepts the job
/// @throws InvalidArgument  as `make_plan` does
/// @throws OutOfMemory      where the host has no memory for the list
RECUR_API std::vector<PassedOver> survey_engines(const Spec& spec, const Shape& shape, const Device& device,
                                                 const Options& options = {});

}  // namespace recur
