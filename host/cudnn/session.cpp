#include "host/cudnn/session.hpp"

#include <algorithm>

namespace recur::host::cudnn {

#define RECUR_CUDNN_OWNED(kind) library, library.Create##kind, library.Destroy##kind, "cudnnCreate" #kind

Session::Session(const Library& library)
    : library_(library),
      handle_(RECUR_CUDNN_OWNED()),
      x_(RECUR_CUDNN_OWNED(RNNDataDescriptor)),
      y_(RECUR_CUDNN_OWNED(RNNDataDescriptor)),
      h_(RECUR_CUDNN_OWNED(TensorDescriptor)),
      c_(RECUR_CUDNN_OWNED(TensorDescriptor)),
      dropout_(RECUR_CUDNN_OWNED(DropoutDescriptor)) {}

void Session::set_stream(gpu::StreamHandle stream) {
  RECUR_CUDNN(library_, SetStream, handle(), static_cast<cudaStream_t>(stream));
}

cudnnRNNDescriptor_t Session::layer(const Setup& setup, std::int64_t batch) {
  const bool compiled = setup.algorithm == CudnnAlgorithm::persist_dynamic;
  const std::pair key{setup.id(), compiled ? batch : 0};
  const auto found = layers_.find(key);
  if (found != layers_.end()) return found->second.get();

  const Library& library = library_;
  const auto made = layers_.try_emplace(key, RECUR_CUDNN_OWNED(RNNDescriptor)).first;
  try {
    auto* const layer = made->second.get();
    // Only the probability: what a plan asks cuDNN does not depend on the states.
    if (setup.drops())
      RECUR_CUDNN(library, SetDropoutDescriptor, dropout_.get(), handle(), setup.dropout, nullptr, 0, 0);
    describe_layer(setup, layer);
    if (compiled) RECUR_CUDNN(library, BuildRNNDynamic, handle(), layer, static_cast<int>(batch));
    return layer;
  } catch (...) {
    layers_.erase(made);
    throw;
  }
}

void Session::describe_layer(const Setup& setup, cudnnRNNDescriptor_t layer) {
  RECUR_CUDNN(library_, SetRNNDescriptor_v8, layer, setup.native_algorithm, setup.cell, setup.bias,
              setup.direction, CUDNN_LINEAR_INPUT, setup.type, setup.math, setup.math_type, setup.input_size,
              setup.hidden_size, setup.output_size, setup.layers, setup.drops() ? dropout_.get() : nullptr,
              CUDNN_RNN_PADDED_IO_ENABLED);
}

std::size_t Session::dropout_state_bytes(const Setup& setup) {
  std::size_t bytes = 0;
  if (setup.drops()) RECUR_CUDNN(library_, DropoutGetStatesSize, handle(), &bytes);
  return bytes;
}

// cuDNN does not say whether a layer keeps the descriptor of its dropout or what that says: so the layer is
// described again.
void Session::start_dropout(const Setup& setup, std::int64_t batch, std::byte* states, std::uint64_t seed) {
  if (!setup.drops()) return;
  const std::size_t bytes = dropout_state_bytes(setup);
  auto* const described = layer(setup, batch);
  RECUR_CUDNN(library_, SetDropoutDescriptor, dropout_.get(), handle(), setup.dropout, states, bytes, seed);
  describe_layer(setup, described);
}

void Session::resume_dropout(const Setup& setup, std::int64_t batch, std::byte* states) {
  if (!setup.drops()) return;
  const std::size_t bytes = dropout_state_bytes(setup);
  auto* const described = layer(setup, batch);
  RECUR_CUDNN(library_, RestoreDropoutDescriptor, dropout_.get(), handle(), setup.dropout, states, bytes, 0);
  describe_layer(setup, described);
}

void Session::describe_tensors(const Setup& setup, const RunSizes& sizes, const std::int32_t* lengths) {
  const int steps = static_cast<int>(sizes.steps);
  const int batch = static_cast<int>(sizes.batch);
  lengths_.assign(static_cast<std::size_t>(batch), steps);
  for (int b = 0; lengths != nullptr && b < batch; ++b) {
    lengths_[static_cast<std::size_t>(b)] = std::min(lengths[b], steps);
  }

  // What is written past a sequence's end: without it, undefined (cudnnSetRNNDataDescriptor).
  double zero = 0;
  const auto sequence = [&](cudnnRNNDataDescriptor_t descriptor, int columns) {
    RECUR_CUDNN(library_, SetRNNDataDescriptor, descriptor, setup.type, setup.layout, steps, batch, columns,
                lengths_.data(), &zero);
  };
  sequence(x(), setup.input_size);
  sequence(y(), setup.directions * setup.output_size);

  const auto state = [&](cudnnTensorDescriptor_t descriptor, int columns) {
    const int sizes_of_state[] = {setup.pseudo_layers(), batch, columns};
    const int strides[] = {batch * columns, columns, 1};
    RECUR_CUDNN(library_, SetTensorNdDescriptor, descriptor, setup.type, 3, sizes_of_state, strides);
  };
  state(h(), setup.output_size);
  state(c(), setup.hidden_size);
}

TempSpaces Session::temp_spaces(const Setup& setup, std::int64_t batch) {
  TempSpaces spaces{};
  RECUR_CUDNN(library_, GetRNNTempSpaceSizes, handle(), layer(setup, batch), setup.pass, x(), &spaces.work,
              &spaces.reserve);
  return spaces;
}

}  // namespace recur::host::cudnn
