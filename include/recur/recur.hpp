/// @file
/// Everything of the core library. `recur/tasks/` has what surrounds a layer.
#pragma once

#include "recur/context.hpp"         // IWYU pragma: export
#include "recur/device.hpp"          // IWYU pragma: export
#include "recur/dlpack.hpp"          // IWYU pragma: export
#include "recur/error.hpp"           // IWYU pragma: export
#include "recur/forest.hpp"          // IWYU pragma: export
#include "recur/graph.hpp"           // IWYU pragma: export
#include "recur/memory.hpp"          // IWYU pragma: export
#include "recur/onnx.hpp"            // IWYU pragma: export
#include "recur/owned.hpp"           // IWYU pragma: export
#include "recur/plan.hpp"            // IWYU pragma: export
#include "recur/rates.hpp"           // IWYU pragma: export
#include "recur/run.hpp"             // IWYU pragma: export
#include "recur/safetensors.hpp"     // IWYU pragma: export
#include "recur/spec.hpp"            // IWYU pragma: export
#include "recur/tensor.hpp"          // IWYU pragma: export
#include "recur/types.hpp"           // IWYU pragma: export
#include "recur/version.hpp"         // IWYU pragma: export
#include "recur/weight_formats.hpp"  // IWYU pragma: export
#include "recur/weights.hpp"         // IWYU pragma: export
