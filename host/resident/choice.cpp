#include "host/resident/choice.hpp"

#include <algorithm>
#include <cstdio>
#include <limits>

namespace recur::host::resident {
namespace {

using recur::resident::kFragmentBytes;
using recur::resident::kMostBatchTiles;
using recur::resident::kStateBlockBytes;
using recur::resident::kTileCount;
using recur::resident::kTileRows;
using recur::resident::kTiles;
using recur::resident::SharedLayout;
using recur::resident::Tile;

// Hopper, in cycles of a multiprocessor. Others measured these figures, which no run here has confirmed yet:
// docs/engines/cluster-resident.md has them all. Those marked * are assumptions.
struct Model {
  double product = 6.3;         // between mma.sync m16n8k16 of a quarter of a multiprocessor
  double product_latency = 33;  // * until a product can add to the sum of the one before
  double shared_bytes = 128;    // a cycle
  double gates = 200;           // * from the sums of a unit to its h, if nothing else had to be issued
  double barrier = 30;          // * of a block or some of its warps
  double hop = 600;             // * from pushing h until a peer has it, where few bytes come with it
  double peer_latency = 180;    // of another block's shared memory
  double peer_bytes = 12;       // a cycle that a block receives from its peers, all together
  double clock = 1.755e9;       // * cycles a second
  double launch = 1.4e-6;       // seconds from a kernel to the next within a graph
  // A step as a product and a kernel: a product of few rows takes two kernels where K is split. It reads R
  // from L2, and its tensor cores are the busier the more rows there are.
  double launches = 3;         // * a phase
  double weight_bytes = 4e12;  // * a second
  double operations = 100e12;  // * a second, up to so many rows:
  double rows = 64;
  double most_operations = 400e12;  // * a second
  std::int64_t quarters = 4;        // of a multiprocessor
  // Clusters lie within groups of at most so many multiprocessors, of which this many can be counted on. Of
  // the 132 of an H100 that makes 7 groups of 16.
  std::int64_t multiprocessors_per_group = 18;
  std::int64_t usable_per_group = 16;
};
constexpr Model kModel;

constexpr int kMostCluster = 16;  // blocks

// Instructions that a warp issues, one a cycle of its quarter, in a visit to a batch tile. Of the machine
// code: tests/sass/resident.txt, column `way`. docs/sass.md says how far the sum is from it.
int product_instructions(int gates) { return 9 + gates; }  // of a K-block
int gate_instructions(const Tile& tile, int gates) {       // from the products to the push of a phase
  const int parts = tile.splits > 1 ? 60 : 0;
  return parts + 14 * gates + tile.values() * (14 + 8 * gates);
}
int instructions_after(const Tile& tile, int gates) {  // W x of the next visit, and outputs
  return 60 + 2 * gates + 12 * tile.values();
}

constexpr std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

int warps_a_quarter(const Tile& tile) { return static_cast<int>(ceil_div(tile.warps(), kModel.quarters)); }

// One phase of a visit to a batch tile until h is pushed.
double phase_cycles(const Tile& tile, const SharedLayout& layout, int gates, int cluster) {
  const int warps = warps_a_quarter(tile);
  const double block = std::max<double>(gates * kModel.product, product_instructions(gates));
  const double products = layout.warp_blocks * std::max(kModel.product_latency, warps * block);
  // h and those fragments of R that are not in registers, the partial sums in and out, and h to peers.
  double bytes = tile.warps() * static_cast<double>(layout.warp_blocks * kStateBlockBytes +
                                                    layout.shared_blocks * gates * kFragmentBytes);
  if (tile.splits > 1) bytes += 2.0 * tile.warps() * gates * kFragmentBytes;
  bytes += 2.0 * tile.units() * kTileRows * cluster;
  const int barriers = tile.splits > 1 ? 2 : 1;
  return std::max(products, bytes / kModel.shared_bytes) +
         std::max<double>(kModel.gates, warps * gate_instructions(tile, gates)) + barriers * kModel.barrier;
}

// Of all batch tiles: the hop of one hides behind visits to the others, and what follows a push behind the
// hop. What a block receives takes its time whatever it hides behind.
double step_cycles(const Choice& choice, const cells::Traits& traits, double hop) {
  const Tile& tile = kTiles[choice.tile];
  const SharedLayout layout(tile, traits.gates, choice.cluster, choice.batch_tiles);
  const double receiving = static_cast<double>(received_bytes(choice)) / kModel.peer_bytes;
  hop = choice.cluster == 1 ? 0 : std::max(hop, kModel.peer_latency + receiving);
  double cycles = 0;
  for (int phase = 0; phase < traits.phases; ++phase) {
    const double visit = phase_cycles(tile, layout, traits.gates_of_phase(phase), choice.cluster);
    const bool last = phase + 1 == traits.phases;
    const double after = last ? warps_a_quarter(tile) * instructions_after(tile, traits.gates) : 0;
    cycles += std::max({choice.batch_tiles * (visit + after), visit + hop, choice.batch_tiles * receiving});
  }
  return static_cast<double>(choice.turns) * cycles;
}

}  // namespace

std::int64_t received_bytes(const Choice& choice) {
  constexpr int kBytesOfUnit = 2;
  return std::int64_t{choice.cluster - 1} * kTiles[choice.tile].units() * choice.rows * kBytesOfUnit;
}

std::int64_t clusters_at_once(int cluster, const CudaProps& chip) {
  if (cluster == 1) return std::max(chip.multiprocessors, 1);
  int which = 0;
  for (int blocks = 2; blocks < cluster; blocks *= 2) ++which;
  if (chip.clusters_at_once[which] > 0) return chip.clusters_at_once[which];
  const std::int64_t groups = chip.multiprocessors / kModel.multiprocessors_per_group;
  return std::max<std::int64_t>(groups, 1) * (kModel.usable_per_group / cluster);
}

std::optional<Choice> choose(const cells::Traits& traits, std::int64_t hidden, std::int64_t batch,
                             std::int64_t directions, const CudaProps& chip) {
  std::optional<Choice> best;
  double best_cycles = std::numeric_limits<double>::infinity();
  const std::int64_t all_tiles = ceil_div(batch, kTileRows);
  const int most_cluster = std::clamp(chip.most_cluster, 1, kMostCluster);
  const auto most_tiles = static_cast<int>(std::min<std::int64_t>(all_tiles, kMostBatchTiles));
  for (int tile = 0; tile < kTileCount; ++tile) {
    for (int cluster = 1; cluster <= most_cluster; cluster *= 2) {
      if (std::int64_t{cluster} * kTiles[tile].units() < hidden) continue;
      for (int batch_tiles = 1; batch_tiles <= most_tiles; ++batch_tiles) {
        const SharedLayout layout(kTiles[tile], traits.gates, cluster, batch_tiles);
        if (layout.bytes > chip.shared_per_block_optin) break;
        const std::int64_t clusters = ceil_div(all_tiles, batch_tiles) * directions;
        const Choice choice{tile,
                            cluster,
                            batch_tiles,
                            clusters,
                            ceil_div(clusters, clusters_at_once(cluster, chip)),
                            layout.bytes,
                            static_cast<int>(std::min<std::int64_t>(batch, kTileRows))};
        const double cycles = step_cycles(choice, traits, kModel.hop);
        const bool fewer = best && clusters * cluster < best->clusters * best->cluster;
        if (cycles < best_cycles || (cycles == best_cycles && fewer)) {
          best_cycles = cycles;
          best = choice;
        }
      }
    }
  }
  return best;
}

double step_seconds(const Choice& choice, const cells::Traits& traits, const Rates* rates) {
  double hop = kModel.hop;
  if (rates != nullptr) {
    const auto measured =
        std::ranges::find(rates->hops, "cluster of " + std::to_string(choice.cluster), &Hop::name);
    if (measured != rates->hops.end()) hop = measured->seconds * kModel.clock;
  }
  return step_cycles(choice, traits, hop) / kModel.clock;
}

std::optional<std::string> slower_than_steps(const Choice& choice, const cells::Traits& traits,
                                             std::int64_t hidden, std::int64_t batch) {
  const auto units = static_cast<double>(hidden);
  const auto rows = static_cast<double>(batch);
  const double weights = traits.gates * units * units;
  const double rate = std::min(kModel.most_operations, kModel.operations * std::max(1.0, rows / kModel.rows));
  const double resident = step_seconds(choice, traits);
  const double steps = kModel.launches * traits.phases * kModel.launch +
                       std::max(2 * weights / kModel.weight_bytes, 2 * weights * rows / rate);
  if (resident <= steps) return std::nullopt;
  char text[128];
  std::snprintf(text, sizeof(text),
                "by the model a step takes %.1f us here, and %.1f us as a product and a kernel",
                1e6 * resident, 1e6 * steps);
  return text;
}

std::string describe(const Choice& choice, const cells::Traits& traits) {
  const Tile& tile = kTiles[choice.tile];
  char text[320];
  std::snprintf(
      text, sizeof(text),
      "R resident in %lld x %d blocks of %d units, %d x %d warps, %d x %d rows, %zu KiB shared; %.2f us "
      "a step by the model",
      static_cast<long long>(choice.clusters), choice.cluster, tile.units(), tile.groups, tile.splits,
      choice.batch_tiles, kTileRows, choice.shared_bytes >> 10, 1e6 * step_seconds(choice, traits));
  return text;
}

}  // namespace recur::host::resident
