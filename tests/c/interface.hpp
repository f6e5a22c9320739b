// What the tests of the C interface stand on: a stack of layers in memory of the test's, to be planned and
// run.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "oracle/oracle.hpp"
#include "recur/recur.h"
#include "recur/recur.hpp"
#include "support/aligned.hpp"
#include "support/problem.hpp"

namespace recur::test {

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

inline recur_tensor tensor(Aligned<float>& memory, std::vector<std::int64_t> shape) {
  if (memory.size() == 0) return {};
  return recur_tensor_dense(memory.data(), RECUR_F32, static_cast<std::int32_t>(shape.size()), shape.data());
}

// An lstm of two layers and both directions, trained, in memory of the test's.
class CInterface : public ::testing::Test {
 protected:
  static constexpr std::int64_t kT = 3, kB = 2, kI = 4, kH = 5;

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

}  // namespace recur::test
