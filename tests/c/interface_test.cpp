// The C interface gives what the C++ one gives, says why where it cannot, and is no way to crash the library.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "host/c/convert.hpp"
#include "oracle/oracle.hpp"
#include "recur/recur.h"
#include "recur/recur.hpp"
#include "support/aligned.hpp"
#include "support/problem.hpp"

namespace recur::test {
namespace {

constexpr std::int64_t kT = 3, kB = 2, kI = 4, kH = 5;

// A handle and the function that frees it.
template <class Handle, void (*kFree)(Handle*)>
struct Owned {
  Handle* handle = nullptr;
  Owned() = default;
  Owned(const Owned&) = delete;
  Owned& operator=(const Owned&) = delete;
  ~Owned() { kFree(handle); }
  operator Handle*() const { return handle; }  // NOLINT(google-explicit-constructor)
};

recur_tensor tensor(Aligned<float>& memory, std::vector<std::int64_t> shape) {
  if (memory.size() == 0) return {};
  return recur_tensor_dense(memory.data(), RECUR_F32, static_cast<std::int32_t>(shape.size()), shape.data());
}

// An lstm of two layers and both directions, trained, in memory of the test's.
class CInterface : public ::testing::Test {
 protected:
  CInterface() {
    recur_spec_init(&spec_);
    spec_.cell = RECUR_LSTM;
    spec_.input_size = kI;
    spec_.hidden_size = kH;
    spec_.layers = 2;
    spec_.direction = RECUR_BIDIRECTIONAL;
    recur_options_init(&options_);
    options_.pass = RECUR_TRAINING;
    EXPECT_EQ(recur_device_cpu(&device_.handle, nullptr), RECUR_SUCCESS);

    cpp_spec_.input_size = kI;
    cpp_spec_.hidden_size = kH;
    cpp_spec_.layers = 2;
    cpp_spec_.direction = Direction::bidirectional;
    problem_ = random_problem(cpp_spec_, kT, kB, 1);
    const auto typed = oracle::convert<float>(problem_);
    for (std::int64_t l = 0; l < 2; ++l) {
      const auto& from = typed.layers[static_cast<std::size_t>(l)];
      W_.emplace_back(from.W);
      R_.emplace_back(from.R);
      bW_.emplace_back(from.bW);
      bR_.emplace_back(from.bR);
      const std::int64_t K = l == 0 ? kI : 2 * kH;
      layers_.push_back({tensor(W_.back(), {2, 4 * kH, K}),
                         tensor(R_.back(), {2, 4 * kH, kH}),
                         tensor(bW_.back(), {2, 4 * kH}),
                         tensor(bR_.back(), {2, 4 * kH}),
                         {},
                         {}});
      for (auto* gradients : {&dW_, &dR_, &dbW_, &dbR_}) {
        const auto& like = gradients == &dW_ ? W_ : gradients == &dR_ ? R_ : bW_;
        gradients->emplace_back(like.back().size());
      }
      gradients_.push_back({tensor(dW_.back(), {2, 4 * kH, K}),
                            tensor(dR_.back(), {2, 4 * kH, kH}),
                            tensor(dbW_.back(), {2, 4 * kH}),
                            tensor(dbR_.back(), {2, 4 * kH}),
                            {},
                            {}});
    }
    x_ = Aligned<float>(typed.x);
    y_ = Aligned<float>(kT * kB * 2 * kH);
    dy_ = Aligned<float>(std::vector<float>(kT * kB * 2 * kH, 0.5f));
    dx_ = Aligned<float>(kT * kB * kI);
    recur_forward_args_init(&args_);
    args_.x = tensor(x_, {kT, kB, kI});
    args_.y = tensor(y_, {kT, kB, 2 * kH});
    recur_backward_args_init(&back_);
    back_.x = args_.x;
    back_.y = args_.y;
    back_.dy = tensor(dy_, {kT, kB, 2 * kH});
    back_.dx = tensor(dx_, {kT, kB, kI});
    back_.dweights = gradients_.data();
    back_.dweights_count = 2;
    weights_.layers = layers_.data();
    weights_.layer_count = 2;
  }

  void plan() {
    ASSERT_EQ(recur_plan_create(&spec_, kT, kB, device_, &options_, &plan_.handle, &error_), RECUR_SUCCESS)
        << error_.message;
    ASSERT_EQ(recur_context_create(device_, nullptr, &context_.handle, &error_), RECUR_SUCCESS)
        << error_.message;
    const recur_buffer_sizes sizes = recur_plan_sizes(plan_);
    workspace_ = Aligned<std::byte>(std::max(sizes.workspace, sizes.workspace_backward));
    reserve_ = Aligned<std::byte>(sizes.reserve);
  }
  recur_status forward() {
    return recur_forward(plan_, context_, nullptr, &weights_, &args_, workspace_.data(), workspace_.size(),
                         reserve_.data(), reserve_.size(), &error_);
  }
  recur_status backward() {
    return recur_backward(plan_, context_, nullptr, layers_.data(), 2, &back_, reserve_.data(),
                          reserve_.size(), workspace_.data(), workspace_.size(), &error_);
  }
  void expect(recur_status status, recur_status expected, const std::string& text) {
    EXPECT_EQ(status, expected) << error_.message;
    EXPECT_EQ(error_.code, expected);
    EXPECT_NE(std::string(error_.message).find(text), std::string::npos) << error_.message;
  }

  Spec cpp_spec_;
  oracle::Problem<double> problem_;
  recur_spec spec_;
  recur_options options_;
  recur_error error_ = {};
  Owned<recur_device, recur_device_free> device_;
  Owned<recur_plan, recur_plan_free> plan_;
  Owned<recur_context, recur_context_free> context_;
  std::vector<Aligned<float>> W_, R_, bW_, bR_, dW_, dR_, dbW_, dbR_;
  std::vector<recur_layer_weights> layers_, gradients_;
  Aligned<float> x_, y_, dy_, dx_;
  Aligned<std::byte> workspace_, reserve_;
  recur_weights weights_ = {};
  recur_forward_args args_;
  recur_backward_args back_;
};

TEST_F(CInterface, GivesWhatTheCppInterfaceGives) {
  plan();
  ASSERT_EQ(forward(), RECUR_SUCCESS) << error_.message;
  ASSERT_EQ(backward(), RECUR_SUCCESS) << error_.message;

  const Device device = Device::cpu();
  const Plan plan = make_plan(cpp_spec_, {kT, kB}, device, {.pass = Pass::training});
  EXPECT_EQ(recur_plan_fingerprint(plan_), plan.fingerprint());
  EXPECT_EQ(recur_plan_layout_id(plan_), plan.layout_id());
  EXPECT_EQ(recur_plan_engine(plan_), RECUR_ENGINE_CPU);
  EXPECT_EQ(recur_plan_threads(plan_), plan.threads());
  EXPECT_EQ(recur_plan_resident_fraction(plan_), plan.resident_fraction());
  EXPECT_TRUE(std::isnan(recur_plan_predicted_seconds(plan_))) << "without rates";
  EXPECT_TRUE(std::isnan(recur_plan_predicted_backward_seconds(plan_)));
  std::string text(recur_plan_explain(plan_, nullptr, 0) + 1, '?');
  EXPECT_EQ(recur_plan_explain(plan_, text.data(), text.size()), plan.explain().size());
  EXPECT_STREQ(text.c_str(), plan.explain().c_str());
  char cut[8];
  EXPECT_EQ(recur_plan_explain(plan_, cut, sizeof(cut)), plan.explain().size());
  EXPECT_EQ(cut, plan.explain().substr(0, 7));

  Context context(device);
  Aligned<float> y(y_.size()), dx(dx_.size());
  std::vector<LayerWeights> weights;
  std::vector<Aligned<float>> dW;
  std::vector<LayerGradients> gradients;
  for (std::size_t l = 0; l < 2; ++l) {
    const std::int64_t K = l == 0 ? kI : 2 * kH;
    weights.push_back({{W_[l].data(), {2, 4 * kH, K}},
                       {R_[l].data(), {2, 4 * kH, kH}},
                       {bW_[l].data(), {2, 4 * kH}},
                       {bR_[l].data(), {2, 4 * kH}},
                       {},
                       {}});
    dW.emplace_back(W_[l].size());
    gradients.push_back({{dW[l].data(), {2, 4 * kH, K}}, {}, {}, {}, {}, {}});
  }
  ForwardArgs args;
  args.x = {x_.data(), {kT, kB, kI}};
  args.y = {y.data(), {kT, kB, 2 * kH}};
  recur::forward(plan, context, Stream(), std::span<const LayerWeights>(weights), args, workspace_.bytes(),
                 reserve_.bytes());
  BackwardArgs back;
  back.x = args.x;
  back.y = args.y;
  back.dy = {dy_.data(), {kT, kB, 2 * kH}};
  back.dx = {dx.data(), {kT, kB, kI}};
  back.dweights = gradients;
  recur::backward(plan, context, Stream(), weights, back, reserve_.bytes(), workspace_.bytes());
  EXPECT_EQ(y_.vector(), y.vector());
  EXPECT_EQ(dx_.vector(), dx.vector());
  for (std::size_t l = 0; l < 2; ++l) EXPECT_EQ(dW_[l].vector(), dW[l].vector());
}

TEST_F(CInterface, FunctionsAndClip) {
  spec_.clip = cpp_spec_.clip = 0.75;
  spec_.activations[0] = {RECUR_ACTIVATION_HARD_SIGMOID, 0.25, 0.5};
  spec_.activations[2] = {RECUR_ACTIVATION_SOFTPLUS, 0, 0};
  cpp_spec_.activations = {{{Activation::hard_sigmoid, 0.25, 0.5}, {}, {Activation::softplus}}};
  plan();
  EXPECT_EQ(recur_plan_fingerprint(plan_),
            make_plan(cpp_spec_, {kT, kB}, Device::cpu(), {.pass = Pass::training}).fingerprint());
  ASSERT_EQ(forward(), RECUR_SUCCESS) << error_.message;
  ASSERT_EQ(backward(), RECUR_SUCCESS) << error_.message;
}

TEST_F(CInterface, FunctionsByDirection) {
  spec_.activations[1] = {RECUR_ACTIVATION_SOFTSIGN, 0, 0};
  spec_.has_reverse_activations = 1;
  spec_.reverse_activations[0] = {RECUR_ACTIVATION_HARD_SIGMOID, 0.25, 0.5};
  cpp_spec_.activations[1].function = Activation::softsign;
  cpp_spec_.reverse_activations = {{{Activation::hard_sigmoid, 0.25, 0.5}, {}, {}}};
  plan();
  const auto fingerprint = [&] {
    return make_plan(cpp_spec_, {kT, kB}, Device::cpu(), {.pass = Pass::training}).fingerprint();
  };
  EXPECT_EQ(recur_plan_fingerprint(plan_), fingerprint());
  ASSERT_EQ(forward(), RECUR_SUCCESS) << error_.message;
  ASSERT_EQ(backward(), RECUR_SUCCESS) << error_.message;
  cpp_spec_.reverse_activations.reset();
  EXPECT_NE(recur_plan_fingerprint(plan_), fingerprint());
}

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
  for (const std::int64_t wrong : {-1, 2}) {
    expect(recur_layer_shapes(&spec_, wrong, &layer, &error_), RECUR_INVALID_ARGUMENT,
           "layer: expected 0 <= layer < L=2, got " + std::to_string(wrong));
  }
  expect(recur_layer_shapes(&spec_, 0, nullptr, &error_), RECUR_INVALID_ARGUMENT, "out: expected a pointer");
  expect(recur_layer_shapes(nullptr, 0, &layer, &error_), RECUR_INVALID_ARGUMENT, "spec: expected a pointer");
  spec_.hidden_size = 0;
  expect(recur_layer_shapes(&spec_, 0, &layer, &error_), RECUR_INVALID_ARGUMENT, "Spec::hidden_size");
}

TEST_F(CInterface, PreparedWeightsAndSteps) {
  options_.pass = RECUR_INFERENCE;
  spec_.direction = RECUR_FORWARD;
  spec_.layers = 1;
  plan();
  const recur_buffer_sizes sizes = recur_plan_sizes(plan_);
  recur_layer_weights layer = {};
  layer.W = tensor(W_[0], {1, 4 * kH, kI});
  layer.R = tensor(R_[0], {1, 4 * kH, kH});
  layer.bW = tensor(bW_[0], {1, 4 * kH});
  layer.bR = tensor(bR_[0], {1, 4 * kH});
  Aligned<std::byte> prepared(sizes.prepared_weights), workspace(sizes.workspace_prepared);
  recur_weights weights = {};
  ASSERT_EQ(recur_prepare_weights(plan_, context_, nullptr, &layer, 1, prepared.data(), prepared.size(),
                                  &weights.prepared, &error_),
            RECUR_SUCCESS)
      << error_.message;
  Aligned<float> y(kT * kB * kH), h(std::vector<float>(kB * kH)), c(std::vector<float>(kB * kH)),
      out(kB * kH);
  args_.y = tensor(y, {kT, kB, kH});
  ASSERT_EQ(recur_forward(plan_, context_, nullptr, &weights, &args_, workspace.data(), workspace.size(),
                          nullptr, 0, &error_),
            RECUR_SUCCESS)
      << error_.message;
  recur_step_args step;
  recur_step_args_init(&step);
  Aligned<float> x(std::vector<float>(x_.data(), x_.data() + kB * kI));
  step.x = tensor(x, {kB, kI});
  step.y = tensor(out, {kB, kH});
  step.h = tensor(h, {1, 1, kB, kH});
  step.c = tensor(c, {1, 1, kB, kH});
  ASSERT_EQ(
      recur_step(plan_, context_, nullptr, &weights, &step, workspace.data(), workspace.size(), &error_),
      RECUR_SUCCESS)
      << error_.message;
  for (std::size_t i = 0; i < kB * kH; ++i) EXPECT_NEAR(out[i], y[i], 1e-6);
}

TEST_F(CInterface, StructsOfOtherVersions) {
  // An older program has less of a struct: what it lacks has its default.
  alignas(recur_options) unsigned char memory[sizeof(recur_options)];
  std::memset(memory, 0xff, sizeof(memory));
  auto* const older = reinterpret_cast<recur_options*>(memory);
  recur_options_init_sized(older, offsetof(recur_options, batch_invariant));
  EXPECT_EQ(memory[offsetof(recur_options, batch_invariant)], 0xff) << "beyond what the program has";
  Owned<recur_plan, recur_plan_free> plan;
  EXPECT_EQ(recur_plan_create(&spec_, kT, kB, device_, older, &plan.handle, &error_), RECUR_SUCCESS)
      << error_.message;
  // The same of a spec: garbage behind what the program has is not read.
  recur_spec spec = spec_;
  spec.struct_size = offsetof(recur_spec, residual);
  spec.residual = -1;
  Owned<recur_plan, recur_plan_free> same;
  EXPECT_EQ(recur_plan_create(&spec, kT, kB, device_, &options_, &same.handle, &error_), RECUR_SUCCESS)
      << error_.message;
  spec.struct_size = sizeof(recur_spec);
  expect(recur_plan_create(&spec, kT, kB, device_, &options_, &plan_.handle, &error_), RECUR_INVALID_ARGUMENT,
         "spec.residual: expected 0 or 1, got -1");
  // A newer one has more than this library knows, and one that forgot `_init` has anything.
  recur_options newer = options_;
  newer.struct_size = sizeof(recur_options) + 8;
  expect(recur_plan_create(&spec_, kT, kB, device_, &newer, &plan_.handle, &error_), RECUR_INVALID_ARGUMENT,
         "options.struct_size");
  newer.struct_size = 0;
  expect(recur_plan_create(&spec_, kT, kB, device_, &newer, &plan_.handle, &error_), RECUR_INVALID_ARGUMENT,
         "options.struct_size");
  recur_spec_init_sized(nullptr, 100);
  recur_spec_init_sized(&spec_, 2);
}

TEST_F(CInterface, NullsAreRefused) {
  plan();
  const char* const expected = "got null";
  recur_plan* no_plan = nullptr;
  expect(recur_plan_create(nullptr, 1, 1, device_, nullptr, &no_plan, &error_), RECUR_INVALID_ARGUMENT,
         expected);
  expect(recur_plan_create(&spec_, 1, 1, nullptr, nullptr, &no_plan, &error_), RECUR_INVALID_ARGUMENT,
         expected);
  expect(recur_plan_create(&spec_, 1, 1, device_, nullptr, nullptr, &error_), RECUR_INVALID_ARGUMENT,
         expected);
  expect(recur_device_cpu(nullptr, &error_), RECUR_INVALID_ARGUMENT, expected);
  int nothing = 0;
  auto* no_device = reinterpret_cast<recur_device*>(&nothing);
  expect(recur_device_from_props(nullptr, &no_device, &error_), RECUR_INVALID_ARGUMENT, expected);
  EXPECT_EQ(no_device, nullptr) << "nothing was made";
  recur_context* no_context = nullptr;
  expect(recur_context_create(nullptr, nullptr, &no_context, &error_), RECUR_INVALID_ARGUMENT, expected);
  expect(recur_forward(nullptr, context_, nullptr, &weights_, &args_, nullptr, 0, nullptr, 0, &error_),
         RECUR_INVALID_ARGUMENT, expected);
  expect(recur_forward(plan_, nullptr, nullptr, &weights_, &args_, nullptr, 0, nullptr, 0, &error_),
         RECUR_INVALID_ARGUMENT, expected);
  expect(recur_forward(plan_, context_, nullptr, nullptr, &args_, nullptr, 0, nullptr, 0, &error_),
         RECUR_INVALID_ARGUMENT, expected);
  expect(recur_forward(plan_, context_, nullptr, &weights_, nullptr, nullptr, 0, nullptr, 0, &error_),
         RECUR_INVALID_ARGUMENT, expected);
  expect(recur_forward(plan_, context_, nullptr, &weights_, &args_, nullptr, 1 << 20, nullptr, 0, &error_),
         RECUR_INVALID_ARGUMENT, "workspace");
  weights_.layers = nullptr;
  expect(forward(), RECUR_INVALID_ARGUMENT, expected);
  weights_ = {layers_.data(), -1, {}};
  expect(forward(), RECUR_INVALID_ARGUMENT, "at least 0, got -1");
  weights_ = {layers_.data(), 65, {}};
  expect(forward(), RECUR_INVALID_ARGUMENT, "a count of at most 64, got 65");
  expect(recur_step(plan_, context_, nullptr, &weights_, nullptr, nullptr, 0, &error_),
         RECUR_INVALID_ARGUMENT, "");
  expect(recur_prepare_weights(plan_, context_, nullptr, layers_.data(), 2, nullptr, 0, nullptr, &error_),
         RECUR_INVALID_ARGUMENT, expected);
  expect(recur_graph_launch(nullptr, nullptr, &error_), RECUR_INVALID_ARGUMENT, expected);
  expect(recur_survey_engines(&spec_, 1, 1, nullptr, nullptr, nullptr, nullptr, &error_),
         RECUR_INVALID_ARGUMENT, expected);
  expect(recur_format_tensors(RECUR_WEIGHTS_ONNX, &spec_, 0, nullptr, nullptr, &error_),
         RECUR_INVALID_ARGUMENT, expected);
  expect(recur_import_weights(RECUR_WEIGHTS_ONNX, &spec_, 0, nullptr, 3, &layers_[0], &error_),
         RECUR_INVALID_ARGUMENT, expected);
  expect(recur_export_weights(RECUR_WEIGHTS_ONNX, &spec_, 0, nullptr, nullptr, 0, &error_),
         RECUR_INVALID_ARGUMENT, expected);
  expect(recur_import_gradients(RECUR_WEIGHTS_ONNX, &spec_, 0, nullptr, 3, &layers_[0], &error_),
         RECUR_INVALID_ARGUMENT, expected);
  expect(recur_export_gradients(RECUR_WEIGHTS_ONNX, &spec_, 0, nullptr, nullptr, 0, &error_),
         RECUR_INVALID_ARGUMENT, expected);
  expect(recur_negate_update_gate(&spec_, 0, nullptr, &error_), RECUR_INVALID_ARGUMENT, expected);
  expect(recur_import_state_dict(&spec_, nullptr, 8, nullptr, layers_.data(), 2, &error_),
         RECUR_INVALID_ARGUMENT, expected);
  // Without a recur_error, and freeing nothing.
  EXPECT_EQ(recur_forward(nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, 0, nullptr, 0, nullptr),
            RECUR_INVALID_ARGUMENT);
  recur_device_free(nullptr);
  recur_plan_free(nullptr);
  recur_context_free(nullptr);
  recur_thread_team_free(nullptr);
  recur_graph_free(nullptr);
  EXPECT_EQ(recur_plan_engine(nullptr), RECUR_ENGINE_BEST);
  EXPECT_EQ(recur_plan_sizes(nullptr).workspace, 0u);
  EXPECT_EQ(recur_plan_explain(nullptr, nullptr, 0), 0u);
}

TEST_F(CInterface, WhatCppTypesWouldNotAllow) {
  const recur_spec good = spec_;
  const auto refused = [&](const char* text) {
    expect(recur_plan_create(&spec_, kT, kB, device_, &options_, &plan_.handle, &error_),
           RECUR_INVALID_ARGUMENT, text);
    EXPECT_EQ(plan_.handle, nullptr);
    spec_ = good;
  };
  spec_.cell = 3;
  refused("cell");
  spec_.cell = 256 + RECUR_LSTM;
  refused("spec.cell: expected one of its enumerators, got 258");
  spec_.dtype = -1;
  refused("spec.dtype");
  spec_.peepholes = 2;
  refused("spec.peepholes: expected 0 or 1, got 2");
  spec_.activations[2].function = 99;
  refused("activations");
  spec_.has_reverse_activations = 2;
  refused("spec.has_reverse_activations: expected 0 or 1, got 2");
  spec_.has_reverse_activations = 1;
  spec_.reverse_activations[0].function = 99;
  refused("Spec::reverse_activations");
  options_.engine = 99;
  refused("engine");
  options_.engine = RECUR_ENGINE_BEST;
  plan();
  args_.x.rank = 5;
  expect(forward(), RECUR_INVALID_ARGUMENT, "x: expected a rank of 0 to 4, got 5");
  args_.x.rank = -1;
  expect(forward(), RECUR_INVALID_ARGUMENT, "x: expected a rank");
  args_.x = tensor(x_, {kT, kB, kI});
  args_.x.dtype = 77;
  expect(forward(), RECUR_INVALID_ARGUMENT, "x");
  args_.x = tensor(x_, {kT, kB, kI});
  args_.x.strides[0] = -1;
  expect(forward(), RECUR_INVALID_ARGUMENT, "x");
  args_.x = tensor(x_, {kT, kB, kI});
  ASSERT_EQ(forward(), RECUR_SUCCESS);
  back_.mode = 2;
  expect(backward(), RECUR_INVALID_ARGUMENT, "args.mode");
}

TEST_F(CInterface, MessagesAreCutToFit) {
  recur_device_props props;
  recur_device_props_init(&props);
  const std::string name(5000, 'n');
  props.kind = RECUR_DEVICE_CUDA;
  props.name = name.c_str();
  Owned<recur_device, recur_device_free> device;
  ASSERT_EQ(recur_device_from_props(&props, &device.handle, &error_), RECUR_SUCCESS) << error_.message;
  EXPECT_EQ(recur_plan_create(&spec_, kT, kB, device, &options_, &plan_.handle, &error_), RECUR_UNSUPPORTED);
  EXPECT_EQ(std::strlen(error_.message), sizeof(error_.message) - 1);
}

// Of an lstm of 768 units R takes a cluster of 16 blocks.
TEST_F(CInterface, ADescribedGpuIsPlannedForAsInCpp) {
  spec_.dtype = RECUR_BF16;
  spec_.hidden_size = 768;
  options_.engine = RECUR_ENGINE_CLUSTER_RESIDENT;
  cpp_spec_.dtype = DataType::bf16;
  cpp_spec_.hidden_size = 768;
  recur_device_props props;
  recur_device_props_init(&props);
  EXPECT_EQ(props.cuda_most_cluster, CudaProps{}.most_cluster);
  props.kind = RECUR_DEVICE_CUDA;
  DeviceProps cpp_props;
  cpp_props.kind = DeviceKind::cuda;
  props.cuda_compute_major = cpp_props.cuda.compute_major = 9;
  props.cuda_multiprocessors = cpp_props.cuda.multiprocessors = 132;
  props.cuda_shared_per_block_optin = cpp_props.cuda.shared_per_block_optin = 227u << 10;
  for (const int most : {8, 16}) {
    props.cuda_most_cluster = cpp_props.cuda.most_cluster = most;
    props.cuda_clusters_at_once[3] = cpp_props.cuda.clusters_at_once[3] = most;
    Owned<recur_device, recur_device_free> device;
    ASSERT_EQ(recur_device_from_props(&props, &device.handle, &error_), RECUR_SUCCESS) << error_.message;
    Owned<recur_plan, recur_plan_free> plan;
    const recur_status status = recur_plan_create(&spec_, kT, kB, device, &options_, &plan.handle, &error_);
    try {
      make_plan(cpp_spec_, {kT, kB}, Device::from_props(cpp_props), {.engine = EngineId::cluster_resident});
      EXPECT_EQ(status, RECUR_SUCCESS) << error_.message;
    } catch (const Unsupported& error) {
      EXPECT_EQ(status, RECUR_UNSUPPORTED);
      EXPECT_STREQ(error_.message, error.what());
    }
  }
}

TEST_F(CInterface, RatesGiveThePredictionsOfTheCppInterface) {
  const recur_memory_level levels[] = {{"L1", 1 << 15, 1e11}, {nullptr, HUGE_VAL, 1e10}};
  const recur_hop hops[] = {{"cluster of 2", HUGE_VAL, 1e-6}};
  recur_rates rates;
  recur_rates_init(&rates);
  EXPECT_EQ(rates.threads, 1);
  rates.threads = 2;
  rates.operations_per_second = {1e11, 2e11, 3e10, 4e10, 5e10};
  rates.levels = levels;
  rates.level_count = 2;
  rates.activations_per_second = {1e9, 0, 1e8, 0, 0};
  rates.call_seconds = 1e-5;
  rates.barrier_seconds = 1e-6;
  rates.launch_seconds = 2e-6;
  rates.resident_bytes = 1e6;
  rates.hops = hops;
  rates.hop_count = 1;
  recur_device_props props;
  recur_device_props_init(&props);
  props.rates = &rates;
  const std::string simd = Device::cpu().props().cpu.simd;
  props.cpu_simd = simd.c_str();

  DeviceProps cpp_props;
  cpp_props.cpu.simd = simd;
  cpp_props.rates = Rates{.threads = 2,
                          .operations_per_second = {1e11, 2e11, 3e10, 4e10, 5e10},
                          .levels = {{"L1", 1 << 15, 1e11}, {.name = "", .bytes_per_second = 1e10}},
                          .activations_per_second = {1e9, 0, 1e8, 0, 0},
                          .call_seconds = 1e-5,
                          .barrier_seconds = 1e-6,
                          .launch_seconds = 2e-6,
                          .resident_bytes = 1e6,
                          .hops = {{.name = "cluster of 2", .seconds = 1e-6}}};
  const auto device_from = [&](recur_device** out) {
    recur_device_free(device_.handle);
    return recur_device_from_props(&props, out, &error_);
  };
  for (const auto& [c_type, type] : {std::pair(RECUR_F32, DataType::f32), {RECUR_F64, DataType::f64}}) {
    ASSERT_EQ(device_from(&device_.handle), RECUR_SUCCESS) << error_.message;
    spec_.dtype = c_type;
    cpp_spec_.dtype = type;
    Owned<recur_plan, recur_plan_free> plan;
    ASSERT_EQ(recur_plan_create(&spec_, kT, kB, device_, &options_, &plan.handle, &error_), RECUR_SUCCESS)
        << error_.message;
    const Plan expected =
        make_plan(cpp_spec_, {kT, kB}, Device::from_props(cpp_props), {.pass = Pass::training});
    EXPECT_EQ(recur_plan_predicted_seconds(plan), expected.predicted_seconds().value());
    EXPECT_EQ(recur_plan_predicted_backward_seconds(plan), expected.predicted_backward_seconds().value());
  }

  // Names, which no plan of a CPU reads.
  const Rates read = host::c::props_of(&props).rates.value();
  EXPECT_EQ(read.levels[0].name, "L1");
  EXPECT_EQ(read.levels[1].name, "");
  EXPECT_EQ(read.hops[0].name, "cluster of 2");

  // Every other field, by who refuses it.
  const recur_rates good = rates;
  const auto refused = [&](const char* text) {
    ASSERT_EQ(device_from(&device_.handle), RECUR_SUCCESS) << error_.message;
    expect(recur_plan_create(&spec_, kT, kB, device_, &options_, &plan_.handle, &error_),
           RECUR_INVALID_ARGUMENT, text);
    rates = good;
  };
  rates.threads = 0;
  refused("Rates::threads");
  rates.operations_per_second.tf32 = -1;
  refused("Rates::operations_per_second.tf32");
  rates.operations_per_second.bf16 = -1;
  refused("Rates::operations_per_second.bf16");
  rates.activations_per_second.f16 = -1;
  refused("Rates::activations_per_second.f16");
  rates.level_count = 0;
  refused("Rates::levels");
  rates.call_seconds = -1;
  refused("Rates::call_seconds");
  rates.barrier_seconds = -1;
  refused("Rates::barrier_seconds");
  rates.launch_seconds = NAN;
  refused("Rates::launch_seconds");
  rates.resident_bytes = -1;
  refused("Rates::resident_bytes");
  const recur_hop bad_hops[] = {hops[0], {nullptr, 0, 0}};
  rates.hops = bad_hops;
  rates.hop_count = 2;
  refused("Rates::hops.holds_bytes");

  const auto not_made = [&](const char* text) {
    device_.handle = nullptr;
    expect(recur_device_from_props(&props, &device_.handle, &error_), RECUR_INVALID_ARGUMENT, text);
    EXPECT_EQ(device_.handle, nullptr);
    rates = good;
  };
  recur_device_free(device_.handle);
  rates.levels = nullptr;
  not_made("props.rates.levels: expected a pointer, got null");
  rates.level_count = -1;
  not_made("props.rates.levels: expected a count of at least 0, got -1");
  rates.hops = nullptr;
  not_made("props.rates.hops: expected a pointer, got null");
  rates.hop_count = INT64_MIN;
  not_made("props.rates.hops: expected a count of at least 0");
  rates.struct_size = 0;
  not_made("props.rates.struct_size");
  // A program that knows of no rates has none.
  props.rates = reinterpret_cast<const recur_rates*>(1);
  props.struct_size = offsetof(recur_device_props, rates);
  EXPECT_EQ(recur_device_from_props(&props, &device_.handle, &error_), RECUR_SUCCESS) << error_.message;
}

TEST_F(CInterface, SurveyAndLog) {
  std::vector<std::string> seen;
  const auto collect = [](void* user, std::int32_t engine, const char* reason) {
    static_cast<std::vector<std::string>*>(user)->push_back(std::string(recur_engine_name(engine)) + ":" +
                                                            reason);
  };
  ASSERT_EQ(recur_survey_engines(&spec_, kT, kB, device_, nullptr, collect, &seen, &error_), RECUR_SUCCESS);
  EXPECT_NE(std::find(seen.begin(), seen.end(), "cpu:"), seen.end());
  std::string log;
  options_.log = [](void* user, const char* line) { *static_cast<std::string*>(user) += line; };
  options_.log_user = &log;
  plan();
  EXPECT_NE(log.find("engine: cpu"), std::string::npos) << log;
  EXPECT_STREQ(recur_engine_name(99), "unknown engine");
  EXPECT_STREQ(recur_engine_name(RECUR_ENGINE_CLUSTER_RESIDENT), "cluster-resident");
  EXPECT_STREQ(recur_status_name(RECUR_FORMAT_ERROR), "format_error");
  EXPECT_STREQ(recur_status_name(-5), "unknown status");
  EXPECT_EQ(recur_version(), RECUR_VERSION);
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

TEST_F(CInterface, KnownDevicesAndRates) {
  EXPECT_NE(std::string(recur_engine_status(RECUR_ENGINE_STEPWISE)).find("has not run on a GPU"),
            std::string::npos);
  EXPECT_STREQ(recur_engine_status(99), "unknown engine");
  recur_device* known = nullptr;
  expect(recur_device_known("h300", &known, &error_), RECUR_INVALID_ARGUMENT,
         "device: expected one of h200, ");
  expect(recur_device_known(nullptr, &known, &error_), RECUR_INVALID_ARGUMENT, "name");
  expect(recur_device_known("h200", nullptr, &error_), RECUR_INVALID_ARGUMENT, "out");
  EXPECT_EQ(known, nullptr);
  ASSERT_EQ(recur_device_known("h200", &known, &error_), RECUR_SUCCESS) << error_.message;

  const std::string json = R"({"format": "recur-perf", "format_version": 1, "rates": [{
      "operations_per_second": {"f32": 5e13}, "levels": [{"name": "memory", "bytes_per_second": 4e12}],
      "launch_seconds": 2e-6, "hops": []}]})";
  recur_plan* plan = nullptr;
  const auto predicted = [&] {
    EXPECT_EQ(recur_plan_create(&spec_, kT, kB, known, nullptr, &plan, &error_), RECUR_SUCCESS)
        << error_.message;
    const double seconds = recur_plan_predicted_seconds(plan);
    EXPECT_EQ(recur_plan_engine(plan), RECUR_ENGINE_STEPWISE);
    recur_plan_free(plan);
    return seconds;
  };
  EXPECT_TRUE(std::isnan(predicted()));
  expect(recur_device_read_rates(known, json.data(), json.size(), 1, &error_), RECUR_INVALID_ARGUMENT,
         "threads: expected one that the result has rates of, 0");
  expect(recur_device_read_rates(known, json.data(), json.size() - 1, 0, &error_), RECUR_FORMAT_ERROR,
         "rates: ");
  expect(recur_device_read_rates(known, nullptr, 1, 0, &error_), RECUR_INVALID_ARGUMENT, "json");
  expect(recur_device_read_rates(nullptr, json.data(), json.size(), 0, &error_), RECUR_INVALID_ARGUMENT,
         "device");
  EXPECT_TRUE(std::isnan(predicted())) << "what is refused changes nothing";
  ASSERT_EQ(recur_device_read_rates(known, json.data(), json.size(), 0, &error_), RECUR_SUCCESS)
      << error_.message;
  EXPECT_GT(predicted(), 0);
  recur_device_free(known);
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
