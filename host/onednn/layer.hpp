// One layer as oneDNN runs it: the primitives of both passes and the reorders of its weights. Layers are run
// one by one, since oneDNN's own stacks want I = H. Its names: docs of the RNN primitive of oneDNN 3.
#pragma once

#include <optional>

#include "host/layers/stack.hpp"
#include "host/onednn/handles.hpp"

namespace recur::host::onednn {

// Below half of any L2.
constexpr double kSmallProductBytes = 32 << 10;

struct Geometry : layers::StackSizes {
  bool training = false;
  int threads = 1;  // planned; threads_of (threads.hpp) says how many of them primitives are made for
  // Left sides of products that oneDNN certainly takes whole; less in the tests of threads_of.
  double small_bytes = kSmallProductBytes;

  // gru with reset after the product keeps the recurrent bias of the candidate apart, as a gate of its own.
  std::int64_t bias_gates() const { return traits.gates + (traits.split_gate >= 0 ? 1 : 0); }
  // Where oneDNN has the gate: its gru is z r n, the others are as ours.
  int gate_of(int gate) const {
    const bool gru =
        variant == cells::Variant::gru_reset_after || variant == cells::Variant::gru_reset_before;
    return gru && gate < 2 ? 1 - gate : gate;
  }
  bool permutes_gates() const { return gate_of(0) != 0; }
};

Geometry geometry_of(const Job& job);

// The formats of forward's weights, to ask for them again.
struct WeightFormats {
  const_dnnl_memory_desc_t W = nullptr;  // null: any
  const_dnnl_memory_desc_t R = nullptr;
  const_dnnl_memory_desc_t projection = nullptr;
};

// For one J, T and B. Tensors but the weights are dense: x, y and their gradients in the Spec's layout,
// states [D][B][P] and [D][B][H], biases [D][bias gates][H] and peepholes [D][3][H] of f32. Forward has x, y
// and h in the plan's type and c in f32; all gradients are f32.
class Layer {
 public:
  // Its primitives are made for a number of threads, and have to be run by as many. Throws DeviceError where
  // oneDNN has no implementation.
  Layer(const Geometry& g, std::int64_t columns, const RunSizes& sizes, int threads,
        const WeightFormats& formats = {});

  WeightFormats formats() const;
  std::size_t W_bytes() const { return bytes_of(formats().W); }
  std::size_t R_bytes() const { return bytes_of(formats().R); }
  std::size_t projection_bytes() const { return bytes_of(formats().projection); }
  std::size_t saved_bytes() const { return bytes_of(forward.format(DNNL_ARG_WORKSPACE)); }
  std::size_t forward_scratch_bytes() const;
  std::size_t backward_scratch_bytes() const;

  Primitive forward;
  // From dense [D][G*H][J], [D][G*H][P] and [D][P][H] of the plan's type, gates in oneDNN's order; the last
  // only where there is a projection.
  struct WeightReorders {
    Primitive W, R, projection;
  };
  WeightReorders reorder;

  struct Backward {
    Primitive primitive;
    WeightReorders reorder;
    WeightReorders reorder_gradients;  // to dense ones of f32

    std::size_t bytes(int argument) const { return bytes_of(primitive.format(argument)); }
  };
  std::optional<Backward> backward;  // training
};

}  // namespace recur::host::onednn
