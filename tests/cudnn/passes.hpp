/// @file
/// What the stand-in computes: the naive run of the oracle, on cuDNN's buffers. Called when the stream comes
/// to it.
#pragma once

#include "cudnn/objects.hpp"

namespace recur::test::cudnn {

/// Descriptors as they were at the call, and its pointers. Null where cuDNN allows it.
struct Call {
  cudnnRNNStruct layer;
  cudnnRNNDataStruct x_descriptor;
  cudnnRNNDataStruct y_descriptor;
  const void* x = nullptr;
  const void* h0 = nullptr;
  const void* c0 = nullptr;
  void* y = nullptr;  ///< written by forward, else read
  void* hN = nullptr;
  void* cN = nullptr;
  const void* weights = nullptr;
  std::byte* work = nullptr;
  std::byte* reserve = nullptr;
  const void* dy = nullptr;
  const void* dhN = nullptr;
  const void* dcN = nullptr;
  void* dx = nullptr;
  void* dh0 = nullptr;
  void* dc0 = nullptr;
  void* dweights = nullptr;
};

std::size_t work_bytes(const cudnnRNNStruct& layer, const cudnnRNNDataStruct& x, bool training);
std::size_t reserve_bytes(const cudnnRNNStruct& layer, const cudnnRNNDataStruct& x);

/// Throw std::runtime_error for buffers that are not as the call before left them.
void run_forward(const Call& call, bool training);
void run_backward_data(const Call& call);
void run_backward_weights(const Call& call);

}  // namespace recur::test::cudnn
