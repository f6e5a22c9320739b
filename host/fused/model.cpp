#include "host/fused/model.hpp"

#include <algorithm>
#include <cstdio>

namespace recur::host::fused {
namespace {

namespace kernel = recur::fused;

// Assumptions, all of them: docs/engines/fused.md says where each comes from. Cycles are of a multiprocessor.
struct Model {
  double clock = 1.5e9;              // cycles a second
  double launch = 1.4e-6;            // seconds from the end of a kernel to the next within a graph
  double dependent_launch = 0.9e-6;  // the same where the next has started before
  double latency = 1000;             // cycles from the first load of h to h stored, without the product
  double l2_share = 32;              // bytes a cycle that L2 gives each multiprocessor when all of them read
  double l2_port = 64;               // the most that one takes
  double l2_kept = 0.7;              // the share of L2 that R may fill to stay there from step to step
  double quarters = 4;               // of a multiprocessor
  std::int64_t assumed_l2_bytes = std::int64_t{40} << 20;
};
constexpr Model kModel;

// What differs between generations.
struct Generation {
  int capability;       // and newer
  double memory;        // bytes a second of the memory outside the chip
  double half_product;  // cycles of a quarter for an mma m16n8k16 of 16 bits
  double scalar_lanes;  // f32 multiply-adds a cycle of a multiprocessor
};
constexpr Generation kGenerations[] = {
    {120, 1.5e12, 16, 128}, {100, 6e12, 6.3, 128}, {90, 3e12, 6.3, 128},
    {86, 3e11, 16, 128},    {80, 1.5e12, 8, 64},   {0, 3e11, 32, 64},
};
// The part of the arithmetic units' rate that a kernel of this size reaches, whoever wrote it.
constexpr double kScalarShare = 0.5;

const Generation& generation_of(const CudaProps& chip) {
  const int capability = 10 * chip.compute_major + chip.compute_minor;
  return *std::ranges::find_if(kGenerations, [&](const Generation& g) { return capability >= g.capability; });
}

constexpr std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }
double real(std::int64_t value) { return static_cast<double>(value); }

double bytes_of(Operands operands) { return operands == Operands::f32 || operands == Operands::tf32 ? 4 : 2; }

// Cycles of a multiprocessor that multiplies `rows` rows, in tiles of 8, by `weights` rows of R.
double product_cycles(const StepShape& shape, const CudaProps& chip, double tiles, double weights) {
  const Generation& generation = generation_of(chip);
  const double depth = real(shape.hidden);
  if (shape.operands == Operands::f32) {
    return tiles * kernel::kTileRows * weights * depth / (generation.scalar_lanes * kScalarShare);
  }
  const double deep = shape.operands == Operands::tf32 ? 8 : 16;  // of an instruction that takes as long
  return tiles * (weights / 16) * (depth / deep) * generation.half_product / kModel.quarters;
}

double multiprocessors(const CudaProps& chip) { return std::max(chip.multiprocessors, 1); }

// Cycles that all of the chip needs to read so many bytes of R, of which `resident` different ones.
double read_cycles(double bytes, double resident, const CudaProps& chip) {
  const double l2 =
      chip.l2_bytes > 0 ? static_cast<double>(chip.l2_bytes) : static_cast<double>(kModel.assumed_l2_bytes);
  const double from_l2 = bytes / (kModel.l2_share * multiprocessors(chip));
  if (resident <= kModel.l2_kept * l2) return from_l2;
  return std::max(from_l2, resident / generation_of(chip).memory * kModel.clock);
}

}  // namespace

Operands operands_of(DataType type, bool tf32) {
  if (type == DataType::bf16) return Operands::bf16;
  if (type == DataType::f16) return Operands::f16;
  return tf32 ? Operands::tf32 : Operands::f32;
}

bool has_dependent_launches(const CudaProps& chip) { return chip.compute_major >= 9; }

StepShape step_shape_of(const Job& job) {
  const bool tf32 = job.options.tf32 && job.device.cuda.compute_major >= 8;
  return {cells::traits_of(variant_of(job.spec)), operands_of(job.spec.dtype, tf32), job.spec.hidden_size,
          job.shape.batch, directions_of(job.spec)};
}

double fused_step_seconds(const StepShape& shape, const CudaProps& chip) {
  const int tiles = kernel::tiles_of(shape.operands, shape.batch);
  const std::int64_t blocks = shape.directions * kernel::blocks_of(shape.operands, shape.hidden, shape.batch);
  const double waves = real(ceil_div(blocks, static_cast<std::int64_t>(multiprocessors(chip))));
  double seconds = 0;
  for (int phase = 0; phase < shape.traits.phases; ++phase) {
    const std::int64_t gates = shape.traits.gates_of_phase(phase);
    const double row = real(shape.hidden) * bytes_of(shape.operands);
    const double block_bytes = real(gates * kernel::kUnits) * row;
    const double read = std::max(
        read_cycles(real(blocks) * block_bytes, real(shape.directions * gates * shape.hidden) * row, chip),
        waves * block_bytes / kModel.l2_port);
    // An mma instruction has the units of two gates.
    const std::int64_t paired = shape.operands == Operands::f32 ? gates : 2 * ceil_div(gates, 2);
    const double product = waves * product_cycles(shape, chip, tiles, real(paired * kernel::kUnits));
    if (has_dependent_launches(chip)) {
      // R is read while the step before is under way.
      seconds +=
          std::max(kModel.dependent_launch + (kModel.latency + product) / kModel.clock, read / kModel.clock);
    } else {
      seconds += kModel.launch + (kModel.latency + std::max(product, read)) / kModel.clock;
    }
  }
  return seconds;
}

double fused_backward_step_seconds(const StepShape& shape, const CudaProps& chip) {
  const int tiles = kernel::tiles_of(shape.operands, shape.batch);
  const std::int64_t blocks =
      shape.directions * kernel::backward_blocks_of(shape.operands, shape.hidden, shape.batch);
  const double waves = real(ceil_div(blocks, static_cast<std::int64_t>(multiprocessors(chip))));
  const std::int64_t all_depth = shape.traits.gates * shape.hidden;
  const double warps = kernel::warps_of(shape.operands, all_depth);
  double seconds = 0;
  for (int phase = 0; phase < shape.traits.phases; ++phase) {
    const std::int64_t depth = shape.traits.gates_of_phase(phase) * shape.hidden;
    const double column = bytes_of(shape.operands);
    const double weights = kernel::kBackwardUnits * real(depth) * column;
    const double dgates =
        real(std::min<std::int64_t>(shape.batch, tiles * kernel::kTileRows)) * real(depth) * column;
    // Of R and dgates, by all blocks and by those of one multiprocessor.
    const auto read = [&](double of_weights, double of_dgates) {
      const double bytes = of_weights * weights + of_dgates * dgates;
      return std::max(
          read_cycles(real(blocks) * bytes, real(shape.directions * depth * shape.hidden) * column, chip),
          waves * bytes / kModel.l2_port);
    };
    StepShape product_shape = shape;
    product_shape.hidden = depth;
    const double product = waves * product_cycles(product_shape, chip, tiles, kernel::kBackwardUnits);
    if (has_dependent_launches(chip)) {
      // The first chunks of R are read while the step before is under way, by blocks of which two fit beside each other.
      const double ahead =
          warps * kernel::backward_chunks_ahead(shape.operands) * kernel::chunk_depth(shape.operands);
      const double late = tiles == 1 && waves == 1 ? std::max(0.0, 1 - ahead / real(depth)) : 1;
      seconds += std::max(
          kModel.dependent_launch + (kModel.latency + std::max(product, read(late, 1))) / kModel.clock,
          read(1, 1) / kModel.clock);
    } else {
      seconds += kModel.launch + (kModel.latency + std::max(product, read(1, 1))) / kModel.clock;
    }
  }
  return seconds;
}

double separate_step_seconds(const StepShape& shape, const CudaProps& chip) {
  double seconds = 0;
  for (int phase = 0; phase < shape.traits.phases; ++phase) {
    const double weights = real(shape.traits.gates_of_phase(phase) * shape.hidden);
    const double bytes = weights * real(shape.hidden) * bytes_of(shape.operands);
    const double tiles = real(ceil_div(shape.batch, kernel::kTileRows));
    const double product = product_cycles(shape, chip, tiles, weights) / multiprocessors(chip);
    const double read = read_cycles(bytes, real(shape.directions) * bytes, chip);
    seconds += 2 * kModel.launch + (kModel.latency + std::max(product, read)) / kModel.clock;
  }
  return real(shape.directions) * seconds;
}

bool has_fused_backward(const StepShape& shape, const CudaProps& chip) {
  return fused_backward_step_seconds(shape, chip) <= separate_step_seconds(shape, chip);
}

std::optional<std::string> slower_than_separate(const StepShape& shape, bool training,
                                                const CudaProps& chip) {
  double fused = fused_step_seconds(shape, chip), separate = separate_step_seconds(shape, chip);
  if (training) {
    fused += std::min(fused_backward_step_seconds(shape, chip), separate);
    separate *= 2;
  }
  if (fused <= separate) return std::nullopt;
  char text[128];
  std::snprintf(text, sizeof(text),
                "by the model a step%s takes %.1f us here, and %.1f us as a product and a kernel",
                training ? " of both passes" : "", 1e6 * fused, 1e6 * separate);
  return text;
}

std::string describe(const StepShape& shape, const CudaProps& chip) {
  const std::int64_t blocks = kernel::blocks_of(shape.operands, shape.hidden, shape.batch);
  const int tiles = kernel::tiles_of(shape.operands, shape.batch);
  const std::string phases = shape.traits.phases == 1 ? "" : std::to_string(shape.traits.phases) + " x ";
  const std::int64_t all_blocks = shape.directions * blocks;
  char text[256];
  std::snprintf(
      text, sizeof(text),
      "%sone kernel a step in %lld blocks of %d units, %d warps, %d rows%s; %.2f us a step by the model",
      phases.c_str(), static_cast<long long>(all_blocks), kernel::kUnits,
      kernel::warps_of(shape.operands, shape.hidden), tiles * kernel::kTileRows,
      has_dependent_launches(chip) ? ", R read ahead" : "", 1e6 * fused_step_seconds(shape, chip));
  return text;
}

std::string describe_backward(const StepShape& shape, const CudaProps& chip) {
  const double fused = fused_backward_step_seconds(shape, chip);
  char text[256];
  if (!has_fused_backward(shape, chip)) {
    std::snprintf(
        text, sizeof(text),
        "; backward: product and gate kernel a step, %.2f us by the model, and %.2f us as one kernel",
        1e6 * separate_step_seconds(shape, chip), 1e6 * fused);
    return text;
  }
  const std::string phases = shape.traits.phases == 1 ? "" : std::to_string(shape.traits.phases) + " x ";
  const std::int64_t blocks =
      shape.directions * kernel::backward_blocks_of(shape.operands, shape.hidden, shape.batch);
  std::snprintf(text, sizeof(text),
                "; backward: %sone kernel a step in %lld blocks of %d units, %d warps, %d rows; %.2f us a "
                "step by the model",
                phases.c_str(), static_cast<long long>(blocks), kernel::kBackwardUnits,
                kernel::warps_of(shape.operands, shape.traits.gates * shape.hidden),
                kernel::tiles_of(shape.operands, shape.batch) * kernel::kTileRows, 1e6 * fused);
  return text;
}

}  // namespace recur::host::fused
