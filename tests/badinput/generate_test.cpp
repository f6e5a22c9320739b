// generate() with one wrong argument at a time. It speaks of x, y, h and c, as step() does.
#include <gtest/gtest.h>

#include "badinput/spoil.hpp"

namespace recur::test {
namespace {

void run_generate(Call& call) { call.generate(); }

// Outputs as wide as inputs, and no feed.
const Scene kFed{.spec = streaming_lstm(Layout::time_major, Scene::kP)};
void without_feed(Call& call) { call.generate_args.feed = nullptr; }

std::vector<Argument> views() {
  std::vector<Argument> all;
  all.push_back(argument("x", &Call::generate_args, &GenerateArgs::x));
  all.push_back(argument("y", &Call::generate_args, &GenerateArgs::y));
  all.push_back(argument("h", &Call::generate_args, &GenerateArgs::h));
  all.push_back(argument("c", &Call::generate_args, &GenerateArgs::c));
  all[0].defines_sizes = true;
  return all;
}

// y gives T, so that another T is another call.
void add_generate_cases(BadCases& cases, const Scene& scene) {
  for (const Argument& one : views()) add_view_cases(cases, scene, one);
  const std::string time = scene.spec.layout == Layout::time_major ? "0" : "1";
  std::erase_if(cases, [&](const BadCase& one) {
    const std::string prefix = "y with dimension " + time;
    return one.label == prefix + " too small" || one.label == prefix + " too large" ||
           one.label == prefix + " of 0";
  });
}

TEST(BadGenerate, EveryView) {
  for (const Scene& scene :
       {Scene{.spec = streaming_lstm()}, Scene{.spec = streaming_lstm(Layout::batch_major)},
        Scene{.spec = streaming_lstm(), .prepared = true},
        Scene{.spec = streaming_lstm(Layout::time_major, Scene::kP)}}) {
    BadCases cases;
    add_generate_cases(cases, scene);
    expect_refusals(scene, cases, run_generate);
  }
}

TEST(BadGenerate, EveryViewWithoutAFeed) {
  BadCases cases;
  add_generate_cases(cases, kFed);
  // x is only read.
  std::erase_if(cases, [](const BadCase& one) {
    return one.label == "x with rows over each other" || one.label == "x with rows that share an element";
  });
  expect_refusals(kFed, cases, run_generate, without_feed);
}

TEST(BadGenerate, WordsOfTheShape) {
  const auto y = [](std::initializer_list<std::int64_t> shape) {
    return [=](Call& c) { c.generate_args.y = TensorView(c.generate_args.y.data(), DataType::f32, shape); };
  };
  expect_refusals({.spec = streaming_lstm()},
                  {{"rank", y({6, 8}), {"y: expected [T] [B] [H], got f32 [6] [8]"}},
                   {"negative T", y({-1, 6, 8}), {"y: expected [T] [B] [H], got f32 [-1] [6] [8]"}},
                   {"B", y({3, 5, 8}), {"y: expected f32 [T=3] [B=6] [H=8], got f32 [3] [5] [8]"}},
                   {"exchanged", y({6, 3, 8}), {"y: expected f32 [T=6] [B=6] [H=8], got f32 [6] [3] [8]"}},
                   {"H", y({3, 6, 4}), {"y: expected f32 [T=3] [B=6] [H=8], got f32 [3] [6] [4]"}},
                   {"x",
                    [](Call& c) {
                      c.generate_args.x = TensorView(c.generate_args.x.data(), DataType::f32, {1, 6, 4});
                    },
                    {"x: expected [B] [I], got f32 [1] [6] [4]"}},
                   {"h",
                    [](Call& c) {
                      c.generate_args.h = TensorView(c.generate_args.h.data(), DataType::f32, {1, 1, 6, 8});
                    },
                    {"h: expected f32 [L=2] [D=1] [B=6] [H=8], got f32 [1] [1] [6] [8]"}},
                   {"too many",
                    [](Call& c) {
                      c.generate_args.x = TensorView(c.generate_args.x.data(), DataType::f32, {7, 4});
                    },
                    {"x: expected 0 <= B <= 6 as planned, got f32 [7] [4]"}}},
                  run_generate);
  expect_refusals({.spec = streaming_lstm(Layout::batch_major)},
                  {{"rank", y({6, 8}), {"y: expected [B] [T] [H], got f32 [6] [8]"}},
                   {"B", y({5, 3, 8}), {"y: expected f32 [B=6] [T=3] [H=8], got f32 [5] [3] [8]"}}},
                  run_generate);
}

TEST(BadGenerate, NoFeedWhereOutputsAreNoInputs) {
  expect_refusals(
      {.spec = streaming_lstm()},
      {{"feed", without_feed, {"generate: expected a feed, or a plan with I = H, got no feed, I=4 and H=8"}}},
      run_generate);
  Spec spec = streaming_lstm(Layout::time_major, 2);
  expect_refusals({.spec = spec}, {{"feed", without_feed, {"with I = P, got no feed, I=4 and P=2"}}},
                  run_generate);
}

TEST(BadGenerate, PlansThatCannotStep) {
  const auto only = [](const std::string& expected) {
    return BadCases{{"plan", [](Call&) {}, {"generate: expected a plan with " + expected}}};
  };
  const Spec spec = streaming_lstm();
  expect_refusals({.spec = spec, .pass = Pass::training}, only("Pass::inference"), run_generate);
  for (Direction direction : {Direction::reverse, Direction::bidirectional}) {
    Spec other = spec;
    other.direction = direction;
    expect_refusals({.spec = other}, only("Direction::forward"), run_generate);
  }
  Spec lengths = spec;
  lengths.variable_lengths = true;
  expect_refusals({.spec = lengths}, only("Spec::variable_lengths off"), run_generate);
  Spec mask = spec;
  mask.reset_mask = true;
  expect_refusals({.spec = mask}, only("Spec::reset_mask off"), run_generate);
  Spec cell_sequence = spec;
  cell_sequence.cell_sequence = true;
  expect_refusals({.spec = cell_sequence}, only("Spec::cell_sequence off"), run_generate);
}

TEST(BadGenerate, ACellStateThatTheCellHasNot) {
  expect_refusals({.spec = plain_gru()},
                  {{"c",
                    [](Call& c) { c.generate_args.c = c.generate_args.h; },
                    {"c: expected nothing", "no cell state", "got f32 [1] [1] [6] [8]"}}},
                  run_generate);
}

TEST(BadGenerate, WeightsAndBuffers) {
  BadCases cases;
  add_weights_cases(cases);
  // The widths of `streaming_lstm`: one direction.
  std::erase_if(cases, [](const BadCase& one) {
    return one.label.starts_with("layers") || one.label.starts_with("W with");
  });
  add_buffer_cases(cases, "workspace", &Call::workspace);
  expect_refusals({.spec = streaming_lstm()}, cases, run_generate);
}

// With a feed x is written too.
TEST(BadGenerate, Overlaps) {
  const auto cases_of = [](const Scene& scene, bool x_is_written) {
    BadCases cases;
    for (const Argument& output : views()) {
      if (output.name == "x" && !x_is_written) continue;
      for (const Argument& other : views()) {
        if (output.name != other.name) add_overlap_cases(cases, output, other, output.name, other.name);
      }
      for (const Argument& other : weight_arguments(scene.spec)) {
        add_overlap_cases(cases, output, other, output.name, other.name);
      }
      add_buffer_overlap_cases(cases, output, output.name, &Call::workspace, "workspace");
    }
    return cases;
  };
  const Scene scene{.spec = streaming_lstm()};
  expect_refusals(scene, cases_of(scene, true), run_generate);
  expect_refusals(kFed, cases_of(kFed, false), run_generate, without_feed);
}

// A step of y that is not the first.
TEST(BadGenerate, OverlapsOfALaterStep) {
  expect_refusals({.spec = streaming_lstm()},
                  {{"x in the last step",
                    [](Call& c) {
                      auto* last = static_cast<float*>(c.generate_args.y.data()) + 2 * 6 * 8;
                      c.generate_args.x = TensorView(last, {6, 4});
                    },
                    {"y: expected memory that no other argument uses, got memory shared with x"}}},
                  run_generate);
}

}  // namespace
}  // namespace recur::test
