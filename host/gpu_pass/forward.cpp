#include "host/gpu_pass/forward.hpp"

#include "host/gpu_pass/pass.hpp"

namespace recur::host::gpu_pass {
namespace {

using recur::gpu_pass::CombineBiases;
using recur::gpu_pass::CopyRows;
using recur::gpu_pass::ForwardStep;
using recur::gpu_pass::StartForward;
using recur::gpu_pass::StoreProjection;

// The biases that are added to W x: those of the input, and of the state where the recurrent part of a sum
// simply adds.
void combine_biases(const Geometry& g, const DirectionWeights& from, void* to, gpu::StreamHandle stream) {
  CombineBiases combine;
  combine.bW = from.bW;
  combine.bR = from.bR;
  combine.columns = g.gate_columns();
  combine.recurrent = (g.traits.split_gate < 0 ? g.traits.gates : g.traits.split_gate) * g.hidden;
  combine.to = to;
  kernels_of(g.type).combine_biases(combine, stream);
}

// The bias that is left: that of a split gate's recurrent part.
const void* split_bias(const Geometry& g, const DirectionWeights& weights) {
  return g.traits.split_gate < 0 ? nullptr : advance(weights.bR, g.type, g.traits.split_gate * g.hidden);
}

class ForwardPass : Pass<ForwardCall, ForwardBuffers, ForwardTrack> {
 public:
  ForwardPass(const PassPlan& plan, gpu::DeviceResources& resources, bool training, const ForwardCall& call)
      : Pass(plan.geometry, resources, call, plan.geometry.forward_chunk_steps(call.sizes),
             {call.workspace.data(), plan.geometry, call.sizes, training, call.weights->is_prepared()},
             training ? call.reserve.data() : nullptr,
             plan.geometry.layer_by_layer ? 1 : plan.geometry.forward_slots),
        plan_(plan),
        run_chunks_(forward_of(plan.forward->stepper())),
        training_(training),
        prepared_(prepared_data(call), g_) {}

  void run() {
    if (g_.dropout) {
      kernels_.keep_seed({.seed = args_.dropout_seed, .to = reserve_.dropout_seed}, slots_.stream(0));
    }
    if (g_.directions == 2) {
      for (std::int64_t layer = 0; layer < g_.layers; ++layer) {
        if (layer > 0) slots_.meet();
        for (int d = 0; d < 2; ++d) tracks_[d] = track(layer, d, d);
        run_independent(*this, 2, chunks_.count());
      }
    } else {
      for (std::int64_t first = 0; first < g_.layers; first += slots_.count()) {
        const int count = static_cast<int>(std::min<std::int64_t>(slots_.count(), g_.layers - first));
        for (int i = 0; i < count; ++i) tracks_[i] = track(first + i, 0, i);
        run_wavefront(*this, count, chunks_.count());
      }
    }
    slots_.join();
  }

  void begin(const Task& task) {
    const ForwardTrack& track = tracks_[task.track];
    if (track.layer > 0 && g_.directions == 1) slots_.wait_for(track.layer - 1, track.slot);
    if (task.chunk == 0) start(track);
    multiply_inputs(track, task.chunk);
  }

  void steps(std::span<const Task> tasks) {
    ForwardChunk chunks[gpu::kMostSlots];
    std::ranges::transform(tasks, chunks, [&](const Task& task) {
      return ForwardChunk{&tracks_[task.track], task.chunk};
    });
    run_chunks_({g_, *plan_.forward, products_, sizes_, chunks_, buffers_, slots_},
                std::span(chunks, tasks.size()));
  }

  void end(const Task& task) {
    const ForwardTrack& track = tracks_[task.track];
    if (g_.directions == 1 && track.layer + 1 < g_.layers) slots_.passed(track.layer, track.slot);
  }

 private:
  static std::byte* prepared_data(const ForwardCall& call) {
    if (!call.weights->is_prepared()) return nullptr;
    return static_cast<std::byte*>(const_cast<void*>(call.weights->prepared().data));  // only read
  }

  void set_weights(ForwardTrack& track, std::int64_t d) const {
    if (call_.weights->is_prepared()) {
      const PreparedBuffer::Direction& w = prepared_.direction[track.layer][d];
      track.weights = {.W = w.W,
                       .R = w.R,
                       .peephole = w.peephole,
                       .projection = w.projection,
                       .W_row = g_.columns(track.layer),
                       .R_row = g_.h_size(),
                       .projection_row = g_.hidden};
      track.bias = w.bias;
      track.step.split_bias = w.split_bias;
    } else {
      track.weights = direction_of(call_.weights->canonical()[static_cast<std::size_t>(track.layer)], d);
      track.bias = buffers_.slots[track.slot].bias;
      track.step.split_bias = split_bias(g_, track.weights);
    }
    track.step.peephole = track.weights.peephole;
  }

  // Outputs of a layer below the last, all of them.
  void* outputs_below(std::int64_t layer) const {
    return training_ ? reserve_.layers[layer].outputs : buffers_.between.of_layer(layer);
  }

  ForwardTrack track(std::int64_t layer, std::int64_t d, int slot) const {
    const bool last = layer + 1 == g_.layers;
    const RowLayout outputs = dense_layout(sizes_, g_.layout, g_.outputs());
    const ForwardBuffers::Slot& buffers = buffers_.slots[slot];
    const ForwardBuffers::State& state = buffers_.state(g_, layer, d);
    ForwardTrack track;
    track.layer = layer;
    track.slot = slot;
    set_weights(track, d);
    track.x = layer == 0 ? rows_of(args_.x, g_.layout) : constant(rows_at(outputs_below(layer - 1), outputs));
    track.h0 = state_rows(args_.h0, layer, d);
    track.c0 = state_rows(args_.c0, layer, d);
    track.hN = state_rows(args_.hN, layer, d);
    track.cN = state_rows(args_.cN, layer, d);

    ForwardStep& step = track.step;
    step.step = {timeline_of(g_, sizes_, args_, d), 0, sizes_.batch, g_.hidden};
    step.recurrent = buffers.recurrent;
    track.h = step.h = state.h;
    step.c = state.c;
    step.exchange = buffers.exchange;
    step.gates = buffers.gates;
    step.y = last ? rows_of(args_.y, g_.layout, d * g_.h_size())
                  : rows_at(advance(outputs_below(layer), g_.type, d * g_.h_size()), outputs);
    if (last) step.c_sequence = rows_of(args_.c_sequence, g_.layout, d * g_.hidden);
    if (training_) {
      const ReserveBuffer::Layer& reserve = reserve_.layers[layer];
      step.saved = rows_at(reserve.saved[d], dense_layout(sizes_, g_.layout, g_.saved_columns()));
      step.saved_c = rows_at(reserve.c[d], dense_layout(sizes_, g_.layout, g_.hidden));
    }
    if (g_.projected()) {
      StoreProjection& projection = track.projection;
      projection.step = step.step;
      projection.step.hidden = g_.projection;
      projection.projected = buffers.projected;
      projection.h = state.h;
      projection.y = step.y;
      step.h = nullptr;
      step.y = training_ ? rows_at(reserve_.layers[layer].m[d], dense_layout(sizes_, g_.layout, g_.hidden))
                         : Rows{buffers.m, 0, g_.hidden};
    }
    return track;
  }

  void start(const ForwardTrack& track) {
    StartForward start{track.step.step, track.h0, track.c0, track.h, track.step.c};
    if (g_.projected()) {  // h and c are not of one size
      start.h = nullptr;
      kernels_.start_forward({track.projection.step, track.h0, {}, track.h, nullptr},
                             slots_.stream(track.slot));
    }
    kernels_.start_forward(start, slots_.stream(track.slot));
    if (track.weights.bW != nullptr) {
      combine_biases(g_, track.weights, buffers_.slots[track.slot].bias, slots_.stream(track.slot));
    }
  }

  // W x and biases of a chunk.
  void multiply_inputs(const ForwardTrack& track, std::int64_t chunk) {
    const ForwardBuffers::Slot& buffers = buffers_.slots[track.slot];
    const std::int64_t first = chunks_.first(chunk, track.reverse());
    const RunSizes span{chunks_.size(chunk), sizes_.batch};
    const std::int64_t columns = g_.columns(track.layer);
    const RowLayout result = dense_layout(span, g_.layout, g_.gate_columns());

    const void* x = at(track.x, g_.type, first, 0);
    RowLayout operand = layout_of(track.x, columns);
    std::optional<Walk> walk = Walk::batched(span, g_.layout, {operand, result});
    if (!walk || g_.drops_below(track.layer)) {
      operand = dense_layout(span, g_.layout, columns);
      gather(track, {x, track.x.step, track.x.batch}, first, span,
             {buffers.gathered, operand.step, operand.batch});
      x = buffers.gathered;
      walk = Walk::batched(span, g_.layout, {operand, result});
    }
    products_.run({.M = walk->rows(),
                   .N = g_.gate_columns(),
                   .K = columns,
                   .batch = walk->count(),
                   .left = walk->matrix(x, g_.type, operand),
                   .right = {track.weights.W, g_.type, track.weights.W_row, 0, true},
                   .result = walk->matrix(buffers.input, g_.sums, result),
                   .bias = track.bias,
                   .tf32 = g_.tf32,
                   .scratch_bytes = g_.scratch_bytes},
                  buffers.scratch, slots_.stream(track.slot));
  }

  // Rows that lie too near each other for a product, one by one, or what is left of rows after dropout.
  void gather(const ForwardTrack& track, const ConstRows& from, std::int64_t first, const RunSizes& span,
              const Rows& to) {
    CopyRows copy;
    copy.timeline = track.step.step.timeline;
    copy.first_step = first;
    copy.steps = span.steps;
    copy.batch = span.batch;
    copy.columns = g_.columns(track.layer);
    copy.from = from;
    copy.to = to;
    if (!g_.drops_below(track.layer)) return kernels_.copy_rows(copy, slots_.stream(track.slot));
    kernels_.drop_rows({.rows = copy,
                        .layer = track.layer - 1,
                        .seed = args_.dropout_seed,
                        .threshold = g_.dropout->threshold,
                        .factor = g_.dropout->factor},
                       slots_.stream(track.slot));
  }

  const PassPlan& plan_;
  const RunForwardChunks run_chunks_;
  const bool training_;
  const PreparedBuffer prepared_;
};

}  // namespace

void prepare(const Geometry& g, gpu::DeviceResources& resources, Stream stream,
             std::span<const LayerWeights> weights, std::byte* buffer) {
  const gpu::DeviceGuard guard(resources.ordinal());
  const PreparedBuffer prepared(buffer, g);
  const KernelTable& kernels = kernels_of(g.type);
  const auto copy = [&](const void* from, std::int64_t from_row, void* to, std::int64_t rows,
                        std::int64_t columns) {
    if (to == nullptr) return;
    CopyRows rows_copy;
    rows_copy.timeline.steps = rows;
    rows_copy.steps = rows;
    rows_copy.columns = columns;
    rows_copy.from = {from, from_row, 0};
    rows_copy.to = {to, columns, 0};
    kernels.copy_rows(rows_copy, stream.native());
  };
  for (std::int64_t layer = 0; layer < g.layers; ++layer) {
    for (std::int64_t d = 0; d < g.directions; ++d) {
      const DirectionWeights from = direction_of(weights[static_cast<std::size_t>(layer)], d);
      const PreparedBuffer::Direction& to = prepared.direction[layer][d];
      copy(from.W, from.W_row, to.W, g.gate_columns(), g.columns(layer));
      copy(from.R, from.R_row, to.R, g.gate_columns(), g.h_size());
      if (to.bias != nullptr) combine_biases(g, from, to.bias, stream.native());
      copy(split_bias(g, from), 0, to.split_bias, 1, g.hidden);
      copy(from.peephole, 0, to.peephole, 1, g.traits.peepholes * g.hidden);
      copy(from.projection, from.projection_row, to.projection, g.projection, g.hidden);
    }
  }
}

void run_forward(const PassPlan& plan, gpu::DeviceResources& resources, bool training,
                 const ForwardCall& call) {
  const gpu::DeviceGuard guard(resources.ordinal());
  ForwardPass(plan, resources, training, call).run();
}

}  // namespace recur::host::gpu_pass
