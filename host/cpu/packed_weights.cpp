#include "host/cpu/packed_weights.hpp"

#include <algorithm>
#include <cstring>

#include "host/cpu/copy.hpp"
#include "host/cpu/units.hpp"

namespace recur::host::cpu {
namespace {

// A square of values in registers of 16 bytes, which every processor here has; the compiler knows them as
// vectors.
template <class E>
struct Square;
template <>
struct Square<float> {
  using Row = float __attribute__((vector_size(16)));
  static constexpr int kSide = 4;
  static void transpose(Row (&r)[kSide]) {
    const Row a = __builtin_shufflevector(r[0], r[1], 0, 4, 1, 5),
              b = __builtin_shufflevector(r[0], r[1], 2, 6, 3, 7);
    const Row c = __builtin_shufflevector(r[2], r[3], 0, 4, 1, 5),
              d = __builtin_shufflevector(r[2], r[3], 2, 6, 3, 7);
    r[0] = __builtin_shufflevector(a, c, 0, 1, 4, 5);
    r[1] = __builtin_shufflevector(a, c, 2, 3, 6, 7);
    r[2] = __builtin_shufflevector(b, d, 0, 1, 4, 5);
    r[3] = __builtin_shufflevector(b, d, 2, 3, 6, 7);
  }
};
template <>
struct Square<double> {
  using Row = double __attribute__((vector_size(16)));
  static constexpr int kSide = 2;
  static void transpose(Row (&r)[kSide]) {
    const Row a = __builtin_shufflevector(r[0], r[1], 0, 2), b = __builtin_shufflevector(r[0], r[1], 1, 3);
    r[0] = a;
    r[1] = b;
  }
};

// Units of bf16 are moved as floats are: nothing is computed with either.
template <>
struct Square<std::uint32_t> : Square<float> {};

// to[k][j] = from[j][k] of one square of units.
template <class E>
void transpose_square(const E* from, std::int64_t from_row, Unit<E>* to, std::int64_t to_row) {
  using S = Square<Unit<E>>;
  typename S::Row rows[S::kSide];
  for (int j = 0; j < S::kSide; ++j) std::memcpy(&rows[j], from + j * from_row, sizeof(rows[j]));
  S::transpose(rows);
  for (int k = 0; k < S::kSide; ++k) std::memcpy(to + k * to_row, &rows[k], sizeof(rows[k]));
}

// The unit of `values` values.
template <class E>
Unit<E> unit_of(const E* from, std::int64_t values) {
  Unit<E> unit = 0;
  std::memcpy(&unit, from, static_cast<std::size_t>(values) * sizeof(E));
  return unit;
}

// Columns first..first+count of rows [0, rows) of a transposed row-major matrix, padded to `width`:
// to[k][j] = from[(first + j) * row + k], in units of depth.
template <class E>
void transpose_panel(const E* from, std::int64_t row, std::int64_t count, std::int64_t depth, Unit<E>* to,
                     std::int64_t to_row, std::int64_t width) {
  // A cache line of each row at a time: rows are often a power of two apart, and their lines in each other's
  // way. Within it in squares, for a store of one value each would be what takes the time.
  constexpr std::int64_t kDepth = StorageTraits<E>::kUnitDepth;
  constexpr std::int64_t kBlock = 64 / sizeof(Unit<E>);
  constexpr std::int64_t kSide = Square<Unit<E>>::kSide;
  const std::int64_t whole = depth / kDepth;
  for (std::int64_t first = 0; first < whole; first += kBlock) {
    const std::int64_t last = std::min(first + kBlock, whole);
    std::int64_t j = 0;
    for (; j + kSide <= count; j += kSide) {
      std::int64_t k = first;
      for (; k + kSide <= last; k += kSide)
        transpose_square(from + j * row + k * kDepth, row, to + k * to_row + j, to_row);
      for (; k < last; ++k) {
        for (std::int64_t i = j; i < j + kSide; ++i)
          to[k * to_row + i] = unit_of(from + i * row + k * kDepth, kDepth);
      }
    }
    for (; j < count; ++j) {
      for (std::int64_t k = first; k < last; ++k)
        to[k * to_row + j] = unit_of(from + j * row + k * kDepth, kDepth);
    }
  }
  for (std::int64_t j = 0; j < count && whole < units_of<E>(depth); ++j)
    to[whole * to_row + j] = unit_of(from + j * row + whole * kDepth, depth - whole * kDepth);
  for (std::int64_t k = 0; k < units_of<E>(depth); ++k)
    std::fill(to + k * to_row + count, to + k * to_row + width, Unit<E>(0));
}

template <class E>
E* writable(const E* pointer) {
  return const_cast<E*>(pointer);  // packing writes what every reader sees as constant
}

template <class E>
void pack_W(const Geometry& g, const ConstTensorView& W, std::int64_t layer, std::int64_t direction,
            const PackedDirection<E>& packed, int member, int members) {
  const E* from = direction_of<E>(W, direction);
  const std::int64_t columns = g.columns(layer);
  const std::int64_t width = g.tiling.input_width;
  const Range panels = part_of(g.input_row() / width, members, member);
  for (std::int64_t panel = panels.begin; panel < panels.end; ++panel) {
    const std::int64_t first = panel * width;
    transpose_panel(from + first * W.stride(1), W.stride(1), std::min(width, g.gate_columns() - first),
                    columns, writable(packed.W) + panel * PackedDirection<E>::W_panel_size(g, layer), width,
                    width);
  }
}

template <class E>
void pack_R(const Geometry& g, const ConstTensorView& R, std::int64_t direction,
            const PackedDirection<E>& packed, int member, int members) {
  const E* from = direction_of<E>(R, direction);
  const std::int64_t units = g.tiling.panel_units;
  const Range panels = part_of(g.tiling.panels, members, member);
  for (int phase = 0; phase < g.traits.phases; ++phase) {
    const int gates = g.traits.gates_of_phase(phase);
    for (std::int64_t panel = panels.begin; panel < panels.end; ++panel) {
      Unit<E>* to = writable(packed.R_panel(g, phase, panel));
      const std::int64_t first = panel * units;
      for (int gate = 0; gate < gates; ++gate) {
        const std::int64_t row = (g.traits.phase_gate[phase] + gate) * g.hidden + first;
        transpose_panel(from + row * R.stride(1), R.stride(1), std::min(units, g.hidden - first), g.h_size(),
                        to + gate * units, gates * units, units);
      }
    }
  }
}

template <class E>
void pack_projection(const Geometry& g, const ConstTensorView& projection, std::int64_t direction,
                     const PackedDirection<E>& packed, int member, int members) {
  const E* from = direction_of<E>(projection, direction);
  const std::int64_t row = row_stride(projection);
  const std::int64_t width = g.tiling.back_units;
  const Range panels = part_of(g.h_panels(), members, member);
  for (std::int64_t panel = panels.begin; panel < panels.end; ++panel) {
    const std::int64_t first = panel * width;
    transpose_panel(from + first * row, row, std::min(width, g.projection - first), g.hidden,
                    writable(packed.projection_panel(g, panel)), width, width);
  }
}

// bias[sum] is what the engine adds to that sum: bW + bR, except for a gate whose recurrent part is kept
// apart, where bW goes with the input part and bR with the recurrent one.
template <class E>
void pack_bias(const Geometry& g, const LayerWeights& weights, std::int64_t direction,
               const PackedDirection<E>& packed) {
  using A = Arithmetic<E>;
  A* to = writable(packed.bias);
  const E* bW = weights.bW.given() ? direction_of<E>(weights.bW, direction) : nullptr;
  const E* bR = weights.bR.given() ? direction_of<E>(weights.bR, direction) : nullptr;
  for (int sum = 0; sum < g.traits.sums; ++sum) {
    const bool recurrent_part = sum == g.traits.gates;
    const std::int64_t gate = recurrent_part ? g.traits.split_gate : sum;
    const bool takes_W = !recurrent_part;
    const bool takes_R = gate != g.traits.split_gate || recurrent_part;
    for (std::int64_t unit = 0; unit < g.hidden; ++unit) {
      A value = 0;
      if (bW != nullptr && takes_W) value += widened(bW[gate * g.hidden + unit]);
      if (bR != nullptr && takes_R) value += widened(bR[gate * g.hidden + unit]);
      to[sum * g.hidden + unit] = value;
    }
  }
}

}  // namespace

template <class E>
PackedDirection<E> carve_direction(Carver& carver, const Geometry& g, std::int64_t layer) {
  PackedDirection<E> packed{};
  packed.W = carver.take<Unit<E>>({g.input_row(), units_of<E>(g.columns(layer))});
  for (int phase = 0; phase < g.traits.phases && g.traits.recurrent; ++phase) {
    packed.R[phase] = carver.take<Unit<E>>({g.tiling.panels, PackedDirection<E>::R_panel_size(g, phase)});
  }
  packed.bias = carver.take<Arithmetic<E>>(g.sum_columns());
  if (g.traits.peepholes > 0) packed.peephole = carver.take<Arithmetic<E>>(g.traits.peepholes * g.hidden);
  if (g.projected())
    packed.projection = carver.take<Unit<E>>({g.h_panels(), g.tiling.back_units, units_of<E>(g.hidden)});
  return packed;
}

template <class E>
void pack_direction(const Geometry& g, const LayerWeights& weights, std::int64_t layer,
                    std::int64_t direction, const PackedDirection<E>& packed, int member, int members) {
  pack_W(g, weights.W, layer, direction, packed, member, members);
  if (g.traits.recurrent) pack_R(g, weights.R, direction, packed, member, members);
  if (g.projected()) pack_projection(g, weights.projection, direction, packed, member, members);
  if (member != 0) return;
  pack_bias(g, weights, direction, packed);
  if (g.traits.peepholes > 0) {
    copy_values(direction_of<E>(weights.peephole, direction), g.traits.peepholes * g.hidden,
                writable(packed.peephole));
  }
}

template <class E>
void pack_back_panels(const E* matrix, std::int64_t row, std::int64_t depth, std::int64_t columns,
                      std::int64_t width, Unit<E>* panels, int member, int members) {
  constexpr std::int64_t kDepth = StorageTraits<E>::kUnitDepth;
  const Range range = part_of(round_up(columns, width) / width, members, member);
  for (std::int64_t panel = range.begin; panel < range.end; ++panel) {
    const std::int64_t first = panel * width;
    const std::int64_t count = std::min(width, columns - first);
    Unit<E>* to = panels + panel * units_of<E>(depth) * width;
    for (std::int64_t k = 0; k < depth; k += kDepth, to += width) {
      RowsOfUnit<E> rows{};
      for (std::int64_t i = 0; i < std::min(kDepth, depth - k); ++i) rows[i] = matrix + (k + i) * row + first;
      put_unit<E>(rows, count, to);
      std::fill_n(to + count, width - count, Unit<E>(0));
    }
  }
}

// NOLINTBEGIN(bugprone-macro-parentheses): E is a type
#define RECUR_INSTANTIATE(E)                                                                                 \
  template PackedDirection<E> carve_direction(Carver&, const Geometry&, std::int64_t);                       \
  template void pack_direction(const Geometry&, const LayerWeights&, std::int64_t, std::int64_t,             \
                               const PackedDirection<E>&, int, int);                                         \
  template void pack_back_panels(const E*, std::int64_t, std::int64_t, std::int64_t, std::int64_t, Unit<E>*, \
                                 int, int);
RECUR_INSTANTIATE(float)
RECUR_INSTANTIATE(double)
RECUR_INSTANTIATE(Bf16)
#undef RECUR_INSTANTIATE
// NOLINTEND(bugprone-macro-parentheses)

}  // namespace recur::host::cpu
