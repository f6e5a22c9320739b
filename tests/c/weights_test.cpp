// Weights in C: their shapes, other libraries' conventions, and files of a state_dict.

#include "c/interface.hpp"

namespace recur::test {
namespace {

// The shapes of every tensor, as a caller allocates them.
TEST_F(CInterface, ShapesOfWeights) {
  const auto shape = [](const recur_tensor& tensor) {
    std::vector<std::int64_t> sizes(tensor.shape, tensor.shape + tensor.rank);
    return sizes;
  };
  using Sizes = std::vector<std::int64_t>;
  recur_layer_weights layer = {};
  ASSERT_EQ(recur_layer_shapes(&spec_, 1, &layer, &error_), RECUR_SUCCESS) << error_.message;
  EXPECT_EQ(shape(layer.W), (Sizes{2, 4 * kH, 2 * kH}));
  EXPECT_EQ(shape(layer.R), (Sizes{2, 4 * kH, kH}));
  EXPECT_EQ(shape(layer.bW), (Sizes{2, 4 * kH}));
  EXPECT_EQ(layer.W.strides[0], 4 * kH * 2 * kH);
  EXPECT_EQ(layer.W.strides[1], 2 * kH);
  EXPECT_EQ(layer.W.strides[2], 1);
  EXPECT_EQ(layer.W.dtype, RECUR_F32);
  EXPECT_EQ(layer.W.data, nullptr);
  EXPECT_EQ(layer.peephole.rank + layer.projection.rank, 0);
  recur_spec no_R = spec_;
  no_R.cell = RECUR_MIN_GRU;
  no_R.peepholes = no_R.cell_sequence = 0;
  ASSERT_EQ(recur_layer_shapes(&no_R, 1, &layer, &error_), RECUR_SUCCESS) << error_.message;
  EXPECT_EQ(shape(layer.W), (Sizes{2, 2 * kH, 2 * kH}));
  EXPECT_EQ(shape(layer.bW), (Sizes{2, 2 * kH}));
  EXPECT_EQ(layer.R.rank + layer.bR.rank, 0);
  for (const std::int64_t wrong : {-1, 2}) {
    expect(recur_layer_shapes(&spec_, wrong, &layer, &error_), RECUR_INVALID_ARGUMENT,
           "layer: expected 0 <= layer < L=2, got " + std::to_string(wrong));
  }
  expect(recur_layer_shapes(&spec_, 0, nullptr, &error_), RECUR_INVALID_ARGUMENT, "out: expected a pointer");
  expect(recur_layer_shapes(nullptr, 0, &layer, &error_), RECUR_INVALID_ARGUMENT, "spec: expected a pointer");
  spec_.hidden_size = 0;
  expect(recur_layer_shapes(&spec_, 0, &layer, &error_), RECUR_INVALID_ARGUMENT, "Spec::hidden_size");
}

TEST_F(CInterface, NegatesAnUpdateGate) {
  recur_spec spec;
  recur_spec_init(&spec);
  spec.cell = RECUR_GRU;
  spec.bias = RECUR_BIAS_NONE;
  spec.input_size = spec.hidden_size = 1;
  Aligned<float> W(3), R(3);
  for (std::size_t i = 0; i < 3; ++i) W[i] = R[i] = 1;
  const std::int64_t shape[] = {1, 3, 1};
  const recur_layer_weights layer = {recur_tensor_dense(W.data(), RECUR_F32, 3, shape),
                                     recur_tensor_dense(R.data(), RECUR_F32, 3, shape),
                                     {},
                                     {},
                                     {},
                                     {}};
  ASSERT_EQ(recur_negate_update_gate(&spec, 0, &layer, &error_), RECUR_SUCCESS) << error_.message;
  EXPECT_EQ(W.vector(), (std::vector<float>{1, -1, 1}));
  EXPECT_EQ(R.vector(), (std::vector<float>{1, -1, 1}));
}

// Of a bias that is the sum of two: weights are added, gradients are those of either.
TEST_F(CInterface, WeightsAndGradientsOfOneBias) {
  recur_spec spec;
  recur_spec_init(&spec);
  spec.input_size = spec.hidden_size = 4;
  Aligned<float> W(64), R(64), bW(16), bR(16), kernel(64), recurrent(64), bias(16);
  for (std::size_t i = 0; i < 16; ++i) bW[i] = bR[i] = 1;
  const auto tensor = [](Aligned<float>& memory, std::initializer_list<std::int64_t> shape) {
    return recur_tensor_dense(memory.data(), RECUR_F32, static_cast<std::int32_t>(shape.size()),
                              shape.begin());
  };
  const recur_layer_weights layer = {
      tensor(W, {1, 16, 4}), tensor(R, {1, 16, 4}), tensor(bW, {1, 16}), tensor(bR, {1, 16}), {}, {}};
  const recur_tensor keras[] = {tensor(kernel, {4, 16}), tensor(recurrent, {4, 16}), tensor(bias, {16})};
  ASSERT_EQ(recur_export_weights(RECUR_WEIGHTS_KERAS, &spec, 0, &layer, keras, 3, &error_), RECUR_SUCCESS);
  EXPECT_EQ(bias.vector(), std::vector<float>(16, 2));
  ASSERT_EQ(recur_export_gradients(RECUR_WEIGHTS_KERAS, &spec, 0, &layer, keras, 3, &error_), RECUR_SUCCESS);
  EXPECT_EQ(bias.vector(), std::vector<float>(16, 1));
  ASSERT_EQ(recur_import_weights(RECUR_WEIGHTS_KERAS, &spec, 0, keras, 3, &layer, &error_), RECUR_SUCCESS);
  EXPECT_EQ(bR.vector(), std::vector<float>(16, 0));
  ASSERT_EQ(recur_import_gradients(RECUR_WEIGHTS_KERAS, &spec, 0, keras, 3, &layer, &error_), RECUR_SUCCESS);
  EXPECT_EQ(bR.vector(), std::vector<float>(16, 1));
}

TEST_F(CInterface, StateDict) {
  std::size_t bytes = 0;
  expect(recur_export_state_dict(&spec_, layers_.data(), 2, "rnn.", nullptr, 0, &bytes, &error_),
         RECUR_INVALID_ARGUMENT, "expected room for");
  std::vector<std::byte> file(bytes);
  ASSERT_EQ(
      recur_export_state_dict(&spec_, layers_.data(), 2, "rnn.", file.data(), file.size(), &bytes, &error_),
      RECUR_SUCCESS)
      << error_.message;
  ASSERT_EQ(recur_import_state_dict(&spec_, file.data(), file.size(), "rnn.", gradients_.data(), 2, &error_),
            RECUR_SUCCESS)
      << error_.message;
  EXPECT_EQ(dW_[1].vector(), W_[1].vector());
  expect(recur_import_state_dict(&spec_, file.data(), file.size() - 1, "rnn.", gradients_.data(), 2, &error_),
         RECUR_FORMAT_ERROR, "safetensors");
  expect(recur_import_state_dict(&spec_, file.data(), file.size(), nullptr, gradients_.data(), 2, &error_),
         RECUR_FORMAT_ERROR,
         "there is no tensor 'weight_ih_l0'; with another prefix the file has it: 'rnn.'");
  // The first of the file's two layers alone.
  recur_state_dict_options options;
  recur_state_dict_options_init(&options);
  EXPECT_EQ(options.strict, 1);
  spec_.layers = 1;
  const auto import = [&](const recur_state_dict_options* wishes) {
    return recur_import_state_dict_with(&spec_, file.data(), file.size(), "rnn.", wishes, gradients_.data(),
                                        1, &error_);
  };
  expect(import(nullptr), RECUR_FORMAT_ERROR, "no layer reads 'rnn.weight_ih_l1'");
  expect(import(&options), RECUR_FORMAT_ERROR, "no layer reads 'rnn.weight_ih_l1'");
  options.strict = 2;
  expect(import(&options), RECUR_INVALID_ARGUMENT, "options.strict: expected 0 or 1, got 2");
  options.strict = 0;
  EXPECT_EQ(import(&options), RECUR_SUCCESS) << error_.message;
  options.struct_size = 1;
  expect(import(&options), RECUR_INVALID_ARGUMENT, "options.struct_size");
}

}  // namespace
}  // namespace recur::test
