// Nodes of ONNX that C's functions refuse, as the C++ interface does.
#include <cstddef>
#include <limits>

#include "c/onnx.hpp"

namespace recur::test {
namespace {

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
