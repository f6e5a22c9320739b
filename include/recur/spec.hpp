/// @file
/// What to compute (`Spec`), for which sizes (`Shape`) and under which wishes (`Options`).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "recur/types.hpp"

namespace recur {

/// A function in place of the cell's own, with the parameters that some have: finite numbers, and ignored by
/// functions without. Unlike ONNX's they have no defaults.
struct GateActivation {
  Activation function = Activation::standard;
  double alpha = 0;
  double beta = 0;
};

/// A stack of recurrent layers. Equations of every cell, with their sources: docs/equations.md.
///
/// Fields under "later" exist so that a model can be described whole; today every engine refuses a value
/// other than the default, by the field's name.
struct Spec {
  Cell cell = Cell::lstm;
  RnnActivation activation = RnnActivation::tanh;  ///< `Cell::rnn`; what standard stands for in `activations`
  bool residual = false;                 ///< `Cell::rnn`: adds the activation to h_{t-1} (He et al. 2016)
  GruReset gru_reset = GruReset::after;  ///< read for `Cell::gru` only
  bool peepholes = false;                ///< `Cell::lstm`: gates also see the cell state (Gers et al. 2002)
  bool coupled_input_forget = false;     ///< `Cell::lstm`: f = 1 - i, G = 3 (Greff et al. 2017)

  std::int64_t input_size = 0;   ///< I >= 1
  std::int64_t hidden_size = 0;  ///< H >= 1
  /// `Cell::lstm`: P, size of h = projection * (o * tanh(c)), at most H (Sak et al. 2014); 0 is none, and h
  /// has H elements.
  std::int64_t projection_size = 0;
  std::int64_t layers = 1;  ///< L >= 1; layer l > 0 reads the D*P outputs of layer l-1
  Direction direction = Direction::forward;
  Bias bias = Bias::both;
  DataType dtype = DataType::f32;  ///< storage of x, y, states and weights
  Layout layout = Layout::time_major;

  bool variable_lengths = false;  ///< calls pass `lengths`, int32 [B]
  bool reset_mask = false;        ///< calls pass `reset_mask`, uint8 [T][B]
  bool cell_sequence = false;     ///< `Cell::lstm`: c_t of the last layer for every step, [T][B][D*H]

  /// Probability in [0, 1) that a training forward pass drops an output of a layer on its way to the next
  /// one; those that are kept are divided by 1 - dropout. Final states, the last layer, a single layer and
  /// inference are as without. Which are dropped: `ForwardArgs::dropout_seed`.
  double dropout = 0;

  /// Functions of the gates, in ONNX's order: rnn f; gru f (r, z) and g (n); lstm f (i, f, o), g (candidate)
  /// and h (output). Places that the cell does not have stay standard. A layer that spells out the cell's own
  /// functions is the same as one that leaves them standard.
  std::array<GateActivation, 3> activations = {};
  /// `Direction::bidirectional`: functions of the reverse direction, in the same order, where they are others
  /// than the forward direction's, which are then those above.
  std::optional<std::array<GateActivation, 3>> reverse_activations = {};
  /// Clamps what those of the gates take to [-clip, clip] (ONNX); 0 is none. h of an lstm takes c as it is,
  /// as in ONNX Runtime.
  double clip = 0;

  // Later.
  double recurrent_dropout = 0;  ///< on h_{t-1}, probability
  double zoneout = 0;            ///< probability that a unit keeps its state
  bool layer_norm = false;
};

/// Upper bounds of the sizes a plan must serve; the views of each call give the actual T and B.
struct Shape {
  std::int64_t steps = 1;  ///< largest T
  std::int64_t batch = 1;  ///< largest B
};

/// Optional sink for what the planner decides. Called from inside `make_plan` only, on the caller's thread.
struct LogCallback {
  void (*write)(void* user, std::string_view line) = nullptr;
  void* user = nullptr;
};

/// Wishes about how a plan runs.
struct Options {
  EngineId engine = EngineId::best;  ///< a named engine that cannot do the job is `Unsupported`
  Pass pass = Pass::inference;
  /// `cpu`: most threads to use; the `Context` must bring a team of at least the plan's. `onednn`: threads of
  /// its own OpenMP runtime, which needs no team.
  int threads = 1;
  /// A sequence's bits do not depend on the rest of the batch, on threads, or on being run step by step.
  bool batch_invariant = false;  ///< of bf16 but for c: f32 within a call, rounded between calls
  /// `stepwise` and `cudnn`, dtype f32: products may round their operands to TF32 (11 significant bits,
  /// Ampere and newer), which lets them run on tensor cores. Sums stay f32. Other engines and types do
  /// without.
  bool tf32 = false;
  /// `cudnn`: how it runs the layer. `fastest` runs the layer some times inside `make_plan`, which for that
  /// allocates device memory and waits for the device; the plan's tile text has the times.
  CudnnAlgorithm cudnn_algorithm = CudnnAlgorithm::standard;
  /// Later: keep every k-th state and recompute the steps between in `backward`; 0 keeps everything.
  std::int64_t checkpoint_interval = 0;
  /// Later: `backward` goes back at most this many steps from each output (truncated back-propagation); 0 is
  /// all.
  std::int64_t truncation_window = 0;
  LogCallback log = {};
};

/// G: rows of W per hidden unit for this cell.
constexpr std::int64_t gates_of(const Spec& spec) {
  switch (spec.cell) {
    case Cell::rnn: return 1;
    case Cell::gru: return 3;
    case Cell::lstm: return spec.coupled_input_forget ? 3 : 4;
  }
  return 0;
}

/// D.
constexpr std::int64_t directions_of(const Spec& spec) {
  return spec.direction == Direction::bidirectional ? 2 : 1;
}

/// Whether h is a projection.
constexpr bool is_projected(const Spec& spec) { return spec.projection_size > 0; }

/// Size of h: H, or P where it is projected.
constexpr std::int64_t output_size_of(const Spec& spec) {
  return is_projected(spec) ? spec.projection_size : spec.hidden_size;
}

/// K: columns of W of the given layer, I for the first and D*H (D*P) for the others.
constexpr std::int64_t layer_input_size(const Spec& spec, std::int64_t layer) {
  return layer == 0 ? spec.input_size : directions_of(spec) * output_size_of(spec);
}

/// Peephole weights per hidden unit: i f o, or i o when i and f are coupled.
constexpr std::int64_t peepholes_of(const Spec& spec) {
  if (spec.cell != Cell::lstm || !spec.peepholes) return 0;
  return spec.coupled_input_forget ? 2 : 3;
}

/// True where the cell carries a cell state c beside h.
constexpr bool has_cell_state(const Spec& spec) { return spec.cell == Cell::lstm; }

}  // namespace recur
