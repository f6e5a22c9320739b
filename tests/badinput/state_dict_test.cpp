// import_state_dict() with files that hold more than a layer reads, or what it cannot hold.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "recur/error.hpp"
#include "recur/safetensors.hpp"
#include "support/aligned.hpp"
#include "support/storage.hpp"

namespace recur::test {
namespace {

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
class BadStateDict : public ::testing::Test {
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

TEST_F(BadStateDict, ASecondLayerIsRefused) {
  add_layer("rnn.", "_l0");
  add_layer("rnn.", "_l1");
  expect_refused([&] { import("rnn."); },
                 {"no layer reads 'rnn.weight_ih_l1', 'rnn.weight_hh_l1', 'rnn.bias_ih_l1', 'rnn.bias_hh_l1'",
                  "L=1, forward, bias both"});
  EXPECT_NO_THROW(import("rnn.", {.strict = false}));
}
TEST_F(BadStateDict, BiasesAndTheOtherDirectionAreRefused) {
  add_layer("", "_l0");
  spec_.bias = Bias::none;
  expect_refused([&] { import(""); }, {"no layer reads 'bias_ih_l0', 'bias_hh_l0'", "bias none"});
  spec_.bias = Bias::both;
  EXPECT_NO_THROW(import(""));
  add_layer("", "_l0_reverse");
  expect_refused([&] { import(""); }, {"'weight_ih_l0_reverse'"});
}
TEST_F(BadStateDict, OtherModulesAreLeftAlone) {
  add_layer("rnn.", "_l0");
  add("fc.weight", {8});
  add("rnn.norm.weight", {8});
  add_layer("rnn2.", "_l0");
  tensors_.push_back({"fc.scale", "F8_E8M0", {8}, tensors_[0].data.first(8)});
  EXPECT_NO_THROW(import("rnn."));
  add("rnn.h0", {8});
  expect_refused([&] { import("rnn."); }, {"no layer reads 'rnn.h0'"});
}
TEST_F(BadStateDict, AForgottenPrefixIsNamed) {
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
TEST_F(BadStateDict, CellsHaveNamesWithoutANumber) {
  add_layer("decoder.", "");
  EXPECT_NO_THROW(import("decoder."));
  spec_.bias = Bias::none;
  expect_refused([&] { import("decoder."); }, {"'decoder.bias_ih'"});
  spec_.bias = Bias::both;
  add_layer("decoder.", "_l0");
  expect_refused([&] { import("decoder."); }, {"no layer reads 'decoder.weight_ih'"});
}

TEST_F(BadStateDict, WhatTheTypeCannotHoldIsRefused) {
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
