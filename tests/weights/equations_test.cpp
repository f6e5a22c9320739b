// Layers as other libraries compute them, straight from their own tensors: what a conversion gives must
// compute the same. The equations are those of the libraries, written down here once more, one sequence at a
// time.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "layer_of_formats.hpp"
#include "recur/context.hpp"
#include "recur/plan.hpp"
#include "recur/run.hpp"

namespace recur::test {
namespace {

using Vector = std::vector<double>;
constexpr std::int64_t kSteps = 5, kInputs = 3, kUnits = 4;
constexpr std::size_t kUnitCount = kUnits;

double sigmoid(double value) { return 1 / (1 + std::exp(-value)); }

Vector input(std::int64_t t) {
  Vector x(kInputs);
  for (std::size_t i = 0; i < x.size(); ++i)
    x[i] = std::sin(1.7 * static_cast<double>(i + 1) + 0.9 * static_cast<double>(t));
  return x;
}

// sum over k of x[k] times the element (k, h) of a matrix of rows of `width`, of which the gate's columns
// begin at `column`.
Vector product(const Vector& x, const Aligned<double>& matrix, std::size_t width, std::size_t column) {
  Vector y(kUnitCount);
  for (std::size_t h = 0; h < y.size(); ++h) {
    for (std::size_t k = 0; k < x.size(); ++k) y[h] += x[k] * matrix[k * width + column + h];
  }
  return y;
}
// The same of a matrix of rows for the outputs.
Vector product_of_rows(const Vector& x, const Aligned<double>& matrix, std::size_t row) {
  Vector y(kUnitCount);
  for (std::size_t h = 0; h < y.size(); ++h) {
    for (std::size_t k = 0; k < x.size(); ++k) y[h] += x[k] * matrix[(row + h) * x.size() + k];
  }
  return y;
}
Vector slice(const Aligned<double>& bias, std::size_t first) {
  Vector result(kUnitCount);
  for (std::size_t h = 0; h < result.size(); ++h) result[h] = bias[first + h];
  return result;
}
Vector sum(const Vector& a, const Vector& b) {
  Vector result = a;
  for (std::size_t h = 0; h < a.size(); ++h) result[h] += b[h];
  return result;
}
Vector times(const Vector& a, const Vector& b) {
  Vector result = a;
  for (std::size_t h = 0; h < a.size(); ++h) result[h] *= b[h];
  return result;
}
template <class F>
Vector each(F&& f, Vector a) {
  for (double& value : a) value = f(value);
  return a;
}
// Of the state that was, and the candidate, by a gate for the candidate.
Vector mixed(const Vector& h, const Vector& candidate, const Vector& gate) {
  Vector result = h;
  for (std::size_t i = 0; i < h.size(); ++i) result[i] = (1 - gate[i]) * h[i] + gate[i] * candidate[i];
  return result;
}

double tanh_of(double value) { return std::tanh(value); }

// One step of each library: h, and c where there is one, become the next.
using Step = void (*)(Foreign<double>& weights, const Vector& x, Vector& h, Vector& c);

void haiku_gru(Foreign<double>& weights, const Vector& x, Vector& h, Vector& /*c*/) {
  constexpr std::size_t kWidth = 3 * kUnitCount;
  const auto of = [&](const Vector& state, std::size_t gate) {
    return sum(sum(product(x, weights.at("w_i"), kWidth, gate * kUnitCount),
                   product(state, weights.at("w_h"), kWidth, gate * kUnitCount)),
               slice(weights.at("b"), gate * kUnitCount));
  };
  const Vector z = each(sigmoid, of(h, 0)), r = each(sigmoid, of(h, 1));
  h = mixed(h, each(tanh_of, of(times(r, h), 2)), z);
}

void lasagne_gru(Foreign<double>& weights, const Vector& x, Vector& h, Vector& /*c*/) {
  const auto from_input = [&](const std::string& gate) {
    return sum(product(x, weights.at("W_in_to_" + gate), kUnitCount, 0), slice(weights.at("b_" + gate), 0));
  };
  const auto from_state = [&](const std::string& gate) {
    return product(h, weights.at("W_hid_to_" + gate), kUnitCount, 0);
  };
  const Vector r = each(sigmoid, sum(from_input("resetgate"), from_state("resetgate")));
  const Vector u = each(sigmoid, sum(from_input("updategate"), from_state("updategate")));
  const Vector n = each(tanh_of, sum(from_input("hidden_update"), times(r, from_state("hidden_update"))));
  h = mixed(h, n, u);
}

void madmom_gru(Foreign<double>& weights, const Vector& x, Vector& h, Vector& /*c*/) {
  const auto from_input = [&](const std::string& gate) {
    return sum(product(x, weights.at(gate + ".weights"), kUnitCount, 0),
               slice(weights.at(gate + ".bias"), 0));
  };
  const auto from_state = [&](const std::string& gate) {
    return product(h, weights.at(gate + ".recurrent_weights"), kUnitCount, 0);
  };
  const Vector r = each(sigmoid, sum(from_input("reset_gate"), from_state("reset_gate")));
  const Vector u = each(sigmoid, sum(from_input("update_gate"), from_state("update_gate")));
  h = mixed(h, each(tanh_of, sum(from_input("cell"), times(r, from_state("cell")))), u);
}

// A gate's kernel as cuDNN reads the gate's columns: transposed, and that column by column into the shape of
// the columns, in which Keras' own layers multiply.
Aligned<double> kernel_of(const Aligned<double>& kernel, std::size_t gates, std::size_t gate) {
  constexpr std::size_t kRows = kInputs;
  Vector sequence;
  for (std::size_t i = 0; i < kRows; ++i) {
    for (std::size_t h = 0; h < kUnitCount; ++h)
      sequence.push_back(kernel[i * gates * kUnitCount + gate * kUnitCount + h]);
  }
  Aligned<double> result(kRows * kUnitCount);
  for (std::size_t h = 0; h < kUnitCount; ++h) {
    for (std::size_t i = 0; i < kRows; ++i) result[i * kUnitCount + h] = sequence[h * kRows + i];
  }
  return result;
}
Aligned<double> recurrent_kernel_of(const Aligned<double>& kernel, std::size_t gates, std::size_t gate) {
  Aligned<double> result(kUnitCount * kUnitCount);
  for (std::size_t i = 0; i < kUnitCount; ++i) {
    for (std::size_t h = 0; h < kUnitCount; ++h)
      result[h * kUnitCount + i] = kernel[i * gates * kUnitCount + gate * kUnitCount + h];
  }
  return result;
}
struct CudnnGate {
  Vector from_input, from_state;
};
CudnnGate cudnn_gate(Foreign<double>& weights, const Vector& x, const Vector& h, std::size_t gates,
                     std::size_t gate) {
  const Aligned<double> W = kernel_of(weights.at("kernel"), gates, gate);
  const Aligned<double> R = recurrent_kernel_of(weights.at("recurrent_kernel"), gates, gate);
  const Aligned<double>& b = weights.at("bias");
  return {sum(product(x, W, kUnitCount, 0), slice(b, gate * kUnitCount)),
          sum(product(h, R, kUnitCount, 0), slice(b, (gates + gate) * kUnitCount))};
}
void cudnn_gru_of_keras(Foreign<double>& weights, const Vector& x, Vector& h, Vector& /*c*/) {
  CudnnGate gates[3];
  for (std::size_t gate = 0; gate < 3; ++gate) gates[gate] = cudnn_gate(weights, x, h, 3, gate);
  const Vector z = each(sigmoid, sum(gates[0].from_input, gates[0].from_state));
  const Vector r = each(sigmoid, sum(gates[1].from_input, gates[1].from_state));
  const Vector n = each(tanh_of, sum(gates[2].from_input, times(r, gates[2].from_state)));
  h = mixed(n, h, z);  // z keeps the state here
}
void cudnn_lstm_of_keras(Foreign<double>& weights, const Vector& x, Vector& h, Vector& c) {
  Vector gates[4];  // i f c o
  for (std::size_t gate = 0; gate < 4; ++gate) {
    const CudnnGate parts = cudnn_gate(weights, x, h, 4, gate);
    gates[gate] = sum(parts.from_input, parts.from_state);
  }
  c = sum(times(each(sigmoid, gates[1]), c), times(each(sigmoid, gates[0]), each(tanh_of, gates[2])));
  h = times(each(sigmoid, gates[3]), each(tanh_of, c));
}

constexpr std::size_t kProjected = 2;
void paddle_projected_lstm(Foreign<double>& weights, const Vector& x, Vector& h, Vector& c) {
  h.resize(kProjected);
  Vector gates[4];
  for (std::size_t gate = 0; gate < 4; ++gate) {
    const std::size_t row = gate * kUnitCount;
    gates[gate] =
        sum(sum(product_of_rows(x, weights.at("0.cell.weight_ih"), row),
                product_of_rows(h, weights.at("0.cell.weight_hh"), row)),
            sum(slice(weights.at("0.cell.bias_ih"), row), slice(weights.at("0.cell.bias_hh"), row)));
  }
  c = sum(times(each(sigmoid, gates[1]), c), times(each(sigmoid, gates[0]), each(tanh_of, gates[2])));
  const Vector m = times(each(sigmoid, gates[3]), each(tanh_of, c));
  const Aligned<double>& projection = weights.at("0.cell.weight_ho");
  for (std::size_t p = 0; p < kProjected; ++p) {
    h[p] = 0;
    for (std::size_t i = 0; i < kUnitCount; ++i) h[p] += m[i] * projection[i * kProjected + p];
  }
}

// y of the layer with these canonical weights.
Vector run(const Spec& spec, const LayerWeights& layer) {
  const Plan plan = make_plan(spec, {kSteps, 1}, Device::cpu());
  Context context(Device::cpu());
  Aligned<double> x(kSteps * kInputs);
  for (std::int64_t t = 0; t < kSteps; ++t) {
    const Vector row = input(t);
    std::ranges::copy(row, x.data() + t * kInputs);
  }
  Aligned<double> y(static_cast<std::size_t>(kSteps * output_size_of(spec)));
  Aligned<std::byte> workspace(plan.sizes().workspace);
  ForwardArgs args;
  args.x = {x.data(), {kSteps, 1, kInputs}};
  args.y = {y.data(), {kSteps, 1, output_size_of(spec)}};
  forward(plan, context, Stream(), std::span(&layer, 1), args, workspace.bytes());
  return y.vector();
}

void fill(Foreign<double>& weights) {
  double next = 0;
  for (auto& tensor : weights.tensors) {
    for (std::size_t k = 0; k < tensor.size(); ++k) tensor[k] = std::sin(next += 1.3);
  }
}

Spec spec_of(Cell cell, Bias bias, GruReset reset = GruReset::after) {
  Spec spec;
  spec.cell = cell;
  spec.bias = bias;
  spec.gru_reset = reset;
  spec.dtype = DataType::f64;
  spec.input_size = kInputs;
  spec.hidden_size = kUnits;
  return spec;
}

Vector reference(Foreign<double>& weights, Step step) {
  Vector h(kUnitCount), c(kUnitCount), y;
  for (std::int64_t t = 0; t < kSteps; ++t) {
    step(weights, input(t), h, c);
    y.insert(y.end(), h.begin(), h.end());
  }
  return y;
}

void expect_near(const Vector& got, const Vector& expected) {
  ASSERT_EQ(got.size(), expected.size());
  // Some hundred roundings of numbers around 1.
  for (std::size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], expected[i], 1e-13) << i;
}

void expect_equations(WeightFormat format, const Spec& spec, Step step) {
  Foreign<double> weights(format, spec, 0);
  fill(weights);
  Canonical<double> canonical(spec, 0);
  import_weights(format, spec, 0, weights.views<ConstTensorView>(), canonical.views<TensorView>(spec, 0));
  expect_near(run(spec, canonical.views<ConstTensorView>(spec, 0)), reference(weights, step));
}

TEST(EquationsOfLibraries, Haiku) {
  for (Bias bias : {Bias::single, Bias::both})
    expect_equations(WeightFormat::haiku, spec_of(Cell::gru, bias, GruReset::before), haiku_gru);
}
TEST(EquationsOfLibraries, Lasagne) {
  expect_equations(WeightFormat::lasagne, spec_of(Cell::gru, Bias::single), lasagne_gru);
}
TEST(EquationsOfLibraries, Madmom) {
  expect_equations(WeightFormat::madmom, spec_of(Cell::gru, Bias::single), madmom_gru);
}
TEST(EquationsOfLibraries, CudnnLayersOfKeras) {
  expect_equations(WeightFormat::keras_cudnn, spec_of(Cell::gru, Bias::both), cudnn_gru_of_keras);
  expect_equations(WeightFormat::keras_cudnn, spec_of(Cell::lstm, Bias::both), cudnn_lstm_of_keras);
}
TEST(EquationsOfLibraries, PaddleWithProjection) {
  Spec spec = spec_of(Cell::lstm, Bias::both);
  spec.projection_size = kProjected;
  expect_equations(WeightFormat::paddle, spec, paddle_projected_lstm);
}

// A library that has no convention here, Keras' layout and a gate that keeps the candidate.
void keras_gru_that_keeps_the_candidate(Foreign<double>& weights, const Vector& x, Vector& h, Vector& /*c*/) {
  constexpr std::size_t kWidth = 3 * kUnitCount;
  const auto from_input = [&](std::size_t gate) {
    return sum(product(x, weights.at("kernel"), kWidth, gate * kUnitCount),
               slice(weights.at("bias"), gate * kUnitCount));
  };
  const auto from_state = [&](std::size_t gate) {
    return sum(product(h, weights.at("recurrent_kernel"), kWidth, gate * kUnitCount),
               slice(weights.at("bias"), kWidth + gate * kUnitCount));
  };
  const Vector z = each(sigmoid, sum(from_input(0), from_state(0)));
  const Vector r = each(sigmoid, sum(from_input(1), from_state(1)));
  h = mixed(h, each(tanh_of, sum(from_input(2), times(r, from_state(2)))), z);
}

TEST(NegateUpdateGate, IsTheGateOfTheCandidate) {
  const Spec spec = spec_of(Cell::gru, Bias::both);
  Foreign<double> weights(WeightFormat::keras, spec, 0);
  fill(weights);
  Canonical<double> canonical(spec, 0), kept(spec, 0);
  const BasicLayerWeights<TensorView> views = canonical.views<TensorView>(spec, 0);
  import_weights(WeightFormat::keras, spec, 0, weights.views<ConstTensorView>(), views);
  import_weights(WeightFormat::keras, spec, 0, weights.views<ConstTensorView>(),
                 kept.views<TensorView>(spec, 0));
  negate_update_gate(spec, 0, views);
  expect_near(run(spec, canonical.views<ConstTensorView>(spec, 0)),
              reference(weights, keras_gru_that_keeps_the_candidate));
  negate_update_gate(spec, 0, views);
  for (auto& [name, tensor] : canonical.tensors)
    EXPECT_TRUE(same_bytes(tensor, kept.tensors.at(name))) << name;
}

// In every type, both directions and any bias: z's rows and no others change their signs.
template <class T>
void only_rows_of_z() {
  for (Spec spec : specs()) {
    if (spec.cell != Cell::gru) continue;
    spec.dtype = storage_type<T>;
    Canonical<T> weights(spec, 1);
    int next = 0;
    for (auto& [name, tensor] : weights.tensors) number(tensor, next);
    negate_update_gate(spec, 1, weights.template views<TensorView>(spec, 1));
    next = 0;
    for (auto& [name, tensor] : weights.tensors) {
      const std::size_t rows = static_cast<std::size_t>(directions_of(spec) * 3 * kH);
      for (std::size_t i = 0; i < tensor.size(); ++i) {
        const bool of_z = i / (tensor.size() / rows) / kH % 3 == 1;
        const T expected(of_z ? -(next + 1) : next + 1);
        ++next;
        ASSERT_EQ(static_cast<float>(tensor[i]), static_cast<float>(expected)) << name << " " << i;
      }
    }
  }
}
TEST(NegateUpdateGate, OnlyRowsOfZ) {
  only_rows_of_z<float>();
  only_rows_of_z<double>();
  only_rows_of_z<Bf16>();
  only_rows_of_z<F16>();
}

TEST(NegateUpdateGate, WhatIsRefused) {
  Spec spec = spec_of(Cell::lstm, Bias::both);
  Canonical<double> lstm(spec, 0);
  const auto refused = [&](const BasicLayerWeights<TensorView>& weights, const std::string& message) {
    try {
      negate_update_gate(spec, 0, weights);
      ADD_FAILURE() << message;
    } catch (const InvalidArgument& error) {
      EXPECT_NE(std::string(error.what()).find(message), std::string::npos) << error.what();
    }
  };
  refused(lstm.views<TensorView>(spec, 0), "cell: expected gru, got lstm");
  spec = spec_of(Cell::gru, Bias::both);
  Canonical<double> gru(spec, 0);
  BasicLayerWeights<TensorView> views = gru.views<TensorView>(spec, 0);
  views.bR = {};
  refused(views, "bR: expected");
  views.bR = views.bW;
  refused(views, "bW: expected memory that no other argument uses");
}

}  // namespace
}  // namespace recur::test
