// The sizes of a stack and what is laid out by them.
#include "host/layers/stack.hpp"

#include <gtest/gtest.h>

#include <set>

#include "host/layers/buffers.hpp"

namespace recur::test {
namespace {

using host::Carver;
using host::RunSizes;
using host::layers::BetweenLayers;
using host::layers::stack_of;
using host::layers::StackSizes;

constexpr RunSizes kSizes{3, 2};

StackSizes stack(std::int64_t layers, Direction direction, std::int64_t projection = 0) {
  host::Job job;
  job.spec = {
      .cell = Cell::lstm, .input_size = 5, .hidden_size = 7, .layers = layers, .direction = direction};
  job.spec.projection_size = projection;
  job.spec.dtype = DataType::bf16;
  job.spec.dropout = 0.5;
  job.options.pass = Pass::training;
  return stack_of(job);
}

TEST(StackSizes, FollowTheSpec) {
  const StackSizes g = stack(2, Direction::bidirectional, 4);
  EXPECT_EQ(g.h_size(), 4);
  EXPECT_EQ(g.outputs(), 8);
  EXPECT_EQ(g.columns(0), 5);
  EXPECT_EQ(g.columns(1), 8);
  EXPECT_EQ(g.widest_columns(), 8);
  EXPECT_EQ(stack(1, Direction::bidirectional, 4).widest_columns(), 5);
  EXPECT_EQ(stack(1, Direction::forward).outputs(), 7);
  EXPECT_EQ(g.gate_columns(), 4 * 7);
  EXPECT_EQ(g.type, DataType::bf16);
  EXPECT_EQ(g.sums, DataType::f32);
}

TEST(StackSizes, DirectionsAndDropout) {
  EXPECT_FALSE(stack(2, Direction::forward).reverse(0));
  EXPECT_TRUE(stack(2, Direction::reverse).reverse(0));
  EXPECT_FALSE(stack(2, Direction::bidirectional).reverse(0));
  EXPECT_TRUE(stack(2, Direction::bidirectional).reverse(1));
  // The first layer reads x, of which nothing is dropped, and a single layer passes nothing on.
  EXPECT_FALSE(stack(2, Direction::forward).drops_below(0));
  EXPECT_TRUE(stack(2, Direction::forward).drops_below(1));
  EXPECT_FALSE(stack(1, Direction::forward).dropout.has_value());
}

// Two buffers by turns: as many layers need one as pass something on, and neighbours never share theirs.
TEST(BetweenLayers, NeighboursHaveBuffersOfTheirOwn) {
  alignas(64) static std::byte memory[1024];
  for (const std::int64_t layers : {1, 2, 3, 5}) {
    Carver carver(memory);
    const BetweenLayers<void> between(carver, stack(layers, Direction::forward), kSizes, DataType::f32);
    EXPECT_EQ(carver.bytes(), static_cast<std::size_t>(std::min<std::int64_t>(layers - 1, 2) * 192))
        << layers;
    for (std::int64_t l = 0; l + 2 < layers; ++l) {
      EXPECT_NE(between.of_layer(l), nullptr);
      EXPECT_NE(between.of_layer(l), between.of_layer(l + 1)) << layers;
    }
  }
}

// Every part of a reserve is there where the stack has it, at a place of its own.
TEST(Reserve, HasWhatBackwardNeeds) {
  alignas(64) static std::byte memory[16384];
  using Reserve = host::layers::Reserve<void, void, void>;
  for (const std::int64_t projection : {0, 4}) {
    const StackSizes g = stack(2, Direction::bidirectional, projection);
    const Reserve reserve(memory, g, kSizes, true);
    ASSERT_LE(reserve.carver.bytes(), sizeof(memory));
    EXPECT_EQ(reserve.carver.bytes(), Reserve(nullptr, g, kSizes, true).carver.bytes());
    EXPECT_EQ(static_cast<void*>(reserve.header), memory);
    EXPECT_EQ(Reserve(memory, g, kSizes, false).header, nullptr);
    std::set<const void*> places = {reserve.header, reserve.dropout_seed};
    std::size_t parts = 2;
    for (std::int64_t l = 0; l < 2; ++l) {
      for (int d = 0; d < 2; ++d) {
        places.insert({reserve.layers[l].saved[d], reserve.layers[l].c[d]});
        parts += 2;
        EXPECT_EQ(reserve.layers[l].m[d] != nullptr, projection > 0);
        if (projection == 0) continue;
        places.insert(reserve.layers[l].m[d]);
        ++parts;
      }
    }
    EXPECT_EQ(reserve.layers[1].outputs, nullptr);  // the caller's y
    places.insert(reserve.layers[0].outputs);
    EXPECT_EQ(places.size(), parts + 1);
    EXPECT_EQ(places.count(nullptr), 0u);
  }
}

}  // namespace
}  // namespace recur::test
