#include "host/cpu/tiling.hpp"

#include <initializer_list>
#include <limits>

#include "host/check.hpp"
#include "host/cpu/members.hpp"
#include "host/cpu/storage.hpp"

namespace recur::host::cpu {
namespace {

// How much of the processor's rate a tile of so many vectors reaches, of a batch that fills its rows: narrow
// ones read more for each multiplication (docs/performance.md).
constexpr double kRateOfVectors[] = {0.85, 0.95, 1, 1, 1, 1};

// Bytes of W x held between its product and its use. Half of a typical 1 MiB private L2, so that it is still
// there when the steps read it, and enough rows that the product runs at its full rate.
constexpr std::int64_t kChunkBytes = 512 << 10;

// Rows whose terms are summed before a gradient is read and written again. 256 rows, whose right side stays in a
// private L2, took 1.01 to 1.09 times as long in backward of layers of 256 to 650 units.
constexpr std::int64_t kGradientRows = 768;

// Least multiply-adds a thread must find in one step to be worth a barrier per step (about a microsecond on
// two cores), and in a whole pass to be worth waking (some ten microseconds).
constexpr std::int64_t kMinStepWork = 128 << 10;
constexpr std::int64_t kMinPassWork = 2 << 20;

// Least rows of a batch group: fewer leave register tiles of rows half empty.
constexpr std::int64_t kMinGroupRows = 4;

// Work that 64 bits cannot count is as good as the most that they can.
std::int64_t saturating_product(std::initializer_list<std::int64_t> factors) {
  std::int64_t product = 1;
  for (std::int64_t factor : factors) {
    if (__builtin_mul_overflow(product, factor, &product)) return std::numeric_limits<std::int64_t>::max();
  }
  return product;
}

struct Groups {
  int direction = 1;
  int batch = 1;
  int unit = 1;
};

Groups choose_groups(const Job& job, std::int64_t units_of_work) {
  const Spec& spec = job.spec;
  const std::int64_t batch = job.shape.batch;
  // Of the products with R. Where there is no R those with W count, of as many inputs as units.
  const std::int64_t step_work =
      saturating_product({gates_of(spec), spec.hidden_size, spec.hidden_size, batch});
  const std::int64_t pass_work = saturating_product({step_work, job.shape.steps});
  const std::int64_t recurrent_bytes =
      has_recurrent_weights(spec) ? saturating_product({gates_of(spec), spec.hidden_size, spec.hidden_size,
                                                        static_cast<std::int64_t>(size_of(spec.dtype))})
                                  : 0;

  Groups groups;
  int left = job.options.threads;
  if (directions_of(spec) == 2 && left >= 2 && pass_work >= kMinPassWork) {
    groups.direction = 2;
    left /= 2;
  }
  const auto batch_groups = [&](int most) {
    const std::int64_t by_rows = batch / kMinGroupRows;
    const std::int64_t by_work = pass_work / kMinPassWork;
    return static_cast<int>(
        std::clamp<std::int64_t>(std::min(by_rows, by_work), 1, std::min(most, kMaxBatchGroups)));
  };
  const auto unit_groups = [&](int most, int of_batch) {
    const std::int64_t by_work = step_work / of_batch / kMinStepWork;
    return static_cast<int>(std::clamp<std::int64_t>(std::min(by_work, units_of_work), 1, most));
  };
  // Where R is larger than a core's own cache, sharing it out by units keeps each share resident; otherwise
  // splitting the batch costs no barrier per step.
  if (recurrent_bytes > static_cast<std::int64_t>(job.device.cpu.l2_bytes)) {
    groups.unit = unit_groups(left, 1);
    groups.batch = batch_groups(left / groups.unit);
  } else {
    groups.batch = batch_groups(left);
    groups.unit = unit_groups(left / groups.batch, groups.batch);
  }
  return groups;
}

}  // namespace

int choose_panel_vectors(std::int64_t columns, int lanes, int gates, int max_panel_vectors, int groups) {
  const int most = std::max(1, max_panel_vectors / gates);
  int best = 1;
  double least = std::numeric_limits<double>::infinity();
  for (int vectors = 1; vectors <= most; ++vectors) {
    // Every group has columns, and the busiest one counts, padding included.
    const std::int64_t width = static_cast<std::int64_t>(vectors) * lanes;
    if (vectors > 1 && width * (groups - 1) >= columns) break;
    const std::int64_t panels = round_up(columns, width) / width;
    const std::int64_t busiest = (panels + groups - 1) / groups * width;
    const double time = static_cast<double>(busiest) / kRateOfVectors[vectors * gates - 1];
    if (time <= least) {
      least = time;
      best = vectors;
    }
  }
  return best;
}

Tiling choose_tiling(const Job& job, int lanes, int max_panel_vectors) {
  const Spec& spec = job.spec;
  const cells::Traits traits = cells::traits_of(variant_of(spec));
  const std::int64_t hidden = spec.hidden_size;

  const Groups groups = choose_groups(job, round_up(hidden, lanes) / lanes);
  Tiling tiling{};
  tiling.lanes = lanes;
  tiling.direction_groups = groups.direction;
  tiling.batch_groups = groups.batch;
  tiling.unit_groups = groups.unit;

  int gates = 1;
  for (int phase = 0; phase < traits.phases; ++phase) gates = std::max(gates, traits.gates_of_phase(phase));
  tiling.max_panel_vectors = max_panel_vectors;
  tiling.panel_vectors = choose_panel_vectors(hidden, lanes, gates, max_panel_vectors, groups.unit);
  tiling.panel_units = static_cast<std::int64_t>(tiling.panel_vectors) * lanes;
  tiling.panels = round_up(hidden, tiling.panel_units) / tiling.panel_units;

  const int back_vectors = choose_panel_vectors(hidden, lanes, 1, max_panel_vectors, groups.unit);
  tiling.back_units = static_cast<std::int64_t>(back_vectors) * lanes;
  tiling.back_panels = round_up(hidden, tiling.back_units) / tiling.back_units;
  tiling.input_width = tiling.width_for(checked_product("G*H", {traits.gates, hidden}));

  const std::int64_t most_rows = checked_product("T*B", {job.shape.steps, job.shape.batch});
  const std::int64_t row_bytes = checked_product(
      "a row of W x", {traits.gates, hidden, static_cast<std::int64_t>(size_of(arithmetic_of(spec.dtype)))});
  tiling.chunk_rows = std::min(most_rows, std::max(job.shape.batch, kChunkBytes / row_bytes));
  tiling.gradient_rows = std::min(most_rows, kGradientRows);
  return tiling;
}

std::string Tiling::describe() const {
  return "panels of " + std::to_string(panel_units) + " units (" + std::to_string(panel_vectors) + " x " +
         std::to_string(lanes) + " lanes), " + std::to_string(panels) + " per step; threads " +
         std::to_string(direction_groups) + " direction x " + std::to_string(batch_groups) + " batch x " +
         std::to_string(unit_groups) + " unit; input product in chunks of " + std::to_string(chunk_rows) +
         " rows";
}

}  // namespace recur::host::cpu
