// What cuDNN's descriptor of a layer takes, by algorithm. Limits of sizes, and of what a chip can hold, only
// cuDNN knows, and only on the device.
#pragma once

#include <span>

#include "recur/spec.hpp"

namespace recur::host::cudnn {

// One combination of types that an algorithm takes.
struct TypeRow {
  CudnnAlgorithm algorithm;
  DataType storage;
  DataType math;
};
std::span<const TypeRow> type_rows();

// The type of an algorithm's sums for a storage type, as the engine asks for it: f64 for f64, else f32.
DataType math_of(DataType storage);
bool takes_types(CudnnAlgorithm algorithm, DataType storage, DataType math);
// Any of cuDNN's bias modes; the others take two biases only, which may be zeros.
bool takes_any_bias(CudnnAlgorithm algorithm);
bool takes_projection(CudnnAlgorithm algorithm);
bool takes_lengths(CudnnAlgorithm algorithm);
bool takes_dropout(CudnnAlgorithm algorithm);

// The algorithms, `fastest` not among them.
std::span<const CudnnAlgorithm> algorithms();

}  // namespace recur::host::cudnn
