// Every tile of the resident kernel, in clusters of every size, with several batch tiles and with one, and
// every option of a layer.
//
// Kernels are compiled for each cell, type, tile, and for one batch tile or several: EveryKernel runs all of
// these, on two blocks. What a cluster's size changes, places and loops, no cell or type knows of:
// EveryCluster gives each combination of tile, cluster and batch tiles to one cell and type, in turn. Options
// do not know of tiles either: Options takes the smallest, and every cell in one of the types.
#include <optional>

#include "engines/device_test.hpp"
#include "simt/resident/tiled_device.hpp"
#include "support/spec_name.hpp"

namespace recur::test {
namespace {

class ResidentTiles : public DeviceTest {
 protected:
  // Lengths, marks and c of every step, where nothing else is said.
  static void judge_with(const TileChoice& choice, const Size& size, Direction direction) {
    SCOPED_TRACE(text_of(choice) + "; " + text_of(size));
    tile_of_plans() = choice;
    Spec spec = sized(size);
    spec.direction = direction;
    spec.variable_lengths = true;
    spec.reset_mask = true;
    spec.cell_sequence = spec.cell == Cell::lstm;
    typed([&]<class T>() { judge_forward<T>(spec, size.T, size.B, {.device = &device()}); });
  }
  // Of every cell and type.
  static std::size_t index_of_case() {
    std::vector<Spec> cells = all_cells();
    std::erase_if(cells, [](const Spec& cell) { return !has_recurrent_weights(cell); });
    std::size_t index = 0;
    while (cell_name(cells[index]) != cell_name(GetParam().cell)) ++index;
    return 2 * index + (GetParam().type == DataType::f16 ? 1 : 0);
  }
};

TEST_P(ResidentTiles, EveryKernel) {
  for (int tile = 0; tile < recur::resident::kTileCount; ++tile) {
    const TileChoice one{tile, 2, 1};
    const TileChoice several{tile, 2, 2};
    const Index units = units_of(one);
    judge_with(one, {3, 9, 3, units + 1, "one unit in the second block; two clusters, one row in the second"},
               Direction::forward);
    judge_with(
        several,
        {3, 17, 3, units + 1, "as before; two clusters of two batch tiles, the last of them without rows"},
        Direction::reverse);
  }
}

TEST_P(ResidentTiles, EveryCluster) {
  std::vector<Spec> cells = all_cells();
  std::erase_if(cells, [](const Spec& cell) { return !has_recurrent_weights(cell); });
  const std::size_t own = index_of_case();
  std::size_t turn = 0;
  for (int tile = 0; tile < recur::resident::kTileCount; ++tile) {
    for (int cluster : {1, 2, 4, 8, 16}) {
      for (int batch_tiles : {1, 2, 3}) {
        const TileChoice choice{tile, cluster, batch_tiles};
        ++turn;
        // The first cell from there on whose weights fit.
        std::optional<std::size_t> taker;
        for (std::size_t i = 0; i < cells.size() && !taker; ++i) {
          const std::size_t cell = (3 * turn + i) % cells.size();
          if (fits(choice, cells[cell], device().device)) taker = 2 * cell + turn % 2;
        }
        if (!taker || *taker != own) continue;
        const Index units = units_of(choice);
        const Direction direction = turn % 3 == 0 ? Direction::reverse : Direction::forward;
        if (batch_tiles == 1) {
          const Index H = cluster == 1 ? units - 1 : units * (cluster - 1) + 1;
          judge_with(choice, {2, 9, 3, H, "odd H, one unit in the last block; one row in the second cluster"},
                     direction);
        } else if (batch_tiles == 2) {
          const Index H = units * cluster;
          judge_with(choice, {2, 17, 2, H, "whole blocks; a batch tile without rows"}, direction);
        } else {
          // 640 units on 16 blocks of 48 is one.
          const Index H = units * cluster - (cluster == 1 ? 16 : units * cluster / 6 / 16 * 16);
          judge_with(choice, {2, 20, 2, H, "where blocks are many, the last without units"}, direction);
        }
      }
    }
  }
}

// Both directions in one launch, and a single row, step or unit.
TEST_P(ResidentTiles, Edges) {
  judge_with({1, 2, 1}, {2, 1, 3, 63, "one row"}, Direction::bidirectional);
  judge_with({2, 2, 2}, {1, 24, 3, 1, "one step, one unit: no unit in the second block"},
             Direction::bidirectional);
  judge_with({3, 16, 1}, {2, 8, 2, 257, "a whole batch tile; blocks without units"},
             Direction::bidirectional);
}

class ResidentOptions : public DeviceTest {
 protected:
  // set(Spec, RunOptions), then the verdict.
  template <class Set>
  static void judge(Set&& set, const Size& size = kSize) {
    tile_of_plans() = {1, 2, 2};
    Spec spec = sized(size);
    RunOptions run{.device = &device()};
    set(spec, run);
    SCOPED_TRACE(text_of(size) + " " + spec_name(spec));
    typed([&]<class T>() { judge_forward<T>(spec, size.T, size.B, run); });
  }
  static void with_everything(Spec& spec) {
    spec.variable_lengths = true;
    spec.reset_mask = true;
    spec.cell_sequence = spec.cell == Cell::lstm;
  }
  // Half of the cells in each type.
  void SetUp() override {
    DeviceTest::SetUp();
    std::size_t index = 0;
    std::vector<Spec> cells = all_cells();
    std::erase_if(cells, [](const Spec& cell) { return !has_recurrent_weights(cell); });
    while (index < cells.size() && cell_name(cells[index]) != cell_name(GetParam().cell)) ++index;
    if (index % 2 == (GetParam().type == DataType::f16 ? 0u : 1u)) GTEST_SKIP() << "in the other type";
  }

  static constexpr Size kSize{3, 17, 3, 40, "two blocks, two clusters, three batch tiles"};
};

TEST_P(ResidentOptions, DirectionsStacksAndMasks) {
  for (Direction direction : {Direction::forward, Direction::reverse, Direction::bidirectional}) {
    for (Index layers : {1, 3}) {
      for (int masks = 0; masks < 4; ++masks) {
        judge([&](Spec& spec, RunOptions& /*run*/) {
          spec.direction = direction;
          spec.layers = layers;
          spec.variable_lengths = (masks & 1) != 0;
          spec.reset_mask = (masks & 2) != 0;
          spec.cell_sequence = spec.cell == Cell::lstm && masks != 0;
        });
      }
    }
  }
}

TEST_P(ResidentOptions, BiasesLayoutsStridesAndPlans) {
  for (Bias bias : {Bias::none, Bias::single, Bias::both}) {
    for (bool prepared : {false, true}) {
      judge([&](Spec& spec, RunOptions& run) {
        spec.bias = bias;
        run.prepared = prepared;
      });
    }
  }
  for (Index row_gap : {0, 3}) {
    for (bool prepared : {false, true}) {
      judge([&](Spec& spec, RunOptions& run) {
        spec.direction = Direction::bidirectional;
        spec.layers = 2;
        with_everything(spec);
        run.layout = prepared ? Layout::time_major : Layout::batch_major;
        run.row_gap = row_gap;
        run.prepared = prepared;
      });
    }
  }
  judge([&](Spec& spec, RunOptions& run) {
    with_everything(spec);
    run.spare_steps = 5;
    run.spare_batch = 16;  // more clusters than the run needs
  });
}

// Input products have at least 128 rows (host/gpu_pass/geometry.cpp), 8 steps of 16 sequences: two whole
// chunks and a short one, whose state goes from launch to launch through memory.
TEST_P(ResidentOptions, ChunksOfTime) {
  for (Direction direction : {Direction::forward, Direction::reverse, Direction::bidirectional}) {
    judge(
        [&](Spec& spec, RunOptions& run) {
          spec.direction = direction;
          with_everything(spec);
          run.layout = direction == Direction::reverse ? Layout::batch_major : Layout::time_major;
          run.l2_bytes = std::size_t{16} << 10;
          const Plan plan = device().plan(spec, {20, 16}, device_for(run), {.engine = device().engine});
          EXPECT_NE(plan.tile().find("products of 8 steps"), std::string::npos) << plan.tile();
        },
        {20, 16, 3, 40, "three chunks"});
  }
}

// Which units a block has decides how sums are added up; how many batch tiles a cluster has does not.
TEST(ResidentPlans, ATileHasBitsOfItsOwn) {
  const TestDevice device = tiled_device();
  Spec spec;
  spec.dtype = DataType::bf16;
  spec.input_size = spec.hidden_size = 32;
  const auto fingerprint = [&](const TileChoice& choice) {
    tile_of_plans() = choice;
    return device.plan(spec, {4, 20}, device.device, {.engine = device.engine}).fingerprint();
  };
  EXPECT_NE(fingerprint({1, 1, 1}), fingerprint({2, 1, 1}));
  EXPECT_NE(fingerprint({1, 1, 1}), fingerprint({1, 2, 1}));
  EXPECT_EQ(fingerprint({1, 1, 1}), fingerprint({1, 1, 3}));
}

INSTANTIATE_TEST_SUITE_P(Devices, ResidentTiles, ::testing::ValuesIn(cases(&TestDevice::types)), case_name);
INSTANTIATE_TEST_SUITE_P(Devices, ResidentOptions, ::testing::ValuesIn(cases(&TestDevice::types)), case_name);

}  // namespace
}  // namespace recur::test
