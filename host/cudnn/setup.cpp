#include "host/cudnn/setup.hpp"

#include <algorithm>
#include <bit>

#include "host/cudnn/combinations.hpp"
#include "host/hash.hpp"

namespace recur::host::cudnn {
namespace {

cudnnRNNMode_t cell_of(const Spec& spec) {
  switch (spec.cell) {
    case Cell::rnn: return spec.activation == RnnActivation::relu ? CUDNN_RNN_RELU : CUDNN_RNN_TANH;
    case Cell::gru: return CUDNN_GRU;
    default: return CUDNN_LSTM;  // others are refused
  }
}

cudnnRNNBiasMode_t bias_of(const Spec& spec, CudnnAlgorithm algorithm) {
  if (!takes_any_bias(algorithm)) return CUDNN_RNN_DOUBLE_BIAS;
  switch (spec.bias) {
    case Bias::none: return CUDNN_RNN_NO_BIAS;
    case Bias::single: return CUDNN_RNN_SINGLE_INP_BIAS;
    case Bias::both: break;
  }
  return CUDNN_RNN_DOUBLE_BIAS;
}

// cudnnMathType_t: FMA_MATH keeps f32 as it is, TENSOR_OP_MATH lets products round it to TF32 (DEFAULT_MATH
// does so too), and TENSOR_OP_MATH_ALLOW_CONVERSION even to f16, which no option of ours allows.
cudnnMathType_t math_type_of(const Job& job) {
  switch (job.spec.dtype) {
    case DataType::f64: return CUDNN_DEFAULT_MATH;
    case DataType::f32: return job.options.tf32 ? CUDNN_TENSOR_OP_MATH : CUDNN_FMA_MATH;
    default: return CUDNN_TENSOR_OP_MATH;
  }
}

float dropout_of(const Job& job) {
  if (!drops(job)) return 0;
  constexpr float kMost = 0x1.fffffep-1f;  // below 1, which would leave nothing to divide by
  return std::min(static_cast<float>(job.spec.dropout), kMost);
}

}  // namespace

cudnnRNNAlgo_t native(CudnnAlgorithm algorithm) {
  switch (algorithm) {
    case CudnnAlgorithm::persist_static: return CUDNN_RNN_ALGO_PERSIST_STATIC;
    case CudnnAlgorithm::persist_dynamic: return CUDNN_RNN_ALGO_PERSIST_DYNAMIC;
    case CudnnAlgorithm::persist_static_small_h: return CUDNN_RNN_ALGO_PERSIST_STATIC_SMALL_H;
    default: return CUDNN_RNN_ALGO_STANDARD;
  }
}

cudnnDataType_t native(DataType type) {
  switch (type) {
    case DataType::f64: return CUDNN_DATA_DOUBLE;
    case DataType::f16: return CUDNN_DATA_HALF;
    case DataType::bf16: return CUDNN_DATA_BFLOAT16;
    default: return CUDNN_DATA_FLOAT;
  }
}

Setup setup_of(const Job& job, CudnnAlgorithm algorithm) {
  const Spec& spec = job.spec;
  return {
      .algorithm = algorithm,
      .native_algorithm = native(algorithm),
      .cell = cell_of(spec),
      .bias = bias_of(spec, algorithm),
      .direction = spec.direction == Direction::bidirectional ? CUDNN_BIDIRECTIONAL : CUDNN_UNIDIRECTIONAL,
      .type = native(spec.dtype),
      .math = native(math_of(spec.dtype)),
      .math_type = math_type_of(job),
      .layout = spec.layout == Layout::time_major ? CUDNN_RNN_DATA_LAYOUT_SEQ_MAJOR_UNPACKED
                                                  : CUDNN_RNN_DATA_LAYOUT_BATCH_MAJOR_UNPACKED,
      .pass = job.options.pass == Pass::training ? CUDNN_FWD_MODE_TRAINING : CUDNN_FWD_MODE_INFERENCE,
      .gates = static_cast<int>(gates_of(spec)),
      .directions = static_cast<int>(directions_of(spec)),
      .input_size = static_cast<int>(spec.input_size),
      .hidden_size = static_cast<int>(spec.hidden_size),
      .output_size = static_cast<int>(output_size_of(spec)),
      .layers = static_cast<int>(spec.layers),
      .dropout = dropout_of(job),
      .element = size_of(spec.dtype),
  };
}

std::uint64_t Setup::id() const {
  Hash hash;
  for (int value : {static_cast<int>(native_algorithm), static_cast<int>(cell), static_cast<int>(bias),
                    static_cast<int>(direction), static_cast<int>(type), static_cast<int>(math),
                    static_cast<int>(math_type), input_size, hidden_size, output_size, layers}) {
    hash.add(static_cast<std::uint64_t>(value));
  }
  hash.add(std::bit_cast<std::uint32_t>(dropout));
  return hash.value();
}

}  // namespace recur::host::cudnn
