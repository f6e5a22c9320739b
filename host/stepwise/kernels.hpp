// The kernels of a step, of the storage type that a Geometry names.
#pragma once

#include "kernels/stepwise/launch.hpp"

namespace recur::host::stepwise {

// As recur::stepwise::Kernels, with the type chosen at run time.
struct KernelTable {
// NOLINTNEXTLINE(bugprone-macro-parentheses): a name and parameters
#define RECUR_DECLARE(name, parameters) void(*name) parameters;
  RECUR_STEPWISE_KERNELS(RECUR_DECLARE)
#undef RECUR_DECLARE
};

const KernelTable& kernels_of(DataType type);

}  // namespace recur::host::stepwise
