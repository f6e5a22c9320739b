#include "recur/tasks/crf.hpp"

#include <limits>

#include "host/tasks/crf_chain.hpp"
#include "host/tasks/views.hpp"

namespace recur::tasks {
namespace {

using namespace crf;

constexpr std::string_view kWorkspace = "crf workspace";

// Rounded up to 64 bytes.
std::int64_t padded(std::int64_t doubles) { return host::checked_sum(kWorkspace, {doubles, 7}) / 8 * 8; }

// Element counts of the workspace's parts.
struct Sizes {
  std::int64_t weights;  // [N+2][N]
  std::int64_t alpha;    // [T][N]
  std::int64_t scale;    // [T]
  std::int64_t row;      // [N]
  std::size_t bytes;     // of all, without dweights
  std::size_t bytes_with_dweights;

  Sizes(std::int64_t steps, std::int64_t labels) {
    if (steps < 1) fail("steps", "at least 1", std::to_string(steps));
    if (labels < 1) fail("labels", "at least 1", std::to_string(labels));
    weights = padded(host::checked_product(kWorkspace, {host::checked_sum(kWorkspace, {labels, 2}), labels}));
    alpha = padded(host::checked_product(kWorkspace, {steps, labels}));
    scale = padded(steps);
    row = padded(labels);
    bytes = bytes_of(host::checked_sum(kWorkspace, {weights, alpha, scale, row, row, row}));
    bytes_with_dweights =
        bytes_of(host::checked_sum(kWorkspace, {weights, weights, alpha, scale, row, row, row}));
  }

 private:
  static std::size_t bytes_of(std::int64_t doubles) {
    return static_cast<std::size_t>(
        host::checked_product(kWorkspace, {doubles, static_cast<std::int64_t>(sizeof(double))}));
  }
};

// What a call needs: of no steps as much as of one.
Sizes sizes_of(const Batch& batch, std::int64_t labels) {
  return {std::max<std::int64_t>(batch.steps, 1), labels};
}

// The parts of a workspace, in this order; `dweights` for the loss only.
struct Buffers {
  double* weights;   // [N+2][N], fp64 copy of the caller's
  double* alpha;     // [T][N], one sequence at a time
  double* scale;     // [T], likewise
  double* rows[3];   // [N] each
  double* dweights;  // [N+2][N], fp64 sums over the batch

  Buffers(std::span<std::byte> workspace, const Sizes& s) {
    weights = reinterpret_cast<double*>(workspace.data());
    alpha = weights + s.weights;
    scale = alpha + s.alpha;
    for (int i = 0; i < 3; ++i) rows[i] = scale + s.scale + i * s.row;
    dweights = rows[2] + s.row;
  }
};

// Checks what the three functions have in common and returns the batch.
Batch check_inputs(const ConstTensorView& emissions, const ConstTensorView& weights,
                   const ConstTensorView& lengths, Layout layout) {
  check_rank("emissions", emissions, 3, layout == Layout::time_major ? "[T][B][N]" : "[B][T][N]", 2);
  check_f32_or_f64("emissions", emissions);
  Batch batch{steps_of(emissions, layout), batch_of(emissions, layout), nullptr};
  const std::int64_t labels = emissions.size(2);
  if (labels > std::numeric_limits<std::int32_t>::max() - 2) {
    fail("emissions", "labels that int32 can number", host::describe(emissions));
  }
  const OuterDims outer = outer_dims(batch, layout);
  host::check_view("emissions", emissions, emissions.type(), {outer.first, outer.second, {"N", labels}});
  host::check_view("weights", weights, emissions.type(), {{"N+2", labels + 2}, {"N", labels}});
  check_lengths(lengths, batch.size);
  batch.lengths = static_cast<const std::int32_t*>(lengths.data());
  return batch;
}

void check_steps_output(std::string_view name, const TensorView& view, DataType type, const Batch& batch,
                        Layout layout, std::int64_t labels) {
  const OuterDims outer = outer_dims(batch, layout);
  host::check_output(name, view, type, {outer.first, outer.second, {"N", labels}});
}

template <class E>
void clear_past_end(const OutputSteps<E>& out, const Batch& batch, std::int64_t b, std::int64_t count,
                    E value) {
  for (std::int64_t t = batch.length(b); t < batch.steps; ++t) std::fill_n(out.at(t, b), count, value);
}

template <class E>
void run_log_partition(const CrfLogPartitionArgs& args, const Batch& batch, const Buffers& buffers) {
  const Chain chain = load_chain<E>(args.weights, buffers.weights);
  const Steps<E> emissions(args.emissions, args.layout);
  E* out = static_cast<E*>(args.log_partition.data());
  const OutputSteps<E> marginals(args.marginals, args.layout);
  for (std::int64_t b = 0; b < batch.size; ++b) {
    out[b] = 0;
    if (args.marginals.given()) clear_past_end(marginals, batch, b, chain.labels, E{0});
    const Sequence<E> sequence{&emissions, b, batch.length(b)};
    if (sequence.length == 0) continue;
    double rest = 0;
    const double log_z = forward_pass(chain, sequence, buffers.alpha, buffers.scale, buffers.rows[0], rest);
    out[b] = static_cast<E>(log_z);
    if (!args.marginals.given()) continue;
    Gradient<E> gradient;
    gradient.emissions = &marginals;
    backward_pass(chain, sequence, buffers.alpha, buffers.scale, rest, buffers.rows, gradient);
  }
}

template <class E>
void run_loss(const CrfLossArgs& args, const Batch& batch, const Buffers& buffers) {
  const Chain chain = load_chain<E>(args.weights, buffers.weights);
  const std::int64_t labels = chain.labels;
  const Steps<E> emissions(args.emissions, args.layout);
  const Steps<std::int32_t> path(args.labels, args.layout);
  const OutputSteps<E> demissions(args.demissions, args.layout);
  const E* factors = static_cast<const E*>(args.dloss.data());
  E* out = static_cast<E*>(args.loss.data());
  const bool wants_gradient = args.demissions.given() || args.dweights.given();

  Gradient<E> gradient;
  gradient.labels = &path;
  if (args.demissions.given()) gradient.emissions = &demissions;
  if (args.dweights.given()) {
    gradient.weights = buffers.dweights;
    std::fill_n(buffers.dweights, (labels + 2) * labels, 0.0);
  }
  for (std::int64_t b = 0; b < batch.size; ++b) {
    out[b] = 0;
    if (args.demissions.given()) clear_past_end(demissions, batch, b, labels, E{0});
    const Sequence<E> sequence{&emissions, b, batch.length(b)};
    if (sequence.length == 0) continue;
    double rest = 0;
    const double log_z = forward_pass(chain, sequence, buffers.alpha, buffers.scale, buffers.rows[0], rest);
    out[b] = static_cast<E>(log_z - path_score(chain, sequence, path));
    if (!wants_gradient) continue;
    gradient.scale = factors == nullptr ? 1 : static_cast<double>(factors[b]);
    backward_pass(chain, sequence, buffers.alpha, buffers.scale, rest, buffers.rows, gradient);
  }
  if (!args.dweights.given()) return;
  for (std::int64_t i = 0; i < labels + 2; ++i) {
    E* row = row_of<E>(args.dweights, i);
    const double* sums = buffers.dweights + i * labels;
    for (std::int64_t n = 0; n < labels; ++n) {
      const double before = args.mode == GradientMode::accumulate ? static_cast<double>(row[n]) : 0;
      row[n] = static_cast<E>(before + sums[n]);
    }
  }
}

template <class E>
void run_decode(const CrfDecodeArgs& args, const Batch& batch, const Buffers& buffers) {
  const Chain chain = load_chain<E>(args.weights, buffers.weights);
  const Steps<E> emissions(args.emissions, args.layout);
  const OutputSteps<std::int32_t> labels(args.labels, args.layout);
  E* scores = static_cast<E*>(args.scores.data());
  for (std::int64_t b = 0; b < batch.size; ++b) {
    scores[b] = 0;
    clear_past_end(labels, batch, b, 1, std::int32_t{-1});
    const Sequence<E> sequence{&emissions, b, batch.length(b)};
    if (sequence.length == 0) continue;
    scores[b] = static_cast<E>(best_path(chain, sequence, buffers.alpha, labels));
  }
}

}  // namespace

std::size_t crf_log_partition_workspace(std::int64_t steps, std::int64_t labels) {
  return Sizes(steps, labels).bytes;
}

std::size_t crf_loss_workspace(std::int64_t steps, std::int64_t labels) {
  return Sizes(steps, labels).bytes_with_dweights;
}

std::size_t crf_decode_workspace(std::int64_t steps, std::int64_t labels) {
  return Sizes(steps, labels).bytes;
}

void crf_log_partition(const CrfLogPartitionArgs& args, std::span<std::byte> workspace) {
  const Batch batch = check_inputs(args.emissions, args.weights, args.lengths, args.layout);
  const DataType type = args.emissions.type();
  const std::int64_t labels = args.emissions.size(2);
  host::check_output("log_partition", args.log_partition, type, {{"B", batch.size}});
  if (args.marginals.given()) {
    check_steps_output("marginals", args.marginals, type, batch, args.layout, labels);
  }
  const Sizes sizes = sizes_of(batch, labels);
  host::check_buffer("workspace", workspace.data(), workspace.size(), sizes.bytes);
  host::OverlapCheck overlap;
  overlap.input("emissions", args.emissions);
  overlap.input("weights", args.weights);
  overlap.input("lengths", args.lengths);
  overlap.output("log_partition", args.log_partition);
  overlap.output("marginals", args.marginals);
  overlap.output("workspace", workspace.data(), sizes.bytes);
  overlap.check();

  with_float(type,
             [&](auto zero) { run_log_partition<decltype(zero)>(args, batch, Buffers(workspace, sizes)); });
}

void crf_loss(const CrfLossArgs& args, std::span<std::byte> workspace) {
  const Batch batch = check_inputs(args.emissions, args.weights, args.lengths, args.layout);
  const DataType type = args.emissions.type();
  const std::int64_t labels = args.emissions.size(2);
  check_labels(args.labels, batch, args.layout, labels);
  if (args.dloss.given()) host::check_view("dloss", args.dloss, type, {{"B", batch.size}});
  host::check_output("loss", args.loss, type, {{"B", batch.size}});
  if (args.demissions.given()) {
    check_steps_output("demissions", args.demissions, type, batch, args.layout, labels);
  }
  if (args.dweights.given()) {
    host::check_output("dweights", args.dweights, type, {{"N+2", labels + 2}, {"N", labels}});
  }
  const Sizes sizes = sizes_of(batch, labels);
  host::check_buffer("workspace", workspace.data(), workspace.size(), sizes.bytes_with_dweights);
  host::OverlapCheck overlap;
  overlap.input("emissions", args.emissions);
  overlap.input("weights", args.weights);
  overlap.input("labels", args.labels);
  overlap.input("lengths", args.lengths);
  overlap.input("dloss", args.dloss);
  overlap.output("loss", args.loss);
  overlap.output("demissions", args.demissions);
  overlap.output("dweights", args.dweights);
  overlap.output("workspace", workspace.data(), sizes.bytes_with_dweights);
  overlap.check();

  with_float(type, [&](auto zero) { run_loss<decltype(zero)>(args, batch, Buffers(workspace, sizes)); });
}

void crf_decode(const CrfDecodeArgs& args, std::span<std::byte> workspace) {
  const Batch batch = check_inputs(args.emissions, args.weights, args.lengths, args.layout);
  const DataType type = args.emissions.type();
  const OuterDims outer = outer_dims(batch, args.layout);
  host::check_output("labels", args.labels, DataType::i32, {outer.first, outer.second});
  host::check_output("scores", args.scores, type, {{"B", batch.size}});
  const Sizes sizes = sizes_of(batch, args.emissions.size(2));
  host::check_buffer("workspace", workspace.data(), workspace.size(), sizes.bytes);
  host::OverlapCheck overlap;
  overlap.input("emissions", args.emissions);
  overlap.input("weights", args.weights);
  overlap.input("lengths", args.lengths);
  overlap.output("labels", args.labels);
  overlap.output("scores", args.scores);
  overlap.output("workspace", workspace.data(), sizes.bytes);
  overlap.check();

  with_float(type, [&](auto zero) { run_decode<decltype(zero)>(args, batch, Buffers(workspace, sizes)); });
}

}  // namespace recur::tasks
