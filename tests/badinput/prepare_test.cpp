// prepare_weights() with one wrong argument at a time.
#include <gtest/gtest.h>

#include "badinput/spoil.hpp"

namespace recur::test {
namespace {

void run_prepare(Call& call) { call.prepare(); }

TEST(BadPrepare, EveryTensor) {
  const Scene scene{.spec = projected_lstm()};
  BadCases cases;
  for (const Argument& one : weight_arguments(scene.spec)) add_view_cases(cases, scene, one);
  expect_refusals(scene, cases, run_prepare);
}

TEST(BadPrepare, Layers) {
  BadCases cases;
  add_weights_cases(cases);
  // Rows that overlap, which packing reads like others.
  std::erase_if(cases, [](const BadCase& one) { return one.label.starts_with("W with"); });
  expect_refusals({.spec = full_lstm()}, cases, run_prepare);
}

TEST(BadPrepare, Buffer) {
  const Scene scene{.spec = projected_lstm()};
  BadCases cases;
  add_buffer_cases(cases, "prepared weights", &Call::prepared_buffer);
  for (const Argument& one : weight_arguments(scene.spec)) {
    add_buffer_overlap_cases(cases, one, one.name, &Call::prepared_buffer, "prepared weights");
  }
  expect_refusals(scene, cases, run_prepare);
}

TEST(BadPrepare, ATrainingPlan) {
  expect_refusals({.spec = full_lstm(), .pass = Pass::training},
                  {{"training", [](Call&) {}, {"prepare_weights: expected an inference plan"}}}, run_prepare);
}

// The handle is what forward checks; it says where and what.
TEST(BadPrepare, HandleOfAValidCall) {
  Call call({.spec = full_lstm()});
  const PreparedWeights prepared =
      prepare_weights(call.plan, call.context, {}, call.weights, call.prepared_buffer);
  EXPECT_EQ(prepared.data, call.prepared_buffer.data());
  EXPECT_EQ(prepared.bytes, call.prepared_buffer.size());
  EXPECT_EQ(prepared.layout_id, call.plan.layout_id());
}

}  // namespace
}  // namespace recur::test
