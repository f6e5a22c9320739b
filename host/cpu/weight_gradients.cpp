#include "host/cpu/weight_gradients.hpp"

#include <algorithm>

#include "host/cpu/copy.hpp"

namespace recur::host::cpu {
namespace {

template <class T>
T* direction_of(const TensorView& view, std::int64_t direction) {
  return static_cast<T*>(view.data()) + direction * view.stride(0);
}

// Rows of one chunk of time.
struct Chunk {
  std::int64_t rows;
  bool first;
  bool last;
};

// to = or += values, rounded once.
template <class T>
void put_values(const Arithmetic<T>* values, std::int64_t count, bool add, T* to) {
  if (!add) return copy_values(values, count, to);
  for (std::int64_t j = 0; j < count; ++j) to[j] = stored<T>(widened(to[j]) + values[j]);
}

// Rows [range) of one chunk, densely; zeros past a sequence's end and where `row_of` gives null.
template <class T, class RowOf>
void gather_valid(const GradientInputs<T>& in, std::int64_t t0, Range range, std::int64_t columns,
                  Arithmetic<T>* to, RowOf&& row_of) {
  for (std::int64_t i = range.begin; i < range.end; ++i) {
    const std::int64_t t = t0 + i / in.sizes.batch;
    const std::int64_t b = i % in.sizes.batch;
    const T* from = in.sequence.valid(t, b) ? row_of(t, b) : nullptr;
    if (from != nullptr) {
      copy_values(from, columns, to + i * columns);
    } else {
      std::fill_n(to + i * columns, columns, Arithmetic<T>(0));
    }
  }
}

// Where a gradient goes: what the caller holds, and the sum over the chunks in arithmetic.
template <class T>
struct Target {
  T* data;
  std::int64_t row;
  bool add;            // to what the caller holds
  Arithmetic<T>* sum;  // where values are converted; dense
};

// `count` rows of a gradient (+)= as many columns of `left`, transposed, times `right`, over the rows of one
// chunk. This member's share of the rows.
template <class T>
void outer_product(const GradientInputs<T>& in, Matrix<const Arithmetic<T>> left, std::int64_t count,
                   Matrix<const Arithmetic<T>> right, std::int64_t columns, const Chunk& chunk,
                   const Target<T>& out, const Member& member) {
  using A = Arithmetic<T>;
  member.each_share(count, [&](Range range) {
    const auto multiply = [&](A* to, std::int64_t to_row, bool accumulate) {
      product(in.g.tiling, in.kernels,
              Gemm<A>{.m = range.size(),
                      .n = columns,
                      .k = chunk.rows,
                      .a = left.data + range.begin,
                      .lda = left.row,
                      .a_transposed = true,
                      .b = right.data,
                      .ldb = std::max(right.row, columns),
                      .b_transposed = false,
                      .c = to,
                      .ldc = to_row,
                      .accumulate = accumulate});
    };
    if constexpr (std::is_same_v<A, T>) {
      multiply(out.data + range.begin * out.row, out.row, out.add || !chunk.first);
    } else {
      A* const sum = out.sum + range.begin * columns;
      multiply(sum, columns, !chunk.first);
      if (!chunk.last) return;
      for (std::int64_t row = 0; row < range.size(); ++row)
        put_values(sum + row * columns, columns, out.add, out.data + (range.begin + row) * out.row);
    }
  });
}

// Units summed over all (t, b) at a time, apart from what the caller holds: next to a large gradient of other
// calls every term would be rounded to that.
constexpr std::int64_t kBlock = 64;

// Sums over (t, b) in order of dsums columns, this member's share.
template <class T>
void bias_gradient(const GradientInputs<T>& in, bool recurrent, T* out, bool accumulate,
                   const Member& member) {
  using A = Arithmetic<T>;
  const std::int64_t hidden = in.g.hidden;
  const std::int64_t rows = in.sizes.steps * in.sizes.batch;
  for (int gate = 0; gate < in.g.traits.gates; ++gate) {
    const int sum = recurrent ? in.g.traits.recurrent_sum(gate) : gate;
    const Range units = part_of(hidden, member.members, member.index);
    for (std::int64_t first = units.begin; first < units.end; first += kBlock) {
      const std::int64_t count = std::min(kBlock, units.end - first);
      A total[kBlock] = {};
      for (std::int64_t row = 0; row < rows; ++row) {
        const A* from = in.dsums + row * in.g.sum_rows() + sum * hidden + first;
        for (std::int64_t j = 0; j < count; ++j) total[j] += from[j];
      }
      put_values(total, count, accumulate, out + gate * hidden + first);
    }
  }
}

template <class T>
void peephole_gradient(const GradientInputs<T>& in, T* out, bool accumulate, const Member& member) {
  using A = Arithmetic<T>;
  const cells::Traits& traits = in.g.traits;
  const std::int64_t hidden = in.g.hidden;
  const Range units = part_of(hidden, member.members, member.index);
  for (int peephole = 0; peephole < traits.peepholes; ++peephole) {
    const bool sees_current = peephole + 1 == traits.peepholes;
    for (std::int64_t first = units.begin; first < units.end; first += kBlock) {
      const std::int64_t count = std::min(kBlock, units.end - first);
      A total[kBlock] = {};
      for (std::int64_t t = 0; t < in.sizes.steps; ++t) {
        for (std::int64_t b = 0; b < in.sizes.batch; ++b) {
          if (!in.sequence.valid(t, b)) continue;
          const std::int64_t row = t * in.sizes.batch + b;
          const A* c = sees_current ? in.c + row * hidden : in.c_prev.at(t, b);
          if (c == nullptr) continue;
          const A* dsum = in.dsums + row * in.g.sum_rows() + traits.peephole_gate[peephole] * hidden;
          for (std::int64_t j = 0; j < count; ++j) total[j] += dsum[first + j] * c[first + j];
        }
      }
      put_values(total, count, accumulate, out + peephole * hidden + first);
    }
  }
}

}  // namespace

template <class T>
void weight_gradients(const GradientInputs<T>& in, const LayerGradients& out, GradientMode mode,
                      const GradientScratch<T>& scratch, const Member& member, SpinBarrier& team) {
  using A = Arithmetic<T>;
  constexpr bool kConverts = !std::is_same_v<A, T>;
  const Geometry& g = in.g;
  const std::int64_t d = in.direction;
  const bool add = mode == GradientMode::accumulate;
  if (out.bW.given()) bias_gradient(in, false, direction_of<T>(out.bW, d), add, member);
  if (out.bR.given()) bias_gradient(in, true, direction_of<T>(out.bR, d), add, member);
  if (out.peephole.given()) peephole_gradient(in, direction_of<T>(out.peephole, d), add, member);
  if (!out.W.given() && !out.R.given() && !out.projection.given()) return;

  const std::int64_t columns = g.columns(in.layer);
  const std::int64_t chunk_steps = g.tiling.chunk_steps(in.sizes.batch);
  // Inputs past a sequence's end may be anything, NaN included, so they are not read in place.
  const bool in_place = !kConverts && in.sequence.full_length() && can_read_in_place(in.x, in.sizes, columns);
  for (std::int64_t t0 = 0; t0 < in.sizes.steps; t0 += chunk_steps) {
    const std::int64_t rows = std::min(chunk_steps, in.sizes.steps - t0) * in.sizes.batch;
    const Chunk chunk{rows, t0 == 0, t0 + chunk_steps >= in.sizes.steps};
    const Range share = part_of(rows, member.members, member.index);
    const std::int64_t first_row = t0 * in.sizes.batch;
    const Matrix<const A> dsums{in.dsums + first_row * g.sum_rows(), g.sum_rows()};

    Matrix<const A> x{scratch.x, columns};
    if (out.W.given() && !in_place) {
      gather_valid(in, t0, share, columns, scratch.x,
                   [&](std::int64_t t, std::int64_t b) { return in.x.at(t, b); });
    }
    if (out.R.given()) {
      gather_valid(in, t0, share, g.h_size(), scratch.h,
                   [&](std::int64_t t, std::int64_t b) { return in.h_prev.at(t, b); });
    }
    Matrix<const A> m{scratch.m, g.hidden};
    if constexpr (kConverts) {
      if (out.projection.given()) {
        copy_values(in.m + (first_row + share.begin) * g.hidden, share.size() * g.hidden,
                    scratch.m + share.begin * g.hidden);
      }
    } else {
      if (in_place) x = {in.x.at(t0, 0), in.x.row(in.sizes)};
      if (g.projected()) m.data = in.m + first_row * g.hidden;
    }
    team.wait();
    if (out.W.given()) {
      outer_product(in, dsums, g.gate_rows(), x, columns, chunk,
                    Target<T>{direction_of<T>(out.W, d), row_stride(out.W), add, scratch.dW}, member);
    }
    if (out.R.given()) {
      for (const Segment& segment : segments_of(g.traits)) {
        const Matrix<const A> operand = segment.phase == 0
                                            ? Matrix<const A>{scratch.h, g.h_size()}
                                            : Matrix<const A>{in.exchange + first_row * g.hidden, g.hidden};
        const std::int64_t first_gate_row = segment.gate * g.hidden;
        outer_product(in, {dsums.data + segment.sum * g.hidden, dsums.row}, segment.gates * g.hidden, operand,
                      g.h_size(), chunk,
                      Target<T>{direction_of<T>(out.R, d) + first_gate_row * row_stride(out.R),
                                row_stride(out.R), add, scratch.dR + first_gate_row * g.h_size()},
                      member);
      }
    }
    if (out.projection.given()) {
      outer_product(
          in, {in.dh + first_row * g.projection, g.projection}, g.projection, m, g.hidden, chunk,
          Target<T>{direction_of<T>(out.projection, d), row_stride(out.projection), add, scratch.dprojection},
          member);
    }
    team.wait();
  }
}

template <class T>
void input_gradients(const Geometry& g, const Kernels<T>& kernels, const RunSizes& sizes, std::int64_t layer,
                     const InputGradientPart<Arithmetic<T>> (&parts)[2], const Rows<T>& dx,
                     Arithmetic<T>* scratch, const Member& member) {
  using A = Arithmetic<T>;
  const std::int64_t columns = g.columns(layer);
  // Rows [first, first + rows) of dx to `to`.
  const auto multiply = [&](std::int64_t first, std::int64_t rows, A* to, std::int64_t to_row) {
    for (std::int64_t d = 0; d < g.directions; ++d) {
      product(g.tiling, kernels,
              Gemm<A>{.m = rows,
                      .n = columns,
                      .k = g.gate_rows(),
                      .a = parts[d].dsums + first * g.sum_rows(),
                      .lda = g.sum_rows(),
                      .a_transposed = false,
                      .b = parts[d].W,
                      .ldb = parts[d].W_row,
                      .b_transposed = false,
                      .c = to,
                      .ldc = to_row,
                      .accumulate = d > 0});
    }
  };
  if constexpr (std::is_same_v<A, T>) {
    if (can_read_in_place(dx, sizes, columns)) {
      const std::int64_t row = dx.row(sizes);
      return member.each_share(sizes.steps * sizes.batch, [&](Range range) {
        multiply(range.begin, range.size(), dx.data + range.begin * row, row);
      });
    }
  }
  // Rows at no single distance, or to be rounded, go through the scratch rows. A member has the same of them
  // in every chunk: no barrier parts its use of one chunk from another member's use of the next. The chunks
  // are of one length, as far as that goes, so that the last has work for all.
  const std::int64_t most = g.tiling.chunk_steps(sizes.batch);
  const std::int64_t chunks = (sizes.steps + most - 1) / most;
  const std::int64_t chunk = (sizes.steps + chunks - 1) / chunks;
  member.each_share(chunk * sizes.batch, [&](Range own) {
    for (std::int64_t t0 = 0; t0 < sizes.steps; t0 += chunk) {
      const std::int64_t rows = std::min(chunk, sizes.steps - t0) * sizes.batch;
      const Range range{std::min(own.begin, rows), std::min(own.end, rows)};
      multiply(t0 * sizes.batch + range.begin, range.size(), scratch + range.begin * columns, columns);
      for (std::int64_t i = range.begin; i < range.end; ++i)
        copy_values(scratch + i * columns, columns, dx.at(t0 + i / sizes.batch, i % sizes.batch));
    }
  });
}

// NOLINTBEGIN(bugprone-macro-parentheses): T is a type
#define RECUR_INSTANTIATE(T)                                                                       \
  template void weight_gradients(const GradientInputs<T>&, const LayerGradients&, GradientMode,    \
                                 const GradientScratch<T>&, const Member&, SpinBarrier&);          \
  template void input_gradients(const Geometry&, const Kernels<T>&, const RunSizes&, std::int64_t, \
                                const InputGradientPart<Arithmetic<T>>(&)[2], const Rows<T>&,      \
                                Arithmetic<T>*, const Member&);
RECUR_INSTANTIATE(float)
RECUR_INSTANTIATE(double)
RECUR_INSTANTIATE(Bf16)
#undef RECUR_INSTANTIATE
// NOLINTEND(bugprone-macro-parentheses)

}  // namespace recur::host::cpu
