#include "host/onednn/run.hpp"

#include <cstdint>
#include <cstring>

#include "host/onednn/rows.hpp"
#include "host/onednn/weights.hpp"

namespace recur::host::onednn {
namespace {

Rows h_rows(const Stack& stack, void* data, DataType type) {
  const Geometry& g = stack.geometry;
  return dense_rows(data, type, g.directions, stack.sizes.batch, g.h_size());
}
Rows c_rows(const Stack& stack, float* data) {
  const Geometry& g = stack.geometry;
  return dense_rows<void*>(data, DataType::f32, g.directions, stack.sizes.batch, g.hidden);
}
// A sequence in the Spec's layout.
Rows sequence_rows(const Stack& stack, void* data, DataType type, std::int64_t columns) {
  const bool time_major = stack.geometry.layout == Layout::time_major;
  const auto [steps, batch] = stack.sizes;
  return dense_rows(data, type, time_major ? steps : batch, time_major ? batch : steps, columns);
}

// A state that is not given is zero.
void load_state(const Rows& to, const ConstTensorView& state, std::int64_t layer) {
  if (state.given()) {
    copy(to, rows_of_state(state, layer));
  } else {
    fill_with_zeros(to);
  }
}
void store_state(const TensorView& state, std::int64_t layer, const ConstRows& from) {
  if (state.given()) copy(rows_of_state(state, layer), from);
}

// oneDNN does not say what alignment its kernels want; 16 bytes is what they have been tested with.
bool in_place(const ConstTensorView& sequence, DataType type) {
  constexpr std::uintptr_t kAlignment = 16;
  return sequence.given() && sequence.type() == type && rows_of(sequence).dense() &&
         reinterpret_cast<std::uintptr_t>(sequence.data()) % kAlignment == 0;
}
// The sequence where it is, or copied to `buffer`; one that is not given is zero.
void* read_sequence(const Rows& buffer, const ConstTensorView& sequence) {
  // oneDNN takes no pointers to constants; it does not write to what it reads.
  if (in_place(sequence, buffer.type)) return const_cast<void*>(sequence.data());
  if (sequence.given()) {
    copy(buffer, rows_of(sequence));
  } else {
    fill_with_zeros(buffer);
  }
  return buffer.data;
}
// Where a primitive writes a sequence; finish_sequence brings it to the caller.
void* write_sequence(const Rows& buffer, const TensorView& sequence) {
  return in_place(sequence, buffer.type) ? sequence.data() : buffer.data;
}
void finish_sequence(const Rows& buffer, const TensorView& sequence) {
  if (sequence.given() && !in_place(sequence, buffer.type)) copy(rows_of(sequence), buffer);
}

}  // namespace

void prepare(const PlanView& plan, std::span<const LayerWeights> weights, std::byte* buffer) {
  const Stack& stack = plan.stack;
  const Geometry& g = stack.geometry;
  const PreparedBuffer prepared(buffer, stack);
  *prepared.header = prepared_header(plan.layout_id);
  Runner runner(stack.threads, prepared.scratch);
  for (std::int64_t l = 0; l < g.layers; ++l) {
    const Layer& layer = stack.layer(l);
    pack(runner, g, weights[static_cast<std::size_t>(l)], layer.reorder, prepared.staged, prepared.layers[l]);
  }
}

void run_forward(const PlanView& plan, const ForwardCall& call) {
  const Stack& stack = plan.stack;
  const Geometry& g = stack.geometry;
  const ForwardArgs& args = *call.args;
  const bool is_prepared = call.weights->is_prepared();
  const ForwardBuffers buffers(call.workspace.data(), stack, is_prepared);
  const ReserveBuffer reserve(g.training ? call.reserve.data() : nullptr, stack);
  // Only read.
  auto* const packed =
      is_prepared ? static_cast<std::byte*>(const_cast<void*>(call.weights->prepared().data)) : nullptr;
  const PreparedBuffer prepared(packed, stack);

  Runner runner(stack.threads, buffers.scratch);
  const Rows y = sequence_rows(stack, buffers.y, g.type, g.outputs());
  const Rows h0 = h_rows(stack, buffers.h0, g.type);
  const Rows c0 = c_rows(stack, buffers.c0);
  void* input = read_sequence(sequence_rows(stack, buffers.x, g.type, g.input_size), args.x);
  for (std::int64_t l = 0; l < g.layers; ++l) {
    const Layer& layer = stack.layer(l);
    const ReserveBuffer::LayerPart& kept = reserve.layers[l];
    if (!is_prepared) {
      pack(runner, g, call.weights->canonical()[static_cast<std::size_t>(l)], layer.reorder, buffers.staged,
           buffers.weights);
    }
    const PackedLayer& weights = is_prepared ? prepared.layers[l] : buffers.weights;
    const Rows hN = h_rows(stack, g.training ? kept.hN : buffers.hN, g.type);
    const Rows cN = c_rows(stack, g.training ? kept.cN : buffers.cN);
    load_state(h0, args.h0, l);
    if (g.traits.cell_state) load_state(c0, args.c0, l);
    void* const output = l + 1 == g.layers ? write_sequence(y, args.y)
                         : g.training      ? kept.outputs
                                           : buffers.between.of_layer(l);
    runner.run(layer.forward, {{DNNL_ARG_SRC_LAYER, input},
                               {DNNL_ARG_SRC_ITER, h0.data},
                               {DNNL_ARG_SRC_ITER_C, c0.data},
                               {DNNL_ARG_WEIGHTS_LAYER, weights.W},
                               {DNNL_ARG_WEIGHTS_ITER, weights.R},
                               {DNNL_ARG_WEIGHTS_PEEPHOLE, weights.peephole},
                               {DNNL_ARG_WEIGHTS_PROJECTION, weights.projection},
                               {DNNL_ARG_BIAS, weights.bias},
                               {DNNL_ARG_DST_LAYER, output},
                               {DNNL_ARG_DST_ITER, hN.data},
                               {DNNL_ARG_DST_ITER_C, cN.data},
                               {DNNL_ARG_WORKSPACE, kept.saved}});
    store_state(args.hN, l, hN);
    store_state(args.cN, l, cN);
    input = output;
  }
  finish_sequence(y, args.y);
}

void run_backward(const PlanView& plan, const BackwardCall& call) {
  const Stack& stack = plan.stack;
  const Geometry& g = stack.geometry;
  const BackwardArgs& args = *call.args;
  const BackwardBuffers buffers(call.workspace.data(), stack);
  // Only read.
  const ReserveBuffer reserve(const_cast<std::byte*>(call.reserve.data()), stack);

  Runner runner(stack.threads, buffers.scratch);
  const Rows h0 = h_rows(stack, buffers.h0, g.type);
  const Rows c0 = c_rows(stack, buffers.c0);
  const Rows dh0 = h_rows(stack, buffers.dh0, DataType::f32);
  const Rows dc0 = c_rows(stack, buffers.dc0);
  const Rows dhN = h_rows(stack, buffers.dhN, DataType::f32);
  const Rows dcN = c_rows(stack, buffers.dcN);
  const Rows dx = sequence_rows(stack, buffers.dx, DataType::f32, g.input_size);
  void* const x = read_sequence(sequence_rows(stack, buffers.x, g.type, g.input_size), args.x);
  void* output = read_sequence(sequence_rows(stack, buffers.y, g.type, g.outputs()), args.y);
  void* d_output = read_sequence(sequence_rows(stack, buffers.dy, DataType::f32, g.outputs()), args.dy);
  for (std::int64_t l = g.layers - 1; l >= 0; --l) {
    const Layer::Backward& layer = *stack.layer(l).backward;
    const ReserveBuffer::LayerPart& kept = reserve.layers[l];
    pack(runner, g, call.weights[static_cast<std::size_t>(l)], layer.reorder, buffers.staged,
         buffers.weights);
    std::memcpy(buffers.saved, kept.saved, stack.layer(l).saved_bytes());
    load_state(h0, args.h0, l);
    load_state(dhN, args.dhN, l);
    if (g.traits.cell_state) {
      load_state(c0, args.c0, l);
      load_state(dcN, args.dcN, l);
    }
    void* const input = l == 0 ? x : reserve.layers[l - 1].outputs;
    void* const d_input = l == 0 ? write_sequence(dx, args.dx) : buffers.between.of_layer(l - 1);
    const PackedLayer& weights = buffers.weights;
    const PackedLayer& gradients = buffers.gradients;
    runner.run(layer.primitive, {{DNNL_ARG_SRC_LAYER, input},
                                 {DNNL_ARG_SRC_ITER, h0.data},
                                 {DNNL_ARG_SRC_ITER_C, c0.data},
                                 {DNNL_ARG_WEIGHTS_LAYER, weights.W},
                                 {DNNL_ARG_WEIGHTS_ITER, weights.R},
                                 {DNNL_ARG_WEIGHTS_PEEPHOLE, weights.peephole},
                                 {DNNL_ARG_WEIGHTS_PROJECTION, weights.projection},
                                 {DNNL_ARG_BIAS, weights.bias},
                                 {DNNL_ARG_DST_LAYER, output},
                                 {DNNL_ARG_DST_ITER, kept.hN},
                                 {DNNL_ARG_DST_ITER_C, kept.cN},
                                 {DNNL_ARG_WORKSPACE, buffers.saved},
                                 {DNNL_ARG_DIFF_SRC_LAYER, d_input},
                                 {DNNL_ARG_DIFF_SRC_ITER, dh0.data},
                                 {DNNL_ARG_DIFF_SRC_ITER_C, dc0.data},
                                 {DNNL_ARG_DIFF_WEIGHTS_LAYER, gradients.W},
                                 {DNNL_ARG_DIFF_WEIGHTS_ITER, gradients.R},
                                 {DNNL_ARG_DIFF_WEIGHTS_PEEPHOLE, gradients.peephole},
                                 {DNNL_ARG_DIFF_WEIGHTS_PROJECTION, gradients.projection},
                                 {DNNL_ARG_DIFF_BIAS, gradients.bias},
                                 {DNNL_ARG_DIFF_DST_LAYER, d_output},
                                 {DNNL_ARG_DIFF_DST_ITER, dhN.data},
                                 {DNNL_ARG_DIFF_DST_ITER_C, dcN.data}});
    store_state(args.dh0, l, dh0);
    store_state(args.dc0, l, dc0);
    if (!args.dweights.empty()) {
      unpack(runner, g, gradients, layer, buffers.staged, args.dweights[static_cast<std::size_t>(l)],
             args.mode);
    }
    output = input;
    d_output = d_input;
  }
  finish_sequence(dx, args.dx);
}

}  // namespace recur::host::onednn
