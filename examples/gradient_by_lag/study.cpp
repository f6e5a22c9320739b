#include "study.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <numeric>
#include <random>

namespace study {
namespace {

using recur::Cell;
using recur::Spec;

constexpr double kMemory = 100;
const std::array kKinds = {
    Kind{.name = "rnn, gain 0.8", .cell = {.cell = Cell::rnn}, .gain = 0.8},
    Kind{.name = "rnn, gain 2", .cell = {.cell = Cell::rnn}, .gain = 2},
    Kind{.name = "residual rnn, gain 0.1", .cell = {.cell = Cell::rnn, .residual = true}, .gain = 0.1},
    Kind{.name = "residual rnn, gain 0.1, antisymmetric",
         .cell = {.cell = Cell::rnn, .residual = true},
         .gain = 0.1,
         .antisymmetric = true},
    Kind{.name = "gru", .cell = {.cell = Cell::gru}},
    Kind{.name = "gru, memory 100", .cell = {.cell = Cell::gru}, .memory = kMemory},
    Kind{.name = "lstm, forget bias 1", .cell = {.cell = Cell::lstm}},
    Kind{.name = "lstm, memory 100", .cell = {.cell = Cell::lstm}, .memory = kMemory},
};

// The engine's bits are laid down by the standard; those of its distributions are not.
class Normal {
 public:
  Normal(std::uint64_t seed, std::uint64_t stream) : bits_(1000 * seed + stream) {}
  double operator()() {  // Box and Muller
    const double radius = std::sqrt(-2 * std::log(uniform()));
    return radius * std::cos(2 * std::numbers::pi * uniform());
  }

 private:
  double uniform() { return (static_cast<double>(bits_() >> 11) + 0.5) * 0x1p-53; }
  std::mt19937_64 bits_;
};

std::vector<double> normal(std::int64_t count, double deviation, Normal& random) {
  std::vector<double> values(static_cast<std::size_t>(count));
  std::ranges::generate(values, [&] { return deviation * random(); });
  return values;
}

double norm(std::span<const double> v) {
  return std::sqrt(std::inner_product(v.begin(), v.end(), v.begin(), 0.0));
}

void normalise(std::span<double> v) {
  const double length = norm(v);
  for (double& value : v) value /= length;
}

// Random [n][n], by Gram and Schmidt. Twice, since what rounding leaves of a projection is projected once
// more.
std::vector<double> orthogonal(std::size_t n, Normal& random) {
  std::vector<double> Q = normal(static_cast<std::int64_t>(n * n), 1, random);
  const auto row = [&](std::size_t i) { return std::span(Q).subspan(i * n, n); };
  for (std::size_t i = 0; i < n; ++i) {
    for (int again = 0; again < 2; ++again) {
      for (std::size_t j = 0; j < i; ++j) {
        const double along = std::inner_product(row(i).begin(), row(i).end(), row(j).begin(), 0.0);
        for (std::size_t k = 0; k < n; ++k) row(i)[k] -= along * row(j)[k];
      }
      normalise(row(i));
    }
  }
  return Q;
}

// Q^T J Q, where J turns each pair of coordinates by a quarter.
std::vector<double> orthogonal_antisymmetric(std::size_t n, Normal& random) {
  const std::vector<double> Q = orthogonal(n, random);
  std::vector<double> A(n * n);
  for (std::size_t pair = 0; pair < n; pair += 2) {
    const double* a = Q.data() + pair * n;
    const double* b = a + n;
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j < n; ++j) A[i * n + j] += a[i] * b[j] - b[i] * a[j];
    }
  }
  return A;
}

// Gates in the order of rows: lstm i f g o, gru r z n.
std::vector<double> biases(const Kind& kind, const Spec& spec) {
  const std::int64_t H = spec.hidden_size;
  std::vector<double> bias(static_cast<std::size_t>(recur::gates_of(spec) * H));
  const auto set = [&](std::int64_t gate, double value) { std::fill_n(bias.begin() + gate * H, H, value); };
  const double keep = kind.memory > 0 ? std::log(kind.memory) : 0;
  if (spec.cell == Cell::gru) set(1, keep);
  if (spec.cell == Cell::lstm) {
    set(0, -keep);
    set(1, kind.memory > 0 ? keep : 1);
  }
  return bias;
}

struct alignas(64) Line {
  std::byte bytes[64];
};
std::size_t lines(std::size_t bytes) { return bytes / sizeof(Line) + 1; }

}  // namespace

std::span<const Kind> kinds() { return kKinds; }

Model make_model(const Kind& kind, const Sizes& sizes, std::uint64_t seed) {
  Model model;
  model.spec = kind.cell;
  model.spec.input_size = sizes.inputs;
  model.spec.hidden_size = sizes.hidden;
  model.spec.bias = recur::Bias::single;
  model.spec.dtype = recur::DataType::f64;
  Normal random(seed, 1);
  const std::int64_t gates = recur::gates_of(model.spec);
  model.W =
      normal(gates * sizes.hidden * sizes.inputs, 1 / std::sqrt(static_cast<double>(sizes.inputs)), random);
  for (std::int64_t gate = 0; gate < gates; ++gate) {
    const auto H = static_cast<std::size_t>(sizes.hidden);
    for (double value : kind.antisymmetric ? orthogonal_antisymmetric(H, random) : orthogonal(H, random)) {
      model.R.push_back(kind.gain * value);
    }
  }
  model.bias = biases(kind, model.spec);
  return model;
}

Data make_data(const Sizes& sizes, std::uint64_t seed) {
  Normal random(seed, 2);
  Data data;
  data.x = normal(sizes.steps * sizes.batch * sizes.inputs, sizes.input, random);
  data.dh = normal(sizes.batch * sizes.hidden, 1, random);
  const auto H = static_cast<std::size_t>(sizes.hidden);
  for (std::size_t at = 0; at < data.dh.size(); at += H) normalise(std::span(data.dh).subspan(at, H));
  return data;
}

std::vector<double> norms_by_lag(const Model& model, const Sizes& sizes, const Data& data) {
  const std::int64_t T = sizes.steps, B = sizes.batch, I = sizes.inputs, H = sizes.hidden;
  const std::int64_t rows = recur::gates_of(model.spec) * H;
  const bool has_c = recur::has_cell_state(model.spec);
  const recur::Device device = recur::Device::cpu();
  // Calls of one step each: the state's gradient is an output of every call.
  const recur::Plan plan =
      recur::make_plan(model.spec, {.steps = 1, .batch = B}, device, {.pass = recur::Pass::training});
  const recur::BufferSizes bytes = plan.sizes();
  recur::Context context(device);

  recur::LayerWeights layer;
  layer.W = {model.W.data(), {1, rows, I}};
  layer.R = {model.R.data(), {1, rows, H}};
  layer.bW = {model.bias.data(), {1, rows}};
  const std::span<const recur::LayerWeights> weights(&layer, 1);

  const auto states = static_cast<std::size_t>((T + 1) * B * H);
  std::vector<double> h(states), c(states), y(states);
  const std::size_t reserve_lines = lines(bytes.reserve);
  std::vector<Line> reserves(static_cast<std::size_t>(T) * reserve_lines);
  std::vector<Line> workspace(lines(std::max(bytes.workspace, bytes.workspace_backward)));
  const auto workspace_bytes = std::as_writable_bytes(std::span(workspace));
  const auto reserve = [&](std::int64_t t) {
    return std::as_writable_bytes(
        std::span(reserves).subspan(static_cast<std::size_t>(t) * reserve_lines, reserve_lines));
  };
  const auto x = [&](std::int64_t t) { return recur::ConstTensorView(data.x.data() + t * B * I, {1, B, I}); };
  const auto state = [&](std::vector<double>& of, std::int64_t t) {
    return recur::TensorView(of.data() + t * B * H, {1, 1, B, H});
  };
  const auto output = [&](std::int64_t t) { return recur::TensorView(y.data() + t * B * H, {1, B, H}); };

  for (std::int64_t t = 0; t < T; ++t) {
    recur::ForwardArgs args;
    args.x = x(t);
    args.h0 = state(h, t);
    args.hN = state(h, t + 1);
    args.y = output(t);
    if (has_c) {
      args.c0 = state(c, t);
      args.cN = state(c, t + 1);
    }
    recur::forward(plan, context, recur::Stream(), weights, args, workspace_bytes, reserve(t));
  }

  std::vector<double> dh = data.dh, dc(data.dh.size());  // [B][H]
  std::vector<double> norms;
  const auto add_norms = [&] {
    const auto width = static_cast<std::size_t>(H);
    for (std::size_t at = 0; at < dh.size(); at += width) {
      norms.push_back(
          std::hypot(norm(std::span(dh).subspan(at, width)), norm(std::span(dc).subspan(at, width))));
    }
  };
  add_norms();
  for (std::int64_t t = T - 1; t >= 0; --t) {
    recur::BackwardArgs args;
    args.x = x(t);
    args.h0 = state(h, t);
    args.y = output(t);
    args.dhN = args.dh0 = state(dh, 0);  // in place
    if (has_c) {
      args.c0 = state(c, t);
      args.dcN = args.dc0 = state(dc, 0);
    }
    recur::backward(plan, context, recur::Stream(), weights, args, reserve(t), workspace_bytes);
    add_norms();
  }
  return norms;
}

}  // namespace study
