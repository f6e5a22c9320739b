// What GPU engines ask of the rows of weight matrices beyond what every engine does.
#pragma once

#include <span>
#include <string>

#include "host/check.hpp"
#include "recur/weights.hpp"

namespace recur::host::gpu {

// Throws InvalidArgument where rows of a matrix overlap or are more than `most` elements apart.
template <class View>
void check_weight_rows(std::span<const BasicLayerWeights<View>> layers, std::int64_t most) {
  for (const BasicLayerWeights<View>& layer : layers) {
    for (const ConstTensorView& view :
         {ConstTensorView(layer.W), ConstTensorView(layer.R), ConstTensorView(layer.projection)}) {
      if (!view.given() || view.size(1) == 1) continue;
      if (view.stride(1) < view.size(2) || view.stride(1) > most) {
        throw InvalidArgument("weights: expected rows " + std::to_string(view.size(2)) + " to " +
                              std::to_string(most) + " elements apart, got " + host::describe(view));
      }
    }
  }
}

}  // namespace recur::host::gpu
