#include "recur/tasks/affine.hpp"

#include "host/tasks/views.hpp"

// The products are small beside those of the recurrent layers, so plain loops that compilers vectorise do:
// they need no workspace, and a fixed order of sums comes for free.
namespace recur::tasks {
namespace {

constexpr std::int64_t kTileOutputs = 64;
constexpr std::int64_t kTileInputs = 64;  // 64 x 64 of fp64: 32 KiB of stack
constexpr std::int64_t kUnroll = 4;       // products added to a sum each time it is loaded and stored

// y[r][o .. o+outputs) += x[r][i .. i+inputs) . W[o][i ..]^T for all rows. W's tile is transposed first, so
// that the inner loop runs over outputs: vectors hold different sums and each sum keeps its order. What the
// tile has more than W is zeros.
template <class T>
void add_tile(const AffineArgs& args, std::int64_t o, std::int64_t outputs, std::int64_t i,
              std::int64_t inputs) {
  alignas(64) T tile[kTileInputs][kTileOutputs] = {};
  for (std::int64_t j = 0; j < outputs; ++j) {
    const T* W = row_of<T>(args.W, o + j) + i;
    for (std::int64_t k = 0; k < inputs; ++k) tile[k][j] = W[k];
  }
  const std::int64_t padded_outputs = (outputs + 15) / 16 * 16;  // whole vectors
  for (std::int64_t r = 0; r < args.x.size(0); ++r) {
    const T* x = row_of<T>(args.x, r) + i;
    T* y = row_of<T>(args.y, r) + o;
    alignas(64) T sums[kTileOutputs] = {};
    for (std::int64_t j = 0; j < outputs; ++j) sums[j] = y[j];
    std::int64_t k = 0;
    for (; k + kUnroll <= inputs; k += kUnroll) {
      for (std::int64_t j = 0; j < padded_outputs; ++j) {
        T sum = sums[j] + x[k] * tile[k][j];
        sum += x[k + 1] * tile[k + 1][j];
        sum += x[k + 2] * tile[k + 2][j];
        sum += x[k + 3] * tile[k + 3][j];
        sums[j] = sum;
      }
    }
    for (; k < inputs; ++k) {
      for (std::int64_t j = 0; j < padded_outputs; ++j) sums[j] += x[k] * tile[k][j];
    }
    for (std::int64_t j = 0; j < outputs; ++j) y[j] = sums[j];
  }
}

template <class T>
void forward_product(const AffineArgs& args) {
  const std::int64_t rows = args.x.size(0);
  const std::int64_t width = args.x.size(1);
  const std::int64_t outputs = args.W.size(0);
  for (std::int64_t r = 0; r < rows; ++r) {
    T* y = row_of<T>(args.y, r);
    if (args.b.given()) {
      std::copy_n(row_of<T>(args.b, 0), outputs, y);
    } else {
      std::fill_n(y, outputs, T{0});
    }
  }
  for (std::int64_t o = 0; o < outputs; o += kTileOutputs) {
    for (std::int64_t i = 0; i < width; i += kTileInputs) {
      add_tile<T>(args, o, std::min(kTileOutputs, outputs - o), i, std::min(kTileInputs, width - i));
    }
  }
}

// y[i] += a * x[i].
template <class T>
void add_scaled(T a, const T* x, T* y, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) y[i] += a * x[i];
}

template <class T>
void backward_products(const AffineBackwardArgs& args) {
  const std::int64_t rows = args.dy.size(0);
  const std::int64_t outputs = args.dy.size(1);
  if (args.mode == GradientMode::overwrite) {
    if (args.db.given()) std::fill_n(row_of<T>(args.db, 0), outputs, T{0});
    for (std::int64_t o = 0; args.dW.given() && o < outputs; ++o) {
      std::fill_n(row_of<T>(args.dW, o), args.dW.size(1), T{0});
    }
  }
  for (std::int64_t r = 0; r < rows; ++r) {
    const T* dy = row_of<T>(args.dy, r);
    if (args.dx.given()) std::fill_n(row_of<T>(args.dx, r), args.dx.size(1), T{0});
    if (args.db.given()) add_scaled(T{1}, dy, row_of<T>(args.db, 0), outputs);
    for (std::int64_t o = 0; o < outputs; ++o) {
      if (args.dx.given()) add_scaled(dy[o], row_of<T>(args.W, o), row_of<T>(args.dx, r), args.dx.size(1));
      if (args.dW.given()) add_scaled(dy[o], row_of<T>(args.x, r), row_of<T>(args.dW, o), args.dW.size(1));
    }
  }
}

}  // namespace

void affine(const AffineArgs& args) {
  check_rank("x", args.x, 2, "[R][I]");
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
  check_rank("dy", args.dy, 2, "[R][O]");
  check_f32_or_f64("dy", args.dy);
  const DataType type = args.dy.type();
  const host::Dim rows{"R", args.dy.size(0)};
  const host::Dim outputs{"O", args.dy.size(1)};
  host::check_view("dy", args.dy, type, {rows, outputs});
  if (args.dx.given()) {
    check_rank("dx", args.dx, 2, "[R][I]");
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
