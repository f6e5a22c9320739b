// Between the caller's weights and their gradients, in canonical layout, and what oneDNN reads and writes.
#pragma once

#include "host/onednn/buffers.hpp"
#include "recur/run.hpp"

namespace recur::host::onednn {

// Packs a layer into the formats that the reorders lead to. Weights whose gates are in oneDNN's order and
// whose rows lie densely are read where they are, others by way of `staged`.
void pack(Runner& runner, const Geometry& g, const LayerWeights& weights,
          const Layer::WeightReorders& reorder, void* staged, const PackedLayer& to);

// Writes, or adds, the gradients of a layer to those of the caller's tensors that are given.
void unpack(Runner& runner, const Geometry& g, const PackedLayer& from, const Layer::Backward& layer,
            void* staged, const LayerGradients& gradients, GradientMode mode);

}  // namespace recur::host::onednn
