#include "recur/tasks/affine.hpp"

#include "host/dense_product.hpp"
#include "host/tasks/team.hpp"
#include "host/tasks/views.hpp"

namespace recur::tasks {
namespace {

template <class E>
void forward_product(const AffineArgs& args) {
  const host::DenseProduct<E> product{.a = row_of<E>(args.x, 0),
                                      .a_row = args.x.stride(0),
                                      .a_column = 1,
                                      .b = row_of<E>(args.W, 0),  // transposed
                                      .b_row = 1,
                                      .b_column = args.W.stride(0),
                                      .c = row_of<E>(args.y, 0),
                                      .c_row = args.y.stride(0),
                                      .rows = args.x.size(0),
                                      .columns = args.W.size(0),
                                      .depth = args.x.size(1),
                                      .start = args.b.given() ? row_of<E>(args.b, 0) : nullptr};
  on_members(args.team, product.rows * product.columns * product.depth,
             [&](int member, int members) { host::dense_product(product, member, members); });
}

template <class E>
void add_rows(const ConstTensorView& dy, Share columns, E* sums) {
  for (std::int64_t r = 0; r < dy.size(0); ++r) {
    const E* row = row_of<E>(dy, r);
    for (std::int64_t o = columns.begin; o < columns.end; ++o) sums[o] += row[o];
  }
}

// The gradients of no rows, whose views may have no memory that a product could point into.
template <class E>
void clear_gradients(const AffineBackwardArgs& args) {
  if (args.mode == GradientMode::accumulate) return;
  for (std::int64_t o = 0; args.dW.given() && o < args.dW.size(0); ++o)
    std::fill_n(row_of<E>(args.dW, o), args.dW.size(1), E{0});
  if (args.db.given()) std::fill_n(row_of<E>(args.db, 0), args.db.size(0), E{0});
}

template <class E>
void backward_products(const AffineBackwardArgs& args) {
  if (args.dy.size(0) == 0) return clear_gradients<E>(args);
  const bool add = args.mode == GradientMode::accumulate;
  host::DenseProduct<E> dx{.a = row_of<E>(args.dy, 0),
                           .a_row = args.dy.stride(0),
                           .a_column = 1,
                           .b = nullptr,
                           .b_row = 0,
                           .b_column = 1,
                           .c = nullptr,
                           .c_row = 0,
                           .rows = args.dy.size(0),
                           .columns = 0,
                           .depth = args.dy.size(1)};
  host::DenseProduct<E> dW = dx;
  std::swap(dW.a_row, dW.a_column);  // dy is transposed
  std::swap(dW.rows, dW.depth);
  dW.accumulate = add;
  if (args.dx.given()) {
    dx.b = row_of<E>(args.W, 0);
    dx.b_row = args.W.stride(0);
    dx.c = row_of<E>(args.dx, 0);
    dx.c_row = args.dx.stride(0);
    dx.columns = args.dx.size(1);
  }
  if (args.dW.given()) {
    dW.b = row_of<E>(args.x, 0);
    dW.b_row = args.x.stride(0);
    dW.c = row_of<E>(args.dW, 0);
    dW.c_row = args.dW.stride(0);
    dW.columns = args.dW.size(1);
  }
  const std::int64_t columns = std::max<std::int64_t>(1, dx.columns + dW.columns);
  on_members(args.team, args.dy.size(0) * args.dy.size(1) * columns, [&](int member, int members) {
    if (args.dx.given()) host::dense_product(dx, member, members);
    if (args.dW.given()) host::dense_product(dW, member, members);
    if (!args.db.given()) return;
    const Share share = share_of(args.dy.size(1), member, members);
    E* const db = row_of<E>(args.db, 0);
    if (!add) std::fill(db + share.begin, db + share.end, E{0});
    add_rows(args.dy, share, db);
  });
}

}  // namespace

void affine(const AffineArgs& args) {
  check_rank("x", args.x, 2, "[R][I]", 1);
  check_f32_or_f64("x", args.x);
  check_rank("W", args.W, 2, "[O][I]");
  const DataType type = args.x.type();
  const host::Dim rows{"R", args.x.size(0)};
  const host::Dim width{"I", args.x.size(1)};
  const host::Dim outputs{"O", args.W.size(0)};
  host::check_view("x", args.x, type, {rows, width});
  host::check_view("W", args.W, type, {outputs, width});
  if (args.b.given()) host::check_view("b", args.b, type, {outputs});
  host::check_output("y", args.y, type, {rows, outputs});
  host::OverlapCheck overlap;
  overlap.input("x", args.x);
  overlap.input("W", args.W);
  overlap.input("b", args.b);
  overlap.output("y", args.y);
  overlap.check();

  with_float(type, [&](auto zero) { forward_product<decltype(zero)>(args); });
}

void affine_backward(const AffineBackwardArgs& args) {
  if (!args.dx.given() && !args.dW.given() && !args.db.given()) {
    fail("dx, dW, db", "at least one of them", "none");
  }
  check_rank("dy", args.dy, 2, "[R][O]", 1);
  check_f32_or_f64("dy", args.dy);
  const DataType type = args.dy.type();
  const host::Dim rows{"R", args.dy.size(0)};
  const host::Dim outputs{"O", args.dy.size(1)};
  host::check_view("dy", args.dy, type, {rows, outputs});
  if (args.dx.given()) {
    check_rank("dx", args.dx, 2, "[R][I]", 1);
    const host::Dim width{"I", args.dx.size(1)};
    host::check_output("dx", args.dx, type, {rows, width});
    host::check_view("W", args.W, type, {outputs, width});
  }
  if (args.dW.given()) {
    check_rank("dW", args.dW, 2, "[O][I]");
    const host::Dim width{"I", args.dW.size(1)};
    host::check_output("dW", args.dW, type, {outputs, width});
    host::check_view("x", args.x, type, {rows, width});
  }
  if (args.db.given()) host::check_output("db", args.db, type, {outputs});
  host::OverlapCheck overlap;
  if (args.dW.given()) overlap.input("x", args.x);
  if (args.dx.given()) overlap.input("W", args.W);
  overlap.input("dy", args.dy);
  overlap.output("dx", args.dx);
  overlap.output("dW", args.dW);
  overlap.output("db", args.db);
  overlap.check();

  with_float(type, [&](auto zero) { backward_products<decltype(zero)>(args); });
}

}  // namespace recur::tasks
