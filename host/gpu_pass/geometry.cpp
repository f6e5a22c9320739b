#include "host/gpu_pass/geometry.hpp"

namespace recur::host::gpu_pass {
namespace {

// What the cutting of time is decided by.
struct Tuning {
  // The share of L2 that W x of one chunk may fill. Written by the input product and read back step by step,
  // so it should stay there, beside R and what other streams hold.
  std::int64_t chunks_in_l2 = 3;
  // L2 of a device whose description leaves it out: a large GPU's.
  std::int64_t assumed_l2_bytes = std::int64_t{48} << 20;
  // Rows of an input product below which it cannot fill the tiles of a tensor core kernel.
  std::int64_t least_rows = 128;
  // Chunks that a stack of layers wants: with four layers in flight, filling and draining the wavefront then
  // costs less than a third.
  std::int64_t wavefront_chunks = 8;
  // Parts that a product with a long K and a small result may be split into, so that a GPU of a hundred
  // multiprocessors has work; a result that would need more than the most bytes has tiles enough.
  std::int64_t split = 16;
  std::int64_t most_scratch_bytes = std::int64_t{8} << 20;
};
constexpr Tuning kTuning;

// Layers of a stack that go backward at once. Each holds the gradients of its sums for all steps, the largest
// buffer there is, so no more than it takes to hide one behind the other.
constexpr int kBackwardSlots = 2;

}  // namespace

std::int64_t Geometry::chunk_steps(const RunSizes& sizes) const {
  std::int64_t steps = whole_chunk_steps(sizes);
  if (directions == 1 && layers > 1) {
    const std::int64_t share = (sizes.steps + kTuning.wavefront_chunks - 1) / kTuning.wavefront_chunks;
    const std::int64_t least = (kTuning.least_rows + sizes.batch - 1) / sizes.batch;
    steps = std::min(steps, std::max(share, least));
  }
  return steps;
}

Geometry geometry_of(const Job& job) {
  Geometry g{layers::stack_of(job)};
  g.tf32 = job.options.tf32 && g.type == DataType::f32 && job.device.cuda.compute_major >= 8;
  const std::int64_t row_bytes = g.gate_columns() * static_cast<std::int64_t>(size_of(g.sums));
  const auto l2_bytes = static_cast<std::int64_t>(job.device.cuda.l2_bytes);
  const std::int64_t chunk_bytes =
      (l2_bytes > 0 ? l2_bytes : kTuning.assumed_l2_bytes) / kTuning.chunks_in_l2;
  const std::int64_t wanted = std::max(chunk_bytes / row_bytes, kTuning.least_rows);
  // No more than a whole run, without the product that could overflow.
  const bool all_fit = job.shape.steps <= wanted / job.shape.batch;
  g.chunk_rows = all_fit ? job.shape.steps * job.shape.batch : std::max(wanted, job.shape.batch);
  // Results that are small beside their K: the sums of a step, and in training the gradients of W and R.
  const bool training = job.options.pass == Pass::training;
  const std::int64_t result_rows =
      std::max(job.shape.batch, training ? std::max(g.widest_columns(), g.hidden) : 1);
  const std::int64_t result_bytes = kTuning.split * static_cast<std::int64_t>(size_of(g.sums));
  const std::int64_t most_results = kTuning.most_scratch_bytes / result_bytes;
  g.scratch_bytes = g.gate_columns() <= most_results / result_rows
                        ? g.gate_columns() * result_rows * result_bytes
                        : kTuning.most_scratch_bytes;
  if (g.directions == 2) {
    g.forward_slots = g.backward_slots = 2;
  } else if (g.chunk_steps({job.shape.steps, job.shape.batch}) < job.shape.steps) {
    g.forward_slots = static_cast<int>(std::min<std::int64_t>(g.layers, gpu::kMostSlots));
    g.backward_slots = static_cast<int>(std::min<std::int64_t>(g.layers, kBackwardSlots));
  }
  return g;
}

std::string describe_products(const Geometry& g, const RunSizes& sizes) {
  const auto name = [](DataType type) { return std::string(name_of(type)); };
  return ", operands " + (g.tf32 ? "tf32" : name(g.type)) + ", sums " + name(g.sums) +
         ", input products of " + std::to_string(g.forward_chunk_steps(sizes)) + " steps";
}

std::string describe_dropout(const Geometry& g) {
  return g.dropout ? ", dropout between layers, masks formed again in backward" : "";
}

}  // namespace recur::host::gpu_pass
