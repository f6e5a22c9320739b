// ONNX's operators in C: what the C++ interface gives, and refuses.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <numeric>

#include "recur/recur.h"
#include "recur/recur.hpp"
#include "support/aligned.hpp"

namespace recur::test {
namespace {

constexpr std::int64_t kT = 5, kB = 3, kI = 2, kH = 4;

TensorView cpp(const recur_tensor& from) {
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

void expect_same(const recur_tensor& c, const ConstTensorView& view) {
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

TEST_F(COnnx, GivesWhatTheCppInterfaceGives) {
  for (const char* op : {"RNN", "GRU", "LSTM"}) {
    for (const char* direction : {"forward", "reverse", "bidirectional"}) {
      for (std::int64_t layout : {0, 1}) {
        SCOPED_TRACE(std::string(op) + " " + direction + " layout " + std::to_string(layout));
        node(op, direction, layout);
        run_cpp();
        const std::vector<float> expected = outputs();
        node(op, direction, layout);
        EXPECT_NE(outputs(), expected);
        run();
        EXPECT_EQ(outputs(), expected);
      }
    }
  }
}

TEST_F(COnnx, TheLayerIsThatOfTheCppInterface) {
  ASSERT_EQ(read(), RECUR_SUCCESS) << error_.message;
  const OnnxLayer expected = cpp_layer();
  EXPECT_EQ(layer_.steps, kT);
  EXPECT_EQ(layer_.batch, kB);
  ASSERT_EQ(layer_.weight_count, 4);
  for (std::size_t i = 0; i < 4; ++i) expect_same(layer_.weights[i], expected.weights[i]);
  expect_same(layer_.Y, expected.Y);
  expect_same(args_.x, expected.args.x);
  expect_same(args_.h0, expected.args.h0);
  expect_same(args_.c0, expected.args.c0);
  expect_same(args_.lengths, expected.args.lengths);
  expect_same(args_.y, expected.args.y);
  expect_same(args_.hN, expected.args.hN);
  expect_same(args_.cN, expected.args.cN);
  EXPECT_EQ(args_.reset_mask.rank, 0);
  EXPECT_EQ(args_.c_sequence.rank, 0);
  EXPECT_EQ(layer_.struct_size, sizeof(layer_));
  EXPECT_EQ(spec_.struct_size, sizeof(spec_));
  EXPECT_EQ(args_.struct_size, sizeof(args_));
  EXPECT_EQ(layer_.spec, &spec_);
  EXPECT_EQ(layer_.args, &args_);
  // What an earlier node left is gone.
  node("GRU");
  layer_.weights[3] = inputs_.W;
  args_.c0 = inputs_.X;
  spec_.peepholes = 1;
  inputs_.B = {};
  ASSERT_EQ(read(), RECUR_SUCCESS) << error_.message;
  EXPECT_EQ(layer_.weight_count, 2);
  EXPECT_EQ(layer_.weights[2].rank + layer_.weights[3].rank, 0);
  EXPECT_EQ(args_.c0.rank, 0);
  EXPECT_EQ(spec_.peepholes, 0);
  EXPECT_EQ(spec_.bias, RECUR_BIAS_NONE);
}

// By the fingerprint of a plan, which has every field of a Spec.
TEST_F(COnnx, EveryAttribute) {
  const auto expect_same_spec = [&] {
    ASSERT_EQ(read(), RECUR_SUCCESS) << error_.message;
    recur_device* device = nullptr;
    recur_plan* plan = nullptr;
    ASSERT_EQ(recur_device_cpu(&device, &error_), RECUR_SUCCESS);
    EXPECT_EQ(recur_plan_create(&spec_, kT, kB, device, nullptr, &plan, &error_), RECUR_SUCCESS)
        << error_.message;
    EXPECT_EQ(recur_plan_fingerprint(plan),
              make_plan(cpp_layer().spec, {kT, kB}, Device::cpu()).fingerprint());
    recur_plan_free(plan);
    recur_device_free(device);
  };
  const char* const names[] = {"hardsigmoid", "Elu", "Affine", "HardSigmoid", "Elu", "Affine"};
  const float alphas[] = {0.25f, 2, 3, 0.25f, 2, 3}, betas[] = {0.5f, 4, 0.5f, 4};
  const float clip = 1.5f;
  const std::int64_t hidden = kH;
  node("LSTM", "bidirectional");
  attributes_.hidden_size = &hidden;
  attributes_.activations = names;
  attributes_.activation_count = 6;
  attributes_.activation_alpha = alphas;
  attributes_.activation_alpha_count = 6;
  attributes_.activation_beta = betas;
  attributes_.activation_beta_count = 4;
  attributes_.clip = &clip;
  expect_same_spec();
  EXPECT_EQ(spec_.clip, 1.5);
  EXPECT_EQ(spec_.activations[0].function, RECUR_ACTIVATION_HARD_SIGMOID);
  EXPECT_EQ(spec_.activations[1].alpha, 2);
  EXPECT_EQ(spec_.activations[2].beta, 4);
  node("GRU");
  attributes_.linear_before_reset = 1;
  expect_same_spec();
  EXPECT_EQ(spec_.gru_reset, RECUR_RESET_AFTER);
  node("LSTM", "reverse");
  attributes_.input_forget = 1;
  expect_same_spec();
  EXPECT_EQ(spec_.coupled_input_forget, 1);
  EXPECT_EQ(spec_.direction, RECUR_REVERSE);
  node("RNN");
  const char* const relu = "Relu";
  attributes_.activations = &relu;
  attributes_.activation_count = 1;
  expect_same_spec();
  EXPECT_EQ(spec_.activation, RECUR_RNN_RELU);
}

// Each direction with its own functions, by the numbers. T, B, I and H are 1, R and the biases 0, so that h
// is a function of w x alone; an lstm's gates are 1/2 without a weight.
TEST_F(COnnx, FunctionsByDirection) {
  struct Functions {
    const char* op_type;
    std::vector<const char*> names;
    std::vector<float> alphas;
    double forward, reverse;
  };
  const double x = -0.5;  // w x; with 0.25 for an alpha
  const auto elu = [&](double alpha) { return alpha * std::expm1(x); };
  const Functions cases[] = {
      {"RNN", {"Relu", "Tanh"}, {}, 0, std::tanh(x)},
      {"RNN", {"Tanh", "Relu"}, {}, std::tanh(x), 0},
      {"RNN", {"Elu", "Elu"}, {0.25f, 2}, elu(0.25), elu(2)},
      {"RNN", {"LeakyRelu", "Softsign"}, {0.25f}, 0.25 * x, x / 1.5},
      {"GRU", {"Sigmoid", "Tanh", "Sigmoid", "LeakyRelu"}, {0.25f}, std::tanh(x) / 2, 0.25 * x / 2},
      {"LSTM",
       {"Sigmoid", "Tanh", "Tanh", "Sigmoid", "LeakyRelu", "LeakyRelu"},
       {0.25f, 0.5f},
       std::tanh(std::tanh(x) / 2) / 2,
       0.5 * (0.25 * x / 2) / 2},
  };
  for (const Functions& one : cases) {
    SCOPED_TRACE(std::string(one.op_type) + " " + one.names[0] + " " + one.names.back());
    const std::int64_t G = std::string(one.op_type) == "RNN" ? 1 : std::string(one.op_type) == "GRU" ? 3 : 4;
    node(one.op_type, "bidirectional");
    inputs_ = {};
    recur_onnx_inputs_init(&inputs_);
    inputs_.X = tensor({1, 1, 1});
    inputs_.W = tensor({2, G, 1});
    inputs_.R = tensor({2, G, 1});
    outputs_ = {};
    recur_onnx_outputs_init(&outputs_);
    outputs_.Y = tensor({1, 2, 1, 1});
    attributes_.activations = one.names.data();
    attributes_.activation_count = static_cast<std::int64_t>(one.names.size());
    attributes_.activation_alpha = one.alphas.data();
    attributes_.activation_alpha_count = static_cast<std::int64_t>(one.alphas.size());
    *static_cast<float*>(inputs_.X.data) = static_cast<float>(x);
    for (std::int64_t i = 0; i < 2 * G; ++i) {
      // The candidate is the last gate of a GRU and of an LSTM; the other gates see nothing.
      static_cast<float*>(inputs_.W.data)[i] = (i + 1) % G == 0 ? 1.0f : 0.0f;
      static_cast<float*>(inputs_.R.data)[i] = 0;
    }
    ASSERT_EQ(read(), RECUR_SUCCESS) << error_.message;
    EXPECT_EQ(spec_.has_reverse_activations, 1);

    recur_layer_weights canonical = {};
    ASSERT_EQ(recur_layer_shapes(&spec_, 0, &canonical, &error_), RECUR_SUCCESS) << error_.message;
    canonical.W = tensor({2, G, 1});
    canonical.R = tensor({2, G, 1});
    ASSERT_EQ(recur_import_weights(RECUR_WEIGHTS_ONNX, &spec_, 0, layer_.weights, layer_.weight_count,
                                   &canonical, &error_),
              RECUR_SUCCESS)
        << error_.message;
    args_.y = tensor({1, 1, 2});
    expect_run(canonical);
    const auto* const y = static_cast<const float*>(args_.y.data);
    EXPECT_NEAR(y[0], one.forward, 1e-6);
    EXPECT_NEAR(y[1], one.reverse, 1e-6);
  }
}

// A length that a node may not have is refused when it is read, and not clamped.
TEST_F(COnnx, LengthsThatANodeMayNotHave) {
  for (const std::int32_t wrong :
       {-1, static_cast<std::int32_t>(kT) + 1, std::numeric_limits<std::int32_t>::max(),
        std::numeric_limits<std::int32_t>::min()}) {
    node("GRU");
    lengths_[1] = wrong;
    run("lengths: expected values from 0 to T=5, got " + std::to_string(wrong) + " for sequence 1");
    lengths_[1] = 3;
  }
  for (const std::int32_t right : {0, static_cast<std::int32_t>(kT)}) {
    node("GRU");
    lengths_[1] = right;
    run();
    lengths_[1] = 3;
  }
}

// Nodes without steps or sequences.
TEST_F(COnnx, NothingToDo) {
  for (const std::int64_t layout : {0, 1}) {
    for (const auto& [T, B] : {std::pair<std::int64_t, std::int64_t>{0, kB}, {kT, 0}, {0, 0}}) {
      SCOPED_TRACE("layout " + std::to_string(layout) + " T=" + std::to_string(T) +
                   " B=" + std::to_string(B));
      node("LSTM", "bidirectional", layout);
      inputs_.X = layout == 0 ? tensor({T, B, kI}) : tensor({B, T, kI});
      inputs_.sequence_lens.shape[0] = B;
      inputs_.initial_h = layout == 0 ? tensor({2, B, kH}) : tensor({B, 2, kH});
      inputs_.initial_c = layout == 0 ? tensor({2, B, kH}) : tensor({B, 2, kH});
      std::fill_n(lengths_.data(), kB, std::int32_t(0));
      outputs_.Y = layout == 0 ? tensor({T, 2, B, kH}) : tensor({B, T, 2, kH});
      outputs_.Y_h = layout == 0 ? tensor({2, B, kH}) : tensor({B, 2, kH});
      outputs_.Y_c = layout == 0 ? tensor({2, B, kH}) : tensor({B, 2, kH});
      ASSERT_EQ(read(), RECUR_SUCCESS) << error_.message;
      EXPECT_EQ(layer_.steps, std::max<std::int64_t>(T, 1));
      EXPECT_EQ(layer_.batch, std::max<std::int64_t>(B, 1));
      recur_layer_weights canonical = {};
      canonical.W = tensor({2, 4 * kH, kI});
      canonical.R = tensor({2, 4 * kH, kH});
      canonical.bW = tensor({2, 4 * kH});
      canonical.bR = tensor({2, 4 * kH});
      canonical.peephole = tensor({2, 3 * kH});
      if (args_.y.rank == 0) args_.y = layout == 0 ? tensor({T, B, 2 * kH}) : tensor({B, T, 2 * kH});
      expect_run(canonical);
      EXPECT_EQ(recur_store_onnx_y(&layer_, &args_.y, &error_), RECUR_SUCCESS) << error_.message;
      const auto* const h0 = static_cast<const float*>(inputs_.initial_h.data);
      const auto* const hN = static_cast<const float*>(outputs_.Y_h.data);
      for (std::int64_t i = 0; i < 2 * B * kH; ++i) ASSERT_EQ(hN[i], h0[i]) << i;
    }
  }
  const std::int32_t lengths[] = {5, 3, 1};
  std::copy_n(lengths, 3, lengths_.data());
}

TEST_F(COnnx, NullsAndCountsAreRefused) {
  const char* const null = "expected a pointer, got null";
  expect(recur_onnx_layer_from_node(nullptr, &inputs_, &outputs_, &layer_, &error_), RECUR_INVALID_ARGUMENT,
         "attributes: expected a pointer");
  expect(recur_onnx_layer_from_node(&attributes_, nullptr, &outputs_, &layer_, &error_),
         RECUR_INVALID_ARGUMENT, "inputs: expected a pointer");
  expect(recur_onnx_layer_from_node(&attributes_, &inputs_, nullptr, &layer_, &error_),
         RECUR_INVALID_ARGUMENT, "outputs: expected a pointer");
  expect(recur_onnx_layer_from_node(&attributes_, &inputs_, &outputs_, nullptr, &error_),
         RECUR_INVALID_ARGUMENT, "layer: expected a pointer");
  EXPECT_EQ(recur_onnx_layer_from_node(nullptr, nullptr, nullptr, nullptr, nullptr), RECUR_INVALID_ARGUMENT);
  layer_.spec = nullptr;
  refused(std::string("layer.spec: ") + null);
  layer_.args = nullptr;
  refused(std::string("layer.args: ") + null);
  attributes_.op_type = nullptr;
  refused(std::string("op_type: ") + null);
  attributes_.activation_count = 3;
  refused(std::string("activations: ") + null);
  const char* const names[] = {"Sigmoid", nullptr, "Tanh", "Tanh", "Tanh", "Tanh", "Tanh"};
  attributes_.activations = names;
  attributes_.activation_count = 3;
  refused(std::string("activations: ") + null);
  attributes_.activation_alpha_count = 1;
  refused(std::string("activation_alpha: ") + null);
  attributes_.activation_beta_count = 1;
  refused(std::string("activation_beta: ") + null);
  for (const std::int64_t count : {std::int64_t{-1}, std::numeric_limits<std::int64_t>::min(),
                                   std::int64_t{7}, std::numeric_limits<std::int64_t>::max()}) {
    const std::string text =
        std::string(": expected a count of at ") + (count < 0 ? "least 0" : "most 6") + ", got ";
    const float values[] = {1};
    attributes_.activations = names;
    attributes_.activation_count = count;
    refused("activations" + text);
    attributes_.activation_alpha = values;
    attributes_.activation_alpha_count = count;
    refused("activation_alpha" + text);
    attributes_.activation_beta = values;
    attributes_.activation_beta_count = count;
    refused("activation_beta" + text);
  }
}

TEST_F(COnnx, StructsOfOtherSizesAreRefused) {
  attributes_.struct_size = 0;
  refused("attributes.struct_size");
  inputs_.struct_size += 8;
  refused("inputs.struct_size");
  outputs_.struct_size = 7;
  refused("outputs.struct_size");
  layer_.struct_size -= 8;
  refused("layer.struct_size");
  spec_.struct_size = offsetof(recur_spec, residual) - 8;
  refused("layer.spec.struct_size");
  spec_.struct_size = sizeof(recur_spec) + 8;
  refused("layer.spec.struct_size");
  args_.struct_size = offsetof(recur_forward_args, cN);
  refused("layer.args.struct_size");
  // No more is written than the program has.
  args_.struct_size = offsetof(recur_forward_args, c_sequence);
  args_.c_sequence.rank = 77;
  ASSERT_EQ(read(), RECUR_SUCCESS) << error_.message;
  EXPECT_EQ(args_.c_sequence.rank, 77);
  EXPECT_EQ(args_.struct_size, offsetof(recur_forward_args, c_sequence));
  EXPECT_EQ(args_.cN.data, outputs_.Y_c.data);
}

TEST_F(COnnx, WhatTheCppInterfaceRefuses) {
  attributes_.op_type = "Rnn";
  refused("op_type: expected RNN, GRU or LSTM, got 'Rnn'");
  const std::string endless(5000, 'x');
  attributes_.op_type = endless.c_str();
  refused("op_type: expected RNN, GRU or LSTM, got 'xxx");
  attributes_.direction = "";
  refused("direction: expected forward, reverse or bidirectional, got ''");
  attributes_.layout = 2;
  refused("layout: expected 0 or 1, got 2");
  attributes_.input_forget = -1;
  refused("input_forget: expected 0 or 1, got -1");
  attributes_.linear_before_reset = 1;
  refused("linear_before_reset");
  const std::int64_t sizes[] = {0, kH + 1};
  attributes_.hidden_size = &sizes[0];
  refused("hidden_size: expected at least 1, got 0");
  attributes_.hidden_size = &sizes[1];
  refused("W: expected f32 [1] [20] [2]");
  const float clips[] = {-1, 0};
  attributes_.clip = &clips[0];
  refused("clip: expected a bound above 0, got -1");
  attributes_.clip = &clips[1];
  refused("clip: a bound of 0", RECUR_UNSUPPORTED);
  const char* const names[] = {"Sigmoid", "Swish", "Tanh"};
  attributes_.activations = names;
  attributes_.activation_count = 3;
  refused("activations: expected names of ONNX's functions, got 'Swish'");
  attributes_.activations = names;
  attributes_.activation_count = 1;
  refused("activations: expected 3 names");
  // A caller whose struct ends before them has no place for the functions of the other direction.
  const char* const different[] = {"Sigmoid", "Tanh", "Tanh", "Tanh", "Tanh", "Tanh"};
  node("LSTM", "bidirectional");
  attributes_.activations = different;
  attributes_.activation_count = 6;
  spec_.struct_size = offsetof(recur_spec, reverse_activations);
  refused("layer.spec.struct_size: expected " + std::to_string(sizeof(recur_spec)));

  inputs_.X = {};
  refused("X: expected [T][B][I]");
  inputs_.W.rank = 5;
  refused("W: expected a rank of 0 to 4, got 5");
  inputs_.R.rank = -1;
  refused("R: expected a rank of 0 to 4, got -1");
  inputs_.B.dtype = -1;
  refused("B: expected one of its enumerators, got -1");
  inputs_.X.dtype = 77;
  refused("Spec::dtype: expected one of its enumerators, got 77");
  inputs_.X.data = nullptr;
  refused("X: expected f32");
  inputs_.P.strides[1] = 2;
  refused("P");
  inputs_.initial_c.shape[2] = -kH;
  refused("initial_c: expected f32 [D=1] [B=3] [H=4]");
  inputs_.sequence_lens.dtype = RECUR_F32;
  refused("sequence_lens: expected i32 [B=3]");
  inputs_.initial_h.strides[0] = std::numeric_limits<std::int64_t>::max();
  inputs_.initial_h.strides[1] = std::numeric_limits<std::int64_t>::max();
  refused("initial_h: expected an extent that 64 bits can address");
  outputs_.Y.strides[0] = 0;
  refused("Y: expected elements that do not overlap each other");
  outputs_.Y_h.rank = 2;
  refused("Y_h: expected f32 [D=1] [B=3] [H=4]");
  node("GRU");
  outputs_.Y_c = state();
  refused("Y_c: expected nothing");
}

TEST_F(COnnx, RefusedStores) {
  node("GRU", "bidirectional");
  ASSERT_EQ(read(), RECUR_SUCCESS) << error_.message;
  const recur_tensor good_y = tensor({kT, kB, 2 * kH});
  const recur_onnx_layer good_layer = layer_;
  const recur_spec good_spec = spec_;
  const std::vector<float> before = memory_.vector();
  recur_tensor y = good_y;
  const auto refused_store = [&](const std::string& text) {
    expect(recur_store_onnx_y(&layer_, &y, &error_), RECUR_INVALID_ARGUMENT, text);
    EXPECT_EQ(memory_.vector(), before);
    y = good_y;
    layer_ = good_layer;
    spec_ = good_spec;
  };
  expect(recur_store_onnx_y(nullptr, &y, &error_), RECUR_INVALID_ARGUMENT, "layer: expected a pointer");
  expect(recur_store_onnx_y(&layer_, nullptr, &error_), RECUR_INVALID_ARGUMENT, "y: expected a pointer");
  EXPECT_EQ(recur_store_onnx_y(nullptr, nullptr, nullptr), RECUR_INVALID_ARGUMENT);
  layer_.struct_size = 0;
  refused_store("layer.struct_size");
  layer_.spec = nullptr;
  refused_store("spec: expected a pointer");
  layer_.Y = {};
  refused_store("Y: expected f32 [T=5] [D=2] [B=3] [H=4], got nothing");
  layer_.Y.rank = 9;
  refused_store("Y: expected a rank");
  y = {};
  refused_store("y: expected f32 [T=5] [B=3] [D*H=8], got nothing");
  y.rank = 9;
  refused_store("y: expected a rank");
  y.dtype = RECUR_F64;
  refused_store("y: expected f32");
  y.data = outputs_.Y.data;
  refused_store("Y: expected memory that no other argument uses");
  spec_.struct_size = 0;
  refused_store("spec.struct_size");
  spec_.direction = 7;
  refused_store("Spec::direction");
  spec_.dtype = 300;
  refused_store("spec.dtype");
  layer_.steps = 0;
  refused_store("Shape::steps (T)");
  // Sizes that agree and that no tensor has.
  spec_.hidden_size = -1;
  layer_.Y.shape[3] = -1;
  y.shape[2] = -2;
  refused_store("Spec::hidden_size (H)");
  EXPECT_EQ(recur_store_onnx_y(&layer_, &y, &error_), RECUR_SUCCESS) << error_.message;
}

TEST(COnnxInit, TakesWhatItGets) {
  recur_onnx_attributes_init_sized(nullptr, 100);
  recur_onnx_inputs_init_sized(nullptr, 100);
  recur_onnx_outputs_init_sized(nullptr, 100);
  recur_onnx_layer_init_sized(nullptr, 100);
  recur_rates_init_sized(nullptr, 100);
}

}  // namespace
}  // namespace recur::test
