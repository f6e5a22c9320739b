// How the rows of canonical weights lie.
#pragma once

#include <limits>
#include <span>
#include <string>

#include "host/check.hpp"
#include "host/layers/rows.hpp"
#include "recur/weights.hpp"

namespace recur::host::layers {

// Elements between the rows of one direction of a [D][rows][columns] tensor. A single row's stride means nothing,
// so it may be anything.
template <class Pointer>
std::int64_t row_stride(const BasicTensorView<Pointer>& view) {
  return view.size(1) == 1 ? view.size(2) : view.stride(1);
}

// The first element of one direction of a [D][rows][columns] or [D][rows] tensor; null where it is not given.
template <class E = void, class Pointer>
auto direction_of(const BasicTensorView<Pointer>& view, std::int64_t direction) {
  using Element = std::conditional_t<std::is_const_v<std::remove_pointer_t<Pointer>>, const E, E>;
  if (!view.given()) return static_cast<Element*>(nullptr);
  return static_cast<Element*>(advance(view.data(), view.type(), direction * view.stride(0)));
}

// Throws InvalidArgument where rows of a matrix overlap or are more than `most` elements apart.
template <class View>
void check_weight_rows(std::span<const BasicLayerWeights<View>> layers,
                       std::int64_t most = std::numeric_limits<std::int64_t>::max()) {
  for (const BasicLayerWeights<View>& layer : layers) {
    for (const ConstTensorView& view :
         {ConstTensorView(layer.W), ConstTensorView(layer.R), ConstTensorView(layer.projection)}) {
      if (!view.given() || view.size(1) == 1) continue;
      if (view.stride(1) >= view.size(2) && view.stride(1) <= most) continue;
      const std::string least = std::to_string(view.size(2));
      const bool bounded = most < std::numeric_limits<std::int64_t>::max();
      throw InvalidArgument("weights: expected rows " +
                            (bounded ? least + " to " + std::to_string(most) : "at least " + least) +
                            " elements apart, got " + describe(view));
    }
  }
}

}  // namespace recur::host::layers
