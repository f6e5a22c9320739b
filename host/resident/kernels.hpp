// The resident kernels by type and cell.
#pragma once

#include "kernels/resident/launch.hpp"

namespace recur::host::resident {

using ForwardKernel = void (*)(const recur::resident::Forward&, const recur::resident::Launch&);

// `type` is bf16 or f16.
ForwardKernel forward_of(DataType type, cells::Variant variant);

}  // namespace recur::host::resident
