// cuDNN's passes over a layer, with all of their arguments but the descriptors by name. The session's stream
// is set and its descriptors are those of the tensors.
#pragma once

#include "host/cudnn/buffers.hpp"

namespace recur::host::cudnn {

struct ForwardTensors {
  const void* x;
  const void* h0;  // null: zeros
  const void* c0;
  void* y;
  void* hN;  // null: not written
  void* cN;
  const void* weights;
  void* work;
  void* reserve;  // null in inference
};
void call_forward(Session& session, const Setup& setup, const Spaces& spaces, std::int64_t batch,
                  const ForwardTensors& tensors);

struct BackwardTensors {
  const void* x;
  const void* h0;
  const void* c0;
  const void* y;
  const void* dy;
  const void* dhN;  // null: zeros
  const void* dcN;
  void* dx;
  void* dh0;  // null: not written
  void* dc0;
  const void* weights;
  void* dweights;  // added to
  void* work;
  void* reserve;  // read and written
};
// The gradients of the weights come from what those of the data leave in `work` and `reserve`.
void call_backward_data(Session& session, const Setup& setup, const Spaces& spaces, std::int64_t batch,
                        const BackwardTensors& tensors);
void call_backward_weights(Session& session, const Setup& setup, const Spaces& spaces, std::int64_t batch,
                           const BackwardTensors& tensors);

}  // namespace recur::host::cudnn
