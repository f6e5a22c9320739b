// Layers in ONNX's tensors against the same layers in ours: weights, views, layouts, Y. The numbers are then
// the engine's, and judged elsewhere: here they are equal, bit for bit.
#include <gtest/gtest.h>

#include <functional>

#include "conformance/onnx_run.hpp"
#include "support/problem.hpp"
#include "support/spec_name.hpp"

namespace recur::test {
namespace {

constexpr Index kT = 5, kB = 3, kI = 4, kH = 6;

// A tensor of ONNX's: dense, or with a gap after each row of H elements.
struct Tensor {
  std::vector<Index> shape;
  Index gap = 0;
  Aligned<float> data;

  Tensor() = default;
  Tensor(std::vector<Index> dims, Index row_gap) : shape(std::move(dims)), gap(row_gap) {
    Index rows = 1;
    for (std::size_t d = 0; d + 1 < shape.size(); ++d) rows *= shape[d];
    data = Aligned<float>(static_cast<std::size_t>(rows * (shape.back() + gap)));
  }
  float& at(const std::vector<Index>& index) {
    Index row = 0;
    for (std::size_t d = 0; d + 1 < shape.size(); ++d) row = row * shape[d] + index[d];
    return data[static_cast<std::size_t>(row * (shape.back() + gap) + index.back())];
  }
  TensorView view() {
    if (shape.empty()) return {};
    const Index row = shape.back() + gap;
    const auto& s = shape;
    if (s.size() == 3) {
      return TensorView(data.data(), DataType::f32, {s[0], s[1], s[2]}, {s[1] * row, row, 1});
    }
    return TensorView(data.data(), DataType::f32, {s[0], s[1], s[2], s[3]},
                      {s[1] * s[2] * row, s[2] * row, row, 1});
  }
};

class Places {
 public:
  explicit Places(Layout layout) : batch_major_(layout == Layout::batch_major) {}
  std::vector<Index> x(Index t, Index b, Index j) const {
    return batch_major_ ? std::vector<Index>{b, t, j} : std::vector<Index>{t, b, j};
  }
  std::vector<Index> Y(Index t, Index d, Index b, Index j) const {
    return batch_major_ ? std::vector<Index>{b, t, d, j} : std::vector<Index>{t, d, b, j};
  }
  std::vector<Index> state(Index d, Index b, Index j) const {
    return batch_major_ ? std::vector<Index>{b, d, j} : std::vector<Index>{d, b, j};
  }

 private:
  bool batch_major_;
};

OnnxAttributes attributes_of(const Spec& spec) {
  OnnxAttributes attributes;
  attributes.op_type = spec.cell == Cell::rnn ? "RNN" : spec.cell == Cell::gru ? "GRU" : "LSTM";
  attributes.hidden_size = spec.hidden_size;
  attributes.direction = name_of(spec.direction);
  attributes.layout = spec.layout == Layout::batch_major ? 1 : 0;
  attributes.linear_before_reset = spec.cell == Cell::gru && spec.gru_reset == GruReset::after ? 1 : 0;
  attributes.input_forget = spec.coupled_input_forget ? 1 : 0;
  if (spec.activation == RnnActivation::relu) {
    attributes.activations.assign(static_cast<std::size_t>(directions_of(spec)), "Relu");
  }
  return attributes;
}

// Which outputs the node has, and what lies between their rows.
struct Outputs {
  bool Y = true;
  bool states = true;
  Index gap = 0;
};

void expect_same(const Spec& spec, const Outputs& wanted) {
  const auto problem = oracle::convert<float>(random_problem(spec, kT, kB, 1));
  const Index D = directions_of(spec);
  EngineRun<float> ours(problem, Pass::inference, {.layout = spec.layout});
  const oracle::Outputs<float> expected = ours.forward();

  // The node's tensors.
  const Places place(spec.layout);
  Tensor X(place.x(kT, kB, kI), 0), initial_h(place.state(D, kB, kH), wanted.gap);
  Tensor initial_c, Y, Y_h, Y_c;
  const bool is_lstm = has_cell_state(spec);
  if (is_lstm) initial_c = Tensor(place.state(D, kB, kH), wanted.gap);
  if (wanted.Y) Y = Tensor(place.Y(kT, D, kB, kH), wanted.gap);
  if (wanted.states) Y_h = Tensor(place.state(D, kB, kH), wanted.gap);
  if (wanted.states && is_lstm) Y_c = Tensor(place.state(D, kB, kH), wanted.gap);
  const auto each_x = [&](auto&& f) {
    for (Index t = 0; t < kT; ++t) {
      for (Index b = 0; b < kB; ++b) f(t, b);
    }
  };
  const auto each_state = [&](auto&& f) {
    for (Index d = 0; d < D; ++d) {
      for (Index b = 0; b < kB; ++b) {
        for (Index j = 0; j < kH; ++j) f(d, b, j, static_cast<std::size_t>((d * kB + b) * kH + j));
      }
    }
  };
  each_x([&](Index t, Index b) {
    for (Index k = 0; k < kI; ++k) {
      X.at(place.x(t, b, k)) = problem.x[static_cast<std::size_t>((t * kB + b) * kI + k)];
    }
  });
  each_state([&](Index d, Index b, Index j, std::size_t i) {
    initial_h.at(place.state(d, b, j)) = problem.h0[i];
    if (is_lstm) initial_c.at(place.state(d, b, j)) = problem.c0[i];
  });
  LayerTensors<float> canonical(problem.layers[0]);
  std::vector<Aligned<float>> memory;
  std::vector<TensorView> weights;
  for (const FormatTensor& tensor : format_tensors(WeightFormat::onnx, spec, 0)) {
    const auto& s = tensor.shape;
    memory.emplace_back(static_cast<std::size_t>(s.size() == 3 ? s[0] * s[1] * s[2] : s[0] * s[1]));
    float* const data = memory.back().data();
    weights.push_back(s.size() == 3 ? TensorView(data, {s[0], s[1], s[2]}) : TensorView(data, {s[0], s[1]}));
  }
  export_weights(WeightFormat::onnx, spec, 0, canonical.views<ConstTensorView>(spec, 0), weights);
  Aligned<std::int32_t> lengths(problem.lengths);

  OnnxInputs inputs;
  inputs.X = X.view();
  inputs.W = weights[0];
  inputs.R = weights[1];
  std::size_t next = 2;
  if (spec.bias == Bias::both) inputs.B = weights[next++];
  if (spec.peepholes) inputs.P = weights[next];
  if (spec.variable_lengths) inputs.sequence_lens = ConstTensorView(lengths.data(), {kB});
  inputs.initial_h = initial_h.view();
  inputs.initial_c = initial_c.view();
  run_onnx(cpu_device(), attributes_of(spec), inputs, {Y.view(), Y_h.view(), Y_c.view()});

  if (wanted.Y) {
    each_x([&](Index t, Index b) {
      for (Index d = 0; d < D; ++d) {
        for (Index j = 0; j < kH; ++j) {
          ASSERT_EQ(Y.at(place.Y(t, d, b, j)),
                    expected.y[static_cast<std::size_t>(((t * kB + b) * D + d) * kH + j)])
              << "Y at t=" << t << " d=" << d << " b=" << b << " j=" << j;
        }
      }
    });
  }
  if (!wanted.states) return;
  each_state([&](Index d, Index b, Index j, std::size_t i) {
    ASSERT_EQ(Y_h.at(place.state(d, b, j)), expected.hN[i]) << "Y_h at d=" << d << " b=" << b << " j=" << j;
    if (is_lstm) {
      ASSERT_EQ(Y_c.at(place.state(d, b, j)), expected.cN[i]) << "Y_c at d=" << d << " b=" << b;
    }
  });
}

TEST(OnnxRun, EveryCellDirectionAndLayout) {
  for (Spec spec : all_cells()) {
    if (spec.residual || !has_recurrent_weights(spec)) continue;  // ONNX has none
    for (Direction direction : {Direction::forward, Direction::reverse, Direction::bidirectional}) {
      for (Layout layout : {Layout::time_major, Layout::batch_major}) {
        spec.input_size = kI;
        spec.hidden_size = kH;
        spec.direction = direction;
        spec.layout = layout;
        SCOPED_TRACE(spec_name(spec) + (layout == Layout::batch_major ? " layout 1" : " layout 0"));
        spec.variable_lengths = true;
        expect_same(spec, {});
        expect_same(spec, {.Y = false});
        expect_same(spec, {.states = false});
        spec.variable_lengths = false;
        spec.bias = Bias::none;
        expect_same(spec, {.gap = 4});
        spec.bias = Bias::both;
      }
    }
  }
}

}  // namespace
}  // namespace recur::test
