// ONNX's operators in C give what the C++ interface gives.
#include <algorithm>
#include <cmath>

#include "c/onnx.hpp"

namespace recur::test {
namespace {

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

}  // namespace
}  // namespace recur::test
