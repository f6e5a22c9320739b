/// @file
/// The objects that stand behind cuDNN's opaque handles in the stand-in.
#pragma once

#include <cudnn.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

/// cudnnHandle_t.
struct cudnnContext {
  void* stream = nullptr;
};

/// cudnnTensorDescriptor_t.
struct cudnnTensorStruct {
  cudnnDataType_t type{};
  std::vector<int> sizes;
  std::vector<int> strides;
};

/// cudnnRNNDataDescriptor_t.
struct cudnnRNNDataStruct {
  cudnnDataType_t type{};
  cudnnRNNDataLayout_t layout{};
  int steps = 0;
  int batch = 0;
  int columns = 0;
  std::vector<int> lengths;
  std::vector<std::byte> padding_fill;  ///< of one element; empty: what is past a sequence's end is undefined

  bool varies() const {
    for (int length : lengths) {
      if (length != steps) return true;
    }
    return false;
  }
};

/// cudnnDropoutDescriptor_t.
struct cudnnDropoutStruct {
  bool is_set = false;
  float dropout = 0;
  void* states = nullptr;  ///< null: only the probability is known
  bool operator==(const cudnnDropoutStruct&) const = default;
};

/// cudnnRNNDescriptor_t.
struct cudnnRNNStruct {
  bool is_set = false;
  cudnnRNNAlgo_t algorithm{};
  cudnnRNNMode_t cell{};
  cudnnRNNBiasMode_t bias{};
  cudnnDirectionMode_t direction{};
  cudnnDataType_t type{};
  cudnnDataType_t math{};
  cudnnMathType_t math_type{};
  int input_size = 0;
  int hidden_size = 0;
  int output_size = 0;
  int layers = 0;
  bool padded_io = false;
  int built_for = 0;  ///< batch of cudnnBuildRNNDynamic
  /// As it was given, and as it then was: which of them cuDNN keeps is not documented, so that they must
  /// agree.
  cudnnDropoutDescriptor_t dropout_descriptor = nullptr;
  cudnnDropoutStruct dropout{};

  int directions() const { return direction == CUDNN_BIDIRECTIONAL ? 2 : 1; }
  int gates() const { return cell == CUDNN_LSTM ? 4 : cell == CUDNN_GRU ? 3 : 1; }
  int columns(int layer) const { return layer == 0 ? input_size : directions() * output_size; }
  bool is_projected() const { return output_size != hidden_size; }
  bool drops() const { return dropout.dropout > 0 && layers > 1; }
};

namespace recur::test::cudnn {

inline std::size_t element_of(cudnnDataType_t type) {
  return type == CUDNN_DATA_DOUBLE ? 8 : type == CUDNN_DATA_FLOAT ? 4 : 2;
}

}  // namespace recur::test::cudnn
