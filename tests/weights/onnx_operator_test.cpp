// ONNX's operators as Specs and views, and what is refused.
#include "recur/onnx.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <numeric>

#include "recur/error.hpp"
#include "support/aligned.hpp"

namespace recur::test {
namespace {

constexpr std::int64_t kT = 5, kB = 3, kI = 2, kH = 4;

// A node with every tensor that it can have, sized by its attributes.
struct Node {
  OnnxAttributes attributes;
  std::int64_t D = 1, G = 1;
  Aligned<float> memory{64 * 1024};
  Aligned<std::int32_t> lengths{64};
  std::size_t used = 0;
  OnnxInputs inputs;
  OnnxOutputs outputs;

  explicit Node(const std::string& op_type, const std::string& direction = "forward",
                std::int64_t layout = 0) {
    attributes.op_type = op_type;
    attributes.direction = direction;
    attributes.layout = layout;
    attributes.hidden_size = kH;
    D = direction == "bidirectional" ? 2 : 1;
    G = op_type == "RNN" ? 1 : op_type == "GRU" ? 3 : 4;
    const bool is_lstm = op_type == "LSTM";
    inputs.X = layout == 0 ? tensor({kT, kB, kI}) : tensor({kB, kT, kI});
    inputs.W = tensor({D, G * kH, kI});
    inputs.R = tensor({D, G * kH, kH});
    inputs.B = tensor({D, 2 * G * kH});
    inputs.sequence_lens = ConstTensorView(lengths.data(), {kB});
    inputs.initial_h = state();
    if (is_lstm) inputs.initial_c = state();
    if (is_lstm) inputs.P = tensor({D, 3 * kH});
    outputs.Y = layout == 0 ? tensor({kT, D, kB, kH}) : tensor({kB, kT, D, kH});
    outputs.Y_h = state();
    if (is_lstm) outputs.Y_c = state();
  }

  // Aligned to 16 bytes.
  TensorView tensor(std::initializer_list<std::int64_t> shape) {
    const std::int64_t count =
        std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, std::multiplies<>());
    float* const data = memory.data() + used;
    used += static_cast<std::size_t>((count + 3) / 4 * 4);
    return TensorView(data, DataType::f32, shape);
  }
  TensorView state() { return attributes.layout == 0 ? tensor({D, kB, kH}) : tensor({kB, D, kH}); }
  OnnxLayer layer() const { return onnx_layer(attributes, inputs, outputs); }
};

template <class Expected, class F>
void expect_error(F&& f, const std::vector<std::string>& parts) {
  try {
    f();
    ADD_FAILURE() << "accepted; expected " << parts.front();
  } catch (const Expected& error) {
    for (const std::string& part : parts) {
      EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << part << " in: " << error.what();
    }
  } catch (const std::exception& error) {
    ADD_FAILURE() << "another error: " << error.what();
  }
}

// The node after a change is refused.
template <class Expected>
void expect_refused(Node node, const std::function<void(Node&)>& change,
                    const std::vector<std::string>& parts) {
  change(node);
  expect_error<Expected>([&] { node.layer(); }, parts);
}

void expect_shape(const ConstTensorView& view, const void* data, const std::vector<std::int64_t>& shape,
                  const std::vector<std::int64_t>& outer_strides) {
  ASSERT_EQ(view.rank(), static_cast<int>(shape.size()));
  EXPECT_EQ(view.data(), data);
  EXPECT_EQ(view.type(), DataType::f32);
  for (int d = 0; d < view.rank(); ++d) {
    const auto i = static_cast<std::size_t>(d);
    EXPECT_EQ(view.size(d), shape[i]) << d;
    EXPECT_EQ(view.stride(d), i < outer_strides.size() ? outer_strides[i] : 1) << d;
  }
}

TEST(OnnxOperator, Defaults) {
  for (const auto& [op, cell] : {std::pair{"RNN", Cell::rnn}, {"GRU", Cell::gru}, {"LSTM", Cell::lstm}}) {
    SCOPED_TRACE(op);
    Node node(op);
    node.inputs.B = node.inputs.sequence_lens = node.inputs.P = {};
    node.inputs.initial_h = node.inputs.initial_c = {};
    node.outputs = {};
    const OnnxLayer layer = node.layer();
    const Spec& spec = layer.spec;
    EXPECT_EQ(spec.cell, cell);
    EXPECT_EQ(spec.activation, RnnActivation::tanh);
    EXPECT_EQ(spec.gru_reset, cell == Cell::gru ? GruReset::before : GruReset::after);
    EXPECT_FALSE(spec.peepholes || spec.coupled_input_forget || spec.variable_lengths || spec.reset_mask);
    EXPECT_EQ(spec.input_size, kI);
    EXPECT_EQ(spec.hidden_size, kH);
    EXPECT_EQ(spec.layers, 1);
    EXPECT_EQ(spec.direction, Direction::forward);
    EXPECT_EQ(spec.bias, Bias::none);
    EXPECT_EQ(spec.dtype, DataType::f32);
    EXPECT_EQ(spec.layout, Layout::time_major);
    EXPECT_EQ(spec.clip, 0);
    for (const GateActivation& gate : spec.activations) EXPECT_EQ(gate.function, Activation::standard);
    EXPECT_EQ(layer.shape.steps, kT);
    EXPECT_EQ(layer.shape.batch, kB);
    ASSERT_EQ(layer.weights.size(), 2u);
    EXPECT_EQ(layer.weights[0].data(), node.inputs.W.data());
    EXPECT_EQ(layer.weights[1].data(), node.inputs.R.data());
    EXPECT_EQ(layer.args.x.data(), node.inputs.X.data());
    for (const ConstTensorView& view :
         {layer.args.h0, layer.args.c0, layer.args.lengths, layer.args.reset_mask}) {
      EXPECT_FALSE(view.given());
    }
    for (const TensorView& view :
         {layer.args.y, layer.args.hN, layer.args.cN, layer.args.c_sequence, layer.Y}) {
      EXPECT_FALSE(view.given());
    }
  }
}

TEST(OnnxOperator, EveryTensorIsPassedOn) {
  const Node node("LSTM");
  const OnnxLayer layer = node.layer();
  EXPECT_TRUE(layer.spec.peepholes);
  EXPECT_TRUE(layer.spec.variable_lengths);
  EXPECT_EQ(layer.spec.bias, Bias::both);
  ASSERT_EQ(layer.weights.size(), 4u);
  EXPECT_EQ(layer.weights[2].data(), node.inputs.B.data());
  EXPECT_EQ(layer.weights[3].data(), node.inputs.P.data());
  EXPECT_EQ(layer.args.lengths.data(), node.inputs.sequence_lens.data());
  EXPECT_EQ(layer.args.lengths.type(), DataType::i32);
  EXPECT_EQ(layer.Y.data(), node.outputs.Y.data());
}

TEST(OnnxOperator, SizesTypesAndDirections) {
  Node node("GRU");
  node.attributes.hidden_size.reset();
  EXPECT_EQ(node.layer().spec.hidden_size, kH) << "taken from R";
  EXPECT_EQ(Node("GRU", "reverse").layer().spec.direction, Direction::reverse);
  EXPECT_EQ(Node("GRU", "bidirectional").layer().spec.direction, Direction::bidirectional);
  EXPECT_EQ(Node("GRU", "forward", 1).layer().spec.layout, Layout::batch_major);
  EXPECT_EQ(Node("GRU", "forward", 1).layer().shape.steps, kT);
  EXPECT_EQ(Node("GRU", "forward", 1).layer().shape.batch, kB);
  for (DataType type : {DataType::f64, DataType::f16, DataType::bf16}) {
    Node other("RNN");
    other.inputs = {};
    other.outputs = {};
    other.inputs.X = ConstTensorView(other.memory.data(), type, {kT, kB, kI});
    other.inputs.W = ConstTensorView(other.memory.data(), type, {1, kH, kI});
    other.inputs.R = ConstTensorView(other.memory.data(), type, {1, kH, kH});
    EXPECT_EQ(other.layer().spec.dtype, type);
  }
}

TEST(OnnxOperator, FlagsOfOneOperator) {
  for (std::int64_t value : {1, -1, 7}) {
    Node gru("GRU");
    gru.attributes.linear_before_reset = value;
    EXPECT_EQ(gru.layer().spec.gru_reset, GruReset::after) << value;
  }
  Node lstm("LSTM");
  lstm.attributes.input_forget = 1;
  EXPECT_TRUE(lstm.layer().spec.coupled_input_forget);
}

TEST(OnnxOperator, ViewsOfLayout0) {
  const Node node("LSTM");
  const OnnxLayer layer = node.layer();
  expect_shape(layer.args.x, node.inputs.X.data(), {kT, kB, kI}, {kB * kI, kI});
  const std::vector<std::int64_t> state = {1, 1, kB, kH}, strides = {kB * kH, kB * kH, kH};
  expect_shape(layer.args.h0, node.inputs.initial_h.data(), state, strides);
  expect_shape(layer.args.c0, node.inputs.initial_c.data(), state, strides);
  expect_shape(layer.args.hN, node.outputs.Y_h.data(), state, strides);
  expect_shape(layer.args.cN, node.outputs.Y_c.data(), state, strides);
  expect_shape(layer.args.y, node.outputs.Y.data(), {kT, kB, kH}, {kB * kH, kH});
}

TEST(OnnxOperator, ViewsOfLayout0InBothDirections) {
  const Node node("LSTM", "bidirectional");
  const OnnxLayer layer = node.layer();
  const std::vector<std::int64_t> state = {1, 2, kB, kH}, strides = {2 * kB * kH, kB * kH, kH};
  expect_shape(layer.args.h0, node.inputs.initial_h.data(), state, strides);
  expect_shape(layer.args.cN, node.outputs.Y_c.data(), state, strides);
  EXPECT_FALSE(layer.args.y.given()) << "Y has the directions apart";
  EXPECT_EQ(layer.Y.data(), node.outputs.Y.data());
}

TEST(OnnxOperator, ViewsOfLayout1InBothDirections) {
  const Node node("LSTM", "bidirectional", 1);
  const OnnxLayer layer = node.layer();
  expect_shape(layer.args.x, node.inputs.X.data(), {kB, kT, kI}, {kT * kI, kI});
  const std::vector<std::int64_t> state = {1, 2, kB, kH}, strides = {2 * kB * kH, kH, 2 * kH};
  expect_shape(layer.args.h0, node.inputs.initial_h.data(), state, strides);
  expect_shape(layer.args.c0, node.inputs.initial_c.data(), state, strides);
  expect_shape(layer.args.hN, node.outputs.Y_h.data(), state, strides);
  expect_shape(layer.args.cN, node.outputs.Y_c.data(), state, strides);
  expect_shape(layer.args.y, node.outputs.Y.data(), {kB, kT, 2 * kH}, {kT * 2 * kH, 2 * kH});
}

// What decides is where the halves of a row lie, not the layout.
TEST(OnnxOperator, YWithStrides) {
  Node node("RNN", "bidirectional");
  float* const Y = node.memory.data() + node.used;
  node.outputs.Y = TensorView(Y, DataType::f32, {kT, 2, kB, kH}, {2 * kB * kH, kH, 2 * kH, 1});
  expect_shape(node.layer().args.y, Y, {kT, kB, 2 * kH}, {2 * kB * kH, 2 * kH});
  Node apart("RNN", "bidirectional", 1);
  apart.outputs.Y = TensorView(Y, DataType::f32, {kB, kT, 2, kH}, {kT * 16, 16, 8, 1});
  EXPECT_FALSE(apart.layer().args.y.given());
}

// Functions.

OnnxLayer with_functions(const std::string& op, std::vector<std::string> names,
                         std::vector<float> alphas = {}, std::vector<float> betas = {},
                         const std::string& direction = "forward") {
  Node node(op, direction);
  node.attributes.activations = std::move(names);
  node.attributes.activation_alpha = std::move(alphas);
  node.attributes.activation_beta = std::move(betas);
  return node.layer();
}

void expect_function(const GateActivation& gate, Activation function, float alpha = 0, float beta = 0) {
  EXPECT_EQ(gate.function, function) << name_of(gate.function);
  EXPECT_EQ(gate.alpha, static_cast<double>(alpha));
  EXPECT_EQ(gate.beta, static_cast<double>(beta));
}

TEST(OnnxOperator, FunctionsThatTheCellHasAreItsOwn) {
  for (const OnnxLayer& layer :
       {with_functions("RNN", {"Tanh"}), with_functions("GRU", {"Sigmoid", "Tanh"}),
        with_functions("LSTM", {"sigmoid", "TANH", "tanh"}), with_functions("RNN", {"Relu"}),
        with_functions("RNN", {"relu", "RELU"}, {}, {}, "bidirectional")}) {
    for (const GateActivation& gate : layer.spec.activations) expect_function(gate, Activation::standard);
  }
  EXPECT_EQ(with_functions("RNN", {"Tanh"}).spec.activation, RnnActivation::tanh);
  EXPECT_EQ(with_functions("RNN", {"Relu"}).spec.activation, RnnActivation::relu);
}

TEST(OnnxOperator, EveryFunctionWithItsDefaults) {
  const auto of = [](const std::string& name) {
    return with_functions("LSTM", {"Sigmoid", name, "Tanh"}).spec.activations[1];
  };
  expect_function(of("Sigmoid"), Activation::sigmoid);
  expect_function(of("Relu"), Activation::relu);
  expect_function(of("Affine"), Activation::affine, 1.0f, 0.0f);
  expect_function(of("LeakyRelu"), Activation::leaky_relu, 0.01f);
  expect_function(of("ThresholdedRelu"), Activation::thresholded_relu, 1.0f);
  expect_function(of("HardSigmoid"), Activation::hard_sigmoid, 0.2f, 0.5f);
  expect_function(of("Elu"), Activation::elu, 1.0f);
  expect_function(of("Softsign"), Activation::softsign);
  expect_function(of("Softplus"), Activation::softplus);
  expect_function(of("hArDsIgMoId"), Activation::hard_sigmoid, 0.2f, 0.5f);
  expect_function(with_functions("LSTM", {"Sigmoid", "ScaledTanh", "Tanh"}, {3}, {4}).spec.activations[1],
                  Activation::scaled_tanh, 3, 4);
  expect_function(with_functions("LSTM", {"Tanh", "Tanh", "Sigmoid"}).spec.activations[0], Activation::tanh);
  expect_function(with_functions("LSTM", {"Tanh", "Tanh", "Sigmoid"}).spec.activations[2],
                  Activation::sigmoid);
  expect_function(with_functions("GRU", {"Tanh", "Sigmoid"}).spec.activations[1], Activation::sigmoid);
  expect_function(with_functions("RNN", {"Sigmoid"}).spec.activations[0], Activation::sigmoid);
}

// Each function that has the parameter takes the next value; those left have defaults.
TEST(OnnxOperator, ParametersAreTakenInOrder) {
  const auto all =
      with_functions("LSTM", {"Affine", "LeakyRelu", "HardSigmoid"}, {2, 3, 4}, {5, 6}).spec.activations;
  expect_function(all[0], Activation::affine, 2, 5);
  expect_function(all[1], Activation::leaky_relu, 3);
  expect_function(all[2], Activation::hard_sigmoid, 4, 6);
  const auto some = with_functions("LSTM", {"Tanh", "Elu", "HardSigmoid"}, {7}).spec.activations;
  expect_function(some[0], Activation::tanh);
  expect_function(some[1], Activation::elu, 7);
  expect_function(some[2], Activation::hard_sigmoid, 0.2f, 0.5f);
  const auto both = with_functions("GRU", {"HardSigmoid", "Elu", "HardSigmoid", "Elu"}, {0.25f, 2, 0.25f, 2},
                                   {0.5f, 0.5f}, "bidirectional")
                        .spec.activations;
  expect_function(both[0], Activation::hard_sigmoid, 0.25f, 0.5f);
  expect_function(both[1], Activation::elu, 2);
  expect_function(both[2], Activation::standard);
}

TEST(OnnxOperator, Clip) {
  const auto clip = [](float value) {
    Node node("LSTM");
    node.attributes.clip = value;
    return node.layer().spec.clip;
  };
  EXPECT_EQ(clip(1.5f), 1.5);
  EXPECT_EQ(clip(std::numeric_limits<float>::infinity()), 0) << "clips nothing";
  const auto set = [](float value) { return [value](Node& node) { node.attributes.clip = value; }; };
  expect_refused<InvalidArgument>(Node("GRU"), set(-1), {"clip: expected a bound above 0, got -1"});
  expect_refused<InvalidArgument>(Node("GRU"), set(NAN), {"clip", "nan"});
  expect_refused<Unsupported>(Node("GRU"), set(0), {"clip", "0"});
}

TEST(OnnxOperator, RefusedFunctions) {
  const auto set = [](const std::vector<std::string>& names, const std::vector<float>& alphas = {},
                      const std::vector<float>& betas = {}) {
    return [=](Node& node) {
      node.attributes.activations = names;
      node.attributes.activation_alpha = alphas;
      node.attributes.activation_beta = betas;
    };
  };
  expect_refused<InvalidArgument>(Node("LSTM"), set({"Sigmoid", "Swish", "Tanh"}),
                                  {"activations", "'Swish'"});
  expect_refused<InvalidArgument>(Node("LSTM"), set({"Sigmoid", "", "Tanh"}), {"activations", "''"});
  expect_refused<InvalidArgument>(Node("LSTM"), set({"Sigmoid", "Tanh"}),
                                  {"activations", "expected 3", "got 2"});
  expect_refused<InvalidArgument>(Node("LSTM", "bidirectional"), set({"Sigmoid", "Tanh", "Tanh"}),
                                  {"activations", "expected 6", "3 for each", "got 3"});
  expect_refused<InvalidArgument>(Node("GRU"), set({"Sigmoid", "Tanh", "Tanh"}), {"expected 2", "got 3"});
  expect_refused<InvalidArgument>(Node("RNN"), set({"Tanh", "Tanh"}), {"expected 1", "got 2"});
  expect_refused<InvalidArgument>(Node("GRU"), set({"Elu", "Tanh"}, {1, 2}),
                                  {"activation_alpha", "at most 1", "got 2"});
  expect_refused<InvalidArgument>(Node("GRU"), set({"Elu", "Tanh"}, {1}, {1}),
                                  {"activation_beta", "at most 0", "got 1"});
  expect_refused<InvalidArgument>(Node("GRU"), set({}, {1}), {"activation_alpha", "at most 0", "got 1"});
  expect_refused<InvalidArgument>(Node("RNN"), set({"ScaledTanh"}), {"activation_alpha", "scaledtanh"});
  expect_refused<InvalidArgument>(Node("RNN"), set({"ScaledTanh"}, {1}), {"activation_beta", "scaledtanh"});
  expect_refused<InvalidArgument>(Node("RNN"), set({"Elu"}, {NAN}), {"activation_alpha", "finite", "nan"});
}

// Functions, alphas and betas of each direction; where they are equal the Spec has them once.
TEST(OnnxOperator, FunctionsByDirection) {
  const auto of = [](const std::string& op, std::vector<std::string> names, std::vector<float> alphas = {},
                     std::vector<float> betas = {}) {
    return with_functions(op, std::move(names), std::move(alphas), std::move(betas), "bidirectional").spec;
  };
  const Spec rnn = of("RNN", {"Relu", "Tanh"});
  EXPECT_EQ(rnn.activation, RnnActivation::relu);
  expect_function(rnn.activations[0], Activation::standard);
  ASSERT_TRUE(rnn.reverse_activations);
  expect_function((*rnn.reverse_activations)[0], Activation::tanh);
  expect_function((*rnn.reverse_activations)[1], Activation::standard);

  const Spec gru = of("GRU", {"Sigmoid", "Tanh", "HardSigmoid", "Elu"}, {0.25f, 2}, {0.5f});
  expect_function(gru.activations[0], Activation::standard);
  expect_function(gru.activations[1], Activation::standard);
  ASSERT_TRUE(gru.reverse_activations);
  expect_function((*gru.reverse_activations)[0], Activation::hard_sigmoid, 0.25f, 0.5f);
  expect_function((*gru.reverse_activations)[1], Activation::elu, 2);
  expect_function((*gru.reverse_activations)[2], Activation::standard);

  // The same functions with other parameters are others.
  const Spec lstm = of("LSTM", {"Affine", "Tanh", "Tanh", "Affine", "Tanh", "Tanh"}, {2, 2}, {1, 3});
  expect_function(lstm.activations[0], Activation::affine, 2, 1);
  ASSERT_TRUE(lstm.reverse_activations);
  expect_function((*lstm.reverse_activations)[0], Activation::affine, 2, 3);
  const Spec defaults = of("RNN", {"Elu", "Elu"}, {2});
  expect_function(defaults.activations[0], Activation::elu, 2);
  ASSERT_TRUE(defaults.reverse_activations);
  expect_function((*defaults.reverse_activations)[0], Activation::elu, 1);

  for (const Spec& same : {of("RNN", {"Relu", "RELU"}), of("RNN", {"Elu", "Elu"}, {2, 2}),
                           of("LSTM", {"Sigmoid", "Tanh", "Tanh", "Sigmoid", "Tanh", "Tanh"}), of("GRU", {})})
    EXPECT_FALSE(same.reverse_activations);
}

TEST(OnnxOperator, RefusedAttributes) {
  const auto refused = [](const std::string& op, const std::function<void(OnnxAttributes&)>& change,
                          const std::vector<std::string>& parts) {
    expect_refused<InvalidArgument>(
        Node(op), [&](Node& node) { change(node.attributes); }, parts);
  };
  refused("RNN", [](auto& a) { a.op_type = "Rnn"; }, {"op_type", "RNN, GRU or LSTM", "'Rnn'"});
  refused("RNN", [](auto& a) { a.op_type = ""; }, {"op_type", "''"});
  refused("RNN", [](auto& a) { a.direction = "backward"; }, {"direction", "bidirectional", "'backward'"});
  refused("RNN", [](auto& a) { a.layout = 2; }, {"layout", "0 or 1", "2"});
  refused("RNN", [](auto& a) { a.layout = -1; }, {"layout", "0 or 1", "-1"});
  refused("LSTM", [](auto& a) { a.input_forget = 2; }, {"input_forget", "0 or 1", "2"});
  refused("GRU", [](auto& a) { a.input_forget = 1; }, {"input_forget", "LSTM", "1 for GRU"});
  refused("LSTM", [](auto& a) { a.linear_before_reset = 1; }, {"linear_before_reset", "GRU", "1 for LSTM"});
  refused("LSTM", [](auto& a) { a.hidden_size = 0; }, {"hidden_size", "at least 1", "0"});
  refused("LSTM", [](auto& a) { a.hidden_size = -4; }, {"hidden_size", "at least 1", "-4"});
  refused("LSTM", [](auto& a) { a.hidden_size = 5; },
          {"W: expected f32 [1] [20] [2]", "got f32 [1] [16] [2]"});
  refused("LSTM", [](auto& a) { a.hidden_size = std::int64_t{1} << 61; }, {"overflows"});
}

TEST(OnnxOperator, RefusedTensors) {
  using Change = std::function<void(Node&)>;
  const auto refused = [](const std::string& op, const Change& change,
                          const std::vector<std::string>& parts) {
    expect_refused<InvalidArgument>(Node(op), change, parts);
  };
  const auto absent = [&](ConstTensorView OnnxInputs::*tensor, const std::vector<std::string>& parts) {
    refused(
        "LSTM", [=](Node& node) { node.inputs.*tensor = {}; }, parts);
  };
  absent(&OnnxInputs::X, {"X: expected [T][B][I]", "nothing"});
  absent(&OnnxInputs::W, {"W: expected f32 [1] [16] [2]", "nothing"});
  absent(&OnnxInputs::R, {"R: expected f32 [1] [16] [4]", "nothing"});
  refused("LSTM",
          [](Node& node) {
            node.attributes.hidden_size.reset();
            node.inputs.R = {};
          },
          {"R: expected [D][G*H][H]", "nothing"});

  const auto input = [&](ConstTensorView OnnxInputs::*tensor, std::initializer_list<std::int64_t> shape,
                         const std::vector<std::string>& parts, DataType type = DataType::f32) {
    refused(
        "LSTM", [=](Node& node) { node.inputs.*tensor = ConstTensorView(node.memory.data(), type, shape); },
        parts);
  };
  input(&OnnxInputs::X, {kT, kB}, {"X: expected [T][B][I]", "f32 [5] [3]"});
  input(&OnnxInputs::X, {0, kB, kI}, {"Y: expected f32 [T=0] [D=1] [B=3] [H=4]", "f32 [5] [1] [3] [4]"});
  input(&OnnxInputs::X, {kT, kB, kI}, {"X: expected a floating-point type", "i32"}, DataType::i32);
  input(&OnnxInputs::W, {1, 3 * kH, kI}, {"W: expected f32 [1] [16] [2]", "f32 [1] [12] [2]"});
  input(&OnnxInputs::W, {1, 4 * kH, kI}, {"W: expected f32", "f64"}, DataType::f64);
  input(&OnnxInputs::R, {2, 4 * kH, kH}, {"R: expected f32 [1] [16] [4]", "f32 [2] [16] [4]"});
  input(&OnnxInputs::B, {1, 4 * kH}, {"B: expected f32 [1] [32]", "f32 [1] [16]"});
  input(&OnnxInputs::P, {1, 2 * kH}, {"P: expected f32 [1] [12]", "f32 [1] [8]"});
  input(&OnnxInputs::initial_h, {kB, 1, kH}, {"initial_h: expected f32 [D=1] [B=3] [H=4]", "[3] [1] [4]"});
  input(&OnnxInputs::initial_c, {1, kB, kH + 1}, {"initial_c: expected f32 [D=1] [B=3] [H=4]", "[5]"});
  input(&OnnxInputs::sequence_lens, {kB}, {"sequence_lens: expected i32 [B=3]", "f32"});
  input(&OnnxInputs::sequence_lens, {kB + 1}, {"sequence_lens: expected i32 [B=3]", "i32 [4]"},
        DataType::i32);

  const auto output = [&](TensorView OnnxOutputs::*tensor, std::initializer_list<std::int64_t> shape,
                          const std::vector<std::string>& parts) {
    refused(
        "LSTM",
        [=](Node& node) { node.outputs.*tensor = TensorView(node.memory.data(), DataType::f32, shape); },
        parts);
  };
  output(&OnnxOutputs::Y, {kT, kB, kH}, {"Y: expected f32 [T=5] [D=1] [B=3] [H=4]", "f32 [5] [3] [4]"});
  output(&OnnxOutputs::Y_h, {1, kB}, {"Y_h: expected f32 [D=1] [B=3] [H=4]", "f32 [1] [3]"});
  output(&OnnxOutputs::Y_c, {kB, kH}, {"Y_c: expected f32 [D=1] [B=3] [H=4]", "f32 [3] [4]"});

  refused("GRU", [](Node& node) { node.inputs.initial_c = node.state(); }, {"initial_c", "LSTM", "GRU"});
  refused("RNN", [](Node& node) { node.inputs.P = node.tensor({1, 12}); }, {"P: expected nothing", "RNN"});
  refused("RNN", [](Node& node) { node.outputs.Y_c = node.state(); }, {"Y_c: expected nothing", "RNN"});
  refused("RNN",
          [](Node& node) {
            const auto* const bytes = reinterpret_cast<const std::byte*>(node.memory.data());
            node.inputs.X = ConstTensorView(bytes + 2, DataType::f32, {kT, kB, kI});
          },
          {"X: expected a base aligned to its elements of 4 bytes"});
  refused("RNN",
          [](Node& node) {
            node.outputs.Y = TensorView(node.memory.data(), DataType::f32, {kT, 1, kB, kH}, {0, 12, 4, 1});
          },
          {"Y: expected elements that do not overlap"});
  // One row for all of a batch that no memory holds.
  refused(
      "RNN",
      [](Node& node) {
        const std::int64_t batch = std::int64_t{1} << 61;
        node.inputs.X = ConstTensorView(node.memory.data(), DataType::f32, {1, batch, kI}, {0, 0, 1});
        node.inputs.initial_h = ConstTensorView(node.memory.data(), DataType::f32, {1, batch, kH}, {0, 0, 1});
      },
      {"overflows"});
}

TEST(OnnxOperator, WrongTensorsInLayout1) {
  const auto change = [](Node& node) { node.inputs.initial_h = node.tensor({2, kB, kH}); };
  expect_refused<InvalidArgument>(Node("LSTM", "bidirectional", 1), change,
                                  {"initial_h: expected f32 [B=3] [D=2] [H=4]", "f32 [2] [3] [4]"});
  expect_refused<InvalidArgument>(Node("LSTM", "bidirectional", 1),
                                  [](Node& node) {
                                    node.outputs.Y = node.tensor({kT, 2, kB, kH});
                                  },
                                  {"Y: expected f32 [B=3] [T=5] [D=2] [H=4]"});
  expect_refused<InvalidArgument>(Node("LSTM", "bidirectional", 1), [](Node& node) { node.inputs.X = {}; },
                                  {"X: expected [B][T][I]"});
}

// y to Y. That its values are right is tests/conformance's.

TEST(OnnxOperator, RefusedStores) {
  Node node("GRU", "bidirectional");
  const OnnxLayer layer = node.layer();
  const std::vector<std::byte> before(node.memory.bytes().begin(), node.memory.bytes().end());
  const auto refused = [&](const OnnxLayer& of, const ConstTensorView& y,
                           const std::vector<std::string>& parts) {
    expect_error<InvalidArgument>([&] { store_onnx_y(of, y); }, parts);
    EXPECT_TRUE(std::equal(before.begin(), before.end(), node.memory.bytes().begin()));
  };
  Node without = Node("GRU", "bidirectional");
  without.outputs.Y = {};
  const TensorView y = node.tensor({kT, kB, 2 * kH});
  refused(without.layer(), y, {"Y: expected f32", "nothing"});
  refused(layer, {}, {"y: expected f32 [T=5] [B=3] [D*H=8]", "nothing"});
  refused(layer, node.tensor({kB, kT, 2 * kH}), {"y: expected f32 [T=5] [B=3] [D*H=8]", "[3] [5] [8]"});
  refused(layer, ConstTensorView(y.data(), DataType::f64, {kT, kB, 2 * kH}), {"y: expected f32", "f64"});
  refused(layer, ConstTensorView(node.outputs.Y.data(), DataType::f32, {kT, kB, 2 * kH}),
          {"Y", "shared with y"});
}

}  // namespace
}  // namespace recur::test
