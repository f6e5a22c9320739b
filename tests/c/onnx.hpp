// What the tests of ONNX's operators in C stand on: a node with every tensor that it can have.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <functional>
#include <numeric>
#include <string>
#include <vector>

#include "recur/recur.h"
#include "recur/recur.hpp"
#include "support/aligned.hpp"

namespace recur::test {

inline TensorView cpp(const recur_tensor& from) {
  const auto& s = from.shape;
  const auto type = static_cast<DataType>(from.dtype);
  switch (from.rank) {
    case 0: return {};
    case 1: return TensorView(from.data, type, {s[0]});
    case 2: return TensorView(from.data, type, {s[0], s[1]});
    case 3: return TensorView(from.data, type, {s[0], s[1], s[2]});
    default: return TensorView(from.data, type, {s[0], s[1], s[2], s[3]});
  }
}

inline void expect_same(const recur_tensor& c, const ConstTensorView& view) {
  EXPECT_EQ(c.data, view.data());
  EXPECT_EQ(c.dtype, static_cast<std::int32_t>(view.type()));
  ASSERT_EQ(c.rank, view.rank());
  for (int d = 0; d < 4; ++d) {
    EXPECT_EQ(c.shape[d], d < c.rank ? view.size(d) : 0);
    EXPECT_EQ(c.strides[d], d < c.rank ? view.stride(d) : 0);
  }
}

template <class T>
std::vector<unsigned char> bytes_of(const T& value) {
  std::vector<unsigned char> bytes(sizeof(value));
  std::memcpy(bytes.data(), &value, sizeof(value));
  return bytes;
}

// A node in C with every tensor that it can have, in memory full of small numbers.
class COnnx : public ::testing::Test {
 protected:
  static constexpr std::int64_t kT = 5, kB = 3, kI = 2, kH = 4;

  COnnx() { node("LSTM"); }

  void node(const char* op_type, const char* direction = nullptr, std::int64_t layout = 0) {
    recur_onnx_attributes_init(&attributes_);
    recur_onnx_inputs_init(&inputs_);
    recur_onnx_outputs_init(&outputs_);
    recur_onnx_layer_init(&layer_);
    recur_spec_init(&spec_);
    recur_forward_args_init(&args_);
    layer_.spec = &spec_;
    layer_.args = &args_;
    used_ = 0;
    for (std::size_t i = 0; i < memory_.size(); ++i) {
      memory_[i] = 0.5f * std::sin(static_cast<float>(i));
    }
    attributes_.op_type = op_type;
    attributes_.direction = direction;
    attributes_.layout = layout;
    D_ = direction != nullptr && std::string(direction) == "bidirectional" ? 2 : 1;
    const std::int64_t G = std::string(op_type) == "RNN" ? 1 : std::string(op_type) == "GRU" ? 3 : 4;
    inputs_.X = layout == 0 ? tensor({kT, kB, kI}) : tensor({kB, kT, kI});
    inputs_.W = tensor({D_, G * kH, kI});
    inputs_.R = tensor({D_, G * kH, kH});
    inputs_.B = tensor({D_, 2 * G * kH});
    const std::int64_t batch = kB;
    inputs_.sequence_lens = recur_tensor_dense(lengths_.data(), RECUR_I32, 1, &batch);
    inputs_.initial_h = state();
    if (G == 4) inputs_.initial_c = state();
    if (G == 4) inputs_.P = tensor({D_, 3 * kH});
    first_output_ = used_;
    outputs_.Y = layout == 0 ? tensor({kT, D_, kB, kH}) : tensor({kB, kT, D_, kH});
    outputs_.Y_h = state();
    if (G == 4) outputs_.Y_c = state();
  }

  // Aligned to 16 bytes.
  recur_tensor tensor(std::vector<std::int64_t> shape) {
    const std::int64_t count =
        std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, std::multiplies<>());
    float* const data = memory_.data() + used_;
    used_ += static_cast<std::size_t>((count + 3) / 4 * 4);
    return recur_tensor_dense(data, RECUR_F32, static_cast<std::int32_t>(shape.size()), shape.data());
  }
  recur_tensor state() { return attributes_.layout == 0 ? tensor({D_, kB, kH}) : tensor({kB, D_, kH}); }

  recur_status read() {
    return recur_onnx_layer_from_node(&attributes_, &inputs_, &outputs_, &layer_, &error_);
  }
  OnnxLayer cpp_layer() const {
    OnnxAttributes attributes;
    attributes.op_type = attributes_.op_type;
    if (attributes_.hidden_size != nullptr) attributes.hidden_size = *attributes_.hidden_size;
    if (attributes_.direction != nullptr) attributes.direction = attributes_.direction;
    attributes.layout = attributes_.layout;
    attributes.linear_before_reset = attributes_.linear_before_reset;
    attributes.input_forget = attributes_.input_forget;
    for (std::int64_t i = 0; i < attributes_.activation_count; ++i) {
      attributes.activations.emplace_back(attributes_.activations[i]);
    }
    attributes.activation_alpha.assign(attributes_.activation_alpha,
                                       attributes_.activation_alpha + attributes_.activation_alpha_count);
    attributes.activation_beta.assign(attributes_.activation_beta,
                                      attributes_.activation_beta + attributes_.activation_beta_count);
    if (attributes_.clip != nullptr) attributes.clip = *attributes_.clip;
    return onnx_layer(
        attributes,
        {cpp(inputs_.X), cpp(inputs_.W), cpp(inputs_.R), cpp(inputs_.B), cpp(inputs_.sequence_lens),
         cpp(inputs_.initial_h), cpp(inputs_.initial_c), cpp(inputs_.P)},
        {cpp(outputs_.Y), cpp(outputs_.Y_h), cpp(outputs_.Y_c)});
  }

  void expect(recur_status status, recur_status expected, const std::string& text) {
    EXPECT_EQ(status, expected) << error_.message;
    EXPECT_EQ(error_.code, expected);
    EXPECT_NE(std::string(error_.message).find(text), std::string::npos) << text << " in " << error_.message;
  }
  // The node is refused, and the layer not touched; then the node is as it was.
  void refused(const std::string& text, recur_status expected = RECUR_INVALID_ARGUMENT) {
    const auto layer = bytes_of(layer_), spec = bytes_of(spec_), args = bytes_of(args_);
    expect(read(), expected, text);
    EXPECT_EQ(bytes_of(layer_), layer);
    EXPECT_EQ(bytes_of(spec_), spec);
    EXPECT_EQ(bytes_of(args_), args);
    const std::string op_type = attributes_.op_type == nullptr ? "LSTM" : attributes_.op_type;
    node(op_type == "GRU" ? "GRU" : "LSTM");
  }

  // Plans and runs what was read, with these weights.
  void expect_run(const recur_layer_weights& canonical, const std::string& refusal = "") {
    recur_device* device = nullptr;
    recur_plan* plan = nullptr;
    recur_context* context = nullptr;
    ASSERT_EQ(recur_device_cpu(&device, &error_), RECUR_SUCCESS);
    ASSERT_EQ(recur_plan_create(&spec_, layer_.steps, layer_.batch, device, nullptr, &plan, &error_),
              RECUR_SUCCESS)
        << error_.message;
    ASSERT_EQ(recur_context_create(device, nullptr, &context, &error_), RECUR_SUCCESS);
    Aligned<std::byte> workspace(recur_plan_sizes(plan).workspace);
    const recur_weights weights = {&canonical, 1, {}};
    const recur_status status = recur_forward(plan, context, nullptr, &weights, &args_, workspace.data(),
                                              workspace.size(), nullptr, 0, &error_);
    expect(status, refusal.empty() ? RECUR_SUCCESS : RECUR_INVALID_ARGUMENT, refusal);
    recur_context_free(context);
    recur_plan_free(plan);
    recur_device_free(device);
  }

  // Reads the node with C's functions, runs it and stores Y; or the run is refused.
  void run(const std::string& refusal = "") {
    ASSERT_EQ(read(), RECUR_SUCCESS) << error_.message;
    const std::int64_t rows = (spec_.cell == RECUR_RNN ? 1 : spec_.cell == RECUR_GRU ? 3 : 4) * kH;
    recur_layer_weights canonical = {};
    canonical.W = tensor({D_, rows, kI});
    canonical.R = tensor({D_, rows, kH});
    canonical.bW = tensor({D_, rows});
    canonical.bR = tensor({D_, rows});
    if (spec_.peepholes == 1) canonical.peephole = tensor({D_, 3 * kH});
    ASSERT_EQ(recur_import_weights(RECUR_WEIGHTS_ONNX, &spec_, 0, layer_.weights, layer_.weight_count,
                                   &canonical, &error_),
              RECUR_SUCCESS)
        << error_.message;
    const bool apart = args_.y.rank == 0;
    EXPECT_EQ(apart, D_ == 2 && spec_.layout == RECUR_TIME_MAJOR);
    if (apart) args_.y = tensor({kT, kB, 2 * kH});
    expect_run(canonical, refusal);
    if (apart && refusal.empty()) {
      EXPECT_EQ(recur_store_onnx_y(&layer_, &args_.y, &error_), RECUR_SUCCESS) << error_.message;
    }
  }
  // The same in C++.
  void run_cpp() {
    const OnnxLayer layer = cpp_layer();
    const std::int64_t rows = gates_of(layer.spec) * kH;
    BasicLayerWeights<TensorView> canonical;
    canonical.W = cpp(tensor({D_, rows, kI}));
    canonical.R = cpp(tensor({D_, rows, kH}));
    canonical.bW = cpp(tensor({D_, rows}));
    canonical.bR = cpp(tensor({D_, rows}));
    if (layer.spec.peepholes) canonical.peephole = cpp(tensor({D_, 3 * kH}));
    import_weights(WeightFormat::onnx, layer.spec, 0, layer.weights, canonical);
    const Device device = Device::cpu();
    const Plan plan = make_plan(layer.spec, layer.shape, device);
    Context context(device);
    Aligned<std::byte> workspace(plan.sizes().workspace);
    const LayerWeights weights{canonical.W,  canonical.R,        canonical.bW,
                               canonical.bR, canonical.peephole, canonical.projection};
    ForwardArgs args = layer.args;
    if (!args.y.given()) args.y = cpp(tensor({kT, kB, 2 * kH}));
    forward(plan, context, Stream(), std::span<const LayerWeights>(&weights, 1), args, workspace.bytes());
    if (!layer.args.y.given()) store_onnx_y(layer, args.y);
  }
  std::vector<float> outputs() const {
    const std::size_t count =
        static_cast<std::size_t>(D_ * kB * kH * (kT + (outputs_.Y_c.rank == 0 ? 1 : 2)));
    return {memory_.data() + first_output_, memory_.data() + first_output_ + count};
  }

  recur_onnx_attributes attributes_;
  recur_onnx_inputs inputs_;
  recur_onnx_outputs outputs_;
  recur_onnx_layer layer_;
  recur_spec spec_;
  recur_forward_args args_;
  recur_error error_ = {};
  std::int64_t D_ = 1;
  Aligned<float> memory_{4096};
  Aligned<std::int32_t> lengths_{std::vector<std::int32_t>{5, 3, 1}};
  std::size_t used_ = 0, first_output_ = 0;
};

}  // namespace recur::test
