// Which tile of the resident kernel a layer gets on a chip, against a committed table, and what must hold for
// all choices.
#include "host/resident/choice.hpp"

#include <gtest/gtest.h>

#include "host/refusals.hpp"
#include "planning/chips.hpp"
#include "support/committed_table.hpp"
#include "support/spec_name.hpp"

namespace recur::test {
namespace {

using host::resident::Choice;
using host::resident::choose;

struct Layer {
  const char* reason;
  Cell cell;
  std::int64_t hidden;
  Direction direction = Direction::forward;
  GruReset reset = GruReset::after;
};
constexpr Layer kLayers[] = {
    {"the least", Cell::lstm, 1},
    {"keyword spotting", Cell::gru, 64},
    {"one block's worth of units", Cell::lstm, 128},
    {"one unit above it", Cell::lstm, 129},
    {"between powers of two", Cell::lstm, 192},
    {"speech", Cell::lstm, 256},
    {"speech, both directions", Cell::lstm, 256, Direction::bidirectional},
    {"translation", Cell::gru, 512},
    {"translation", Cell::lstm, 512},
    {"two exchanges a step", Cell::gru, 512, Direction::forward, GruReset::before},
    {"blocks without units", Cell::lstm, 640},
    {"the most of an lstm that a multiple of 16 has", Cell::lstm, 768},
    {"above it", Cell::lstm, 784},
    {"language model", Cell::lstm, 1024},
    {"a single gate", Cell::rnn, 768},
};

std::vector<std::string> lines_of_table() {
  std::vector<std::string> lines;
  for (const Layer& layer : kLayers) {
    Spec spec;
    spec.cell = layer.cell;
    spec.gru_reset = layer.reset;
    spec.direction = layer.direction;
    spec.dtype = DataType::bf16;
    spec.input_size = spec.hidden_size = layer.hidden;
    lines.push_back(std::string(layer.reason) + ": " + spec_name(spec));
    for (const Chip& chip : kChips) {
      for (std::int64_t batch : {1, 16, 64, 256}) {
        const host::Job job{spec, {512, batch}, props_of(chip), {}};
        std::string line = "  " + std::string(chip.name);
        if (const auto reason = host::refusal_of(EngineId::cluster_resident, job)) {
          lines.push_back(line + ": " + *reason);
          break;
        }
        const cells::Traits traits = cells::traits_of(host::variant_of(spec));
        const auto choice = choose(traits, layer.hidden, batch, directions_of(spec), job.device.cuda);
        const auto yields = slower_than_steps(*choice, traits, layer.hidden, batch);
        lines.push_back(line + " B=" + std::to_string(batch) + ": " + describe(*choice, traits) +
                        (yields ? "; yields: " + *yields : ""));
      }
    }
  }
  return lines;
}

TEST(ResidentChoice, IsWhatTheCommittedTableSays) {
  const std::string difference = difference_from_table(RECUR_RESIDENT_CHOICES, lines_of_table());
  EXPECT_TRUE(difference.empty()) << difference;
}

TEST(ResidentChoice, FitsTheChip) {
  for (const Chip& chip : {kChips[0], kChips[1]}) {
    const CudaProps cuda = props_of(chip).cuda;
    for (int variant = 0; variant < cells::kVariantCount; ++variant) {
      const cells::Traits traits = cells::traits_of(static_cast<cells::Variant>(variant));
      if (!traits.recurrent) continue;  // refused: there is no R to fit
      for (std::int64_t hidden = 1; hidden <= 768; hidden += 17) {
        for (std::int64_t batch : {1, 8, 9, 100, 1000}) {
          SCOPED_TRACE("variant " + std::to_string(variant) + " H=" + std::to_string(hidden) +
                       " B=" + std::to_string(batch));
          const auto choice = choose(traits, hidden, batch, 1, cuda);
          ASSERT_TRUE(choice.has_value());
          const auto& tile = recur::resident::kTiles[choice->tile];
          EXPECT_GE(choice->cluster * tile.units(), hidden);
          EXPECT_GE(choice->clusters * choice->batch_tiles * recur::resident::kTileRows, batch);
          EXPECT_LE(choice->shared_bytes, cuda.shared_per_block_optin);
          EXPECT_GT(step_seconds(*choice, traits), 0);
        }
      }
    }
  }
}

// A chip may have no clusters of 16, or not with a multiprocessor for each block. The most units are those of
// the widest tile whose R still fits: of an lstm 128 in one block or two, 64 in four or eight, 48 in sixteen.
TEST(ResidentChoice, TakesNoLargerClusterThanTheChipHas) {
  const cells::Traits traits = cells::traits_of(cells::Variant::lstm);
  CudaProps chip = props_of(kChips[0]).cuda;
  const std::pair<int, std::int64_t> kMost[] = {{1, 128}, {2, 256}, {4, 256}, {8, 512}, {16, 768}};
  for (const auto& [blocks, most_units] : kMost) {
    SCOPED_TRACE(std::to_string(blocks) + " blocks at most");
    chip.most_cluster = blocks;
    for (std::int64_t hidden = 1; hidden <= most_units; ++hidden) {
      const auto choice = choose(traits, hidden, 16, 1, chip);
      ASSERT_TRUE(choice.has_value()) << hidden;
      ASSERT_LE(choice->cluster, blocks) << hidden;
    }
    EXPECT_FALSE(choose(traits, most_units + 1, 16, 1, chip).has_value());
  }
}

// A driver that has room for fewer clusters than can be counted on makes them take turns, in every size.
TEST(ResidentChoice, AsksTheDriverHowManyClustersRunAtOnce) {
  CudaProps chip = props_of(kChips[0]).cuda;
  int which = 0;
  for (int cluster : {2, 4, 8, 16}) {
    EXPECT_GT(host::resident::clusters_at_once(cluster, chip), 1) << "not known";
    chip.clusters_at_once[which++] = 100 + cluster;
    EXPECT_EQ(host::resident::clusters_at_once(cluster, chip), 100 + cluster);
  }
  const cells::Traits traits = cells::traits_of(cells::Variant::lstm);
  EXPECT_EQ(choose(traits, 768, 24, 1, chip)->turns, 1);
  chip.clusters_at_once[3] = 1;
  const auto choice = choose(traits, 768, 24, 1, chip);
  EXPECT_EQ(choice->turns, choice->clusters);
}

// A published ring copy between blocks moved 14 bytes a cycle into each, and no model of a hop may be faster.
TEST(ResidentChoice, DoesNotReceiveFasterThanBlocksCan) {
  constexpr double kBytesACycle = 14, kClock = 1.755e9;
  for (const std::int64_t hidden : {64, 256, 512, 768}) {
    for (const std::int64_t batch : {1, 4, 8, 64, 512}) {
      SCOPED_TRACE("H=" + std::to_string(hidden) + " B=" + std::to_string(batch));
      const cells::Traits traits = cells::traits_of(cells::Variant::lstm);
      const auto choice = choose(traits, hidden, batch, 1, props_of(kChips[0]).cuda);
      ASSERT_TRUE(choice.has_value());
      const double bytes = static_cast<double>(choice->batch_tiles * received_bytes(*choice));
      EXPECT_GE(step_seconds(*choice, traits),
                static_cast<double>(choice->turns) * bytes / kBytesACycle / kClock);
    }
  }
  // Rows that the batch does not have are not sent.
  Choice one{.tile = 1, .cluster = 16};
  one.rows = 1;
  EXPECT_EQ(received_bytes(one), 15 * 32 * 2);
}

// With the hop that the model assumes, a measured rate changes nothing; a slower one costs a step as much
// more.
TEST(ResidentChoice, PredictsByTheMeasuredHop) {
  const cells::Traits traits = cells::traits_of(cells::Variant::lstm);
  const auto choice = choose(traits, 512, 1, 1, props_of(kChips[0]).cuda);
  ASSERT_TRUE(choice.has_value());
  ASSERT_EQ(choice->cluster, 16);
  Rates rates;
  rates.hops = {{"cluster of 8", 1, 5}, {"cluster of 16", 1, 1}};
  const double slow = step_seconds(*choice, traits, &rates);
  rates.hops[1].seconds = 2;
  EXPECT_NEAR(step_seconds(*choice, traits, &rates) - slow, 1, 1e-9);
  rates.hops.pop_back();
  EXPECT_EQ(step_seconds(*choice, traits, &rates), step_seconds(*choice, traits));
}

}  // namespace
}  // namespace recur::test
