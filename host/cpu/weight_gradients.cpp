#include "host/cpu/weight_gradients.hpp"

#include <algorithm>
#include <limits>

#include "host/cpu/copy.hpp"

namespace recur::host::cpu {
namespace {

template <class T>
T* direction_of(const TensorView& view, std::int64_t direction) {
  return static_cast<T*>(view.data()) + direction * view.stride(0);
}

// to = or += values, rounded once.
template <class T>
void put_values(const Arithmetic<T>* values, std::int64_t count, bool add, T* to) {
  if (!add) return copy_values(values, count, to);
  for (std::int64_t j = 0; j < count; ++j) to[j] = stored<T>(widened(to[j]) + values[j]);
}

// The valid (t, b) rows of all steps, t outermost, cut into chunks.
template <class T>
class Chunks {
 public:
  Chunks(const GradientInputs<T>& in, std::int32_t* list)
      : sequence_(in.sequence),
        batch_(in.sizes.batch),
        left_(in.sizes.steps * in.sizes.batch),
        most_(in.g.tiling.gradient_rows),
        list_(list) {}

  // The next chunk: its valid rows, none of them where all are done. `first()` is the (t, b) row that they
  // are counted from.
  RowList next() {
    first_ += taken_;
    left_ -= taken_;
    taken_ = 0;
    if (sequence_.full_length()) {
      taken_ = std::min(left_, most_);
      return {nullptr, taken_};
    }
    std::int64_t count = 0;
    while (taken_ < left_ && count < most_) {
      const std::int64_t row = first_ + taken_;
      if (taken_ > std::numeric_limits<std::int32_t>::max()) break;
      if (sequence_.valid(row / batch_, row % batch_)) list_[count++] = static_cast<std::int32_t>(taken_);
      ++taken_;
    }
    return {list_, count};
  }
  std::int64_t first() const { return first_; }
  bool done() const { return taken_ == left_; }

 private:
  const Sequence& sequence_;
  const std::int64_t batch_;
  std::int64_t left_;
  const std::int64_t most_;
  std::int32_t* const list_;
  std::int64_t first_ = 0;
  std::int64_t taken_ = 0;
};

// This member's share of the rows of a chunk as the right side of products: panels [panel][row of the
// chunk][width], zeros past the last column. `row_of` gives a (t, b) row, or null for zeros.
template <class T, class RowOf>
void pack_right(const GradientInputs<T>& in, const Member& member, std::int64_t first, const RowList& rows,
                std::int64_t columns, std::int64_t width, Arithmetic<T>* panels, RowOf&& row_of) {
  const Range share = part_of(rows.count, member.members, member.index);
  for (std::int64_t i = share.begin; i < share.end; ++i) {
    const std::int64_t row = first + rows.at(i);
    const auto* from = row_of(row / in.sizes.batch, row % in.sizes.batch);
    Arithmetic<T>* to = panels + i * width;
    for (std::int64_t column = 0; column < columns; column += width) {
      const std::int64_t count = std::min(width, columns - column);
      if (from != nullptr) copy_values(from + column, count, to);
      const std::int64_t copied = from != nullptr ? count : 0;
      std::fill_n(to + copied, width - copied, Arithmetic<T>(0));
      to += rows.count * width;
    }
  }
}

// Drops from the rows of x that this member packed what forward did not read of them.
template <class T>
void drop_right(const GradientInputs<T>& in, const Member& member, std::int64_t first, const RowList& rows,
                std::int64_t columns, std::int64_t width, Arithmetic<T>* panels) {
  const Range share = part_of(rows.count, member.members, member.index);
  for (std::int64_t i = share.begin; i < share.end; ++i) {
    const std::int64_t row = first + rows.at(i);
    Arithmetic<T>* values = panels + i * width;
    for (std::int64_t column = 0; column < columns; column += width) {
      in.dropout->apply_to_copies(row / in.sizes.batch, row % in.sizes.batch, column,
                                  std::min(width, columns - column), values);
      values += rows.count * width;
    }
  }
}

// Where a gradient goes: what the caller holds, and the sum over the chunks in arithmetic.
template <class T>
struct Target {
  T* data;
  std::int64_t row;
  bool add;            // to what the caller holds
  Arithmetic<T>* sum;  // where values are converted: rows of whole panels
};

// A chunk of the right side of products, as pack_right leaves it.
template <class A>
struct Right {
  const A* panels;
  std::int64_t columns;
  std::int64_t width;
};

// `count` rows of a gradient (+)= as many columns of `left`, transposed, times `right`, over the rows of one
// chunk. This member's share of the rows of the gradient, kTileRows at a time: their columns of `left` are
// copied first, since they lie far apart.
template <class T>
void outer_product(const GradientInputs<T>& in, Matrix<const Arithmetic<T>> left, std::int64_t count,
                   const Right<Arithmetic<T>>& right, const RowList& rows, bool is_first, bool is_last,
                   const Target<T>& out, const GradientScratch<T>& scratch, const Member& member) {
  using A = Arithmetic<T>;
  const Range range = part_of(count, member.members, member.index);
  A* const columns = scratch.left + member.index * in.g.tiling.gradient_rows * kTileRows;
  const std::int64_t padded = round_up(right.columns, right.width);
  for (std::int64_t first = range.begin; first < range.end; first += kTileRows) {
    const std::int64_t height = std::min(kTileRows, range.end - first);
    for (std::int64_t i = 0; i < rows.count; ++i)
      std::copy_n(left.data + rows.at(i) * left.row + first, height, columns + i * kTileRows);
    ProductArgs<A> product{.a = columns,
                           .a_row = 1,
                           .a_column = kTileRows,
                           .b = right.panels,
                           .b_row = right.width,
                           .c = nullptr,
                           .c_row = 0,
                           .rows = height,
                           .columns = right.width,
                           .depth = rows.count,
                           .accumulate = !is_first,
                           .b_panel = rows.count * right.width};
    if constexpr (std::is_same_v<A, T>) {
      product.c = out.data + first * out.row;
      product.c_row = out.row;
      product.accumulate = out.add || !is_first;
      product_of_columns(in.kernels.arithmetic_product, product, right.columns);
    } else {
      product.c = out.sum + first * padded;
      product.c_row = padded;
      product_of_columns(in.kernels.arithmetic_product, product, padded);
      if (!is_last) continue;
      for (std::int64_t row = first; row < first + height; ++row)
        put_values(out.sum + row * padded, right.columns, out.add, out.data + row * out.row);
    }
  }
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
  const bool all = in.sequence.full_length();
  for (int gate = 0; gate < in.g.traits.gates; ++gate) {
    const int sum = recurrent ? in.g.traits.recurrent_sum(gate) : gate;
    const Range units = part_of(hidden, member.members, member.index);
    for (std::int64_t first = units.begin; first < units.end; first += kBlock) {
      const std::int64_t count = std::min(kBlock, units.end - first);
      A total[kBlock] = {};
      for (std::int64_t row = 0; row < rows; ++row) {
        if (!all && !in.sequence.valid(row / in.sizes.batch, row % in.sizes.batch)) continue;
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
  const Geometry& g = in.g;
  const std::int64_t d = in.direction;
  const bool add = mode == GradientMode::accumulate;
  if (out.bW.given()) bias_gradient(in, false, direction_of<T>(out.bW, d), add, member);
  if (out.bR.given()) bias_gradient(in, true, direction_of<T>(out.bR, d), add, member);
  if (out.peephole.given()) peephole_gradient(in, direction_of<T>(out.peephole, d), add, member);
  if (!out.W.given() && !out.R.given() && !out.projection.given()) return;

  const std::int64_t columns = g.columns(in.layer);
  const std::int64_t width = g.columns_width(in.layer);
  const std::int64_t back = g.tiling.back_units;
  const Right<A> x{scratch.x, columns, width};
  const Right<A> h{scratch.h, g.h_size(), back};
  const Right<A> m{scratch.m, g.hidden, back};
  Chunks<T> chunks(in, scratch.rows_of(g, member.index));
  for (bool is_first = true;; is_first = false) {
    const RowList rows = chunks.next();
    const std::int64_t first = chunks.first();
    const bool is_last = chunks.done();
    const auto pack = [&](const Right<A>& right, A* panels, auto&& row_of) {
      pack_right(in, member, first, rows, right.columns, right.width, panels, row_of);
    };
    if (out.W.given()) {
      pack(x, scratch.x, [&](std::int64_t t, std::int64_t b) { return in.x.at(t, b); });
      if (in.dropout) drop_right(in, member, first, rows, columns, width, scratch.x);
    }
    // A second phase multiplied something else with its gates.
    const Segments segments = segments_of(g.traits);
    if (out.R.given()) pack(h, scratch.h, [&](std::int64_t t, std::int64_t b) { return in.h_prev.at(t, b); });
    if (out.R.given() && in.exchange != nullptr) {
      pack(h, scratch.exchange,
           [&](std::int64_t t, std::int64_t b) { return in.exchange + (t * in.sizes.batch + b) * g.hidden; });
    }
    if (out.projection.given()) {
      pack(m, scratch.m,
           [&](std::int64_t t, std::int64_t b) { return in.m + (t * in.sizes.batch + b) * g.hidden; });
    }
    team.wait();
    const Matrix<const A> dsums{in.dsums + first * g.sum_rows(), g.sum_rows()};
    if (out.W.given()) {
      outer_product(in, dsums, g.gate_rows(), x, rows, is_first, is_last,
                    Target<T>{direction_of<T>(out.W, d), row_stride(out.W), add, scratch.dW}, scratch,
                    member);
    }
    if (out.R.given()) {
      for (const Segment& segment : segments) {
        const Right<A> right{segment.phase == 0 ? scratch.h : scratch.exchange, g.h_size(), back};
        const std::int64_t gate_row = segment.gate * g.hidden;
        outer_product(in, {dsums.data + segment.sum * g.hidden, dsums.row}, segment.gates * g.hidden, right,
                      rows, is_first, is_last,
                      Target<T>{direction_of<T>(out.R, d) + gate_row * row_stride(out.R), row_stride(out.R),
                                add, scratch.dR + gate_row * g.h_panels() * back},
                      scratch, member);
      }
    }
    if (out.projection.given()) {
      outer_product(
          in, {in.dh + first * g.projection, g.projection}, g.projection, m, rows, is_first, is_last,
          Target<T>{direction_of<T>(out.projection, d), row_stride(out.projection), add, scratch.dprojection},
          scratch, member);
    }
    team.wait();
    if (is_last) return;
  }
}

template <class T>
void input_gradients(const InputGradients<T>& in, const GradientScratch<T>& scratch, const Member& member) {
  using A = Arithmetic<T>;
  const Geometry& g = in.g;
  const std::int64_t columns = g.columns(in.layer);
  const std::int64_t width = g.columns_width(in.layer);
  const std::int64_t batch = in.sizes.batch;
  const bool in_place = std::is_same_v<A, T> && can_read_in_place(in.dx, in.sizes, columns);
  A* const gathered = scratch.dx + member.index * kInputGradientRows * g.widest_columns();
  const Range range = part_of(in.sizes.steps * batch, member.members, member.index);
  for (std::int64_t first = range.begin; first < range.end; first += kInputGradientRows) {
    const Range some{first, std::min(first + kInputGradientRows, range.end)};
    const RowList rows = list_valid(in.sequence, batch, 0, some, scratch.rows_of(g, member.index));
    A* to = gathered;
    std::int64_t to_row = columns;
    if constexpr (std::is_same_v<A, T>) {
      if (in_place) {
        to_row = in.dx.row(in.sizes);
        to = in.dx.data + first * to_row;
      }
    }
    for (std::int64_t d = 0; d < g.directions; ++d) {
      product_of_columns(in.kernels.arithmetic_product,
                         ProductArgs<A>{.a = in.dsums[d] + first * g.sum_rows(),
                                        .a_row = g.sum_rows(),
                                        .a_column = 1,
                                        .b = in.W[d],
                                        .b_row = width,
                                        .c = to,
                                        .c_row = to_row,
                                        .rows = rows.count,
                                        .columns = width,
                                        .depth = g.gate_rows(),
                                        .accumulate = d > 0,
                                        .a_rows = rows.index,
                                        .c_rows = rows.index,
                                        .b_panel = g.gate_rows() * width},
                         columns);
    }
    for (std::int64_t i = 0, valid = 0; i < some.size(); ++i) {
      const bool is_valid = valid < rows.count && rows.at(valid) == i;
      if (is_valid) ++valid;
      if (is_valid && in.dropout)
        in.dropout->apply_unrounded((first + i) / batch, (first + i) % batch, 0, columns, to + i * to_row);
      if (is_valid && in_place) continue;
      T* const row = in.dx.at((first + i) / batch, (first + i) % batch);
      if (is_valid) {
        copy_values(gathered + i * columns, columns, row);
      } else {
        std::fill_n(row, columns, T{});
      }
    }
  }
}

// NOLINTBEGIN(bugprone-macro-parentheses): T is a type
#define RECUR_INSTANTIATE(T)                                                                    \
  template void weight_gradients(const GradientInputs<T>&, const LayerGradients&, GradientMode, \
                                 const GradientScratch<T>&, const Member&, SpinBarrier&);       \
  template void input_gradients(const InputGradients<T>&, const GradientScratch<T>&, const Member&);
RECUR_INSTANTIATE(float)
RECUR_INSTANTIATE(double)
RECUR_INSTANTIATE(Bf16)
#undef RECUR_INSTANTIATE
// NOLINTEND(bugprone-macro-parentheses)

}  // namespace recur::host::cpu
