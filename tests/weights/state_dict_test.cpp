// A module's state_dict becomes weights: its names, its types, and what it may not lack or have beside.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
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
      const std::int64_t K = layer_input_size(spec, layer);
      layers.push_back({take({2, 16, K}), take({2, 16, 4}), take({2, 16}), take({2, 16}), {}, {}});
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

void expect_refused(const std::function<void()>& call, const std::vector<std::string>& parts) {
  try {
    call();
    ADD_FAILURE() << parts.front();
  } catch (const FormatError& error) {
    for (const std::string& part : parts)
      EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << part << " in " << error.what();
  }
}

// A file's tensors beside the layer's own, whose names say where they belong.
class Unread : public ::testing::Test {
 protected:
  // F32 zeros.
  void add(const std::string& name, std::vector<std::int64_t> shape) {
    std::size_t bytes = 4;
    for (std::int64_t size : shape) bytes *= static_cast<std::size_t>(size);
    tensors_.push_back({name, "F32", std::move(shape), std::span(zeros_).first(bytes)});
  }
  void add_layer(const std::string& prefix, const std::string& suffix) {
    add(prefix + "weight_ih" + suffix, {8, 2});
    add(prefix + "weight_hh" + suffix, {8, 2});
    add(prefix + "bias_ih" + suffix, {8});
    add(prefix + "bias_hh" + suffix, {8});
  }
  void import(std::string_view prefix, const StateDictOptions& options = {}) {
    const bool biases = spec_.bias == Bias::both;
    const BasicLayerWeights<TensorView> layer = {{W_.data(), {1, 8, 2}},
                                                 {R_.data(), {1, 8, 2}},
                                                 biases ? TensorView(bW_.data(), {1, 8}) : TensorView(),
                                                 biases ? TensorView(bR_.data(), {1, 8}) : TensorView(),
                                                 {},
                                                 {}};
    file_ = write_safetensors(tensors_);
    import_state_dict(spec_, parse_safetensors(file_), prefix, std::span(&layer, 1), options);
  }
  Spec spec_ = [] {
    Spec spec;
    spec.input_size = spec.hidden_size = 2;
    return spec;
  }();
  std::vector<SafetensorsTensor> tensors_;

 private:
  std::vector<std::byte> zeros_ = std::vector<std::byte>(256);
  std::vector<std::byte> file_;
  Aligned<float> W_ = Aligned<float>(16), R_ = Aligned<float>(16), bW_ = Aligned<float>(8),
                 bR_ = Aligned<float>(8);
};

TEST_F(Unread, ASecondLayerIsRefused) {
  add_layer("rnn.", "_l0");
  add_layer("rnn.", "_l1");
  expect_refused([&] { import("rnn."); },
                 {"no layer reads 'rnn.weight_ih_l1', 'rnn.weight_hh_l1', 'rnn.bias_ih_l1', 'rnn.bias_hh_l1'",
                  "L=1, forward, bias both"});
  EXPECT_NO_THROW(import("rnn.", {.strict = false}));
}
TEST_F(Unread, BiasesAndTheOtherDirectionAreRefused) {
  add_layer("", "_l0");
  spec_.bias = Bias::none;
  expect_refused([&] { import(""); }, {"no layer reads 'bias_ih_l0', 'bias_hh_l0'", "bias none"});
  spec_.bias = Bias::both;
  EXPECT_NO_THROW(import(""));
  add_layer("", "_l0_reverse");
  expect_refused([&] { import(""); }, {"'weight_ih_l0_reverse'"});
}
TEST_F(Unread, OtherModulesAreLeftAlone) {
  add_layer("rnn.", "_l0");
  add("fc.weight", {8});
  add("rnn.norm.weight", {8});
  add_layer("rnn2.", "_l0");
  tensors_.push_back({"fc.scale", "F8_E8M0", {8}, tensors_[0].data.first(8)});
  EXPECT_NO_THROW(import("rnn."));
  add("rnn.h0", {8});
  expect_refused([&] { import("rnn."); }, {"no layer reads 'rnn.h0'"});
}
TEST_F(Unread, AForgottenPrefixIsNamed) {
  add_layer("a.rnn.", "_l0");
  add_layer("b.cell.", "");
  add("fc.weight", {8});
  expect_refused([&] { import(""); },
                 {"no tensor 'weight_ih_l0'", "with another prefix the file has it: 'a.rnn.', 'b.cell.'"});
  tensors_.clear();
  expect_refused([&] { import(""); }, {"the file has none"});
  for (int i = 0; i < 10; ++i) add("t" + std::to_string(i), {1});
  expect_refused([&] { import(""); }, {"the file has 't0', 't1'", "'t7' and 2 more"});
}
TEST_F(Unread, CellsHaveNamesWithoutANumber) {
  add_layer("decoder.", "");
  EXPECT_NO_THROW(import("decoder."));
  spec_.bias = Bias::none;
  expect_refused([&] { import("decoder."); }, {"'decoder.bias_ih'"});
  spec_.bias = Bias::both;
  add_layer("decoder.", "_l0");
  expect_refused([&] { import("decoder."); }, {"no layer reads 'decoder.weight_ih'"});
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

TEST(StateDict, WhatTheTypeCannotHoldIsRefused) {
  Spec spec;
  spec.cell = Cell::rnn;
  spec.input_size = spec.hidden_size = 1;
  spec.dtype = DataType::f16;
  spec.bias = Bias::none;
  const float values[] = {1, 70000};
  const SafetensorsTensor tensors[] = {
      {"weight_ih_l0", "F32", {1, 1}, std::as_bytes(std::span(values, 1))},
      {"weight_hh_l0", "F32", {1, 1}, std::as_bytes(std::span(values + 1, 1))}};
  Aligned<F16> W(1), R(1);
  W.poison();
  const BasicLayerWeights<TensorView> layer = {
      {W.data(), DataType::f16, {1, 1, 1}}, {R.data(), DataType::f16, {1, 1, 1}}, {}, {}, {}, {}};
  const std::vector<std::byte> file = write_safetensors(tensors);
  expect_refused([&] { import_state_dict(spec, parse_safetensors(file), "", std::span(&layer, 1)); },
                 {"weight_hh_l0: element 0 is 70000", "beyond what F16 has"});
  EXPECT_TRUE(std::isnan(static_cast<float>(W[0]))) << "written to";
}

}  // namespace
}  // namespace recur::test
