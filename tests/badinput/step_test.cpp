// step() with one wrong argument at a time. It speaks of x, y, h and c, whatever it is made of.
#include <gtest/gtest.h>

#include "badinput/spoil.hpp"

namespace recur::test {
namespace {

void run_step(Call& call) { call.step(); }

TEST(BadStep, EveryView) {
  for (const Scene& scene :
       {Scene{.spec = streaming_lstm()}, Scene{.spec = streaming_lstm(Layout::batch_major)},
        Scene{.spec = streaming_lstm(), .prepared = true},
        Scene{.spec = streaming_lstm(Layout::time_major, Scene::kP)}}) {
    BadCases cases;
    std::vector<Argument> all;
    all.push_back(argument("x", &Call::step_args, &StepArgs::x));
    all.push_back(argument("y", &Call::step_args, &StepArgs::y));
    all.push_back(argument("h", &Call::step_args, &StepArgs::h));
    all.push_back(argument("c", &Call::step_args, &StepArgs::c));
    all[0].defines_sizes = true;
    for (const Argument& one : all) add_view_cases(cases, scene, one);
    expect_refusals(scene, cases, run_step);
  }
}

TEST(BadStep, WordsOfTheShape) {
  expect_refusals({.spec = streaming_lstm()},
                  {{"h",
                    [](Call& c) {
                      c.step_args.h = TensorView(c.step_args.h.data(), DataType::f32, {2, 6, 8});
                    },
                    {"h: expected f32 [L=2] [D=1] [B=6] [H=8], got f32 [2] [6] [8]"}},
                   {"c",
                    [](Call& c) {
                      c.step_args.c = TensorView(c.step_args.c.data(), DataType::f32, {1, 1, 6, 8});
                    },
                    {"c: expected f32 [L=2] [D=1] [B=6] [H=8], got f32 [1] [1] [6] [8]"}},
                   {"x",
                    [](Call& c) {
                      c.step_args.x = ConstTensorView(c.step_args.x.data(), DataType::f32, {6, 1, 4});
                    },
                    {"x: expected [B] [I], got f32 [6] [1] [4]"}},
                   {"wide x",
                    [](Call& c) {
                      c.step_args.x = ConstTensorView(c.step_args.x.data(), DataType::f32, {6, 5});
                    },
                    {"x: expected f32 [B=6] [I=4], got f32 [6] [5]"}},
                   {"too many",
                    [](Call& c) {
                      c.step_args.x = ConstTensorView(c.step_args.x.data(), DataType::f32, {7, 4});
                    },
                    {"x: expected 0 <= B <= 6 as planned, got f32 [7] [4]"}},
                   {"y",
                    [](Call& c) {
                      c.step_args.y = TensorView(c.step_args.y.data(), DataType::f32, {6, 4});
                    },
                    {"y: expected f32 [B=6] [H=8], got f32 [6] [4]"}}},
                  run_step);
}

TEST(BadStep, WordsOfAProjection) {
  expect_refusals({.spec = streaming_lstm(Layout::time_major, Scene::kP)},
                  {{"y",
                    [](Call& c) {
                      c.step_args.y = TensorView(c.step_args.y.data(), DataType::f32, {6, 8});
                    },
                    {"y: expected f32 [B=6] [P=4], got f32 [6] [8]"}},
                   {"h",
                    [](Call& c) {
                      c.step_args.h = TensorView(c.step_args.h.data(), DataType::f32, {2, 1, 6, 8});
                    },
                    {"h: expected f32 [L=2] [D=1] [B=6] [P=4], got f32 [2] [1] [6] [8]"}},
                   {"c",
                    [](Call& c) {
                      c.step_args.c = TensorView(c.step_args.c.data(), DataType::f32, {2, 1, 6, 4});
                    },
                    {"c: expected f32 [L=2] [D=1] [B=6] [H=8], got f32 [2] [1] [6] [4]"}}},
                  run_step);
}

TEST(BadStep, PlansThatCannotStep) {
  const auto only = [](const std::string& expected) {
    return BadCases{{"plan", [](Call&) {}, {"step: expected a plan with " + expected}}};
  };
  const Spec spec = streaming_lstm();
  expect_refusals({.spec = spec, .pass = Pass::training}, only("Pass::inference"), run_step);
  for (Direction direction : {Direction::reverse, Direction::bidirectional}) {
    Spec other = spec;
    other.direction = direction;
    expect_refusals({.spec = other}, only("Direction::forward"), run_step);
  }
  Spec lengths = spec;
  lengths.variable_lengths = true;
  expect_refusals({.spec = lengths}, only("Spec::variable_lengths off"), run_step);
  Spec mask = spec;
  mask.reset_mask = true;
  expect_refusals({.spec = mask}, only("Spec::reset_mask off"), run_step);
  Spec cell_sequence = spec;
  cell_sequence.cell_sequence = true;
  expect_refusals({.spec = cell_sequence}, only("Spec::cell_sequence off"), run_step);
}

TEST(BadStep, ACellStateThatTheCellHasNot) {
  expect_refusals({.spec = plain_gru()},
                  {{"c",
                    [](Call& c) { c.step_args.c = c.step_args.h; },
                    {"c: expected nothing", "no cell state", "got f32 [1] [1] [6] [8]"}}},
                  run_step);
}

TEST(BadStep, WeightsAndBuffers) {
  BadCases cases;
  add_weights_cases(cases);
  // The widths of `streaming_lstm`: one direction.
  std::erase_if(cases, [](const BadCase& one) {
    return one.label.starts_with("layers") || one.label.starts_with("W with");
  });
  add_buffer_cases(cases, "workspace", &Call::workspace);
  expect_refusals({.spec = streaming_lstm()}, cases, run_step);
}

TEST(BadStep, Overlaps) {
  const Scene scene{.spec = streaming_lstm()};
  std::vector<Argument> all;
  all.push_back(argument("x", &Call::step_args, &StepArgs::x));
  all.push_back(argument("y", &Call::step_args, &StepArgs::y));
  all.push_back(argument("h", &Call::step_args, &StepArgs::h));
  all.push_back(argument("c", &Call::step_args, &StepArgs::c));
  BadCases cases;
  for (const Argument& output : all) {
    for (const Argument& other : all) {
      if (output.name == other.name || output.name == "x") continue;
      add_overlap_cases(cases, output, other, output.name, other.name);
    }
    for (const Argument& other : weight_arguments(scene.spec)) {
      if (output.name != "x") add_overlap_cases(cases, output, other, output.name, other.name);
    }
    add_buffer_overlap_cases(cases, output, output.name, &Call::workspace, "workspace");
  }
  expect_refusals(scene, cases, run_step);
}

}  // namespace
}  // namespace recur::test
