// A module's state_dict becomes weights: its names, its types, and what it may not lack.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "host/weights/convert_elements.hpp"
#include "recur/error.hpp"
#include "recur/safetensors.hpp"
#include "recur/weight_formats.hpp"
#include "support/aligned.hpp"
#include "support/random.hpp"
#include "support/storage.hpp"

namespace recur::test {
namespace {

// A stack of both directions in memory of the test's.
struct Model {
  Spec spec;
  std::vector<std::vector<float>> memory;
  std::vector<BasicLayerWeights<TensorView>> layers;

  Model() {
    spec.input_size = 3;
    spec.hidden_size = 4;
    spec.layers = 2;
    spec.direction = Direction::bidirectional;
    memory.reserve(8);
    for (std::int64_t layer = 0; layer < 2; ++layer) {
      const std::int64_t J = layer_input_size(spec, layer);
      layers.push_back({take({2, 16, J}), take({2, 16, 4}), take({2, 16}), take({2, 16}), {}, {}});
    }
  }
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

  std::vector<LayerWeights> weights() const {
    std::vector<LayerWeights> result;
    for (const auto& layer : layers) result.push_back({layer.W, layer.R, layer.bW, layer.bR, {}, {}});
    return result;
  }

 private:
  TensorView take(std::initializer_list<std::int64_t> shape) {
    std::size_t count = 1;
    for (std::int64_t size : shape) count *= static_cast<std::size_t>(size);
    // 64 bytes of room to align in.
    std::vector<float>& tensor = memory.emplace_back(count + 16, -1.0f);
    auto address = reinterpret_cast<std::uintptr_t>(tensor.data());
    return TensorView(reinterpret_cast<float*>((address + 63) / 64 * 64), shape);
  }
};

TEST(StateDict, ThereAndBack) {
  Model from, to;
  for (auto& tensor : from.memory) {
    for (std::size_t i = 0; i < tensor.size(); ++i) tensor[i] = static_cast<float>(i) + 0.5f;
  }
  const std::vector<std::byte> file = export_state_dict(from.spec, from.weights(), "encoder.");
  const Safetensors parsed = parse_safetensors(file);
  ASSERT_EQ(parsed.tensors.size(), 16u);
  ASSERT_NE(parsed.find("encoder.weight_ih_l1_reverse"), nullptr);
  EXPECT_EQ(parsed.find("encoder.weight_ih_l1_reverse")->shape, (std::vector<std::int64_t>{16, 8}));
  EXPECT_EQ(parsed.metadata.at("format"), "pt") << "or Python's transformers do not load it";

  import_state_dict(to.spec, parsed, "encoder.", to.layers);
  EXPECT_EQ(export_state_dict(to.spec, to.weights(), "encoder."), file);
}

TEST(StateDict, WhatDoesNotFit) {
  Model from, to;
  const std::vector<std::byte> file = export_state_dict(from.spec, from.weights());
  const Safetensors parsed = parse_safetensors(file);
  const auto refused = [&](const Spec& spec, const Safetensors& tensors, const std::string& message) {
    try {
      import_state_dict(spec, tensors, "", to.layers);
      ADD_FAILURE() << message;
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find(message), std::string::npos) << error.what();
    }
    for (const auto& tensor : to.memory) {
      for (float value : tensor) ASSERT_EQ(value, -1.0f) << "written to";
    }
  };
  Safetensors missing = parsed;
  std::erase_if(missing.tensors, [](const auto& tensor) { return tensor.name == "bias_hh_l1_reverse"; });
  refused(to.spec, missing, "there is no tensor 'bias_hh_l1_reverse'; the file has 'weight_ih_l0'");
  missing = parsed;
  missing.tensors[0].dtype = "F4";
  refused(to.spec, missing, "weight_ih_l0: expected F32 [16] [3], got F4 [16] [3]");
  missing.tensors[0].dtype = "I32";
  refused(to.spec, missing, "weight_ih_l0: expected F32 [16] [3], got I32 [16] [3]");
  Spec other = to.spec;
  other.hidden_size = 5;
  refused(other, parsed, "weight_ih_l0: expected F32 [20] [3], got F32 [16] [3]");
  other = to.spec;
  other.layers = 3;
  refused(other, parsed, "expected L=3 layers, got 2");
  other = to.spec;
  other.peepholes = true;
  refused(other, parsed, "pytorch weights: there are no peepholes");
}

// The values of a cell are those of a layer.
TEST(StateDict, CellsAreLayers) {
  Spec spec;
  spec.cell = Cell::gru;
  spec.input_size = 3;
  spec.hidden_size = 2;
  std::vector<float> values(36);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i) + 1;
  const auto bytes = [&](std::size_t first, std::size_t count) {
    return std::as_bytes(std::span(values).subspan(first, count));
  };
  const SafetensorsTensor tensors[] = {{"c.weight_ih", "F32", {6, 3}, bytes(0, 18)},
                                       {"c.weight_hh", "F32", {6, 2}, bytes(18, 12)},
                                       {"c.bias_ih", "F32", {6}, bytes(24, 6)},
                                       {"c.bias_hh", "F32", {6}, bytes(30, 6)}};
  Aligned<float> W(18), R(12), bW(6), bR(6);
  const BasicLayerWeights<TensorView> layer = {
      {W.data(), {1, 6, 3}}, {R.data(), {1, 6, 2}}, {bW.data(), {1, 6}}, {bR.data(), {1, 6}}, {}, {}};
  const std::vector<std::byte> file = write_safetensors(tensors);
  import_state_dict(spec, parse_safetensors(file), "c.", std::span(&layer, 1));
  for (std::size_t i = 0; i < 18; ++i) EXPECT_EQ(W[i], values[i]);
  for (std::size_t i = 0; i < 12; ++i) EXPECT_EQ(R[i], values[18 + i]);
  for (std::size_t i = 0; i < 6; ++i) EXPECT_EQ(bW[i], values[24 + i]);
  for (std::size_t i = 0; i < 6; ++i) EXPECT_EQ(bR[i], values[30 + i]);
}

// Numbers of every kind: both kinds of zero, subnormals of each type, ties and what lies beside them, the
// largest, infinities, NaN.
std::vector<double> numbers_of_every_kind() {
  std::vector<double> values = {0.0,
                                -0.0,
                                1,
                                -1,
                                1.0 / 3,
                                std::numeric_limits<double>::infinity(),
                                std::numeric_limits<double>::quiet_NaN()};
  for (double unit : {0x1p-24, 0x1p-14, 0x1p-133, 0x1p-126, 0x1p-149, 1.0, 0x1p15}) {
    for (double steps : {0.5, 1.0, 1.5, 2.5, 1 + 0x1p-8, 1 + 0x1p-11, 1 + 3 * 0x1p-11, 1 + 0x1p-8 + 0x1p-40,
                         1 + 0x1p-11 - 0x1p-45, 2 - 0x1p-8, 2 - 0x1p-11, 2 - 0x1p-30}) {
      values.push_back(unit * steps);
      values.push_back(-unit * steps);
    }
  }
  Random random(1);
  for (int i = 0; i < 2000; ++i)
    values.push_back(std::ldexp(random.symmetric(2), static_cast<int>(random.integer(-40, 14))));
  return values;
}

// From and to every type, against numbers of the tests' own types.
template <class From, class To>
void conversion_rounds_once() {
  for (double number : numbers_of_every_kind()) {
    const From from(number);
    const To expected(static_cast<double>(from));
    To got{};
    const auto beyond = host::convert_elements(storage_type<From>, std::as_bytes(std::span(&from, 1)),
                                               storage_type<To>, std::as_writable_bytes(std::span(&got, 1)));
    const auto value = static_cast<double>(expected);
    if (std::isinf(value) && !std::isinf(static_cast<double>(from))) {
      EXPECT_EQ(beyond, 0u) << number;
      continue;
    }
    EXPECT_FALSE(beyond.has_value()) << number;
    if (std::isnan(value)) {
      EXPECT_TRUE(std::isnan(static_cast<double>(got)));
    } else {
      EXPECT_TRUE(
          std::ranges::equal(std::as_bytes(std::span(&got, 1)), std::as_bytes(std::span(&expected, 1))))
          << number << ": " << static_cast<double>(got) << " for " << value;
    }
  }
}
template <class From>
void conversions_round_once() {
  conversion_rounds_once<From, double>();
  conversion_rounds_once<From, float>();
  conversion_rounds_once<From, Bf16>();
  conversion_rounds_once<From, F16>();
}
TEST(ConvertElements, RoundsOnce) {
  conversions_round_once<double>();
  conversions_round_once<float>();
  conversions_round_once<Bf16>();
  conversions_round_once<F16>();
}

// A file of any floating-point type for a layer of any.
template <class From, class To>
void a_file_of_another_type() {
  Spec spec;
  spec.cell = Cell::rnn;
  spec.input_size = spec.hidden_size = 1;
  spec.dtype = storage_type<To>;
  spec.bias = Bias::none;
  From values[] = {From(1.0 / 3), From(-2.7)};
  const std::string dtype(safetensors_dtype(storage_type<From>));
  const SafetensorsTensor tensors[] = {
      {"weight_ih_l0", dtype, {1, 1}, std::as_bytes(std::span(values, 1))},
      {"weight_hh_l0", dtype, {1, 1}, std::as_bytes(std::span(values + 1, 1))}};
  Aligned<To> W(1), R(1);
  const BasicLayerWeights<TensorView> layer = {
      {W.data(), storage_type<To>, {1, 1, 1}}, {R.data(), storage_type<To>, {1, 1, 1}}, {}, {}, {}, {}};
  const std::vector<std::byte> file = write_safetensors(tensors);
  import_state_dict(spec, parse_safetensors(file), "", std::span(&layer, 1));
  EXPECT_EQ(static_cast<double>(W[0]), static_cast<double>(To(static_cast<double>(values[0])))) << dtype;
  EXPECT_EQ(static_cast<double>(R[0]), static_cast<double>(To(static_cast<double>(values[1])))) << dtype;
}
template <class From>
void files_of_another_type() {
  a_file_of_another_type<From, double>();
  a_file_of_another_type<From, float>();
  a_file_of_another_type<From, Bf16>();
  a_file_of_another_type<From, F16>();
}
TEST(StateDict, OtherTypesAreConverted) {
  files_of_another_type<double>();
  files_of_another_type<float>();
  files_of_another_type<Bf16>();
  files_of_another_type<F16>();
}

}  // namespace
}  // namespace recur::test
