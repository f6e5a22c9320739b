// The names of the enumerations, as messages and `Plan::explain` print them. Those of cells: cells.cpp.
#include "recur/types.hpp"

namespace recur {

std::string_view name_of(DataType value) {
  switch (value) {
    case DataType::f32: return "f32";
    case DataType::f64: return "f64";
    case DataType::bf16: return "bf16";
    case DataType::f16: return "f16";
    case DataType::i32: return "i32";
    case DataType::u8: return "u8";
  }
  return "unknown dtype";
}

std::string_view name_of(RnnActivation value) {
  switch (value) {
    case RnnActivation::tanh: return "tanh";
    case RnnActivation::relu: return "relu";
  }
  return "unknown activation";
}

std::string_view name_of(Activation value) {
  switch (value) {
    case Activation::standard: return "standard";
    case Activation::sigmoid: return "sigmoid";
    case Activation::tanh: return "tanh";
    case Activation::relu: return "relu";
    case Activation::affine: return "affine";
    case Activation::leaky_relu: return "leaky-relu";
    case Activation::thresholded_relu: return "thresholded-relu";
    case Activation::scaled_tanh: return "scaled-tanh";
    case Activation::hard_sigmoid: return "hard-sigmoid";
    case Activation::elu: return "elu";
    case Activation::softsign: return "softsign";
    case Activation::softplus: return "softplus";
  }
  return "unknown activation";
}

std::string_view name_of(GruReset value) {
  switch (value) {
    case GruReset::after: return "reset-after";
    case GruReset::before: return "reset-before";
  }
  return "unknown reset";
}

std::string_view name_of(Bias value) {
  switch (value) {
    case Bias::none: return "none";
    case Bias::single: return "single";
    case Bias::both: return "both";
  }
  return "unknown bias";
}

std::string_view name_of(Direction value) {
  switch (value) {
    case Direction::forward: return "forward";
    case Direction::reverse: return "reverse";
    case Direction::bidirectional: return "bidirectional";
  }
  return "unknown direction";
}

std::string_view name_of(Layout value) {
  switch (value) {
    case Layout::time_major: return "time-major";
    case Layout::batch_major: return "batch-major";
  }
  return "unknown layout";
}

std::string_view name_of(Pass value) {
  switch (value) {
    case Pass::inference: return "inference";
    case Pass::training: return "training";
  }
  return "unknown pass";
}

std::string_view name_of(EngineId value) {
  switch (value) {
    case EngineId::best: return "best";
    case EngineId::cpu: return "cpu";
    case EngineId::stepwise: return "stepwise";
    case EngineId::cluster_resident: return "cluster-resident";
    case EngineId::cudnn: return "cudnn";
    case EngineId::onednn: return "onednn";
    case EngineId::fused: return "fused";
  }
  return "unknown engine";
}

std::string_view name_of(CudnnAlgorithm value) {
  switch (value) {
    case CudnnAlgorithm::standard: return "standard";
    case CudnnAlgorithm::persist_static: return "persist-static";
    case CudnnAlgorithm::persist_dynamic: return "persist-dynamic";
    case CudnnAlgorithm::persist_static_small_h: return "persist-static-small-h";
    case CudnnAlgorithm::fastest: return "fastest";
  }
  return "unknown algorithm";
}

}  // namespace recur
