// Weights in the order the kernels read them, and the accessors to them. One layout serves prepared weights
// (the caller's buffer) and canonical ones (packed into the workspace on every call).
#pragma once

#include <cstdint>

#include "host/carver.hpp"
#include "host/cpu/simd/kernels.hpp"
#include "host/cpu/tiling.hpp"
#include "host/layers/weights.hpp"

namespace recur::host::cpu {

using layers::direction_of;
using layers::row_stride;

// What a plan's own structures are shaped by: the sizes of its stack and the tiling.
struct Geometry : layers::StackSizes {
  Tiling tiling;

  // Panels of the products whose columns are elements of h, each `Tiling::back_units` wide.
  std::int64_t h_panels() const { return round_up(h_size(), tiling.back_units) / tiling.back_units; }
  // Elements between rows of h, c and the exchanged values: whole panels of either kind.
  std::int64_t state_row() const {
    return std::max(tiling.panels * tiling.panel_units, tiling.back_panels * tiling.back_units);
  }
  // Width of the panels of products whose columns are elements of the inputs of a layer.
  std::int64_t columns_width(std::int64_t layer) const { return tiling.width_for(columns(layer)); }
  // As many as whole panels of any layer's inputs have.
  std::int64_t widest_padded_columns() const {
    const std::int64_t first = round_up(columns(0), columns_width(0));
    return layers == 1 ? first : std::max(first, round_up(columns(1), columns_width(1)));
  }
  // Elements between rows of W x.
  std::int64_t input_row() const { return round_up(gate_columns(), tiling.input_width); }
};

// A run of gates whose gradients multiply the same rows of R in one product, where there is R: `gates` gates of R from `gate`,
// their gradients from sum `sum` on. At most two per cell: a gate whose recurrent part is kept apart, or the
// gates of a second phase, stand alone.
struct Segment {
  int index;
  int gate;
  int gates;
  int sum;
  int phase;  // forward phase that multiplies these gates
};
struct Segments {
  Segment list[2];
  const Segment* begin() const { return list; }
  const Segment* end() const { return list + (list[1].gates == 0 ? 1 : 2); }
};
constexpr Segments segments_of(const cells::Traits& traits) {
  const int first =
      traits.phases > 1 ? traits.phase_gate[1] : (traits.split_gate >= 0 ? traits.split_gate : traits.gates);
  return {{{0, 0, first, 0, 0},
           {1, first, traits.gates - first, traits.recurrent_sum(first), traits.phases - 1}}};
}

// One direction of one layer. What products read is in units of storage.hpp; the sizes J, P and H of their
// depth then count those.
template <class E>
struct PackedDirection {
  using Unit = cpu::Unit<E>;
  using A = Arithmetic<E>;

  // W as the input product reads it: panels [G*H / width][J][width], rows past G*H zero.
  const Unit* W;
  // R per phase: panels [panel][P][gate of the phase][panel units], units past H zero. Null without R.
  const Unit* R[cells::kMaxPhases];
  const A* bias;      // [sums][H]: what is added to each sum, zeros where there is no bias
  const A* peephole;  // [peepholes][H], or null
  // Panels [h panel][H][back units], elements past P zero; or null.
  const Unit* projection;

  static constexpr std::int64_t R_panel_size(const Geometry& g, int phase) {
    return units_of<E>(g.h_size()) * g.traits.gates_of_phase(phase) * g.tiling.panel_units;
  }
  const Unit* R_panel(const Geometry& g, int phase, std::int64_t panel) const {
    return R[phase] + panel * R_panel_size(g, phase);
  }
  const Unit* projection_panel(const Geometry& g, std::int64_t panel) const {
    return projection + panel * units_of<E>(g.hidden) * g.tiling.back_units;
  }
  static constexpr std::int64_t W_panel_size(const Geometry& g, std::int64_t layer) {
    return units_of<E>(g.columns(layer)) * g.tiling.input_width;
  }
};

// Lays out one layer and direction in `carver`.
template <class E>
PackedDirection<E> carve_direction(Carver& carver, const Geometry& g, std::int64_t layer);

// Fills this member's share (of `members`) of one layer and direction. Constness is the readers'; the memory
// is the buffer the layout was carved from.
template <class E>
void pack_direction(const Geometry& g, const LayerWeights& weights, std::int64_t layer,
                    std::int64_t direction, const PackedDirection<E>& packed, int member, int members);

// A row-major [depth][columns] matrix for the products of `backward`: panels [panel][units of depth][width],
// columns past the last one zero. This member's share of the panels.
template <class E>
void pack_back_panels(const E* matrix, std::int64_t row, std::int64_t depth, std::int64_t columns,
                      std::int64_t width, Unit<E>* panels, int member, int members);

}  // namespace recur::host::cpu
