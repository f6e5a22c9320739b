#include "host/gpu_pass/backward.hpp"

#include "host/gpu_pass/pass.hpp"
#include "host/gpu_pass/weight_gradients.hpp"

namespace recur::host::gpu_pass {
namespace {

using recur::gpu_pass::BackwardStep;
using recur::gpu_pass::CollectGradient;
using recur::gpu_pass::CopyRows;
using recur::gpu_pass::FinishBackward;
using recur::gpu_pass::StartBackward;

// Chunks are those of forward, visited from the last to the first: "position" counts them in this pass's
// order.
class BackwardPass : Pass<BackwardCall, BackwardBuffers, BackwardTrack> {
 public:
  BackwardPass(const PassPlan& plan, gpu::DeviceResources& resources, const BackwardCall& call)
      : Pass(plan.geometry, resources, call, plan.geometry.backward_chunk_steps(call.sizes),
             {call.workspace.data(), plan.geometry, call.sizes},
             const_cast<std::byte*>(call.reserve.data()),  // only read
             plan.geometry.backward_layer_by_layer ? 1 : plan.geometry.backward_slots),
        plan_(*plan.backward),
        run_chunks_(backward_of(plan.backward->stepper())) {}

  void run() {
    if (g_.directions == 2) {
      for (std::int64_t layer = g_.layers - 1; layer >= 0; --layer) run_both_directions(layer);
    } else {
      for (std::int64_t last = g_.layers - 1; last >= 0; last -= slots_.count()) {
        const int count = static_cast<int>(std::min<std::int64_t>(slots_.count(), last + 1));
        for (int i = 0; i < count; ++i) tracks_[i] = track(last - i, 0, i);
        run_wavefront(*this, count, chunks_.count());
        for (int i = 0; i < count; ++i) finish(tracks_[i]);
      }
    }
    slots_.join();
  }

  void begin(const Task& task) {
    const BackwardTrack& track = tracks_[task.track];
    if (g_.directions == 1 && track.layer + 1 < g_.layers) slots_.wait_for(track.layer + 1, track.slot);
    if (task.chunk == 0) start(track);
  }

  void steps(std::span<const Task> tasks) {
    BackwardChunk chunks[gpu::kMostSlots];
    std::ranges::transform(tasks, chunks, [&](const Task& task) {
      return BackwardChunk{&tracks_[task.track], chunk_at(task.chunk)};
    });
    run_chunks_({g_, plan_, products_, sizes_, chunks_, buffers_, slots_}, std::span(chunks, tasks.size()));
  }

  void end(const Task& task) {
    if (g_.directions == 2) return;
    const BackwardTrack& track = tracks_[task.track];
    if (const Rows dx = dx_of(track.layer)) {
      const std::int64_t chunk = chunk_at(task.chunk);
      const std::int64_t first = chunks_.first(chunk, track.reverse());
      input_gradients(inputs(track, track.slot), first, chunks_.size(chunk), track.weights.W,
                      track.weights.W_row, dx, false);
      if (g_.drops_below(track.layer)) {
        drop_gradients(inputs(track, track.slot), first, chunks_.size(chunk), dx);
      }
    }
    if (track.layer > 0) slots_.passed(track.layer, track.slot);
  }

 private:
  std::int64_t chunk_at(std::int64_t position) const { return chunks_.count() - 1 - position; }

  // Gradients of the outputs of the layer below, or of x; not given where nobody wants them.
  Rows dx_of(std::int64_t layer) const {
    if (layer == 0) return rows_of(args_.dx, g_.layout);
    return rows_at(buffers_.between.of_layer(layer - 1), dense_layout(sizes_, g_.layout, g_.outputs()));
  }

  BackwardTrack track(std::int64_t layer, std::int64_t d, int slot) const {
    const bool last = layer + 1 == g_.layers;
    const std::int64_t half = d * g_.h_size();
    const RowLayout outputs = dense_layout(sizes_, g_.layout, g_.outputs());
    const RowLayout states = dense_layout(sizes_, g_.layout, g_.hidden);
    const RowLayout h_states = dense_layout(sizes_, g_.layout, g_.h_size());
    const ReserveBuffer::Layer& reserve = reserve_.layers[layer];
    const BackwardBuffers::Slot& buffers = buffers_.slots[slot];

    BackwardTrack track;
    track.layer = layer;
    track.direction = d;
    track.slot = slot;
    track.weights = direction_of(call_.weights[static_cast<std::size_t>(layer)], d);
    track.R = track.weights.R;
    track.R_row = track.weights.R_row;
    if (copies_R()) {
      track.R = buffers.R;
      track.R_row = g_.hidden;
    }
    track.x = layer == 0 ? rows_of(args_.x, g_.layout)
                         : constant(rows_at(reserve_.layers[layer - 1].outputs, outputs));

    BackwardStep& step = track.step;
    step.step = {timeline_of(g_, sizes_, args_, d), 0, sizes_.batch, g_.hidden};
    step.saved = constant(rows_at(reserve.saved[d], dense_layout(sizes_, g_.layout, g_.saved_columns())));
    step.saved_c = constant(rows_at(reserve.c[d], states));
    step.peephole = track.weights.peephole;
    step.h0 = state_rows(args_.h0, layer, d);
    step.c0 = state_rows(args_.c0, layer, d);
    if (last) {
      step.y = rows_of(args_.y, g_.layout, half);
      step.dy = rows_of(args_.dy, g_.layout, half);
      step.dc_sequence = rows_of(args_.dc_sequence, g_.layout, d * g_.hidden);
    } else {
      step.y = constant(rows_at(advance(reserve.outputs, g_.type, half), outputs));
      step.dy = constant(rows_at(advance(buffers_.between.of_layer(layer), g_.type, half), outputs));
    }
    track.dh = step.dh = buffers.dh;
    step.dc = buffers.dc;
    step.d_exchange = buffers.d_exchange;
    if (!args_.dweights.empty() && args_.dweights[static_cast<std::size_t>(layer)].peephole.given()) {
      step.dpeephole = buffers.dpeephole;
    }
    step.dgates = rows_at(buffers.dgates, dense_layout(sizes_, g_.layout, g_.sum_columns()));
    step.h_prev = rows_at(buffers.h_prev, h_states);
    step.exchange = rows_at(buffers.exchange, states);
    if (g_.projected()) {
      CollectGradient& collect = track.collect;
      collect.step = step.step;
      collect.step.hidden = g_.projection;
      collect.y = step.y;
      collect.h0 = step.h0;
      collect.dy = step.dy;
      collect.dh = buffers.dh;
      collect.whole = rows_at(buffers.dh_steps, h_states);
      collect.h_prev = step.h_prev;
      step.y = step.h0 = step.dy = {};
      step.dh = buffers.dm;
      step.h_prev = {};
    }
    return track;
  }

  GradientInputs inputs(const BackwardTrack& track, int slot) const {
    return {.g = g_,
            .kernels = kernels_,
            .products = products_,
            .sizes = sizes_,
            .layer = track.layer,
            .timeline = track.step.step.timeline,
            .x = track.x,
            .m = reserve_.layers[track.layer].m[track.direction],
            .dropout_seed = reserve_.dropout_seed,
            .buffers = buffers_.slots[track.slot],
            .stream = slots_.stream(slot),
            .scratch = buffers_.slots[slot].scratch};
  }

  void run_both_directions(std::int64_t layer) {
    for (int d = 0; d < 2; ++d) tracks_[d] = track(layer, d, d);
    run_independent(*this, 2, chunks_.count());
    const Rows dx = dx_of(layer);
    if (dx) {
      slots_.join();
      const GradientInputs both[2] = {inputs(tracks_[0], 0), inputs(tracks_[1], 0)};
      const DirectionWeights weights[2] = {tracks_[0].weights, tracks_[1].weights};
      input_gradients_of_both(both, weights, dx, buffers_.dx_sums);
      if (g_.drops_below(layer)) drop_gradients(both[0], 0, sizes_.steps, dx);
      // The next layer's loop of slot 1 needs dx, and writes dgates that dx is formed from.
      slots_.fork();
    }
    for (int d = 0; d < 2; ++d) finish(tracks_[d]);
  }

  void start(const BackwardTrack& track) {
    const BackwardStep& step = track.step;
    auto* const stream = slots_.stream(track.slot);
    StartBackward start;
    start.step = step.step;
    start.dhN = state_rows(args_.dhN, track.layer, track.direction);
    start.dcN = state_rows(args_.dcN, track.layer, track.direction);
    start.dh = track.dh;
    if (g_.projected()) {  // dh and dc are not of one size
      StartBackward start_h;
      start_h.step = track.collect.step;
      start_h.dhN = start.dhN;
      start_h.dh = std::exchange(start.dh, nullptr);
      kernels_.start_backward(start_h, stream);
    }
    start.dc = step.dc;
    start.dpeephole = step.dpeephole;
    start.peepholes = g_.traits.peepholes;
    kernels_.start_backward(start, stream);

    if (!copies_R()) return;
    copy_gates(track, g_.traits.split_gate, 1, 0);
    copy_gates(track, 0, g_.traits.gates - 1, 1);
  }

  bool copies_R() const { return g_.traits.split_gate >= 0 && !g_.transposes_R; }

  // Rows of R of some gates to their block.
  void copy_gates(const BackwardTrack& track, std::int64_t gate, std::int64_t gates, std::int64_t block) {
    CopyRows copy;
    copy.steps = gates * g_.hidden;
    copy.timeline.steps = copy.steps;
    copy.columns = g_.hidden;
    copy.from = {advance(track.weights.R, g_.type, gate * g_.hidden * track.weights.R_row),
                 track.weights.R_row, 0};
    copy.to = {advance(buffers_.slots[track.slot].R, g_.type, block * g_.hidden * g_.hidden), g_.hidden, 0};
    kernels_.copy_rows(copy, slots_.stream(track.slot));
  }

  void finish(const BackwardTrack& track) {
    FinishBackward finish;
    finish.step = track.step.step;
    finish.dh = track.dh;
    finish.dc = track.step.dc;
    finish.dh0 = state_rows(args_.dh0, track.layer, track.direction);
    finish.dc0 = state_rows(args_.dc0, track.layer, track.direction);
    if (g_.projected() && finish.dh0) {
      FinishBackward finish_h;
      finish_h.step = track.collect.step;
      finish_h.dh = track.dh;
      finish_h.dh0 = std::exchange(finish.dh0, {});
      kernels_.finish_backward(finish_h, slots_.stream(track.slot));
    }
    if (finish.dh0 || finish.dc0) kernels_.finish_backward(finish, slots_.stream(track.slot));
    if (args_.dweights.empty()) return;
    const LayerGradients& layer = args_.dweights[static_cast<std::size_t>(track.layer)];
    weight_gradients(inputs(track, track.slot), direction_of(layer, track.direction),
                     args_.mode == GradientMode::accumulate);
  }

  const BackwardSteps& plan_;
  const RunBackwardChunks run_chunks_;
};

}  // namespace

void run_backward(const PassPlan& plan, gpu::DeviceResources& resources, const BackwardCall& call) {
  const gpu::DeviceGuard guard(resources.ordinal());
  BackwardPass(plan, resources, call).run();
}

}  // namespace recur::host::gpu_pass
