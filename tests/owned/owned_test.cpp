// Owners of memory: what they allocate, the views they give, and the numbers a training begins with.
#include "recur/owned.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <numeric>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "recur/recur.h"
#include "recur/recur.hpp"
#include "support/spec_name.hpp"

namespace recur {
namespace {

using Sizes = std::vector<std::int64_t>;

Sizes sizes_of(const TensorShape& shape) { return {shape.sizes.begin(), shape.sizes.begin() + shape.rank}; }
std::uintptr_t address(const void* data) { return reinterpret_cast<std::uintptr_t>(data); }

template <class F>
std::string message_of(F&& f) {
  try {
    f();
  } catch (const Error& error) {
    return std::to_string(static_cast<int>(error.code())) + " " + error.what();
  }
  return "nothing was thrown";
}
void expect_refused(const std::string& part, const std::function<void()>& f) {
  const std::string message = message_of(f);
  EXPECT_NE(message.find(part), std::string::npos) << message;
}

TEST(Buffer, IsAlignedZerosOfItsSize) {
  for (const std::size_t bytes : {1ul, 63ul, 64ul, 4097ul, (2ul << 20) - 1, 2ul << 20, (6ul << 20) + 5}) {
    Buffer buffer(bytes);
    EXPECT_EQ(buffer.size(), bytes);
    EXPECT_EQ(address(buffer.data()) % (bytes < 2ul << 20 ? 64 : 2 << 20), 0u);
    EXPECT_EQ(std::ranges::count(buffer, std::byte{0}), static_cast<std::ptrdiff_t>(bytes));
    const std::span<std::byte> all = buffer;  // as workspaces are passed
    EXPECT_EQ(all.data(), buffer.data());
    EXPECT_EQ(all.size(), bytes);
    all.back() = std::byte{1};
  }
  const Buffer none(0);
  EXPECT_EQ(none.data(), nullptr);
  EXPECT_EQ(none.size(), 0u);
}

TEST(Buffer, MovesLeaveTheMemoryWhereItIs) {
  Buffer first(100);
  std::byte* const data = first.data();
  Buffer second(std::move(first));
  EXPECT_EQ(second.data(), data);
  EXPECT_EQ(second.size(), 100u);
  Buffer third(5);
  third = std::move(second);
  EXPECT_EQ(third.data(), data);
  EXPECT_EQ(third.size(), 100u);
}

TEST(Buffer, WantsMemoryThatThereIs) {
  expect_refused("3 Buffer: no memory for 18446744073709551615 bytes",
                 [] { Buffer{std::numeric_limits<std::size_t>::max()}; });
}

TEST(Tensor, HasItsShape) {
  Tensor tensor({2, 3, 4});
  EXPECT_EQ(tensor.elements(), 24);
  EXPECT_EQ(sizes_of(tensor.shape()), (Sizes{2, 3, 4}));
  EXPECT_EQ(tensor.values<float>().size(), 24u);
  EXPECT_EQ(std::ranges::count(tensor.values<float>(), 0.0f), 24);
  EXPECT_EQ(sizes_of(shape_of(tensor.view())), (Sizes{2, 3, 4}));
  EXPECT_EQ(tensor.view().stride(0), 12);
  EXPECT_EQ(tensor.view().data(), tensor.values<float>().data());
  EXPECT_EQ(sizes_of(shape_of(tensor.rows())), (Sizes{6, 4}));
  EXPECT_EQ(tensor.rows().data(), tensor.view().data());
  EXPECT_EQ(sizes_of(shape_of(tensor.at(1))), (Sizes{3, 4}));
  EXPECT_EQ(tensor.at(1).data(), tensor.values<float>().data() + 12);
  const Tensor& constant = tensor;
  EXPECT_EQ(constant.view().data(), tensor.view().data());
  EXPECT_EQ(constant.at(1).data(), tensor.at(1).data());
  EXPECT_EQ(constant.rows().data(), tensor.rows().data());
  EXPECT_EQ(sizes_of(shape_of(Tensor({2, 3, 4, 5}, DataType::f64).at(1))), (Sizes{3, 4, 5}));
  EXPECT_EQ(sizes_of(shape_of(Tensor({2, 3}, DataType::u8).at(1))), (Sizes{3}));
  EXPECT_EQ(sizes_of(shape_of(Tensor({7}, DataType::i32).rows())), (Sizes{1, 7}));
  EXPECT_EQ(Tensor(constant.shape(), DataType::bf16).values<std::uint16_t>().size(), 24u);
  EXPECT_EQ(Tensor({3}, DataType::f16).values<std::uint16_t>().size(), 3u);
  Tensor empty({4, 0, 3});
  EXPECT_EQ(empty.elements(), 0);
  EXPECT_NE(empty.view().data(), nullptr);
  EXPECT_FALSE(Tensor().view().given());
  EXPECT_FALSE(Tensor().rows().given());
}

TEST(Tensor, BadInput) {
  expect_refused("1 Tensor: expected 1 to 4 dimensions, got 0", [] { Tensor(TensorShape{}); });
  expect_refused("1 Tensor: expected 1 to 4 dimensions, got 5", [] { Tensor({1, 1, 1, 1, 1}); });
  expect_refused("1 Tensor: expected sizes of at least 0, got [2][-1]", [] { Tensor({2, -1}); });
  const std::int64_t large = std::int64_t{1} << 61;
  expect_refused("1 Tensor: ", [&] { Tensor({large, 8}); });
  expect_refused("1 Tensor: ", [&] { Tensor({large, 4}); });  // its bytes
  expect_refused("1 Tensor: ", [&] { Tensor({large, 0, 8}); });
  Tensor tensor({2, 3});
  expect_refused("1 at: expected an index of the first of two to four dimensions, got 2 of [2][3]",
                 [&] { tensor.at(2); });
  expect_refused("got -1", [&] { tensor.at(-1); });
  expect_refused("got 0 of [3]", [] { Tensor({3}).at(0); });
  expect_refused("1 values: expected the elements of f32 [2][3], got f64", [&] { tensor.values<double>(); });
  expect_refused("got i32", [&] { tensor.values<std::int32_t>(); });
  expect_refused("got 16 bits", [&] { tensor.values<std::uint16_t>(); });
  expect_refused("of bf16 [1], got f32", [] { Tensor({1}, DataType::bf16).values<float>(); });
  expect_refused("of f32 nothing", [] { Tensor().values<float>(); });
}

std::vector<Spec> specs() {
  std::vector<Spec> all;
  for (Spec spec : test::all_cells_and_projections()) {
    spec.input_size = 3;
    spec.hidden_size = 5;
    spec.layers = 2;
    for (const Bias bias : {Bias::none, Bias::single, Bias::both}) {
      spec.bias = bias;
      spec.direction = bias == Bias::both ? Direction::bidirectional : Direction::forward;
      all.push_back(spec);
    }
  }
  return all;
}

// As weights.hpp and types.hpp have them, written down once more.
TEST(LayerShapes, AreThoseOfTheCanonicalLayout) {
  for (const Spec& spec : specs()) {
    SCOPED_TRACE(test::spec_name(spec));
    const std::int64_t D = spec.bias == Bias::both ? 2 : 1;
    const bool has_R = spec.cell != Cell::min_gru;
    const std::int64_t G = spec.cell == Cell::rnn                                ? 1
                           : spec.cell == Cell::min_gru                          ? 2
                           : spec.cell == Cell::gru || spec.coupled_input_forget ? 3
                                                                                 : 4;
    const std::int64_t P = spec.projection_size == 0 ? 5 : spec.projection_size;
    for (std::int64_t l = 0; l < 2; ++l) {
      const BasicLayerWeights<TensorShape> shapes = layer_shapes(spec, l);
      EXPECT_EQ(sizes_of(shapes.W), (Sizes{D, G * 5, l == 0 ? 3 : D * P}));
      EXPECT_EQ(sizes_of(shapes.R), has_R ? (Sizes{D, G * 5, P}) : Sizes{});
      EXPECT_EQ(sizes_of(shapes.bW), spec.bias == Bias::none ? Sizes{} : (Sizes{D, G * 5}));
      EXPECT_EQ(sizes_of(shapes.bR), spec.bias != Bias::both || !has_R ? Sizes{} : (Sizes{D, G * 5}));
      EXPECT_EQ(sizes_of(shapes.peephole),
                !spec.peepholes ? Sizes{} : (Sizes{D, spec.coupled_input_forget ? 10 : 15}));
      EXPECT_EQ(sizes_of(shapes.projection), spec.projection_size == 0 ? Sizes{} : (Sizes{D, P, 5}));
    }
  }
}

TEST(LayerShapes, BadInput) {
  Spec spec{.cell = Cell::gru, .input_size = 2, .hidden_size = 3};
  expect_refused("1 layer: expected 0 <= layer < L=1, got 1", [&] { layer_shapes(spec, 1); });
  expect_refused("got -1", [&] { layer_shapes(spec, -1); });
  spec.hidden_size = 0;
  expect_refused("1 Spec::hidden_size (H)", [&] { layer_shapes(spec, 0); });
  expect_refused("1 Spec::hidden_size (H)", [&] { LayerTensors{spec}; });
  spec.hidden_size = std::int64_t{1} << 40;
  expect_refused("1 ", [&] { layer_shapes(spec, 0); });
  expect_refused("1 ", [&] { LayerTensors{spec}; });
}

TEST(LayerShapes, AreTheSameInC) {
  recur_spec spec;
  recur_spec_init(&spec);
  spec.cell = RECUR_LSTM;
  spec.input_size = 3;
  spec.hidden_size = 5;
  spec.projection_size = 2;
  spec.peepholes = 1;
  spec.bias = RECUR_BIAS_SINGLE;
  spec.layers = 2;
  spec.direction = RECUR_BIDIRECTIONAL;
  spec.dtype = RECUR_F64;
  recur_layer_weights out;
  std::memset(&out, 1, sizeof out);
  recur_error error;
  ASSERT_EQ(recur_layer_shapes(&spec, 1, &out, &error), RECUR_SUCCESS) << error.message;
  const auto expect = [](const recur_tensor& tensor, const Sizes& sizes) {
    EXPECT_EQ(tensor.data, nullptr);
    EXPECT_EQ((Sizes{tensor.shape, tensor.shape + tensor.rank}), sizes);
    if (tensor.rank == 0) return;
    EXPECT_EQ(tensor.dtype, RECUR_F64);
    EXPECT_EQ(tensor.strides[tensor.rank - 1], 1);
    EXPECT_EQ(tensor.strides[0],
              std::accumulate(sizes.begin() + 1, sizes.end(), std::int64_t{1}, std::multiplies<>()));
  };
  expect(out.W, {2, 20, 4});
  expect(out.R, {2, 20, 2});
  expect(out.bW, {2, 20});
  expect(out.bR, {});
  expect(out.peephole, {2, 15});
  expect(out.projection, {2, 2, 5});

  const recur_layer_weights before = out;
  EXPECT_EQ(recur_layer_shapes(&spec, 2, &out, &error), RECUR_INVALID_ARGUMENT);
  EXPECT_STREQ(error.message, "layer: expected 0 <= layer < L=2, got 2");
  EXPECT_EQ(recur_layer_shapes(nullptr, 0, &out, &error), RECUR_INVALID_ARGUMENT);
  EXPECT_EQ(recur_layer_shapes(&spec, 0, nullptr, &error), RECUR_INVALID_ARGUMENT);
  spec.hidden_size = -1;
  EXPECT_EQ(recur_layer_shapes(&spec, 0, &out, nullptr), RECUR_INVALID_ARGUMENT);
  EXPECT_EQ(std::memcmp(&out, &before, sizeof out), 0);
}

std::vector<const TensorView*> views_of(const LayerGradients& layer) {
  std::vector<const TensorView*> given;
  for (const TensorView* view :
       {&layer.W, &layer.R, &layer.bW, &layer.bR, &layer.peephole, &layer.projection}) {
    if (view->given()) given.push_back(view);
  }
  return given;
}

TEST(LayerTensors, HaveMemoryForEveryTensorAndRun) {
  for (Spec spec : specs()) {
    SCOPED_TRACE(test::spec_name(spec));
    LayerTensors weights(spec);
    ASSERT_EQ(weights.weights().size(), 2u);
    ASSERT_EQ(weights.writable().size(), 2u);
    std::uintptr_t end = address(weights.flat().data());
    for (std::size_t l = 0; l < 2; ++l) {
      const BasicLayerWeights<TensorShape> shapes = layer_shapes(spec, static_cast<std::int64_t>(l));
      const LayerGradients& layer = weights.writable()[l];
      const LayerWeights& read = weights.weights()[l];
      EXPECT_EQ(shape_of(layer.W), shapes.W);
      EXPECT_EQ(shape_of(layer.R), shapes.R);
      EXPECT_EQ(shape_of(layer.bW), shapes.bW);
      EXPECT_EQ(shape_of(layer.bR), shapes.bR);
      EXPECT_EQ(shape_of(layer.peephole), shapes.peephole);
      EXPECT_EQ(shape_of(layer.projection), shapes.projection);
      EXPECT_EQ(read.W.data(), layer.W.data());
      EXPECT_EQ(read.projection.data(), layer.projection.data());
      EXPECT_EQ(shape_of(read.bR), shapes.bR);
      for (const TensorView* view : views_of(layer)) {
        EXPECT_EQ(address(view->data()) % 64, 0u);
        EXPECT_GE(address(view->data()), end) << "one over the other";
        end = address(view->data()) + static_cast<std::size_t>(shape_of(*view).elements()) * sizeof(float);
      }
    }
    EXPECT_LE(end, address(weights.flat().data()) + static_cast<std::size_t>(weights.flat().size(0)) * 4);

    // What the library itself wants.
    initialise(weights, 1);
    LayerTensors gradients(spec);
    const Device device = Device::cpu();
    const Plan plan = make_plan(spec, {.steps = 2, .batch = 3}, device, {.pass = Pass::training});
    Context context(device);
    Buffer workspace(std::max(plan.sizes().workspace, plan.sizes().workspace_backward));
    Buffer reserve(plan.sizes().reserve);
    Tensor x({2, 3, 3}), y({2, 3, directions_of(spec) * output_size_of(spec)});
    std::ranges::fill(x.values<float>(), 0.5f);
    ForwardArgs args;
    args.x = x.view();
    args.y = y.view();
    forward(plan, context, Stream(), weights.weights(), args, workspace, reserve);
    EXPECT_EQ(std::ranges::count(y.values<float>(), 0.0f),
              spec.activation == RnnActivation::relu ? std::ranges::count(y.values<float>(), 0.0f) : 0);
    BackwardArgs back;
    back.x = x.view();
    back.y = back.dy = y.view();
    back.dweights = gradients.writable();
    backward(plan, context, Stream(), weights.weights(), back, reserve, workspace);
    const auto* const flat = static_cast<const float*>(gradients.flat().data());
    EXPECT_GT(std::abs(*std::max_element(flat, flat + gradients.flat().size(0))), 0.0f);
  }
}

TEST(LayerTensors, ViewsOutliveMoves) {
  const Spec spec{.cell = Cell::gru, .input_size = 2, .hidden_size = 3};
  LayerTensors first(spec);
  const void* const W = first.weights()[0].W.data();
  const LayerTensors second(std::move(first));
  EXPECT_EQ(second.weights()[0].W.data(), W);
  EXPECT_EQ(second.flat().data(), W);
  EXPECT_EQ(second.spec().hidden_size, 3);
}

// The definition in the header, computed elsewhere (Python's integers).
TEST(FillUniform, IsTheDefinition) {
  Tensor numbers({3}, DataType::f64);
  const auto expect = [&](std::uint64_t seed, std::uint64_t stream, std::array<double, 3> values) {
    fill_uniform(numbers.view(), 0.5, seed, stream);
    for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(numbers.values<double>()[i], values[i]);
  };
  expect(1, 0, {0x1.86bc8a8019260p-6, 0x1.44d9280ef9e50p-5, 0x1.baded5d11bf50p-4});
  expect(1, 1, {-0x1.36cff765f14f8p-4, 0x1.0cdbb0f085076p-2, 0x1.724a4c8f660e0p-5});
  expect(7, 3, {0x1.4f74248167ef0p-2, 0x1.42dd8e51e3f64p-3, -0x1.9a25114b0f672p-2});

  Tensor floats({3});
  fill_uniform(floats.view(), 0.5, 7, 3);
  EXPECT_EQ(floats.values<float>()[2], static_cast<float>(-0x1.9a25114b0f672p-2));
  Tensor halves({3}, DataType::bf16);
  fill_uniform(halves.view(), 0.5, 7, 3);
  EXPECT_EQ(halves.values<std::uint16_t>()[0], 0x3ea8);  // 0x1.50p-2
  EXPECT_EQ(halves.values<std::uint16_t>()[1], 0x3e21);  // 0x1.42p-3
}

TEST(FillUniform, CountsElementsNotMemory) {
  Tensor dense({2, 3, 4}), wide({2, 3, 9});
  fill_uniform(dense.view(), 1, 5);
  std::ranges::fill(wide.values<float>(), 77.0f);
  fill_uniform(TensorView(wide.view().data(), DataType::f32, {2, 3, 4}, {27, 9, 1}), 1, 5);
  for (std::size_t row = 0; row < 6; ++row) {
    for (std::size_t i = 0; i < 9; ++i) {
      EXPECT_EQ(wide.values<float>()[row * 9 + i], i < 4 ? dense.values<float>()[row * 4 + i] : 77.0f);
    }
  }
}

TEST(FillUniform, BadInput) {
  Tensor tensor({2, 3});
  expect_refused("1 tensor: expected a tensor, got nothing", [] { fill_uniform({}, 1, 1); });
  expect_refused("1 bound: expected a finite number of at least 0",
                 [&] { fill_uniform(tensor.view(), -1, 1); });
  expect_refused("1 bound", [&] { fill_uniform(tensor.view(), std::numeric_limits<double>::infinity(), 1); });
  expect_refused("1 bound", [&] { fill_uniform(tensor.view(), std::nan(""), 1); });
  expect_refused("1 tensor: ", [&] {
    fill_uniform(TensorView(tensor.view().data(), DataType::f32, {2, 3}, {2, 1}), 1, 1);
  });
  expect_refused("1 tensor: ", [] { fill_uniform(TensorView(nullptr, DataType::f32, {2}), 1, 1); });
  expect_refused("2 tensor: uniform numbers are of f32, f64 or bf16, not i32",
                 [] { fill_uniform(Tensor({2}, DataType::i32).view(), 1, 1); });
  EXPECT_EQ(std::ranges::count(tensor.values<float>(), 0.0f), 6) << "written by a call that was refused";
}

// 3 x 4 sigma: mean 0 and variance 1/3 of 2^16 numbers in [-1, 1).
TEST(FillUniform, IsUniform) {
  constexpr std::int64_t kCount = 1 << 16;
  Tensor numbers({kCount}, DataType::f64), others({kCount}, DataType::f64);
  fill_uniform(numbers.view(), 1, 9, 0);
  fill_uniform(others.view(), 1, 9, 1);
  double sum = 0, squares = 0, products = 0, least = 1, most = -1;
  for (std::size_t i = 0; i < kCount; ++i) {
    const double a = numbers.values<double>()[i], b = others.values<double>()[i];
    sum += a;
    squares += a * a;
    products += a * b;
    least = std::min(least, a);
    most = std::max(most, a);
  }
  const double sigma = std::sqrt(1 / 3.0 / kCount);
  EXPECT_LT(std::abs(sum / kCount), 4 * sigma);
  EXPECT_LT(std::abs(squares / kCount - 1 / 3.0), 4 * std::sqrt(4 / 45.0 / kCount));
  EXPECT_LT(std::abs(products / kCount), 4 * sigma / std::sqrt(3.0)) << "streams of one seed are related";
  EXPECT_GE(least, -1);
  EXPECT_LT(least, -0.999);
  EXPECT_LE(most, 1);
  EXPECT_GT(most, 0.999);
}

TEST(Initialise, IsPyTorchsDistributionInEveryTensor) {
  for (const Spec& spec : specs()) {
    SCOPED_TRACE(test::spec_name(spec));
    LayerTensors weights(spec), again(spec), other(spec);
    initialise(weights, 3);
    initialise(again, 3);
    initialise(other, 4);
    const std::size_t bytes = static_cast<std::size_t>(weights.flat().size(0)) * sizeof(float);
    EXPECT_EQ(std::memcmp(weights.flat().data(), again.flat().data(), bytes), 0);
    EXPECT_NE(std::memcmp(weights.flat().data(), other.flat().data(), bytes), 0);
    std::set<float> first_values;
    std::int64_t written = 0;
    for (const LayerGradients& layer : weights.writable()) {
      for (const TensorView* view : views_of(layer)) {
        const auto* values = static_cast<const float*>(view->data());
        first_values.insert(values[0]);
        for (std::int64_t i = 0; i < shape_of(*view).elements(); ++i, ++written) {
          EXPECT_LE(std::abs(values[i]), static_cast<float>(1 / std::sqrt(5.0)));
          EXPECT_NE(values[i], 0.0f);
        }
      }
    }
    std::size_t tensors = 0;
    for (const LayerGradients& layer : weights.writable()) tensors += views_of(layer).size();
    EXPECT_EQ(first_values.size(), tensors) << "two tensors have the same stream";
    const auto* flat = static_cast<const float*>(weights.flat().data());
    EXPECT_EQ(std::count(flat, flat + weights.flat().size(0), 0.0f), weights.flat().size(0) - written)
        << "between the tensors are zeros";
    if (spec.cell == Cell::min_gru) continue;  // has no R
    // The stream that the header names: R is the second tensor of layer 1.
    Tensor R(layer_shapes(spec, 1).R);
    fill_uniform(R.view(), 1 / std::sqrt(5.0), 3, 7);
    EXPECT_EQ(std::memcmp(weights.weights()[1].R.data(), R.view().data(), R.values<float>().size_bytes()), 0);
  }
}

}  // namespace
}  // namespace recur
