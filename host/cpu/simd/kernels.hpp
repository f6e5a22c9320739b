// What the CPU engine asks of a SIMD instruction set: a table of plain functions per element type. Compiled
// once per instruction set (see kernels.cpp) and chosen when a plan is made. No intrinsics and no cells here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "host/cpu/storage.hpp"
#include "kernels/cells/variants.cuh"
#include "recur/types.hpp"

namespace recur::host::cpu {

// What a row of a batch does at one step.
enum class RowStep : std::uint8_t {
  skip,            // past its sequence's end: state frozen, outputs zero
  run,             //
  run_then_clear,  // forward: the next step starts an episode; backward: this step started one
};

// Sums (vectors) that a product of few rows keeps in flight: a multiply-add takes four cycles and two start
// in each; half as many again for what delays them.
inline constexpr int kSumsInFlight = 12;

// `count` things cut into as few parts of at most `most` as there can be, of nearly equal sizes, the larger
// ones first. Divides only where there are several.
struct Split {
  std::int64_t parts = 1;
  std::int64_t size;
  std::int64_t larger = 0;  // parts with one more

  constexpr Split(std::int64_t count, std::int64_t most) : size(count) {
    if (count <= most) return;
    parts = (count + most - 1) / most;
    size = count / parts;
    larger = count - size * parts;
  }
  constexpr std::int64_t begin(std::int64_t part) const {
    return part * size + (part < larger ? part : larger);
  }
  constexpr std::int64_t size_of(std::int64_t part) const { return size + (part < larger ? 1 : 0); }
  constexpr std::int64_t largest() const { return size_of(0); }
};

// The most bytes of one row of a panel of sums, of any instruction set and type: six of the widest vectors.
inline constexpr std::int64_t kMostPanelBytes = 6 * 64;

// C (rows x columns) = A (rows x depth) * B (depth x columns), or += where `accumulate`. Columns are 1 to
// `Kernels::max_panel_vectors` whole vectors, contiguous within a panel; strides are in elements. The depth
// is cut into blocks of 256 values of k: every element is the sum, in order of k, of one chain of fused
// multiply-adds for each block, whatever the other arguments. Batch invariance rests on this.
//
// The rows of A and C may be any: where `a_rows` or `c_rows` is given, row i of the product is row a_rows[i]
// of A or c_rows[i] of C. So rows that have nothing to do are left out.
//
// bf16: sums are f32. A and B are in units of two values of k (storage.hpp). Rows and panels of B are counted
// in units; A's two values lie side by side, and a_column is half the distance between units. The chain takes
// units in order and of each the later k first.
template <class E>
struct ProductArgs {
  const E* a;
  std::ptrdiff_t a_row;
  std::ptrdiff_t a_column;
  const Unit<E>* b;
  std::ptrdiff_t b_row;
  Arithmetic<E>* c;
  std::ptrdiff_t c_row;
  std::int64_t rows;
  std::int64_t columns;
  std::int64_t depth;
  bool accumulate;
  const std::int32_t* a_rows = nullptr;  // null: rows 0, 1, ...
  const std::int32_t* c_rows = nullptr;
  // The same A with several B of as many columns each: panel i of B and C are these far apart, times i.
  std::int64_t panels = 1;
  std::ptrdiff_t b_panel = 0;
  std::ptrdiff_t c_panel = 0;
};

// A function in place of the cell's own. alpha and beta as in `GateActivation`; never `standard`.
template <class E>
struct TypedActivation {
  Activation function;
  E alpha;
  E beta;
};

// Those of a cell, in the order of `Spec::activations`, and the bound of what the gates' take: infinity is
// none.
template <class E>
struct TypedActivations {
  TypedActivation<E> of[3];
  E clip;
};

// One panel of hidden units for some rows of the batch. Pointers are at the first unit of the panel and row 0
// of the batch; null where the thing does not exist. Rows are `*_row` elements apart, gates (sums, saved
// values) `hidden`.
template <class E>
struct ForwardTile {
  using A = Arithmetic<E>;

  const std::int32_t* rows;  // which rows of the batch; none is skipped
  std::int64_t row_count;
  std::int64_t units;   // of this panel that exist, at most the panel's width
  std::int64_t hidden;  // H
  const RowStep* row_step;

  // R * operand: [index in `rows`][gate of the phase][panel width]. Null where the phase has no product; then
  // the units may be those of several panels.
  const A* recurrent;
  std::ptrdiff_t recurrent_row;
  std::ptrdiff_t recurrent_gate;
  const A* input;  // W x: [row][G*H]
  std::ptrdiff_t input_row;
  const A* bias;      // [sums][H]
  const A* peephole;  // [peepholes][H]

  const E* h_prev;
  E* h_next;  // null where h is projected: then what the cell gives goes to y alone
  E* exchange;
  A* c;  // read and overwritten
  std::ptrdiff_t state_row;

  E* y;
  std::ptrdiff_t y_row;
  E* c_sequence;
  std::ptrdiff_t c_sequence_row;
  A* saved;  // [row][saved][H]
  std::ptrdiff_t saved_row;
  A* saved_c;
  std::ptrdiff_t saved_c_row;
  const TypedActivations<A>* activations;  // null: the cell's own
};

// As ForwardTile. dh and dc hold the gradients that reach h_t and c_t from later steps and take the parts for
// h_{t-1} and c_{t-1} that do not pass through R.
template <class E>
struct BackwardTile {
  using A = Arithmetic<E>;

  const std::int32_t* rows;
  std::int64_t row_count;
  std::int64_t units;
  std::int64_t hidden;
  const RowStep* row_step;

  const A* saved;
  std::ptrdiff_t saved_row;
  const A* saved_c;  // c_t
  std::ptrdiff_t saved_c_row;
  const E* const* h_prev;  // per row, the row of h_{t-1}; null for zeros
  const A* const* c_prev;  // per row
  std::int64_t unit;       // offset of this panel within those rows
  const A* peephole;

  const E* dy;
  std::ptrdiff_t dy_row;
  const E* dc_sequence;
  std::ptrdiff_t dc_sequence_row;
  const A* d_exchange;
  E* exchange;  // [row][H]: what forward exchanged, again
  std::ptrdiff_t exchange_row;

  A* dh;
  A* dc;
  std::ptrdiff_t state_row;
  E* dgates;  // [row][sums][H]
  std::ptrdiff_t dgates_row;
  const TypedActivations<A>* activations;
};

// The tiles of every cell, by variant and phase.
template <class E>
struct CellTiles {
  void (*forward[cells::kVariantCount][cells::kMaxPhases])(const ForwardTile<E>&);
  void (*backward[cells::kVariantCount][cells::kMaxPhases])(const BackwardTile<E>&);
};

template <class E>
struct Kernels {
  using Product = void (*)(const ProductArgs<E>&);
  using Map = void (*)(const Arithmetic<E>* x, Arithmetic<E>* y, std::int64_t count);

  std::string_view target;
  std::string_view products;  // what Plan::explain says of them; empty where there is nothing to say
  int lanes;
  int max_panel_vectors;  // widest product tile that keeps its sums in registers
  Product product;
  CellTiles<E> own;    // cells with their own activations
  CellTiles<E> given;  // and with those of the tile's `functions`
  Map sigmoid;         // the nonlinearities alone, for tests of their error bounds
  Map tanh;
  void (*function)(const TypedActivation<Arithmetic<E>>&, const Arithmetic<E>* x, Arithmetic<E>* value,
                   Arithmetic<E>* slope, std::int64_t count);
  // Four words for each of `groups` groups from `group` on (kernels/device/dropout.cuh).
  void (*dropout_words)(std::uint64_t seed, std::int64_t layer, std::int64_t t, std::int64_t b,
                        std::int64_t group, std::int64_t groups, std::uint32_t* words);
};

// An instruction set of this build.
struct SimdTarget {
  std::string_view name;
  std::int64_t highway_bit;
  bool avx512_bf16;  // needs that as well
  const Kernels<float>* f32;
  const Kernels<double>* f64;
  const Kernels<Bf16>* bf16;
};

// The instruction sets of this build, best first; the last is the architecture's baseline.
std::span<const SimdTarget* const> compiled_targets();
// The compiled target of this name, or null.
const SimdTarget* find_target(std::string_view name);
// Whether this machine has the instruction set.
bool is_supported(const SimdTarget& target);
// The best compiled target that this machine has.
const SimdTarget& best_target();

template <class E>
const Kernels<E>& kernels_of(const SimdTarget& target);
template <>
inline const Kernels<float>& kernels_of<float>(const SimdTarget& target) {
  return *target.f32;
}
template <>
inline const Kernels<double>& kernels_of<double>(const SimdTarget& target) {
  return *target.f64;
}
template <>
inline const Kernels<Bf16>& kernels_of<Bf16>(const SimdTarget& target) {
  return *target.bf16;
}

}  // namespace recur::host::cpu
