// The kernels around the steps, of the storage type that a Geometry names.
#pragma once

#include "kernels/gpu_pass/launch.hpp"

namespace recur::host::gpu_pass {

// As recur::gpu_pass::Kernels, with the type chosen at run time.
struct KernelTable {
// NOLINTNEXTLINE(bugprone-macro-parentheses): a name
#define RECUR_DECLARE(name, Arguments) void (*name)(const recur::gpu_pass::Arguments&, void* stream);
  RECUR_GPU_PASS_KERNELS(RECUR_DECLARE)
#undef RECUR_DECLARE
};

const KernelTable& kernels_of(DataType type);

}  // namespace recur::host::gpu_pass
