#include "host/onednn/weights.hpp"

#include "host/onednn/rows.hpp"

namespace recur::host::onednn {
namespace {

// [D][gates*H] as [D][gates][H].
template <class Pointer>
BasicRows<Pointer> rows_of_gates(const Geometry& g, const BasicTensorView<Pointer>& view) {
  return {view.data(), view.type(),    view.size(0), view.size(1) / g.hidden,
          g.hidden,    view.stride(0), g.hidden};
}
Rows packed_bias(const Geometry& g, const PackedLayer& layer) {
  return dense_rows<void*>(layer.bias, DataType::f32, g.directions, g.bias_gates(), g.hidden);
}
Rows packed_peephole(const Geometry& g, const PackedLayer& layer) {
  return dense_rows<void*>(layer.peephole, DataType::f32, g.directions, g.traits.peepholes, g.hidden);
}

// Where oneDNN has a gate's part of bR: with that of bW, but for the gate that is split.
int recurrent_bias_gate(const Geometry& g, int gate) {
  return gate == g.traits.split_gate ? g.traits.gates : g.gate_of(gate);
}

// The blocks that a matrix is copied in: its gates where their order changes. (A projection has none.)
int blocks_of(const Geometry& g) { return g.permutes_gates() ? g.traits.gates : 1; }

const void* in_order(const Geometry& g, const ConstTensorView& weights, void* staged) {
  const ConstRows from = rows_of(weights);
  if (from.dense() && !g.permutes_gates()) return from.data;
  const Rows to = dense_rows<void*>(staged, from.type, from.outer, from.inner, from.columns);
  const int blocks = blocks_of(g);
  for (int block = 0; block < blocks; ++block) {
    copy(row_block(to, g.gate_of(block), blocks), row_block(from, block, blocks));
  }
  return staged;
}

void pack_bias(const Geometry& g, const LayerWeights& weights, const PackedLayer& to) {
  const Rows bias = packed_bias(g, to);
  fill_with_zeros(bias);
  for (int gate = 0; gate < g.traits.gates; ++gate) {
    const auto add_part = [&](const ConstTensorView& part, int place) {
      if (!part.given()) return;
      add(row_block(bias, place, g.bias_gates()), row_block(rows_of_gates(g, part), gate, g.traits.gates));
    };
    add_part(weights.bW, g.gate_of(gate));
    add_part(weights.bR, recurrent_bias_gate(g, gate));
  }
}

void write(GradientMode mode, const Rows& to, const ConstRows& from) {
  if (mode == GradientMode::accumulate) {
    add(to, from);
  } else {
    copy(to, from);
  }
}

void unpack_matrix(Runner& runner, const Geometry& g, const std::byte* from, const Primitive& reorder,
                   void* staged, const TensorView& gradient, GradientMode mode) {
  if (!gradient.given()) return;
  const Rows to = rows_of(gradient);
  const bool in_place =
      mode == GradientMode::overwrite && to.type == DataType::f32 && to.dense() && !g.permutes_gates();
  runner.reorder(reorder, from, in_place ? to.data : staged);
  if (in_place) return;
  const ConstRows ordered = dense_rows<const void*>(staged, DataType::f32, to.outer, to.inner, to.columns);
  const int blocks = blocks_of(g);
  for (int block = 0; block < blocks; ++block) {
    write(mode, row_block(to, block, blocks), row_block(ordered, g.gate_of(block), blocks));
  }
}

}  // namespace

void pack(Runner& runner, const Geometry& g, const LayerWeights& weights,
          const Layer::WeightReorders& reorder, void* staged, const PackedLayer& to) {
  runner.reorder(reorder.W, in_order(g, weights.W, staged), to.W);
  runner.reorder(reorder.R, in_order(g, weights.R, staged), to.R);
  if (g.projected())
    runner.reorder(reorder.projection, in_order(g, weights.projection, staged), to.projection);
  pack_bias(g, weights, to);
  if (to.peephole != nullptr) copy(packed_peephole(g, to), rows_of_gates(g, weights.peephole));
}

void unpack(Runner& runner, const Geometry& g, const PackedLayer& from, const Layer::Backward& layer,
            void* staged, const LayerGradients& gradients, GradientMode mode) {
  const Layer::WeightReorders& reorder = layer.reorder_gradients;
  unpack_matrix(runner, g, from.W, reorder.W, staged, gradients.W, mode);
  unpack_matrix(runner, g, from.R, reorder.R, staged, gradients.R, mode);
  unpack_matrix(runner, g, from.projection, reorder.projection, staged, gradients.projection, mode);
  const ConstRows bias = packed_bias(g, from);
  for (int gate = 0; gate < g.traits.gates; ++gate) {
    const auto write_part = [&](const TensorView& part, int place) {
      if (!part.given()) return;
      write(mode, row_block(rows_of_gates(g, part), gate, g.traits.gates),
            row_block(bias, place, g.bias_gates()));
    };
    write_part(gradients.bW, g.gate_of(gate));
    write_part(gradients.bR, recurrent_bias_gate(g, gate));
  }
  if (gradients.peephole.given()) {
    write(mode, rows_of_gates(g, gradients.peephole), packed_peephole(g, from));
  }
}

}  // namespace recur::host::onednn
