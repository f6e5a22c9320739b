// The C interface says why it refuses what it refuses, and is no way to crash the library.
#include <cstddef>
#include <cstring>

#include "c/interface.hpp"

namespace recur::test {
namespace {

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
  expect(recur_generate(plan_, context_, nullptr, &weights_, nullptr, nullptr, 0, &error_),
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
  spec_.cell = RECUR_MIN_GRU + 1;
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

}  // namespace
}  // namespace recur::test
