// The attributes of an ONNX operator.
#pragma once

#include "recur/onnx.hpp"

namespace recur::host {

// A Spec without sizes and without the fields that only the node's inputs give (bias, peepholes, lengths,
// dtype). Throws as onnx_layer does.
Spec read_attributes(const OnnxAttributes& attributes);

}  // namespace recur::host
