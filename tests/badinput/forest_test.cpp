// Forests that are none, and calls that have one and should not, or the other way round.
#include <gtest/gtest.h>

#include <numeric>

#include "badinput/spoil.hpp"

namespace recur::test {
namespace {

Scene scene_of(Pass pass) { return {.spec = forest_lstm(), .pass = pass}; }

// Of forward, and of backward after it.
void expect_refused(const std::vector<std::int64_t>& level_begin, const std::vector<std::int32_t>& parents,
                    const std::string& message) {
  const auto spoil = [&](Call& call) {
    call.level_begin = level_begin;
    call.parents = parents;
    call.forest = {call.level_begin, call.parents};
  };
  const auto forward = [](Call& call) { call.forward(); };
  expect_refusals(scene_of(Pass::inference), {{"forward", spoil, {message}}}, forward);
  expect_refusals(
      scene_of(Pass::training), {{"backward", spoil, {message}}}, [](Call& call) { call.backward(); },
      forward);
}

TEST(BadForest, Levels) {
  const std::vector<std::int32_t> parents = {-1, -1, 0, 0, 1, 1};
  expect_refused({}, parents, "forest: expected level_begin from 0 to B=6 rows, got nothing");
  expect_refused({0}, parents, "forest: expected level_begin from 0 to B=6 rows, got 0 to 0");
  expect_refused({0, 2, 5}, parents, "forest: expected level_begin from 0 to B=6 rows, got 0 to 5");
  expect_refused({1, 2, 6}, parents, "forest: expected level_begin from 0 to B=6 rows, got 1 to 6");
  expect_refused({0, 2, 2, 6}, parents, "forest: expected level_begin to rise to B=6, got 2 and then 2");
  expect_refused({0, 9, 2, 6}, parents, "forest: expected level_begin to rise to B=6, got 0 and then 9");
  expect_refused({0, -3, 2, 6}, parents, "forest: expected level_begin to rise to B=6, got 0 and then -3");
}

TEST(BadForest, Parents) {
  expect_refused({0, 2, 6}, {-1, -1, 0, 0, 1}, "forest: expected parents of B=6 rows, got 5");
  expect_refused({0, 2, 6}, {-1, 0, 0, 0, 1, 1}, "forest: expected -1 for row 1 of level 0, got 0");
  expect_refused(
      {0, 2, 6}, {-1, -1, 0, -1, 1, 1},
      "forest: expected a parent from 0 to 1, in the level before and not before its neighbour's for "
      "row 3 of level 1, got -1");
  expect_refused({0, 2, 6}, {-1, -1, 0, 0, 1, 2}, "for row 5 of level 1, got 2");
  expect_refused({0, 2, 6}, {-1, -1, 1, 0, 1, 1}, "expected a parent from 1 to 1, in");
  expect_refused({0, 2, 4, 6}, {-1, -1, 0, 1, 1, 3}, "expected a parent from 2 to 3, in");
  expect_refused({0, 2, 6}, {-1, -1, 0, 0, 1, 0x7fffffff}, "for row 5 of level 1, got 2147483647");
}

TEST(BadForest, GivenWhereTheSpecHasOne) {
  const auto forward = [](Call& call) { call.forward(); };
  const auto backward = [](Call& call) { call.backward(); };
  const auto none = [](Call& call) { call.forward_args.forest = call.backward_args.forest = nullptr; };
  const std::string missing = "forest: expected one, since Spec::forest is on, got nothing";
  expect_refusals(scene_of(Pass::inference), {{"none", none, {missing}}}, forward);
  expect_refusals(scene_of(Pass::training), {{"none", none, {missing}}}, backward, forward);
  const auto one = [](Call& call) { call.forward_args.forest = call.backward_args.forest = &call.forest; };
  const std::string extra = "forest: expected nothing, Spec::forest is off, got one";
  const Scene sequences{.spec = full_lstm(), .pass = Pass::training};
  expect_refusals(sequences, {{"one", one, {extra}}}, forward);
  expect_refusals(sequences, {{"one", one, {extra}}}, backward, forward);
  Scene steps = scene_of(Pass::inference);
  steps.spec.cell_sequence = false;
  expect_refusals(steps, {{"step", [](Call&) {}, {"expected a plan with Spec::forest off"}}},
                  [](Call& call) { call.step(); });
}

TEST(BadForest, BackwardOfAnother) {
  const auto other = [](Call& call) { call.parents[3] = 1; };
  expect_refusals(
      scene_of(Pass::training),
      {{"other", other, {"forest: expected the parents that forward had, got others"}}},
      [](Call& call) { call.backward(); }, [](Call& call) { call.forward(); });
}

// h0 and its gradient have the roots alone.
TEST(BadForest, WordsOfTheShape) {
  expect_refusals(
      scene_of(Pass::inference),
      {{"h0",
        [](Call& c) {
          c.forward_args.h0 = ConstTensorView(c.forward_args.h0.data(), DataType::f32, {2, 1, 6, 8});
        },
        {"h0: expected f32 [L=2] [D=1] [roots=2] [H=8], got f32 [2] [1] [6] [8]"}},
       {"hN",
        [](Call& c) {
          c.forward_args.hN = TensorView(c.forward_args.hN.data(), DataType::f32, {2, 1, 2, 8});
        },
        {"hN: expected f32 [L=2] [D=1] [B=6] [H=8], got f32 [2] [1] [2] [8]"}},
       {"x",
        [](Call& c) {
          c.forward_args.x = ConstTensorView(c.forward_args.x.data(), DataType::f32, {2, 3, 4});
        },
        {"x: expected 0 <= T <= 1 as planned"}}},
      [](Call& call) { call.forward(); });
}

TEST(BadForest, Jobs) {
  const auto refused = [](const char* message, auto&& change) {
    Spec spec = forest_lstm();
    Shape shape{1, 6};
    change(spec, shape);
    try {
      make_plan(spec, shape, Device::cpu());
      ADD_FAILURE() << "planned; expected " << message;
    } catch (const InvalidArgument& error) {
      EXPECT_NE(std::string(error.what()).find(message), std::string::npos) << error.what();
    }
  };
  for (const Direction direction : {Direction::reverse, Direction::bidirectional}) {
    refused("Spec::direction: expected forward, since a forest is read from its roots, got",
            [&](Spec& spec, Shape&) { spec.direction = direction; });
  }
  refused("Spec::variable_lengths: expected off, since rows of a forest are no sequences, got on",
          [](Spec& spec, Shape&) { spec.variable_lengths = true; });
  refused("Spec::reset_mask: expected off", [](Spec& spec, Shape&) { spec.reset_mask = true; });
  refused("Shape::steps (T): expected 1, since a forest has rows and no steps, got 2",
          [](Spec&, Shape& shape) { shape.steps = 2; });
}

TEST(BadForest, NodesThatAreNone) {
  const auto refused = [](const std::vector<std::int32_t>& parents, const char* message) {
    try {
      order_forest(parents);
      ADD_FAILURE() << "accepted; expected " << message;
    } catch (const InvalidArgument& error) {
      EXPECT_NE(std::string(error.what()).find(message), std::string::npos) << error.what();
    }
  };
  refused({-1, 2}, "parents: expected values from -1 to N-1=1, got 2 for node 1");
  refused({-2}, "parents: expected values from -1 to N-1=0, got -2 for node 0");
  refused({0}, "parents: expected a forest, got 1 nodes that lead to no root");
  refused({-1, 0, 3, 4, 2}, "parents: expected a forest, got 3 nodes that lead to no root");
}

TEST(Forest, IsPutInOrder) {
  const std::vector<std::int32_t> parents = {3, 0, -1, -1, 3, 2, 0};
  const OrderedForest forest = order_forest(parents);
  EXPECT_EQ(forest.level_begin, (std::vector<std::int64_t>{0, 2, 5, 7}));
  EXPECT_EQ(forest.nodes, (std::vector<std::int32_t>{2, 3, 5, 0, 4, 1, 6}));
  EXPECT_EQ(forest.parents, (std::vector<std::int32_t>{-1, -1, 0, 1, 1, 3, 3}));
  const OrderedForest none = order_forest({});
  EXPECT_EQ(none.level_begin, std::vector<std::int64_t>{0});
  EXPECT_TRUE(none.nodes.empty() && none.parents.empty());
}

// No function calls itself for a node, so that depth is no matter.
TEST(Forest, OfAMillionLevels) {
  std::vector<std::int32_t> parents(1000000);
  std::iota(parents.begin(), parents.end(), -1);
  const OrderedForest forest = order_forest(parents);
  EXPECT_EQ(forest.level_begin.size(), 1000001u);
  EXPECT_EQ(forest.parents, parents);
}

// A call without rows asks no engine.
TEST(Forest, WithoutRows) {
  Call call(scene_of(Pass::training));
  call.level_begin = {0};
  call.parents = {};
  call.forest = {call.level_begin, call.parents};
  call.forward_args.x = ConstTensorView(nullptr, DataType::f32, {1, 0, Scene::kI});
  call.forward_args.y = TensorView(nullptr, DataType::f32, {1, 0, Scene::kH});
  call.forward_args.c_sequence = TensorView(nullptr, DataType::f32, {1, 0, Scene::kH});
  call.forward_args.h0 = call.forward_args.c0 = {};
  call.forward_args.hN = call.forward_args.cN = {};
  EXPECT_NO_THROW(call.forward());
  call.level_begin = {};
  call.forest = {call.level_begin, call.parents};
  EXPECT_THROW(call.forward(), InvalidArgument);
}

}  // namespace
}  // namespace recur::test
