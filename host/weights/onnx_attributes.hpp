// The attributes of an ONNX operator.
#pragma once

#include "recur/onnx.hpp"

namespace recur::host {

// A Spec without sizes, and without what only inputs tell (bias, peepholes, lengths, dtype). Throws as
// onnx_layer.
Spec read_attributes(const OnnxAttributes& attributes);

}  // namespace recur::host
