#include "host/cpu/weight_gradients.hpp"

#include <algorithm>
#include <bit>
#include <limits>

#include "host/cpu/copy.hpp"
#include "host/cpu/units.hpp"

namespace recur::host::cpu {
namespace {

// to = or += values, rounded once.
template <class E>
void put_values(const Arithmetic<E>* values, std::int64_t count, bool add, E* to) {
  if (!add) return copy_values(values, count, to);
  for (std::int64_t j = 0; j < count; ++j) to[j] = stored<E>(widened(to[j]) + values[j]);
}

// The valid (t, b) rows of all steps, t outermost, cut into chunks.
template <class E>
class Chunks {
 public:
  Chunks(const GradientInputs<E>& in, std::int32_t* list)
      : timeline_(in.timeline),
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
    if (timeline_.lengths == nullptr) {
      taken_ = std::min(left_, most_);
      return {nullptr, taken_};
    }
    std::int64_t count = 0;
    while (taken_ < left_ && count < most_) {
      const std::int64_t row = first_ + taken_;
      if (taken_ > std::numeric_limits<std::int32_t>::max()) break;
      if (Sequence(timeline_, row % batch_).valid(row / batch_))
        list_[count++] = static_cast<std::int32_t>(taken_);
      ++taken_;
    }
    return {list_, count};
  }
  std::int64_t first() const { return first_; }
  bool done() const { return taken_ == left_; }

 private:
  const Timeline& timeline_;
  const std::int64_t batch_;
  std::int64_t left_;
  const std::int64_t most_;
  std::int32_t* const list_;
  std::int64_t first_ = 0;
  std::int64_t taken_ = 0;
};

// This member's share of the rows of a chunk as the right side of products: panels [panel][unit of the
// chunk's rows][width], zeros past the last column. `row_of` gives a (t, b) row, or null for zeros.
template <class E, class RowOf>
void pack_right(const GradientInputs<E>& in, const Member& member, std::int64_t first, const RowList& rows,
                std::int64_t columns, std::int64_t width, Unit<E>* panels, RowOf&& row_of) {
  constexpr std::int64_t kDepth = StorageTraits<E>::kUnitDepth;
  const std::int64_t units = units_of<E>(rows.count);
  const Range share = part_of(units, member.members, member.index);
  for (std::int64_t unit = share.begin; unit < share.end; ++unit) {
    RowsOfUnit<E> from{};
    for (std::int64_t i = unit * kDepth; i < std::min((unit + 1) * kDepth, rows.count); ++i) {
      const std::int64_t row = first + rows.at(i);
      from[i - unit * kDepth] = row_of(row / in.sizes.batch, row % in.sizes.batch);
    }
    Unit<E>* to = panels + unit * width;
    for (std::int64_t column = 0; column < columns; column += width) {
      const std::int64_t count = std::min(width, columns - column);
      put_unit<E>(from, count, to);
      std::fill_n(to + count, width - count, Unit<E>(0));
      for (const E*& row : from) row += row != nullptr ? width : 0;
      to += units * width;
    }
  }
}

// Where a gradient goes: what the caller holds, and the sum over the chunks in arithmetic.
template <class E>
struct Target {
  E* data;
  std::int64_t row;
  bool add;            // to what the caller holds
  Arithmetic<E>* sum;  // where values are converted: rows of whole panels
};

// A chunk of the right side of products, as pack_right leaves it.
template <class E>
struct Right {
  const Unit<E>* panels;
  std::int64_t columns;
  std::int64_t width;
};

// The (t, b) rows whose terms are summed at a time.
struct Chunk {
  std::int64_t first;  // the row that `rows` are counted from
  RowList rows;
  bool is_first;
  bool is_last;
};

// Drops from the rows of x that this member packed what forward did not read of them.
template <class E>
void drop_right(const GradientInputs<E>& in, const Member& member, const Chunk& chunk, const Right<E>& right,
                Unit<E>* panels) {
  constexpr std::int64_t kDepth = StorageTraits<E>::kUnitDepth;
  const std::int64_t units = units_of<E>(chunk.rows.count);
  const Range share = part_of(units, member.members, member.index);
  for (std::int64_t i = share.begin * kDepth; i < std::min(share.end * kDepth, chunk.rows.count); ++i) {
    const std::int64_t row = chunk.first + chunk.rows.at(i);
    Unit<E>* to = panels + i / kDepth * right.width;
    for (std::int64_t column = 0; column < right.columns; column += right.width) {
      in.dropout->apply_to_units(row / in.sizes.batch, row % in.sizes.batch, column,
                                 std::min(right.width, right.columns - column), static_cast<int>(i % kDepth),
                                 to);
      to += units * right.width;
    }
  }
}

// `height` rows from `first` on of a gradient (+)= the columns of `left`, as copy_left leaves them, times
// `right`.
template <class E>
void outer_product(const Kernels<E>& kernels, const Unit<E>* left, std::int64_t first, std::int64_t height,
                   const Right<E>& right, const Chunk& chunk, const Target<E>& out) {
  using A = Arithmetic<E>;
  constexpr std::int64_t kDepth = StorageTraits<E>::kUnitDepth;
  const std::int64_t padded = round_up(right.columns, right.width);
  ProductArgs<E> product{.a = reinterpret_cast<const E*>(left),
                         .a_row = kDepth,
                         .a_column = kTileRows,
                         .b = right.panels,
                         .b_row = right.width,
                         .c = nullptr,
                         .c_row = 0,
                         .rows = height,
                         .columns = right.width,
                         .depth = chunk.rows.count,
                         .accumulate = !chunk.is_first,
                         .b_panel = units_of<E>(chunk.rows.count) * right.width};
  if constexpr (std::is_same_v<A, E>) {
    product.c = out.data + first * out.row;
    product.c_row = out.row;
    product.accumulate = out.add || !chunk.is_first;
    product_of_columns(kernels.product, product, right.columns);
  } else {
    product.c = out.sum + first * padded;
    product.c_row = padded;
    product_of_columns(kernels.product, product, padded);
    if (!chunk.is_last) return;
    for (std::int64_t row = first; row < first + height; ++row)
      put_values(out.sum + row * padded, right.columns, out.add, out.data + row * out.row);
  }
}

// Rows of a chunk that are fetched ahead of those that are copied: they lie in pages of their own, where
// processors do not look ahead.
constexpr std::int64_t kRowsAhead = 16;

// `count` columns of the rows of a chunk beside each other, kTileRows of them apart, in units: they lie far
// apart in `from`. Of kTileRows columns, which are nearly all, the compiler knows the number.
template <class E>
void copy_left(const E* from, std::int64_t row_size, const RowList& rows, std::int64_t count, Unit<E>* left) {
  constexpr std::int64_t kDepth = StorageTraits<E>::kUnitDepth;
  for (std::int64_t i = 0; i < rows.count; i += kDepth, left += kTileRows) {
    RowsOfUnit<E> unit{};
    for (std::int64_t j = 0; j < std::min(kDepth, rows.count - i); ++j) {
      unit[j] = from + rows.at(i + j) * row_size;
      const E* const ahead = from + rows.at(std::min(i + j + kRowsAhead, rows.count - 1)) * row_size;
      __builtin_prefetch(ahead);
      __builtin_prefetch(ahead + count - 1);
    }
    if (count == kTileRows) {
      put_unit<E>(unit, kTileRows, left);
    } else {
      put_unit<E>(unit, count, left);
    }
  }
}

// Rows that are added up by themselves: next to a large sum of others every term would be rounded to that.
constexpr std::int64_t kRowsAtOnce = 256;

// sums (+)= those of `count` columns of `left` over some rows.
template <class E>
void add_some(const Unit<E>* left, std::int64_t units, std::int64_t count, bool is_first,
              Arithmetic<E>* sums) {
  Arithmetic<E> total[kTileRows] = {};
  const auto add_units = [&](std::int64_t columns) {
    for (std::int64_t unit = 0; unit < units; ++unit, left += kTileRows) {
      for (std::int64_t j = 0; j < columns; ++j) {
        if constexpr (StorageTraits<E>::kUnitDepth == 1) {
          total[j] += left[j];
        } else {
          total[j] += std::bit_cast<float>(left[j] << 16);
          total[j] += std::bit_cast<float>(left[j] & 0xffff0000u);
        }
      }
    }
  };
  if (count == kTileRows) {
    add_units(kTileRows);
  } else {
    add_units(count);
  }
  for (std::int64_t j = 0; j < count; ++j) sums[j] = is_first ? total[j] : sums[j] + total[j];
}

// Likewise over the rows of a chunk.
template <class E>
void add_columns(const Unit<E>* left, const Chunk& chunk, std::int64_t count, Arithmetic<E>* sums) {
  constexpr std::int64_t kAtOnce = units_of<E>(kRowsAtOnce);
  const std::int64_t units = units_of<E>(chunk.rows.count);
  std::int64_t first = 0;
  do {  // once where there are no rows: their sum is zero
    add_some<E>(left + first * kTileRows, std::min(kAtOnce, units - first), count,
                chunk.is_first && first == 0, sums);
    first += kAtOnce;
  } while (first < units);
}

// A run of sums whose gradients multiply the same things: `gates` gates from `gate` on, their gradients from
// sum `sum` on.
struct Part {
  int gate;
  int gates;
  int sum;
  bool of_input;      // they are sums of W x and bW
  bool of_recurrent;  // and of R h and bR
  int phase;          // forward phase of the latter
};

// Calls f(part) for the parts of a cell's sums. Both sides of most gates have one gradient, so that it is
// copied once for both.
template <class F>
void each_part(const cells::Traits& traits, F&& f) {
  for (const Segment& segment : segments_of(traits)) {
    const bool split = segment.gate == traits.split_gate;
    f(Part{segment.gate, segment.gates, segment.sum, !split, traits.recurrent, segment.phase});
    if (split) f(Part{segment.gate, segment.gates, segment.gate, true, false, 0});
  }
}

// Units summed over all (t, b) at a time, apart from what the caller holds: next to a large gradient of other
// calls every term would be rounded to that.
constexpr std::int64_t kBlock = 64;

template <class E>
void peephole_gradient(const GradientInputs<E>& in, E* out, bool accumulate, const Member& member) {
  using A = Arithmetic<E>;
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
          if (!Sequence(in.timeline, b).valid(t)) continue;
          const std::int64_t row = t * in.sizes.batch + b;
          const A* c = sees_current ? in.c + row * hidden : in.c_prev.before(in.timeline, t, b);
          if (c == nullptr) continue;
          const E* dsum = in.dgates + row * in.g.sum_columns() + traits.peephole_gate[peephole] * hidden;
          for (std::int64_t j = 0; j < count; ++j) total[j] += widened(dsum[first + j]) * c[first + j];
        }
      }
      put_values(total, count, accumulate, out + peephole * hidden + first);
    }
  }
}

}  // namespace

template <class E>
void weight_gradients(const GradientInputs<E>& in, const LayerGradients& out, GradientMode mode,
                      const GradientScratch<E>& scratch, const Member& member, SpinBarrier& team) {
  const Geometry& g = in.g;
  const std::int64_t d = in.direction;
  const bool add = mode == GradientMode::accumulate;
  if (out.peephole.given()) peephole_gradient(in, direction_of<E>(out.peephole, d), add, member);
  const bool has_bias = out.bW.given() || out.bR.given();
  const bool has_matrix = out.W.given() || out.R.given();
  if (!has_matrix && !has_bias && !out.projection.given()) return;

  const std::int64_t width = g.columns_width(in.layer);
  const std::int64_t back = g.tiling.back_units;
  const Right<E> x{scratch.x, g.columns(in.layer), width};
  const Right<E> h{scratch.h, g.h_size(), back};
  const Right<E> exchange{scratch.exchange, g.h_size(), back};
  const Right<E> m{scratch.m, g.hidden, back};
  const auto target = [&](const TensorView& view, std::int64_t first_row, Arithmetic<E>* sum,
                          const Right<E>& right) {
    return Target<E>{direction_of<E>(view, d) + first_row * row_stride(view), row_stride(view), add,
                     sum + first_row * round_up(right.columns, right.width)};
  };
  Unit<E>* const left = scratch.left_of(g, member.index);
  // Calls f(first, height) for this member's rows of `count`, kTileRows at a time.
  const auto each_block = [&](std::int64_t count, auto&& f) {
    const Range range = part_of(count, member.members, member.index);
    for (std::int64_t first = range.begin; first < range.end; first += kTileRows)
      f(first, std::min(kTileRows, range.end - first));
  };

  Chunks<E> chunks(in, scratch.rows_of(g, member.index));
  for (bool is_first = true;; is_first = false) {
    const RowList rows = chunks.next();
    const Chunk chunk{chunks.first(), rows, is_first, chunks.done()};
    const auto pack = [&](const Right<E>& right, Unit<E>* panels, auto&& row_of) {
      pack_right(in, member, chunk.first, rows, right.columns, right.width, panels, row_of);
    };
    if (out.W.given()) {
      pack(x, scratch.x, [&](std::int64_t t, std::int64_t b) { return in.x.at(t, b); });
      if (in.dropout) drop_right(in, member, chunk, x, scratch.x);
    }
    if (out.R.given())
      pack(h, scratch.h, [&](std::int64_t t, std::int64_t b) { return in.h_prev.before(in.timeline, t, b); });
    // A second phase multiplied something else with its gates.
    if (out.R.given() && in.exchange != nullptr) {
      pack(exchange, scratch.exchange,
           [&](std::int64_t t, std::int64_t b) { return in.exchange + (t * in.sizes.batch + b) * g.hidden; });
    }
    if (out.projection.given()) {
      pack(m, scratch.m,
           [&](std::int64_t t, std::int64_t b) { return in.m + (t * in.sizes.batch + b) * g.hidden; });
    }
    team.wait();
    const E* const dgates = in.dgates + chunk.first * g.sum_columns();
    each_part(g.traits, [&](const Part& part) {
      const bool to_W = part.of_input && out.W.given();
      const bool to_R = part.of_recurrent && out.R.given();
      const std::int64_t gate_row = part.gate * g.hidden;
      each_block(part.gates * g.hidden, [&](std::int64_t first, std::int64_t height) {
        const std::int64_t sum = part.sum * g.hidden + first;
        copy_left(dgates + sum, g.sum_columns(), rows, height, left);
        if (has_bias) add_columns<E>(left, chunk, height, scratch.bias + sum);
        if (to_W)
          outer_product(in.kernels, left, first, height, x, chunk, target(out.W, gate_row, scratch.dW, x));
        if (to_R) {
          outer_product(in.kernels, left, first, height, part.phase == 0 ? h : exchange, chunk,
                        target(out.R, gate_row, scratch.dR, h));
        }
      });
    });
    if (out.projection.given()) {
      each_block(g.projection, [&](std::int64_t first, std::int64_t height) {
        copy_left(in.dh + chunk.first * g.projection + first, g.projection, rows, height, left);
        outer_product(in.kernels, left, first, height, m, chunk,
                      target(out.projection, 0, scratch.dprojection, m));
      });
    }
    team.wait();
    if (chunk.is_last) break;
  }
  if (!has_bias) return;
  each_part(g.traits, [&](const Part& part) {
    const auto put = [&](const TensorView& view) {
      if (!view.given()) return;
      E* const to = direction_of<E>(view, d) + part.gate * g.hidden;
      each_block(part.gates * g.hidden, [&](std::int64_t first, std::int64_t height) {
        put_values(scratch.bias + part.sum * g.hidden + first, height, add, to + first);
      });
    };
    if (part.of_input) put(out.bW);
    if (part.of_recurrent) put(out.bR);
  });
}

template <class E>
void input_gradients(const InputGradients<E>& in, const GradientScratch<E>& scratch, const Member& member) {
  using A = Arithmetic<E>;
  const Geometry& g = in.g;
  const std::int64_t columns = g.columns(in.layer);
  const std::int64_t width = g.columns_width(in.layer);
  const std::int64_t batch = in.sizes.batch;
  const std::int64_t distance = std::is_same_v<A, E> ? distance_in_place(in.dx, in.sizes, columns) : 0;
  const bool in_place = distance > 0;
  A* const gathered = scratch.dx + member.index * kInputGradientRows * g.widest_columns();
  const Range range = part_of(in.sizes.steps * batch, member.members, member.index);
  for (std::int64_t first = range.begin; first < range.end; first += kInputGradientRows) {
    const Range some{first, std::min(first + kInputGradientRows, range.end)};
    const RowList rows = list_valid(in.timeline, batch, 0, some, scratch.rows_of(g, member.index));
    A* to = gathered;
    std::int64_t to_row = columns;
    if constexpr (std::is_same_v<A, E>) {
      if (in_place) {
        to_row = distance;
        to = in.dx.data + first * distance;
      }
    }
    for (std::int64_t d = 0; d < g.directions; ++d) {
      product_of_columns(in.kernels.product,
                         ProductArgs<E>{.a = in.dgates[d] + first * g.sum_columns(),
                                        .a_row = g.sum_columns(),
                                        .a_column = 1,
                                        .b = in.W[d],
                                        .b_row = width,
                                        .c = to,
                                        .c_row = to_row,
                                        .rows = rows.count,
                                        .columns = width,
                                        .depth = g.gate_columns(),
                                        .accumulate = d > 0,
                                        .a_rows = rows.index,
                                        .c_rows = rows.index,
                                        .b_panel = units_of<E>(g.gate_columns()) * width},
                         columns);
    }
    for (std::int64_t i = 0, valid = 0; i < some.size(); ++i) {
      const bool is_valid = valid < rows.count && rows.at(valid) == i;
      if (is_valid) ++valid;
      if (is_valid && in.dropout)
        in.dropout->apply_unrounded((first + i) / batch, (first + i) % batch, 0, columns, to + i * to_row);
      if (is_valid && in_place) continue;
      E* const row = in.dx.at((first + i) / batch, (first + i) % batch);
      if (is_valid) {
        copy_values(gathered + i * columns, columns, row);
      } else {
        std::fill_n(row, columns, E{});
      }
    }
  }
}

// NOLINTBEGIN(bugprone-macro-parentheses): E is a type
#define RECUR_INSTANTIATE(E)                                                                    \
  template void weight_gradients(const GradientInputs<E>&, const LayerGradients&, GradientMode, \
                                 const GradientScratch<E>&, const Member&, SpinBarrier&);       \
  template void input_gradients(const InputGradients<E>&, const GradientScratch<E>&, const Member&);
RECUR_INSTANTIATE(float)
RECUR_INSTANTIATE(double)
RECUR_INSTANTIATE(Bf16)
#undef RECUR_INSTANTIATE
// NOLINTEND(bugprone-macro-parentheses)

}  // namespace recur::host::cpu
