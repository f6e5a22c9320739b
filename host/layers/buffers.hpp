// What engines keep of a whole stack in the caller's buffers: between its layers, and from forward to backward.
// Element types are parameters; void stands for one that only the stack's sizes name.
#pragma once

#include <algorithm>
#include <type_traits>

#include "host/buffer_header.hpp"
#include "host/carver.hpp"
#include "host/layers/stack.hpp"

namespace recur::host::layers {

// An array of E, or of `type` where E is void.
template <class E>
E* take(Carver& carver, DataType type, std::initializer_list<std::int64_t> dims) {
  if constexpr (std::is_void_v<E>) {
    return carver.take(type, dims);
  } else {
    return carver.take<E>(dims);
  }
}

// What passes between layers, in two buffers by turns: a step of one is written again only by the layer two on,
// when the layer between has read it.
template <class E>
struct BetweenLayers {
  E* buffer[2] = {};  // [T][B][D*P]

  BetweenLayers() = default;
  BetweenLayers(Carver& carver, const StackSizes& g, const RunSizes& sizes, DataType type) {
    for (std::int64_t i = 0; i < std::min<std::int64_t>(g.layers - 1, 2); ++i) {
      buffer[i] = take<E>(carver, type, {sizes.steps, sizes.batch, g.outputs()});
    }
  }
  // What this layer puts out, or its gradient.
  E* of_layer(std::int64_t layer) const { return buffer[layer % 2]; }
};

// What backward needs of forward: of every layer but the last also the outputs, which for the last are the
// caller's y. Stored are values of type E, sums of type A, and what cells save of type Saved.
template <class E, class A, class Saved>
struct Reserve {
  Carver carver;
  BufferHeader* header = nullptr;  // null where the host cannot read the reserve
  struct Layer {
    Saved* saved[2];  // [T][B][saved][H]
    A* c[2];          // [T][B][H]; null for cells without
    E* m[2];          // [T][B][H], what is projected; null where nothing is
    E* outputs;       // [T][B][D*P]; null for the last layer
  };
  Layer layers[kMaxLayers] = {};
  std::uint64_t* dropout_seed = nullptr;  // whose mask backward forms again; null where nothing is dropped

  Reserve(std::byte* base, const StackSizes& g, const RunSizes& sizes, bool with_header) : carver(base) {
    if (with_header) header = carver.take<BufferHeader>(1);
    for (std::int64_t l = 0; l < g.layers; ++l) {
      Layer& layer = layers[l];
      for (std::int64_t d = 0; d < g.directions; ++d) {
        layer.saved[d] = take<Saved>(carver, g.type, {sizes.steps, sizes.batch, g.saved_columns()});
        if (g.traits.cell_state) layer.c[d] = take<A>(carver, g.sums, {sizes.steps, sizes.batch, g.hidden});
        if (g.projected()) layer.m[d] = take<E>(carver, g.type, {sizes.steps, sizes.batch, g.hidden});
      }
      if (l + 1 < g.layers) layer.outputs = take<E>(carver, g.type, {sizes.steps, sizes.batch, g.outputs()});
    }
    if (g.dropout) dropout_seed = carver.take<std::uint64_t>(1);
  }
};

}  // namespace recur::host::layers
