#include "host/cpu/weight_gradients.hpp"

#include <algorithm>

namespace recur::host::cpu {
namespace {

template <class T>
T* direction_of(const TensorView& view, std::int64_t direction) {
  return static_cast<T*>(view.data()) + direction * view.stride(0);
}

// Rows [range) of one chunk, densely; zeros past a sequence's end and where `row_of` gives null.
template <class T, class RowOf>
void gather_valid(const GradientInputs<T>& in, std::int64_t t0, Range range, std::int64_t columns, T* to,
                  RowOf&& row_of) {
  for (std::int64_t i = range.begin; i < range.end; ++i) {
    const std::int64_t t = t0 + i / in.sizes.batch;
    const std::int64_t b = i % in.sizes.batch;
    const T* from = in.sequence.valid(t, b) ? row_of(t, b) : nullptr;
    if (from != nullptr) {
      std::copy_n(from, columns, to + i * columns);
    } else {
      std::fill_n(to + i * columns, columns, T(0));
    }
  }
}

// `count` rows of a gradient (+)= as many columns of `left`, transposed, times `right`, over the rows of one
// chunk. This member's share of the rows.
template <class T>
void outer_product(const GradientInputs<T>& in, Matrix<const T> left, std::int64_t count,
                   Matrix<const T> right, std::int64_t columns, std::int64_t depth, T* out,
                   std::int64_t out_row, bool accumulate, const Member& member) {
  const Range range = part_of(count, member.members, member.index);
  product(in.g.tiling, in.kernels,
          Gemm<T>{.m = range.size(),
                  .n = columns,
                  .k = depth,
                  .a = left.data + range.begin,
                  .lda = left.row,
                  .a_transposed = true,
                  .b = right.data,
                  .ldb = std::max(right.row, columns),
                  .b_transposed = false,
                  .c = out + range.begin * out_row,
                  .ldc = out_row,
                  .accumulate = accumulate});
}

// Sums over (t, b) in order of dsums columns, this member's share.
template <class T>
void bias_gradient(const GradientInputs<T>& in, bool recurrent, T* out, bool accumulate,
                   const Member& member) {
  constexpr std::int64_t kBlock = 64;
  const std::int64_t hidden = in.g.hidden;
  const std::int64_t rows = in.sizes.steps * in.sizes.batch;
  for (int gate = 0; gate < in.g.traits.gates; ++gate) {
    const int sum = recurrent ? in.g.traits.recurrent_sum(gate) : gate;
    const Range units = part_of(hidden, member.members, member.index);
    for (std::int64_t first = units.begin; first < units.end; first += kBlock) {
      const std::int64_t count = std::min(kBlock, units.end - first);
      T total[kBlock] = {};
      for (std::int64_t row = 0; row < rows; ++row) {
        const T* from = in.dsums + row * in.g.sum_rows() + sum * hidden + first;
        for (std::int64_t j = 0; j < count; ++j) total[j] += from[j];
      }
      T* to = out + gate * hidden + first;
      for (std::int64_t j = 0; j < count; ++j) to[j] = accumulate ? to[j] + total[j] : total[j];
    }
  }
}

template <class T>
void peephole_gradient(const GradientInputs<T>& in, T* out, bool accumulate, const Member& member) {
  const cells::Traits& traits = in.g.traits;
  const std::int64_t hidden = in.g.hidden;
  const Range units = part_of(hidden, member.members, member.index);
  for (int peephole = 0; peephole < traits.peepholes; ++peephole) {
    T* to = out + peephole * hidden;
    if (!accumulate) std::fill(to + units.begin, to + units.end, T(0));
    const bool sees_current = peephole + 1 == traits.peepholes;
    for (std::int64_t t = 0; t < in.sizes.steps; ++t) {
      for (std::int64_t b = 0; b < in.sizes.batch; ++b) {
        if (!in.sequence.valid(t, b)) continue;
        const std::int64_t row = t * in.sizes.batch + b;
        const T* c = sees_current ? in.c + row * hidden : in.c_prev.at(t, b);
        if (c == nullptr) continue;
        const T* dsum = in.dsums + row * in.g.sum_rows() + traits.peephole_gate[peephole] * hidden;
        for (std::int64_t unit = units.begin; unit < units.end; ++unit) to[unit] += dsum[unit] * c[unit];
      }
    }
  }
}

}  // namespace

template <class T>
void weight_gradients(const GradientInputs<T>& in, const LayerGradients& out, GradientMode mode,
                      T* gathered_x, T* gathered_h, const Member& member, SpinBarrier& team) {
  const Geometry& g = in.g;
  const std::int64_t d = in.direction;
  const bool add = mode == GradientMode::accumulate;
  if (out.bW.given()) bias_gradient(in, false, direction_of<T>(out.bW, d), add, member);
  if (out.bR.given()) bias_gradient(in, true, direction_of<T>(out.bR, d), add, member);
  if (out.peephole.given()) peephole_gradient(in, direction_of<T>(out.peephole, d), add, member);
  if (!out.W.given() && !out.R.given() && !out.projection.given()) return;

  const std::int64_t columns = g.columns(in.layer);
  const std::int64_t chunk = g.tiling.chunk_steps(in.sizes.batch);
  // Inputs past a sequence's end may be anything, NaN included, so they are not read in place.
  const bool in_place = in.sequence.full_length() && can_read_in_place(in.x, in.sizes, columns);
  for (std::int64_t t0 = 0; t0 < in.sizes.steps; t0 += chunk) {
    const std::int64_t rows = std::min(chunk, in.sizes.steps - t0) * in.sizes.batch;
    const Range share = part_of(rows, member.members, member.index);
    const bool accumulate = add || t0 > 0;
    const std::int64_t first_row = t0 * in.sizes.batch;
    const Matrix<const T> dsums{in.dsums + first_row * g.sum_rows(), g.sum_rows()};

    if (out.W.given() && !in_place) {
      gather_valid(in, t0, share, columns, gathered_x,
                   [&](std::int64_t t, std::int64_t b) { return in.x.at(t, b); });
    }
    if (out.R.given()) {
      gather_valid(in, t0, share, g.h_size(), gathered_h,
                   [&](std::int64_t t, std::int64_t b) { return in.h_prev.at(t, b); });
    }
    team.wait();
    if (out.W.given()) {
      const Matrix<const T> x = in_place ? Matrix<const T>{in.x.at(t0, 0), in.x.row(in.sizes)}
                                         : Matrix<const T>{gathered_x, columns};
      outer_product(in, dsums, g.gate_rows(), x, columns, rows, direction_of<T>(out.W, d), row_stride(out.W),
                    accumulate, member);
    }
    if (out.R.given()) {
      for (const Segment& segment : segments_of(g.traits)) {
        const Matrix<const T> operand = segment.phase == 0
                                            ? Matrix<const T>{gathered_h, g.h_size()}
                                            : Matrix<const T>{in.exchange + first_row * g.hidden, g.hidden};
        outer_product(in, {dsums.data + segment.sum * g.hidden, dsums.row}, segment.gates * g.hidden, operand,
                      g.h_size(), rows,
                      direction_of<T>(out.R, d) + segment.gate * g.hidden * row_stride(out.R),
                      row_stride(out.R), accumulate, member);
      }
    }
    if (out.projection.given()) {
      outer_product(in, {in.dh + first_row * g.projection, g.projection}, g.projection,
                    {in.m + first_row * g.hidden, g.hidden}, g.hidden, rows,
                    direction_of<T>(out.projection, d), row_stride(out.projection), accumulate, member);
    }
    team.wait();
  }
}

template <class T>
void input_gradients(const GradientInputs<T>& in, const ConstTensorView& W, const Rows<T>& dx,
                     bool accumulate, T* scratch, const Member& member) {
  const Geometry& g = in.g;
  const std::int64_t columns = g.columns(in.layer);
  const auto multiply = [&](std::int64_t first, std::int64_t rows, T* to, std::int64_t to_row, bool add) {
    product(g.tiling, in.kernels,
            Gemm<T>{.m = rows,
                    .n = columns,
                    .k = g.gate_rows(),
                    .a = in.dsums + first * g.sum_rows(),
                    .lda = g.sum_rows(),
                    .a_transposed = false,
                    .b = recur::host::cpu::direction_of<T>(W, in.direction),
                    .ldb = row_stride(W),
                    .b_transposed = false,
                    .c = to,
                    .ldc = to_row,
                    .accumulate = add});
  };
  if (can_read_in_place(dx, in.sizes, columns)) {
    const Range range = part_of(in.sizes.steps * in.sizes.batch, member.members, member.index);
    const std::int64_t row = dx.row(in.sizes);
    multiply(range.begin, range.size(), dx.data + range.begin * row, row, accumulate);
    return;
  }
  // Rows at no single distance go through this member's part of the scratch rows.
  const std::int64_t chunk = g.tiling.chunk_steps(in.sizes.batch);
  for (std::int64_t t0 = 0; t0 < in.sizes.steps; t0 += chunk) {
    const std::int64_t rows = std::min(chunk, in.sizes.steps - t0) * in.sizes.batch;
    const Range range = part_of(rows, member.members, member.index);
    multiply(t0 * in.sizes.batch + range.begin, range.size(), scratch + range.begin * columns, columns,
             false);
    for (std::int64_t i = range.begin; i < range.end; ++i) {
      const T* from = scratch + i * columns;
      T* to = dx.at(t0 + i / in.sizes.batch, i % in.sizes.batch);
      for (std::int64_t j = 0; j < columns; ++j) to[j] = accumulate ? to[j] + from[j] : from[j];
    }
  }
}

// NOLINTBEGIN(bugprone-macro-parentheses): T is a type
#define RECUR_INSTANTIATE(T)                                                                                \
  template void weight_gradients(const GradientInputs<T>&, const LayerGradients&, GradientMode, T*, T*,     \
                                 const Member&, SpinBarrier&);                                              \
  template void input_gradients(const GradientInputs<T>&, const ConstTensorView&, const Rows<T>&, bool, T*, \
                                const Member&);
RECUR_INSTANTIATE(float)
RECUR_INSTANTIATE(double)
#undef RECUR_INSTANTIATE
// NOLINTEND(bugprone-macro-parentheses)

}  // namespace recur::host::cpu
