// What GPU kernels of all engines take, and the kernels around the steps as plain functions: what the host sees
// of them. Arguments are device pointers to elements of a storage type E (Spec::dtype) or of its type of sums A
// (f64 for f64, else f32); strides are in elements. Everything is asynchronous on a stream.
#pragma once

#include <cstdint>

#include "kernels/cells/variants.cuh"
#include "kernels/schedule/rows.hpp"
#include "kernels/schedule/timeline.hpp"
#include "recur/types.hpp"

namespace recur::gpu_pass {

using schedule::BasicRows;
using schedule::Timeline;

using Rows = BasicRows<void*>;
using ConstRows = BasicRows<const void*>;

// What a step of one direction of one layer is about, in both passes.
struct Step {
  Timeline timeline;
  std::int64_t t = 0;
  std::int64_t batch = 0;   // B
  std::int64_t hidden = 0;  // H
};

// h[B][H] (E) and c[B][H] (A) as the first step reads them: cleared where it starts an episode. Null where
// there is none, or where it is not of this size.
struct StartForward {
  Step step;     // t is not read
  ConstRows h0;  // E
  ConstRows c0;  // E
  void* h = nullptr;
  void* c = nullptr;
};

// to[column] = bW[column] + bR[column], the latter of the first `recurrent` columns only.
struct CombineBiases {
  const void* bW = nullptr;  // E [columns]
  const void* bR = nullptr;  // E; null: none
  std::int64_t columns = 0;
  std::int64_t recurrent = 0;  // all but those of a split gate, which is the last one
  void* to = nullptr;          // A [columns]
};

// A forward step: what the gate kernel of a phase reads and writes at step t. An engine that runs many steps by
// one kernel goes on from there.
struct ForwardStep {
  Step step;
  ConstRows input;           // A: W x and biases of a chunk of time, [G*H] a row
  std::int64_t input_t = 0;  // t within the chunk
  // A [B][G*H]: products with R; those of this phase's gates are read. Null where the cell has no R.
  const void* recurrent = nullptr;
  const void* split_bias = nullptr;  // E [H]: bR of the split gate, which the input's biases lack
  const void* peephole = nullptr;    // E [peepholes][H]
  // E [B][H], in place. Left cleared where the next step starts an episode. Null where h is projected: then
  // only y has what the cell gives.
  void* h = nullptr;
  void* c = nullptr;         // A [B][H], likewise
  void* exchange = nullptr;  // E [B][H], phase 0 to the product before phase 1
  void* gates = nullptr;     // A [B][saved][H], phase 0 to phase 1
  Rows y;                    // E
  Rows c_sequence;           // E
  Rows saved;                // E [saved][H] a row; training only
  Rows saved_c;              // A [H] a row; training only
  Rows hN;                   // E, only batch is read; given at the last step visited
  Rows cN;                   // E, likewise
};

// h = V m, where it is projected, from the sums of step t. `hidden` of the step is P.
struct StoreProjection {
  Step step;
  const void* projected = nullptr;  // A [B][P]
  void* h = nullptr;                // E [B][P], in place. Left cleared where the next step starts an episode
  Rows y;                           // E
  Rows hN;                          // E, only batch is read; given at the last step visited
};

// dh, dc (A [B][H]) before the last step, and zeros in the sums of the peepholes' gradients. As StartForward.
struct StartBackward {
  Step step;  // t is not read
  ConstRows dhN;
  ConstRows dcN;
  void* dh = nullptr;
  void* dc = nullptr;
  void* dpeephole = nullptr;  // A [B][peepholes][H]; null: not wanted
  int peepholes = 0;
};

// The gate kernel of backward. A row of dgates has one block of H for each sum, in the order of block_of_sum.
struct BackwardStep {
  Step step;
  ConstRows saved;                   // E
  ConstRows saved_c;                 // A
  const void* peephole = nullptr;    // E
  ConstRows y;                       // E, outputs of this direction, whose row at the step before is h_prev
  ConstRows h0;                      // E
  ConstRows c0;                      // E
  ConstRows dy;                      // E
  ConstRows dc_sequence;             // E
  void* dh = nullptr;                // A [B][H], in place; where h is projected that of m, of this step
  void* dc = nullptr;                // A [B][H], in place
  const void* d_exchange = nullptr;  // A [B][H], gradient of what forward exchanged, for phase 1
  void* dpeephole = nullptr;         // A [B][peepholes][H], added to; null: not wanted
  Rows dgates;                       // E [sums][H] a row
  Rows h_prev;                       // E [H] a row: h before the step; not given where h is projected
  Rows exchange;                     // E [H] a row: what forward exchanged, operand of dR
};

// The whole gradient of a projected h at step t, from the caller or the layer above and from the step after,
// whose part is used up; and h before the step. `hidden` of the step is P.
struct CollectGradient {
  Step step;
  ConstRows y;         // E, as in BackwardStep
  ConstRows h0;        // E
  ConstRows dy;        // E
  void* dh = nullptr;  // A [B][P], in place
  Rows whole;          // E [P] a row: operand of the products with V and of dV
  Rows h_prev;         // E [P] a row: operand of dR
};

// dh0 and dc0 from what the last visited step left.
struct FinishBackward {
  Step step;  // t is not read
  const void* dh = nullptr;
  const void* dc = nullptr;
  Rows dh0;
  Rows dc0;
};

// Copies rows of `columns` elements: those of steps [first_step, first_step + steps) and sequences
// [first_batch, first_batch + batch). Both views point to (first_step, first_batch). Rows past a sequence's
// end become zeros.
struct CopyRows {
  Timeline timeline;
  std::int64_t first_step = 0, steps = 1;
  std::int64_t first_batch = 0, batch = 1;
  std::int64_t columns = 0;
  ConstRows from;
  Rows to;
  bool accumulate = false;  // to += from
};

// Copies what the layer above reads of a layer's outputs, or what reaches them of their gradients
// (kernels/device/dropout.cuh). `rows.from` and `rows.to` may be the same.
struct DropRows {
  CopyRows rows;           // `accumulate` is not read
  std::int64_t layer = 0;  // whose outputs they are
  std::uint64_t seed = 0;
  const std::uint64_t* kept_seed = nullptr;  // read instead of `seed`; null: none
  std::uint32_t threshold = 0;
  double factor = 1;
};
// For a later call, since the host does not read what a device holds.
struct KeepSeed {
  std::uint64_t seed = 0;
  std::uint64_t* to = nullptr;
};

// Sums of columns of a matrix [rows][columns] in two stages of fixed order: `parts` partial sums of each
// column, each over a run of rows, then their total.
struct SumColumns {
  const void* from = nullptr;
  std::int64_t row = 0;  // elements between rows
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  std::int64_t parts = 0;
  void* partial = nullptr;  // A [parts][columns]
};
struct SumParts {
  const void* partial = nullptr;  // A [parts][row]
  std::int64_t row = 0;
  std::int64_t parts = 0;
  std::int64_t columns = 0;
  void* to = nullptr;       // E [columns]
  bool accumulate = false;  // to += sum
};

// Where the gradient of a sum lies in a row of dgates. All recurrent parts are contiguous, and so are all
// input parts in the order of gates, so that each side is one product: the recurrent part of a split gate,
// which is the last gate, comes first.
RECUR_HD constexpr int block_of_sum(int split_gate, int gates, int sum) {
  if (split_gate < 0) return sum;
  return sum == gates ? 0 : sum + 1;
}
// First block of the input parts; there are G.
constexpr int first_input_block(const cells::Traits& traits) { return traits.split_gate < 0 ? 0 : 1; }

// The kernels around the steps: the name of each and its arguments. Whatever names them all reads this list.
#define RECUR_GPU_PASS_KERNELS(X)               \
  X(combine_biases, CombineBiases)              \
  X(start_forward, StartForward)                \
  X(start_backward, StartBackward)              \
  X(finish_backward, FinishBackward)            \
  X(copy_rows, CopyRows)  /* E to E */          \
  X(store_rows, CopyRows) /* A to E */          \
  X(drop_rows, DropRows)  /* E to E */          \
  X(keep_seed, KeepSeed)                        \
  X(sum_columns, SumColumns)         /* of E */ \
  X(sum_columns_of_sums, SumColumns) /* of A */ \
  X(sum_parts, SumParts)

// Those of one storage type.
template <DataType kType>
struct Kernels {
#define RECUR_DECLARE(name, Arguments) static void name(const Arguments& arguments, void* stream);
  RECUR_GPU_PASS_KERNELS(RECUR_DECLARE)
#undef RECUR_DECLARE
};

}  // namespace recur::gpu_pass
