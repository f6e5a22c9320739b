/// @file
/// The legend: shape letters, gate orders and the enumerations every other header speaks in.
///
/// Shape letters, the same in every comment, error message and test:
///
///     T  steps                 B  batch                I  input size
///     H  hidden size           P  projection size      G  gates (rows of W per hidden unit)
///     D  directions (1 or 2)   L  layers
///
/// Canonical gate order, as in PyTorch and cuDNN:
///
///     rnn                   G = 1
///     gru                   G = 3   r z n     reset, update, candidate
///     lstm                  G = 4   i f g o   input, forget, candidate, output
///     lstm, coupled i/f     G = 3   i g o     f is 1 - i and has no weights
///     min_gru               G = 2   z n       update, candidate; no gate reads the state: no R, no bR
///
/// Canonical tensors, row-major (sizes int64, strides in elements, inner stride 1); without a projection, P
/// is H:
///
///     W [D][G*H][J]   J = I for the first layer, D*P for the others
///     R [D][G*H][P]
///     bW, bR [D][G*H]
///     peephole [D][3*H] in order i f o ([D][2*H], i o, when i and f are coupled)
///     projection [D][P][H]
///     x [T][B][I], y [T][B][D*P] time-major, or [B][T][...] batch-major; forward half of y first
///     h0, hN [L][D][B][P];  c0, cN [L][D][B][H]
///     lengths int32 [B];  reset mask uint8 [T][B], in the layout of x
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "recur/export.hpp"

namespace recur {

/// Element type of a tensor. `i32` is for lengths and `u8` for the reset mask only.
enum class DataType : std::uint8_t { f32, f64, bf16, f16, i32, u8 };

/// Bytes of one element of this type; 0 for a value outside the enumeration.
constexpr std::size_t size_of(DataType type) {
  switch (type) {
    case DataType::f64: return 8;
    case DataType::f32:
    case DataType::i32: return 4;
    case DataType::bf16:
    case DataType::f16: return 2;
    case DataType::u8: return 1;
  }
  return 0;
}

/// Family of a recurrent cell; `Spec` has the variants. Equations: docs/equations.md.
enum class Cell : std::uint8_t {
  rnn,
  gru,
  lstm,
  min_gru,  ///< Feng et al. 2024, arXiv:2410.01201: its gates read the input alone, so it has neither R nor bR
};

/// Nonlinearity of `Cell::rnn`.
enum class RnnActivation : std::uint8_t { tanh, relu };

/// Where the reset gate of `Cell::gru` acts.
enum class GruReset : std::uint8_t {
  after,   ///< n = tanh(W x + bW + r * (R h + bR)); cuDNN, PyTorch, Keras `reset_after=True`
  before,  ///< n = tanh(W x + bW + R (r * h) + bR); Cho et al. 2014, arXiv:1406.1078
};

/// Which biases a layer has.
enum class Bias : std::uint8_t {
  none,
  single,  ///< bW only
  both,    ///< bW, and bR where the layer has R
};

/// Order in which a layer reads time.
enum class Direction : std::uint8_t {
  forward,        ///< D = 1, t = 0 .. T-1
  reverse,        ///< D = 1, t = len-1 .. 0
  bidirectional,  ///< D = 2, forward half of y first
};

/// Functions that a gate can have in place of the cell's own (ONNX RNN, GRU, LSTM). `GateActivation` has
/// alpha and beta.
enum class Activation : std::uint8_t {
  standard,  ///< the cell's own: sigmoid for gates, tanh for candidates and outputs
  sigmoid,
  tanh,
  relu,
  affine,            ///< alpha x + beta
  leaky_relu,        ///< x where x >= 0, else alpha x
  thresholded_relu,  ///< x where x >= alpha, else 0
  scaled_tanh,       ///< alpha tanh(beta x)
  hard_sigmoid,      ///< clamp(alpha x + beta, 0, 1)
  elu,               ///< x where x >= 0, else alpha (e^x - 1)
  softsign,          ///< x / (1 + |x|)
  softplus,          ///< log(1 + e^x)
};

/// Order of the two outer dimensions of x, y, c_sequence, their gradients and the reset mask.
enum class Layout : std::uint8_t { time_major, batch_major };

/// What a plan will be asked to run.
enum class Pass : std::uint8_t {
  inference,  ///< `forward` and `step` without a reserve
  training,   ///< `forward` fills a reserve, `backward` reads it
};

/// Names of the engines. `best` lets `make_plan` take the first engine that can do the job. `cudnn` and
/// `onednn` are references, other libraries behind the same plan; a plan takes them only when they are named.
enum class EngineId : std::uint8_t {
  best,
  cpu,
  stepwise,
  cluster_resident,
  cudnn = 5,  ///< 4 is no engine
  onednn,
  fused,
};

/// Ways in which cuDNN runs a layer (its `cudnnRNNAlgo_t`), and the fastest of those that take the job.
enum class CudnnAlgorithm : std::uint8_t {
  standard,                ///< step by step; takes everything that cuDNN takes
  persist_static,          ///< recurrent weights stay on chip; few shapes
  persist_dynamic,         ///< likewise, compiled for the shape when it is first run
  persist_static_small_h,  ///< for a small H
  fastest,                 ///< `make_plan` times those that take the job
};

/// Names as messages and `Plan::explain` have them; "unknown ..." for a value outside the enumeration. The
/// text is never freed.
RECUR_API std::string_view name_of(DataType value);
RECUR_API std::string_view name_of(Cell value);
RECUR_API std::string_view name_of(RnnActivation value);
RECUR_API std::string_view name_of(Activation value);
RECUR_API std::string_view name_of(GruReset value);
RECUR_API std::string_view name_of(Bias value);
RECUR_API std::string_view name_of(Direction value);
RECUR_API std::string_view name_of(Layout value);
RECUR_API std::string_view name_of(Pass value);
RECUR_API std::string_view name_of(EngineId value);
RECUR_API std::string_view name_of(CudnnAlgorithm value);

}  // namespace recur
