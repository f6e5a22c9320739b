#include "host/gpu_pass/weight_gradients.hpp"

namespace recur::host::gpu_pass {
namespace {

using recur::gpu_pass::CopyRows;
using recur::gpu_pass::DropRows;
using recur::gpu_pass::first_input_block;
using recur::gpu_pass::SumColumns;
using recur::gpu_pass::SumParts;

// Steps and sequences of a part of a tensor.
struct Block {
  std::int64_t first_step, first_batch;
  RunSizes span;
};

// Calls f(block) for parts of at most `rows` rows, in the order in which rows lie in our own tensors, so that
// the rows of a part are one run of those.
template <class F>
void for_blocks(const Geometry& g, const RunSizes& sizes, std::int64_t rows, F&& f) {
  const bool time_major = g.layout == Layout::time_major;
  const std::int64_t outer = time_major ? sizes.steps : sizes.batch;
  const std::int64_t inner = time_major ? sizes.batch : sizes.steps;
  const std::int64_t inner_part = std::min(inner, rows);
  const std::int64_t outer_part = std::max<std::int64_t>(rows / inner, 1);
  for (std::int64_t o = 0; o < outer; o += outer_part) {
    for (std::int64_t i = 0; i < inner; i += inner_part) {
      const std::int64_t outer_size = std::min(outer_part, outer - o);
      const std::int64_t inner_size = std::min(inner_part, inner - i);
      f(time_major ? Block{o, i, {outer_size, inner_size}} : Block{i, o, {inner_size, outer_size}});
    }
  }
}

// Of rows of what the layer below gave.
DropRows drop_of(const GradientInputs& in, const CopyRows& rows) {
  return {.rows = rows,
          .layer = in.layer - 1,
          .kept_seed = in.dropout_seed,
          .threshold = in.g.dropout->threshold,
          .factor = in.g.dropout->factor};
}

class Gradients {
 public:
  Gradients(const GradientInputs& in, bool accumulate)
      : in_(in),
        g_(in.g),
        accumulate_(accumulate),
        dgates_(dense_layout(in.sizes, in.g.layout, in.g.sum_columns())),
        states_(dense_layout(in.sizes, in.g.layout, in.g.h_size())) {}

  void weights_of_input(void* dW, std::int64_t dW_row) {
    const std::int64_t columns = g_.columns(in_.layer);
    const std::int64_t block = first_input_block(g_.traits);
    // Inputs past a sequence's end may be anything, NaN included, and dgates of 0 would not keep it out. Those
    // of layers above are zeros of ours.
    const bool in_place = (in_.timeline.lengths == nullptr || in_.layer > 0) && !g_.drops_below(in_.layer) &&
                          Walk::flat(in_.sizes, g_.layout, {dgates_, layout_of(in_.x, columns)}).has_value();
    bool first = true;
    for_blocks(g_, in_.sizes, in_place ? kMostProductSize : g_.chunk_rows, [&](const Block& part) {
      const void* x = at(in_.x, g_.type, part.first_step, part.first_batch);
      RowLayout rows = layout_of(in_.x, columns);
      if (!in_place) {
        rows = dense_layout(part.span, g_.layout, columns);
        gather(part, {x, in_.x.step, in_.x.batch}, {in_.buffers.gathered, rows.step, rows.batch});
        x = in_.buffers.gathered;
      }
      outer_product(part, blocks(part, block), dgates_, g_.gate_columns(), x, rows, dW, dW_row, first);
      first = false;
    });
    finish(dW, dW_row, g_.gate_columns(), columns);
  }

  // Rows of gates [gate, gate + gates) of dR, whose gradients begin at `block`.
  void weights_of_state(int gate, int gates, std::int64_t block, const void* operand, void* dR,
                        std::int64_t dR_row) {
    void* out = advance(dR, g_.type, gate * g_.hidden * dR_row);
    bool first = true;
    for_blocks(g_, in_.sizes, kMostProductSize, [&](const Block& part) {
      const void* rows =
          at(ConstRows{operand, states_.step, states_.batch}, g_.type, part.first_step, part.first_batch);
      outer_product(part, blocks(part, block), dgates_, gates * g_.hidden, rows, states_, out, dR_row, first);
      first = false;
    });
    finish(out, dR_row, gates * g_.hidden, states_.columns);
  }

  void projection(void* out, std::int64_t out_row) {
    const RowLayout units = dense_layout(in_.sizes, g_.layout, g_.hidden);
    bool first = true;
    for_blocks(g_, in_.sizes, kMostProductSize, [&](const Block& part) {
      const auto rows_of_part = [&](const void* data, const RowLayout& rows) {
        return at(ConstRows{data, rows.step, rows.batch}, g_.type, part.first_step, part.first_batch);
      };
      outer_product(part, rows_of_part(in_.buffers.dh_steps, states_), states_, g_.projection,
                    rows_of_part(in_.m, units), units, out, out_row, first);
      first = false;
    });
    finish(out, out_row, g_.projection, g_.hidden);
  }

  void biases(void* dbW, void* dbR) {
    if (dbW == nullptr && dbR == nullptr) return;
    const std::int64_t columns = g_.sum_columns();
    const std::int64_t rows = in_.sizes.steps * in_.sizes.batch;
    SumColumns sum;
    sum.from = in_.buffers.dgates;
    sum.row = columns;
    sum.rows = rows;
    sum.columns = columns;
    sum.parts = parts_of(rows);
    sum.partial = in_.buffers.partial;
    in_.kernels.sum_columns(sum, in_.stream);

    const cells::Traits& traits = g_.traits;
    store_sums(sum, first_input_block(traits), traits.gates, dbW, 0);
    if (traits.split_gate < 0) {
      store_sums(sum, 0, traits.gates, dbR, 0);
    } else {
      store_sums(sum, 1, traits.gates - 1, dbR, 0);
      store_sums(sum, 0, 1, dbR, traits.split_gate);
    }
  }

  void peepholes(void* dpeephole) {
    if (dpeephole == nullptr) return;
    SumColumns sum;
    sum.from = in_.buffers.dpeephole;
    sum.columns = g_.traits.peepholes * g_.hidden;
    sum.row = sum.columns;
    sum.rows = in_.sizes.batch;
    sum.parts = parts_of(sum.rows);
    sum.partial = in_.buffers.partial;
    in_.kernels.sum_columns_of_sums(sum, in_.stream);
    store_sums(sum, 0, g_.traits.peepholes, dpeephole, 0);
  }

 private:
  // A part is read by one thread, so it should not be long; many parts make their total long.
  static std::int64_t parts_of(std::int64_t rows) {
    constexpr std::int64_t kRows = 32;
    return std::clamp<std::int64_t>(rows / kRows, 1, BackwardBuffers::kMostParts);
  }

  void gather(const Block& part, const ConstRows& from, const Rows& to) {
    CopyRows copy;
    copy.timeline = in_.timeline;
    copy.first_step = part.first_step;
    copy.steps = part.span.steps;
    copy.first_batch = part.first_batch;
    copy.batch = part.span.batch;
    copy.columns = g_.columns(in_.layer);
    copy.from = from;
    copy.to = to;
    if (!g_.drops_below(in_.layer)) return in_.kernels.copy_rows(copy, in_.stream);
    in_.kernels.drop_rows(drop_of(in_, copy), in_.stream);
  }

  // The rows of dgates of a part, from a block on.
  const void* blocks(const Block& part, std::int64_t block) const {
    const void* dgates = at(ConstRows{in_.buffers.dgates, dgates_.step, dgates_.batch}, g_.type,
                            part.first_step, part.first_batch);
    return advance(dgates, g_.type, block * g_.hidden);
  }

  // out[count][columns] (+)= `count` columns of gradients over a part, transposed, times rows of an operand.
  void outer_product(const Block& part, const void* gradients, const RowLayout& gradient_rows,
                     std::int64_t count, const void* operand, const RowLayout& rows, void* out,
                     std::int64_t out_row, bool first) {
    const Walk walk = *Walk::flat(part.span, g_.layout, {gradient_rows, rows});
    gpu::Matrix left = walk.matrix(gradients, g_.type, gradient_rows);
    left.transposed = true;
    const bool narrow = g_.narrow();
    in_.products.run({.M = count,
                      .N = rows.columns,
                      .K = walk.rows(),
                      .left = left,
                      .right = walk.matrix(operand, g_.type, rows),
                      .result = {narrow ? in_.buffers.totals : out, g_.sums, narrow ? rows.columns : out_row},
                      .accumulate = !first || (accumulate_ && !narrow),
                      .tf32 = g_.tf32,
                      .scratch_bytes = g_.scratch_bytes},
                     in_.scratch, in_.stream);
  }

  // Rounds what is summed up.
  void finish(void* out, std::int64_t out_row, std::int64_t rows, std::int64_t columns) {
    if (!g_.narrow()) return;
    CopyRows copy;
    copy.timeline.steps = rows;
    copy.steps = rows;
    copy.columns = columns;
    copy.from = {in_.buffers.totals, columns, 0};
    copy.to = {out, out_row, 0};
    copy.accumulate = accumulate_;
    in_.kernels.store_rows(copy, in_.stream);
  }

  // Blocks [block, block + count) of the column sums to a vector of blocks, from block `to` on.
  void store_sums(const SumColumns& sum, std::int64_t block, std::int64_t count, void* out, std::int64_t to) {
    if (out == nullptr) return;
    SumParts parts;
    parts.partial = advance(sum.partial, g_.sums, block * g_.hidden);
    parts.row = sum.columns;
    parts.parts = sum.parts;
    parts.columns = count * g_.hidden;
    parts.to = advance(out, g_.type, to * g_.hidden);
    parts.accumulate = accumulate_;
    in_.kernels.sum_parts(parts, in_.stream);
  }

  const GradientInputs& in_;
  const Geometry& g_;
  const bool accumulate_;
  const RowLayout dgates_;
  const RowLayout states_;
};

// result (+)= dgates of a part times W.
void multiply_weights(const GradientInputs& in, const Block& part, const void* W, std::int64_t W_row,
                      void* result, DataType type, const RowLayout& rows, bool accumulate) {
  const Geometry& g = in.g;
  const RowLayout dgates = dense_layout(in.sizes, g.layout, g.sum_columns());
  const void* left =
      at(ConstRows{in.buffers.dgates, dgates.step, dgates.batch}, g.type, part.first_step, part.first_batch);
  left = advance(left, g.type, first_input_block(g.traits) * g.hidden);
  const Walk walk = *Walk::batched(part.span, g.layout, {dgates, rows});
  in.products.run({.M = walk.rows(),
                   .N = rows.columns,
                   .K = g.gate_columns(),
                   .batch = walk.count(),
                   .left = walk.matrix(left, g.type, dgates),
                   .right = {W, g.type, W_row},
                   .result = walk.matrix(result, type, rows),
                   .accumulate = accumulate,
                   .tf32 = g.tf32,
                   .scratch_bytes = g.scratch_bytes},
                  in.scratch, in.stream);
}

}  // namespace

void weight_gradients(const GradientInputs& in, const DirectionGradients& out, bool accumulate) {
  const cells::Traits& traits = in.g.traits;
  Gradients gradients(in, accumulate);
  gradients.biases(out.bW, out.bR);
  gradients.peepholes(out.peephole);
  if (out.W != nullptr) gradients.weights_of_input(out.W, out.W_row);
  if (out.projection != nullptr) gradients.projection(out.projection, out.projection_row);
  if (out.R == nullptr) return;
  if (traits.split_gate >= 0) {
    gradients.weights_of_state(traits.split_gate, 1, 0, in.buffers.h_prev, out.R, out.R_row);
    gradients.weights_of_state(0, traits.gates - 1, 1, in.buffers.h_prev, out.R, out.R_row);
    return;
  }
  for (int phase = 0; phase < traits.phases; ++phase) {
    const int gate = traits.phase_gate[phase];
    gradients.weights_of_state(gate, traits.gates_of_phase(phase), gate,
                               phase == 0 ? in.buffers.h_prev : in.buffers.exchange, out.R, out.R_row);
  }
}

void input_gradients(const GradientInputs& in, std::int64_t first, std::int64_t steps, const void* W,
                     std::int64_t W_row, const Rows& dx, bool accumulate) {
  const Geometry& g = in.g;
  // In parts, only so that no size passes a product's limit.
  for_blocks(g, {steps, in.sizes.batch}, kMostProductSize, [&](Block part) {
    part.first_step += first;
    multiply_weights(in, part, W, W_row, at(dx, g.type, part.first_step, part.first_batch), g.type,
                     layout_of(dx, g.columns(in.layer)), accumulate);
  });
}

void drop_gradients(const GradientInputs& in, std::int64_t first, std::int64_t steps, const Rows& dx) {
  const Geometry& g = in.g;
  CopyRows rows;
  rows.timeline.steps = in.sizes.steps;
  rows.first_step = first;
  rows.steps = steps;
  rows.batch = in.sizes.batch;
  rows.columns = g.columns(in.layer);
  rows.to = {at(dx, g.type, first, 0), dx.step, dx.batch};
  rows.from = constant(rows.to);
  in.kernels.drop_rows(drop_of(in, rows), in.stream);
}

void input_gradients_of_both(const GradientInputs (&in)[2], const DirectionWeights (&weights)[2],
                             const Rows& dx, void* sums) {
  const Geometry& g = in[0].g;
  const RunSizes& sizes = in[0].sizes;
  if (!g.narrow()) {
    for (int d = 0; d < 2; ++d) {
      input_gradients(in[d], 0, sizes.steps, weights[d].W, weights[d].W_row, dx, d > 0);
    }
    return;
  }
  const std::int64_t columns = g.columns(in[0].layer);
  for_blocks(g, sizes, g.chunk_rows, [&](const Block& part) {
    const RowLayout rows = dense_layout(part.span, g.layout, columns);
    for (int d = 0; d < 2; ++d) {
      multiply_weights(in[d], part, weights[d].W, weights[d].W_row, sums, g.sums, rows, d > 0);
    }
    CopyRows copy;
    copy.timeline.steps = sizes.steps;
    copy.first_step = part.first_step;
    copy.steps = part.span.steps;
    copy.first_batch = part.first_batch;
    copy.batch = part.span.batch;
    copy.columns = columns;
    copy.from = {sums, rows.step, rows.batch};
    copy.to = {at(dx, g.type, part.first_step, part.first_batch), dx.step, dx.batch};
    in[0].kernels.store_rows(copy, in[0].stream);
  });
}

}  // namespace recur::host::gpu_pass
