// The shapes of canonical weights, for every cell: those that calls accept, written once more from types.hpp.
#include <gtest/gtest.h>

#include "recur/recur.hpp"
#include "support/spec_name.hpp"

namespace recur::test {
namespace {

using Sizes = std::vector<std::int64_t>;

Sizes sizes(const TensorShape& shape) { return {shape.sizes.begin(), shape.sizes.begin() + shape.rank}; }

TEST(LayerShapes, OfEveryCell) {
  for (Spec spec : all_cells_and_projections()) {
    for (const Direction direction : {Direction::forward, Direction::bidirectional}) {
      for (const Bias bias : {Bias::none, Bias::single, Bias::both}) {
        spec.input_size = 3;
        spec.hidden_size = 5;
        if (is_projected(spec)) spec.projection_size = 2;
        spec.layers = 2;
        spec.direction = direction;
        spec.bias = bias;
        SCOPED_TRACE(spec_name(spec));
        const std::int64_t D = direction == Direction::forward ? 1 : 2;
        const bool has_R = spec.cell != Cell::min_gru;
        const std::int64_t G = spec.cell == Cell::rnn                                ? 1
                               : spec.cell == Cell::min_gru                          ? 2
                               : spec.cell == Cell::gru || spec.coupled_input_forget ? 3
                                                                                     : 4;
        const std::int64_t P = is_projected(spec) ? 2 : 5;
        for (const std::int64_t layer : {0, 1}) {
          const LayerShapes shapes = layer_shapes(spec, layer);
          EXPECT_EQ(sizes(shapes.W), (Sizes{D, G * 5, layer == 0 ? 3 : D * P}));
          EXPECT_EQ(sizes(shapes.R), has_R ? (Sizes{D, G * 5, P}) : Sizes{});
          EXPECT_EQ(sizes(shapes.bW), bias == Bias::none ? Sizes{} : (Sizes{D, G * 5}));
          EXPECT_EQ(sizes(shapes.bR), bias != Bias::both || !has_R ? Sizes{} : (Sizes{D, G * 5}));
          EXPECT_EQ(sizes(shapes.peephole),
                    !spec.peepholes ? Sizes{} : (Sizes{D, (spec.coupled_input_forget ? 2 : 3) * 5}));
          EXPECT_EQ(sizes(shapes.projection), is_projected(spec) ? (Sizes{D, 2, 5}) : Sizes{});
          EXPECT_EQ(shapes.W.elements(), D * G * 5 * (layer == 0 ? 3 : D * P));
          EXPECT_EQ(shapes.projection.elements(), is_projected(spec) ? D * 10 : 0);
        }
      }
    }
  }
}

// Views made from them are what a call wants.
TEST(LayerShapes, MakeViews) {
  Spec spec;
  spec.input_size = 3;
  spec.hidden_size = 5;
  const LayerShapes shapes = layer_shapes(spec, 0);
  float memory[1];
  const TensorView W = shapes.W.view(static_cast<void*>(memory), spec.dtype);
  ASSERT_EQ(W.rank(), 3);
  EXPECT_EQ(W.size(1), 20);
  EXPECT_EQ(W.stride(1), 3);
  EXPECT_EQ(W.type(), DataType::f32);
  EXPECT_EQ(W.data(), memory);
  EXPECT_EQ(shapes.bW.view(static_cast<void*>(memory), spec.dtype).stride(0), 20);
  EXPECT_FALSE(shapes.peephole.view(static_cast<void*>(memory), spec.dtype).given());
}

TEST(LayerShapes, RefuseWhatIsNoLayer) {
  const auto expect = [](const Spec& spec, std::int64_t layer, const std::string& message) {
    try {
      layer_shapes(spec, layer);
      ADD_FAILURE() << message;
    } catch (const InvalidArgument& error) {
      EXPECT_NE(std::string(error.what()).find(message), std::string::npos) << error.what();
    }
  };
  Spec spec;
  expect(spec, 0, "Spec::input_size (I): expected at least 1, got 0");
  spec.input_size = spec.hidden_size = 4;
  expect(spec, -1, "layer: expected 0 <= layer < L=1, got -1");
  expect(spec, 1, "layer: expected 0 <= layer < L=1, got 1");
  spec.input_size = std::int64_t(1) << 62;
  expect(spec, 0, "overflows 64 bits");
}

}  // namespace
}  // namespace recur::test
