// The caller's buffers, laid out by name: prepared weights, reserve, and the workspaces of forward and
// backward. The same constructors with a null base give the sizes a plan reports.
#pragma once

#include "host/layers/buffers.hpp"
#include "host/onednn/layer.hpp"
#include "host/onednn/threads.hpp"

namespace recur::host::onednn {

// The primitives of a stack for one T and B. All layers above the first are alike.
struct Stack {
  const Geometry& geometry;
  RunSizes sizes;
  int threads;
  Layer first;
  std::optional<Layer> above;

  Stack(const Geometry& g, const RunSizes& run, const Stack* formats_of = nullptr)
      : geometry(g),
        sizes(run),
        threads(threads_of(g, run)),
        first(g, g.columns(0), run, threads,
              formats_of != nullptr ? formats_of->first.formats() : WeightFormats()) {
    if (g.layers < 2) return;
    above.emplace(g, g.columns(1), run, threads,
                  formats_of != nullptr ? formats_of->above->formats() : WeightFormats());
  }
  const Layer& layer(std::int64_t index) const { return index == 0 ? first : *above; }

  // The largest of the layers' own sizes.
  template <class F>
  std::int64_t most(F&& of) const {
    const std::size_t above_bytes = above ? of(*above) : 0;
    return static_cast<std::int64_t>(std::max(of(first), above_bytes));
  }
};

// A layer's weights as its primitive reads them.
struct PackedLayer {
  std::byte* W = nullptr;
  std::byte* R = nullptr;
  std::byte* projection = nullptr;  // null where there is none
  float* bias = nullptr;            // [D][bias gates][H]
  float* peephole = nullptr;        // [D][3][H]; null for cells without

  PackedLayer() = default;
  PackedLayer(Carver& carver, const Geometry& g, std::int64_t W_bytes, std::int64_t R_bytes,
              std::int64_t projection_bytes)
      : W(carver.take_bytes(W_bytes)),
        R(carver.take_bytes(R_bytes)),
        projection(projection_bytes == 0 ? nullptr : carver.take_bytes(projection_bytes)),
        bias(carver.take<float>({g.directions, g.bias_gates(), g.hidden})) {
    if (g.traits.peepholes > 0) peephole = carver.take<float>({g.directions, g.traits.peepholes, g.hidden});
  }
};

// Dense [D][G*H][J], [D][G*H][P] or [D][P][H], gates in oneDNN's order, on the way into a format or out of
// it.
inline void* take_staged(Carver& carver, const Geometry& g, DataType type) {
  return carver.take(type, {g.directions, g.gate_columns(), std::max(g.widest_columns(), g.h_size())});
}

// prepare_weights has no workspace, so that what it needs only while it runs is here too. Scratch is last:
// its size is that of the plan's T and B, and a smaller call must find the layers where they are.
struct PreparedBuffer {
  Carver carver;
  BufferHeader* header;
  void* staged;
  PackedLayer layers[kMaxLayers];
  std::byte* scratch;

  PreparedBuffer(std::byte* base, const Stack& stack)
      : carver(base),
        header(carver.take<BufferHeader>(1)),
        staged(take_staged(carver, stack.geometry, stack.geometry.type)) {
    for (std::int64_t l = 0; l < stack.geometry.layers; ++l) {
      const Layer& layer = stack.layer(l);
      layers[l] = PackedLayer(carver, stack.geometry, static_cast<std::int64_t>(layer.W_bytes()),
                              static_cast<std::int64_t>(layer.R_bytes()),
                              static_cast<std::int64_t>(layer.projection_bytes()));
    }
    scratch = carver.take_bytes(stack.most([](const Layer& layer) { return layer.forward_scratch_bytes(); }));
  }
};

// What backward needs from forward: the workspace that oneDNN saves, and the tensors that it reads again.
struct ReserveBuffer {
  Carver carver;
  BufferHeader* header;
  struct LayerPart {
    std::byte* saved;  // oneDNN's own
    void* outputs;     // E [T][B][D*P]; null for the last layer, whose outputs are the caller's y
    void* hN;          // E [D][B][P]
    float* cN;         // [D][B][H]; null for cells without
  };
  LayerPart layers[kMaxLayers];

  ReserveBuffer(std::byte* base, const Stack& stack)
      : carver(base), header(carver.take<BufferHeader>(1)), layers{} {
    const Geometry& g = stack.geometry;
    const RunSizes& sizes = stack.sizes;
    for (std::int64_t l = 0; l < g.layers; ++l) {
      LayerPart& part = layers[l];
      part.saved = carver.take_bytes(static_cast<std::int64_t>(stack.layer(l).saved_bytes()));
      if (l + 1 < g.layers) part.outputs = carver.take(g.type, {sizes.steps, sizes.batch, g.outputs()});
      part.hN = carver.take(g.type, {g.directions, sizes.batch, g.h_size()});
      if (g.traits.cell_state) part.cN = carver.take<float>({g.directions, sizes.batch, g.hidden});
    }
  }
};

using BetweenLayers = layers::BetweenLayers<void>;

struct ForwardBuffers {
  Carver carver;
  std::byte* scratch;
  void* x;  // E [T][B][I] and [T][B][D*P], for rows that do not lie densely
  void* y;
  void* h0;            // E [D][B][P] of one layer
  float* c0;           // [D][B][H]
  void* hN = nullptr;  // inference; training has them in the reserve
  float* cN = nullptr;
  BetweenLayers between;   // inference
  void* staged = nullptr;  // canonical weights
  PackedLayer weights;     // of one layer at a time

  ForwardBuffers(std::byte* base, const Stack& stack, bool prepared)
      : carver(base),
        scratch(
            carver.take_bytes(stack.most([](const Layer& layer) { return layer.forward_scratch_bytes(); }))) {
    const Geometry& g = stack.geometry;
    const RunSizes& sizes = stack.sizes;
    x = carver.take(g.type, {sizes.steps, sizes.batch, g.input_size});
    y = carver.take(g.type, {sizes.steps, sizes.batch, g.outputs()});
    h0 = carver.take(g.type, {g.directions, sizes.batch, g.h_size()});
    c0 = carver.take<float>({g.directions, sizes.batch, g.hidden});
    if (!g.training) {
      hN = carver.take(g.type, {g.directions, sizes.batch, g.h_size()});
      cN = carver.take<float>({g.directions, sizes.batch, g.hidden});
      between = BetweenLayers(carver, g, sizes, g.type);
    }
    if (prepared) return;
    staged = take_staged(carver, g, g.type);
    weights = PackedLayer(carver, g, stack.most([](const Layer& layer) { return layer.W_bytes(); }),
                          stack.most([](const Layer& layer) { return layer.R_bytes(); }),
                          stack.most([](const Layer& layer) { return layer.projection_bytes(); }));
  }
};

// Gradients are f32.
struct BackwardBuffers {
  Carver carver;
  std::byte* scratch;
  void* x;  // E [T][B][I] and [T][B][D*P], for rows that do not lie densely
  void* y;
  float* dx;  // likewise, and for types other than f32
  float* dy;
  void* h0;             // E [D][B][P] of one layer
  float* c0 = nullptr;  // [D][B][H], as are all of c; those of h [D][B][P]
  float* dh0 = nullptr;
  float* dc0 = nullptr;
  float* dhN = nullptr;
  float* dcN = nullptr;
  BetweenLayers between;
  // oneDNN's own, of one layer: its backward keeps gradients there, and a reserve is only read.
  std::byte* saved;
  void* staged;         // of the larger of E and f32
  PackedLayer weights;  // of one layer at a time
  PackedLayer gradients;

  BackwardBuffers(std::byte* base, const Stack& stack)
      : carver(base),
        scratch(carver.take_bytes(
            stack.most([](const Layer& layer) { return layer.backward_scratch_bytes(); }))) {
    const Geometry& g = stack.geometry;
    const RunSizes& sizes = stack.sizes;
    x = carver.take(g.type, {sizes.steps, sizes.batch, g.input_size});
    y = carver.take(g.type, {sizes.steps, sizes.batch, g.outputs()});
    dx = carver.take<float>({sizes.steps, sizes.batch, g.input_size});
    dy = carver.take<float>({sizes.steps, sizes.batch, g.outputs()});
    h0 = carver.take(g.type, {g.directions, sizes.batch, g.h_size()});
    for (float** state : {&c0, &dc0, &dcN}) {
      *state = carver.take<float>({g.directions, sizes.batch, g.hidden});
    }
    for (float** state : {&dh0, &dhN}) *state = carver.take<float>({g.directions, sizes.batch, g.h_size()});
    between = BetweenLayers(carver, g, sizes, DataType::f32);
    saved = carver.take_bytes(stack.most([](const Layer& layer) { return layer.saved_bytes(); }));
    staged = take_staged(carver, g, DataType::f32);
    const auto most = [&](int argument) {
      return stack.most([&](const Layer& layer) { return layer.backward->bytes(argument); });
    };
    weights = PackedLayer(carver, g, most(DNNL_ARG_WEIGHTS_LAYER), most(DNNL_ARG_WEIGHTS_ITER),
                          most(DNNL_ARG_WEIGHTS_PROJECTION));
    gradients = PackedLayer(carver, g, most(DNNL_ARG_DIFF_WEIGHTS_LAYER), most(DNNL_ARG_DIFF_WEIGHTS_ITER),
                            most(DNNL_ARG_DIFF_WEIGHTS_PROJECTION));
  }
};

}  // namespace recur::host::onednn
