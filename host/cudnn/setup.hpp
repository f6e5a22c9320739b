// What a plan asks of cuDNN, in cuDNN's words.
#pragma once

#include <cudnn.h>

#include "host/engine.hpp"

namespace recur::host::cudnn {

struct Setup {
  CudnnAlgorithm algorithm;
  cudnnRNNAlgo_t native_algorithm;
  cudnnRNNMode_t cell;
  cudnnRNNBiasMode_t bias;
  cudnnDirectionMode_t direction;
  cudnnDataType_t type;
  cudnnDataType_t math;
  cudnnMathType_t math_type;
  cudnnRNNDataLayout_t layout;
  cudnnForwardMode_t pass;
  int gates;
  int directions;
  int input_size;
  int hidden_size;
  int output_size;  // of h: H or P
  int layers;
  float dropout;        // 0 where nothing is dropped: in inference, and in a single layer
  std::size_t element;  // bytes

  bool training() const { return pass == CUDNN_FWD_MODE_TRAINING; }
  bool has_cell_state() const { return cell == CUDNN_LSTM; }
  bool drops() const { return dropout > 0; }
  bool is_projected() const { return output_size != hidden_size; }
  int pseudo_layers() const { return layers * directions; }
  // Columns of W: cuDNN's layers above the first read the outputs of all directions.
  std::int64_t columns(int layer) const {
    return layer == 0 ? input_size : std::int64_t{directions} * output_size;
  }
  // Names the descriptor of the layer.
  std::uint64_t id() const;
};

Setup setup_of(const Job& job, CudnnAlgorithm algorithm);

cudnnRNNAlgo_t native(CudnnAlgorithm algorithm);
cudnnDataType_t native(DataType type);

}  // namespace recur::host::cudnn
