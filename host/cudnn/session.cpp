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
      c_(RECUR_CUDNN_OWNED(TensorDescriptor)) {}

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
    RECUR_CUDNN(library, SetRNNDescriptor_v8, layer, setup.native_algorithm, setup.cell, setup.bias,
                setup.direction, CUDNN_LINEAR_INPUT, setup.type, setup.math, setup.math_type,
                setup.input_size, setup.hidden_size, setup.output_size, setup.layers, nullptr,
                CUDNN_RNN_PADDED_IO_ENABLED);
    if (compiled) RECUR_CUDNN(library, BuildRNNDynamic, handle(), layer, static_cast<int>(batch));
    return layer;
  } catch (...) {
    layers_.erase(made);
    throw;
  }
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
