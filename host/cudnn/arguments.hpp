// What cuDNN takes of a call's arguments: dense tensors, and lengths that the host knows and none of which
// is 0.
#pragma once

#include "host/engine.hpp"

namespace recur::host::cudnn {

// Throw InvalidArgument for views with gaps or in another order than the Spec's layout, and for lengths that
// the host does not know; Unsupported for a length of 0.
void check_arguments(const Spec& spec, const RunSizes& sizes, const ForwardArgs& args);
void check_arguments(const Spec& spec, const RunSizes& sizes, const BackwardArgs& args);

}  // namespace recur::host::cudnn
