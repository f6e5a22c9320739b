// The caller's buffers, laid out by name: prepared weights, reserve, and the workspaces of forward and
// backward. The same constructors with a null base give the sizes a plan reports.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <type_traits>

#include "host/cpu/packed_weights.hpp"
#include "host/layers/buffers.hpp"

namespace recur::host::cpu {

// Weights of all layers in the kernels' order.
template <class E>
struct PackedWeights {
  PackedDirection<E> direction[kMaxLayers][2];

  PackedWeights() = default;
  PackedWeights(Carver& carver, const Geometry& g) {
    for (std::int64_t layer = 0; layer < g.layers; ++layer) {
      for (std::int64_t d = 0; d < g.directions; ++d) {
        direction[layer][d] = carve_direction<E>(carver, g, layer);
      }
    }
  }
};

template <class E>
struct PreparedBuffer {
  Carver carver;
  BufferHeader* header;
  PackedWeights<E> weights;

  PreparedBuffer(std::byte* base, const Geometry& g)
      : carver(base), header(carver.take<BufferHeader>(1)), weights(carver, g) {}
};

template <class E>
struct ReserveBuffer : layers::Reserve<E, Arithmetic<E>, Arithmetic<E>> {
  ReserveBuffer(std::byte* base, const Geometry& g, const RunSizes& sizes)
      : layers::Reserve<E, Arithmetic<E>, Arithmetic<E>>(base, g, sizes, true) {}
};
using layers::BetweenLayers;

// States of one direction group. Rows are `Geometry::state_row` apart, units past H are never read.
template <class E>
struct ForwardState {
  using A = Arithmetic<E>;
  E* h[2];      // read at one step, written for the next
  A* c;         // each row and unit has one owner, so it is updated in place
  E* exchange;  // phase 0 to phase 1
  E* m;         // [B][H]: what is projected, where no reserve holds it
  A* gates;     // values that live from phase 0 to phase 1 where no reserve holds them
  A* input;     // W x of one chunk of time: [rows][Geometry::input_row]
  E* gathered;  // rows of x of one chunk that do not lie at one distance, or not all of which are read:
                // [rows][J]
};

template <class E>
struct ForwardBuffers {
  using A = Arithmetic<E>;
  Carver carver;
  ForwardState<E> state[2];   // per direction group
  BetweenLayers<E> between;   // inference only
  RowStep* row_steps;         // [threads][B]
  std::int32_t* active_rows;  // [threads][B]
  std::int32_t* input_rows;   // [threads][chunk rows]
  PackedWeights<E> packed;    // canonical weights only

  ForwardBuffers(std::byte* base, const Geometry& g, const RunSizes& sizes, bool training, bool canonical)
      : carver(base),
        state{},
        between(training ? BetweenLayers<E>{} : BetweenLayers<E>(carver, g, sizes, g.type)) {
    for (int group = 0; group < g.tiling.direction_groups; ++group) {
      ForwardState<E>& s = state[group];
      const std::int64_t state_size = checked_product("workspace", {sizes.batch, g.state_row()});
      for (E*& h : s.h) h = carver.take<E>(state_size);
      if (g.traits.cell_state) s.c = carver.take<A>(state_size);
      if (g.traits.phases > 1) {
        s.exchange = carver.take<E>(state_size);
        if (!training) s.gates = carver.take<A>({sizes.batch, g.saved_columns()});
      }
      if (g.projected() && !training) s.m = carver.take<E>({sizes.batch, g.hidden});
      s.input = carver.take<A>({g.tiling.chunk_rows, g.input_row()});
      s.gathered = carver.take<E>({g.tiling.chunk_rows, g.widest_columns()});
    }
    const std::int64_t per_member = checked_product("workspace", {g.tiling.threads(), sizes.batch});
    row_steps = carver.take<RowStep>(per_member);
    active_rows = carver.take<std::int32_t>(per_member);
    input_rows = carver.take<std::int32_t>({g.tiling.threads(), g.tiling.chunk_rows});
    if (canonical) packed = PackedWeights<E>(carver, g);
  }
};

// What the gradients of one layer and direction are formed with. A chunk is the (t, b) rows whose terms are
// summed at a time.
template <class E>
struct GradientScratch {
  using A = Arithmetic<E>;
  // Shared by the team: the right sides of one chunk, as panels [panel][unit of rows of the chunk][width].
  Unit<E>* x = nullptr;
  Unit<E>* h = nullptr;         // where there is R
  Unit<E>* exchange = nullptr;  // of cells with two phases
  Unit<E>* m = nullptr;         // where h is projected
  A* bias = nullptr;            // [sums][H]: sums over (t, b), each written by one member
  // Each member's own:
  Unit<E>* left = nullptr;       // [threads][units of a chunk][kTileRows]: columns of dgates
  A* dx = nullptr;               // [threads][kInputGradientRows][J]
  std::int32_t* rows = nullptr;  // [threads][row_count]
  // Sums over the chunks, where values are converted: rows of whole panels.
  A* dW = nullptr;
  A* dR = nullptr;
  A* dprojection = nullptr;

  GradientScratch() = default;
  GradientScratch(Carver& carver, const Geometry& g) {
    const auto take = [&](std::int64_t count, std::int64_t columns) {
      return carver.take<A>({count, columns});
    };
    const Tiling& t = g.tiling;
    const std::int64_t widest = g.widest_padded_columns();
    const std::int64_t h_columns = g.h_panels() * t.back_units;
    const std::int64_t unit_columns = t.back_panels * t.back_units;
    const auto take_units = [&](std::int64_t columns) {
      return carver.take<Unit<E>>({units_of<E>(t.gradient_rows), columns});
    };
    x = take_units(widest);
    if (g.traits.recurrent) h = take_units(h_columns);
    bias = carver.take<A>(g.sum_columns());
    left = take_units(t.threads() * kTileRows);
    dx = carver.take<A>({t.threads(), kInputGradientRows, g.widest_columns()});
    rows = carver.take<std::int32_t>({t.threads(), row_count(t)});
    if (g.traits.phases > 1) exchange = take_units(h_columns);
    if (g.projected()) m = take_units(unit_columns);
    if constexpr (!std::is_same_v<A, E>) {
      dW = take(g.gate_columns(), widest);
      dR = take(g.recurrent_columns(), h_columns);
      if (g.projected()) dprojection = take(g.projection, unit_columns);
    }
  }

  std::int32_t* rows_of(const Geometry& g, int member) const { return rows + member * row_count(g.tiling); }
  Unit<E>* left_of(const Geometry& g, int member) const {
    return left + member * units_of<E>(g.tiling.gradient_rows) * kTileRows;
  }

 private:
  static std::int64_t row_count(const Tiling& t) { return std::max(t.gradient_rows, kInputGradientRows); }
};

// Backward computes in arithmetic. What products multiply is stored: the gradients of sums are rounded once,
// where the cell leaves them; gradients that are given back are rounded when they are complete.
template <class E>
struct BackwardBuffers {
  using A = Arithmetic<E>;
  static constexpr bool kConverts = !std::is_same_v<A, E>;

  Carver carver;
  struct State {
    A* dh;
    A* dc;
    A* d_exchange;
    A* dm;  // gradient of what is projected
  };
  State state[2];            // per direction group
  BetweenLayers<E> between;  // gradients of the outputs of the layers below
  E* dgates[2];              // per direction: [T][B][sums][H]
  E* exchange[2];            // per direction: [T][B][H], what forward exchanged between its phases
  E* dh_steps[2];            // per direction: [T][B][P], the whole gradients of h where it is projected
  Unit<E>* projection[2];    // per direction: its panels
  // Per direction and recurrent segment: R in the order the products read it. Null without R.
  Unit<E>* panels[2][2];
  Unit<E>* W[2];   // per direction: its panels [panel][units of G*H][width], for dx
  A* peephole[2];  // per direction, dense copy for the kernels
  A* c0[2];        // per direction: [B][H]; only where it is converted
  GradientScratch<E> scratch;
  RowStep* row_steps;         // [threads][B]
  std::int32_t* active_rows;  // [threads][B]
  const E** h_prev;           // [threads][B]
  const A** c_prev;           // [threads][B]

  BackwardBuffers(std::byte* base, const Geometry& g, const RunSizes& sizes)
      : carver(base),
        state{},
        between(carver, g, sizes, g.type),
        dgates{},
        exchange{},
        dh_steps{},
        projection{},
        panels{},
        W{},
        peephole{},
        c0{} {
    const std::int64_t state_size = checked_product("workspace", {sizes.batch, g.state_row()});
    const auto take = [&](std::initializer_list<std::int64_t> shape) {
      return carver.take<E>(checked_product("workspace", shape));
    };
    const auto take_units = [&](std::initializer_list<std::int64_t> shape) {
      return carver.take<Unit<E>>(checked_product("workspace", shape));
    };
    for (int group = 0; group < g.tiling.direction_groups; ++group) {
      state[group].dh = carver.take<A>(state_size);
      if (g.traits.cell_state) state[group].dc = carver.take<A>(state_size);
      if (g.traits.phases > 1) state[group].d_exchange = carver.take<A>(state_size);
      if (g.projected()) state[group].dm = carver.take<A>(state_size);
    }
    for (std::int64_t d = 0; d < g.directions; ++d) {
      dgates[d] = take({sizes.steps, sizes.batch, g.sum_columns()});
      if (g.traits.phases > 1) exchange[d] = take({sizes.steps, sizes.batch, g.hidden});
      if (g.traits.recurrent) {
        for (const Segment& segment : segments_of(g.traits)) {
          panels[d][segment.index] =
              take_units({g.h_panels(), g.tiling.back_units, units_of<E>(segment.gates * g.hidden)});
        }
      }
      if (g.projected()) {
        dh_steps[d] = take({sizes.steps, sizes.batch, g.projection});
        projection[d] = take_units({g.tiling.back_panels, g.tiling.back_units, units_of<E>(g.projection)});
      }
      if (g.traits.peepholes > 0) peephole[d] = carver.take<A>(g.traits.peepholes * g.hidden);
      W[d] = take_units({units_of<E>(g.gate_columns()), g.widest_padded_columns()});
      if (kConverts && g.traits.cell_state) c0[d] = carver.take<A>({sizes.batch, g.hidden});
    }
    scratch = GradientScratch<E>(carver, g);
    const std::int64_t per_member = checked_product("workspace", {g.tiling.threads(), sizes.batch});
    row_steps = carver.take<RowStep>(per_member);
    active_rows = carver.take<std::int32_t>(per_member);
    h_prev = carver.take<const E*>(per_member);
    c_prev = carver.take<const A*>(per_member);
  }
};

}  // namespace recur::host::cpu
