// The caller's buffers, laid out by name: prepared weights, reserve, and the workspaces of forward and
// backward. The same constructors with a null base give the sizes a plan reports. Tensors over (t, b) lie in
// the order of the Spec's layout.
#pragma once

#include "host/gpu_pass/tensors.hpp"
#include "host/layers/buffers.hpp"

namespace recur::host::gpu_pass {

// What forward reads of the weights: dense copies, and the biases combined.
struct PreparedBuffer {
  Carver carver;
  struct Direction {
    void* W;           // E [G*H][J]
    void* R;           // E [G*H][P]; null where the cell has none
    void* bias;        // A [G*H]
    void* split_bias;  // E [H]: bR of the split gate
    void* peephole;    // E [peepholes][H]
    void* projection;  // E [P][H]
  };
  Direction direction[kMaxLayers][2];

  PreparedBuffer(std::byte* base, const Geometry& g) : carver(base), direction{} {
    for (std::int64_t layer = 0; layer < g.layers; ++layer) {
      for (std::int64_t d = 0; d < g.directions; ++d) {
        Direction& w = direction[layer][d];
        w.W = carver.take(g.type, {g.gate_columns(), g.columns(layer)});
        if (g.traits.recurrent) w.R = carver.take(g.type, {g.gate_columns(), g.h_size()});
        if (g.bias != Bias::none) w.bias = carver.take(g.sums, {g.gate_columns()});
        if (g.bias == Bias::both && g.traits.split_gate >= 0) w.split_bias = carver.take(g.type, {g.hidden});
        if (g.traits.peepholes > 0) w.peephole = carver.take(g.type, {g.traits.peepholes, g.hidden});
        if (g.projected()) w.projection = carver.take(g.type, {g.projection, g.hidden});
      }
    }
  }
};

// Of values of E, sums of A; what is saved, of E.
struct ReserveBuffer : layers::Reserve<void, void, void> {
  ReserveBuffer(std::byte* base, const Geometry& g, const RunSizes& sizes) : Reserve(base, g, sizes, false) {}
};
using BetweenLayers = layers::BetweenLayers<void>;

struct ForwardBuffers {
  Carver carver;
  struct Slot {
    void* input;      // A [chunk rows][G*H]
    void* recurrent;  // A [B][G*H]; null without R
    void* exchange;   // E [B][H], cells of two phases
    void* gates;      // A [B][saved][H], likewise
    void* m;          // E [B][H], what is projected, in inference
    void* projected;  // A [B][P], its product with the projection
    void* gathered;   // E [chunk rows][J]: rows that no product can read where they lie, and what is left of
                      // those of which something is dropped; slots that run such layers
    void* bias;       // A [G*H], combined; not with prepared weights
    std::byte* scratch;
  };
  Slot slots[gpu::kMostSlots];
  // By layer, or with two directions by direction.
  struct State {
    void* h;  // E [B][P]
    void* c;  // A [B][H]
  };
  State states[kMaxLayers];
  BetweenLayers between;  // inference only

  ForwardBuffers(std::byte* base, const Geometry& g, const RunSizes& sizes, bool training, bool prepared)
      : carver(base), slots{}, states{} {
    for (int i = 0; i < g.forward_slots; ++i) {
      Slot& slot = slots[i];
      slot.input = carver.take(g.sums, {g.chunk_rows, g.gate_columns()});
      if (g.traits.recurrent) slot.recurrent = carver.take(g.sums, {sizes.batch, g.gate_columns()});
      if (g.traits.phases > 1) {
        slot.exchange = carver.take(g.type, {sizes.batch, g.hidden});
        slot.gates = carver.take(g.sums, {sizes.batch, g.saved_columns()});
      }
      if (g.projected()) {
        if (!training) slot.m = carver.take(g.type, {sizes.batch, g.hidden});
        slot.projected = carver.take(g.sums, {sizes.batch, g.projection});
      }
      if (i < g.directions || g.dropout)
        slot.gathered = carver.take(g.type, {g.chunk_rows, g.gathered_columns()});
      if (g.bias != Bias::none && !prepared) slot.bias = carver.take(g.sums, {g.gate_columns()});
      slot.scratch = carver.take_bytes(g.scratch_bytes);
    }
    for (std::int64_t i = 0; i < state_count(g); ++i) {
      states[i].h = carver.take(g.type, {sizes.batch, g.h_size()});
      if (g.traits.cell_state) states[i].c = carver.take(g.sums, {sizes.batch, g.hidden});
    }
    if (!training) between = BetweenLayers(carver, g, sizes, g.type);
  }

  static std::int64_t state_count(const Geometry& g) { return g.directions == 2 ? 2 : g.layers; }
  const State& state(const Geometry& g, std::int64_t layer, std::int64_t direction) const {
    return states[g.directions == 2 ? direction : layer];
  }
};

struct BackwardBuffers {
  Carver carver;
  struct Slot {
    void* dh;          // A [B][P]
    void* dc;          // A [B][H]
    void* d_exchange;  // A [B][H], cells of two phases
    void* dm;          // A [B][H], gradient of what is projected
    void* dpeephole;   // A [B][peepholes][H]
    void* dgates;      // E [rows][sums][H]
    void* h_prev;      // E [rows][P]
    void* dh_steps;    // E [rows][P], the whole gradients of h where it is projected
    void* exchange;    // E [rows][H], cells of two phases
    void* R;           // E [G*H][H] in the order of dgates' blocks (split gate), or transposed
    void* gathered;    // E [chunk rows][J], as in forward
    void* partial;     // A [parts][sums][H]
    void* totals;      // A: a gradient of weights before it is rounded, 16-bit types
    std::byte* scratch;
  };
  Slot slots[gpu::kMostSlots];
  void* dx_sums;  // A [chunk rows][J]: both directions' part of dx before it is rounded, 16-bit types
  BetweenLayers between;

  // Runs of rows that column sums are formed over, each by one thread and column; enough to fill a GPU for H
  // of some hundreds.
  static constexpr std::int64_t kMostParts = 128;

  BackwardBuffers(std::byte* base, const Geometry& g, const RunSizes& sizes)
      : carver(base), slots{}, dx_sums(nullptr), between(carver, g, sizes, g.type) {
    for (int i = 0; i < g.backward_slots; ++i) {
      Slot& slot = slots[i];
      slot.dh = carver.take(g.sums, {sizes.batch, g.h_size()});
      if (g.traits.cell_state) slot.dc = carver.take(g.sums, {sizes.batch, g.hidden});
      if (g.traits.peepholes > 0) {
        slot.dpeephole = carver.take(g.sums, {sizes.batch, g.traits.peepholes, g.hidden});
      }
      slot.dgates = carver.take(g.type, {sizes.steps, sizes.batch, g.sum_columns()});
      slot.h_prev = carver.take(g.type, {sizes.steps, sizes.batch, g.h_size()});
      if (g.projected()) {
        slot.dm = carver.take(g.sums, {sizes.batch, g.hidden});
        slot.dh_steps = carver.take(g.type, {sizes.steps, sizes.batch, g.projection});
      }
      if (g.traits.phases > 1) {
        slot.d_exchange = carver.take(g.sums, {sizes.batch, g.hidden});
        slot.exchange = carver.take(g.type, {sizes.steps, sizes.batch, g.hidden});
      }
      if (g.traits.split_gate >= 0 || g.transposes_R)
        slot.R = carver.take(g.type, {g.gate_columns(), g.hidden});
      slot.gathered = carver.take(g.type, {g.chunk_rows, g.gathered_columns()});
      slot.partial = carver.take(g.sums, {kMostParts, g.sum_columns()});
      if (g.narrow()) {
        slot.totals = carver.take(g.sums, {g.gate_columns(), std::max(g.widest_columns(), g.hidden)});
      }
      slot.scratch = carver.take_bytes(g.scratch_bytes);
    }
    if (g.narrow() && g.directions == 2) dx_sums = carver.take(g.sums, {g.chunk_rows, g.widest_columns()});
  }
};

}  // namespace recur::host::gpu_pass
