/// @file What to compute (`Spec`), for which sizes (`Shape`) and under which wishes (`Options`). The structs
/// are plain values: `make_plan` checks them, and throws InvalidArgument with the name of the field and the
/// value.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "recur/types.hpp"

namespace recur {

/// A function of a gate in place of the cell's own. alpha and beta are finite numbers; a function that has no
/// such parameter ignores them. Unlike ONNX's attributes they have no defaults that depend on the function.
struct GateActivation {
  Activation function = Activation::standard;
  double alpha = 0;
  double beta = 0;
};

/// A stack of recurrent layers. docs/equations.md has the equations of every cell, with their sources.
///
/// A field that belongs to one cell must have its default for the others. The fields at the end, under
/// "Later", exist so that a model can be described whole; today every engine refuses a value other than the
/// default, by the field's name.
struct Spec {
  Cell cell = Cell::lstm;
  /// `Cell::rnn`: its nonlinearity, for which `Activation::standard` stands.
  RnnActivation activation = RnnActivation::tanh;
  bool residual = false;                 ///< `Cell::rnn`: adds the activation to h_{t-1} (He et al. 2016)
  GruReset gru_reset = GruReset::after;  ///< `Cell::gru`: where the reset gate acts
  bool peepholes = false;                ///< `Cell::lstm`: gates also see the cell state (Gers et al. 2002)
  bool coupled_input_forget = false;     ///< `Cell::lstm`: f = 1 - i, G = 3 (Greff et al. 2017)

  std::int64_t input_size = 0;   ///< I >= 1
  std::int64_t hidden_size = 0;  ///< H >= 1
  /// `Cell::lstm`: P, the size of h = projection * (o * tanh(c)), from 0 to H (Sak et al. 2014). 0 means no
  /// projection; h then has H elements.
  std::int64_t projection_size = 0;
  std::int64_t layers = 1;  ///< L, from 1 on; layer l > 0 reads the D*P outputs of layer l-1
  Direction direction = Direction::forward;
  Bias bias = Bias::both;
  DataType dtype = DataType::f32;  ///< storage of x, y, states and weights: f32, f64, bf16 or f16
  Layout layout = Layout::time_major;

  bool variable_lengths = false;  ///< calls pass `lengths`, int32 [B]
  bool reset_mask = false;        ///< calls pass `reset_mask`, uint8 [T][B]
  bool cell_sequence = false;     ///< `Cell::lstm`: calls write c_t of the last layer for every step

  /// Probability in [0, 1) that a training forward pass drops an output of a layer on its way to the next
  /// layer. An output that is kept is divided by 1 - dropout. Final states, the outputs of the last layer,
  /// a single layer and inference are the same as without dropout. `ForwardArgs::dropout_seed` says which
  /// outputs are dropped.
  double dropout = 0;

  /// Functions of the gates in ONNX's order: for rnn f; for gru f (r, z) and g (n); for lstm f (i, f, o),
  /// g (candidate) and h (output); for min_gru f (z). Entries that the cell does not have stay standard. A layer that spells out
  /// the cell's own functions is the same layer as one that leaves them standard.
  std::array<GateActivation, 3> activations = {};
  /// `Direction::bidirectional`: functions of the reverse direction, in the same order, where they differ
  /// from the forward direction's, which `activations` has.
  std::optional<std::array<GateActivation, 3>> reverse_activations = {};
  /// Clamps the argument of every gate's function to [-clip, clip] (ONNX); a finite bound, 0 means no clip.
  /// c is not clamped on its way into h of an lstm, as in ONNX Runtime.
  double clip = 0;

  /// Calls pass `forest`: B rows of one step each, of which every one continues its parent instead of the step
  /// before (forest.hpp). `Direction::forward`, and neither lengths nor a reset mask.
  bool forest = false;

  // Later.
  double recurrent_dropout = 0;  ///< on h_{t-1}, probability
  double zoneout = 0;            ///< probability that a unit keeps its state
  bool layer_norm = false;
};

/// Upper bounds of the sizes that a plan serves, each at least 1. The views of a call give the actual T and
/// B.
struct Shape {
  std::int64_t steps = 1;  ///< largest T
  std::int64_t batch = 1;  ///< largest B
};

/// Optional sink for what the planner decides. `make_plan` calls it, on the caller's thread, and nothing else
/// does.
struct LogCallback {
  /// Takes the text of a plan or of a refusal, which is valid during the call only; null means no log. What
  /// it throws leaves `make_plan`.
  void (*write)(void* user, std::string_view line) = nullptr;
  void* user = nullptr;  ///< passed to `write` as it is
};

/// Wishes about how a plan runs.
struct Options {
  /// The engine to use. `make_plan` throws Unsupported where a named engine cannot do the job.
  EngineId engine = EngineId::best;
  Pass pass = Pass::inference;  ///< what the plan will be asked to run
  /// The most threads to use, from 1 on. A `cpu` plan may use fewer (`Plan::threads`), and its `Context` must
  /// bring a team of at least as many as the plan uses. `onednn` uses threads of its own OpenMP runtime and
  /// needs no team. Engines on GPUs ignore it.
  int threads = 1;
  /// Makes the bits of a sequence independent of the rest of the batch, of the number of threads, and of
  /// whether the sequence is run in one call or step by step. There is one exception, for lstm in bf16: c is
  /// f32 within a call and is rounded to bf16 between calls, so that calls of other lengths may give other
  /// bits. Engines that cannot promise this refuse it.
  bool batch_invariant = false;
  /// `stepwise` and `cudnn`, dtype f32: allows products to round their operands to TF32 (11 significant bits,
  /// Ampere and newer), which lets them run on tensor cores. Sums stay f32. Other engines and types ignore
  /// it.
  bool tf32 = false;
  /// `cudnn`: the algorithm that runs the layer. With `fastest`, `make_plan` runs the layer a few times,
  /// which allocates device memory and waits for the device; `Plan::tile` has the times.
  CudnnAlgorithm cudnn_algorithm = CudnnAlgorithm::standard;
  /// Later: keep every k-th state and recompute the steps between in `backward`; 0 keeps everything.
  std::int64_t checkpoint_interval = 0;
  /// Later: `backward` goes back at most this many steps from each output (truncated back-propagation); 0 is
  /// all.
  std::int64_t truncation_window = 0;
  LogCallback log = {};  ///< gets what the planner decides
};

/// G, the rows of W per hidden unit for this cell.
constexpr std::int64_t gates_of(const Spec& spec) {
  switch (spec.cell) {
    case Cell::rnn: return 1;
    case Cell::gru: return 3;
    case Cell::lstm: return spec.coupled_input_forget ? 3 : 4;
    case Cell::min_gru: return 2;
  }
  return 0;
}

/// Whether the gates read h_{t-1}: the layer then has R, and with `Bias::both` bR.
constexpr bool has_recurrent_weights(const Spec& spec) { return spec.cell != Cell::min_gru; }

/// D, the number of directions.
constexpr std::int64_t directions_of(const Spec& spec) {
  return spec.direction == Direction::bidirectional ? 2 : 1;
}

/// Whether h is a projection of the cell's output.
constexpr bool is_projected(const Spec& spec) { return spec.projection_size > 0; }

/// Size of h: P with a projection, else H.
constexpr std::int64_t output_size_of(const Spec& spec) {
  return is_projected(spec) ? spec.projection_size : spec.hidden_size;
}

/// J, the columns of W of a layer (0-based): I for the first layer, D*P for the others.
constexpr std::int64_t layer_input_size(const Spec& spec, std::int64_t layer) {
  return layer == 0 ? spec.input_size : directions_of(spec) * output_size_of(spec);
}

/// Peephole weights per hidden unit: 3 (i f o), 2 (i o) where i and f are coupled, or 0.
constexpr std::int64_t peepholes_of(const Spec& spec) {
  if (spec.cell != Cell::lstm || !spec.peepholes) return 0;
  return spec.coupled_input_forget ? 2 : 3;
}

/// Whether the cell carries a cell state c beside h.
constexpr bool has_cell_state(const Spec& spec) { return spec.cell == Cell::lstm; }

}  // namespace recur
