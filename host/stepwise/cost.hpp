// What a call costs, counted from the kernels and products that the engine puts on its streams. A pure
// function over the rates of a GPU.
#pragma once

#include <optional>

#include "host/stepwise/geometry.hpp"
#include "recur/rates.hpp"

namespace recur::host::stepwise {

// Seconds of one `forward`: with prepared weights, or in training with canonical ones. Every sequence has all
// steps. A kernel takes at least a launch, and streams are not taken to hide each other's work: the host puts
// their kernels there one after the other. Empty where the rate of the products was not measured.
std::optional<double> forward_seconds(const Geometry& g, const RunSizes& sizes, bool training,
                                      const Rates& rates);

// Seconds of one `backward` that computes all gradients.
std::optional<double> backward_seconds(const Geometry& g, const RunSizes& sizes, const Rates& rates);

}  // namespace recur::host::stepwise
