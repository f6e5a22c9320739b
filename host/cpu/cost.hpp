// What a call costs, counted from what the engine does: products in whole panels, panels of R read at every
// step, nonlinearities in whole vectors, barriers, copies. A pure function over the rates of a machine.
#pragma once

#include <optional>

#include "host/cpu/packed_weights.hpp"
#include "recur/rates.hpp"

namespace recur::host::cpu {

// Seconds of one `forward`: with prepared weights, or in training with canonical ones, which it packs. Every
// sequence has all steps. Empty where a rate for the type was not measured.
std::optional<double> forward_seconds(const Geometry& g, const RunSizes& sizes, DataType type, bool training,
                                      const Rates& rates);

// Seconds of one `backward` that computes all gradients.
std::optional<double> backward_seconds(const Geometry& g, const RunSizes& sizes, DataType type,
                                       const Rates& rates);

}  // namespace recur::host::cpu
