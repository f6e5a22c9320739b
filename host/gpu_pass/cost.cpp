#include "host/gpu_pass/cost.hpp"

#include "host/rates.hpp"

namespace recur::host::gpu_pass {

CostModel::CostModel(const Geometry& geometry, const RunSizes& sizes, const Rates& measured)
    : g(geometry),
      rates(measured),
      operations(rates.operations_per_second.of(g.type, g.tf32)),
      steps(static_cast<double>(sizes.steps)),
      batch(static_cast<double>(sizes.batch)),
      chunks(sizes.steps, g.forward_chunk_steps(sizes)),
      hidden(static_cast<double>(g.hidden)),
      h_size(static_cast<double>(g.h_size())),
      gate_columns(static_cast<double>(g.gate_columns())) {}

double CostModel::kernel(double bytes) const {
  return std::max(rates.launch_seconds, bytes / level_for(rates, bytes).bytes_per_second);
}

double CostModel::product(double M, double N, double K, double result_bytes) const {
  return std::max(2 * M * N * K / operations, kernel(stored(M * K + K * N) + result_bytes));
}

namespace {

// What surrounds the steps.
struct PassCost : CostModel {
  using CostModel::CostModel;

  // One direction of one layer of forward.
  double forward_track(std::int64_t layer, bool training) const {
    const double columns = static_cast<double>(g.columns(layer));
    const double h = stored(batch * h_size);
    const double c = g.traits.cell_state ? summed(batch * hidden) : 0;
    double seconds = move_states(h, c);
    // In training the biases are canonical, and combined first.
    if (training && g.bias != Bias::none) seconds += kernel(stored(2 * gate_columns) + summed(gate_columns));
    const auto input_product = [&](std::int64_t chunk) {
      const double rows = static_cast<double>(chunks.size(chunk)) * batch;
      return product(rows, gate_columns, columns, summed(rows * gate_columns));
    };
    // All chunks but the last are of one size.
    const std::int64_t last = chunks.count() - 1;
    seconds += static_cast<double>(last) * input_product(0) + input_product(last);
    if (g.drops_below(layer)) {
      // What is left of the inputs is copied, chunk by chunk.
      seconds += std::max(kernel(stored(2 * steps * batch * columns)),
                          static_cast<double>(chunks.count()) * rates.launch_seconds);
    }
    return seconds;
  }

  // The same of backward, with the gradients of weights and inputs.
  double backward_track(std::int64_t layer) const {
    const double dh = summed(batch * h_size);
    const double dc = g.traits.cell_state ? summed(batch * hidden) : 0;
    double seconds = 2 * move_states(dh, dc);  // the start and the end
    if (g.traits.split_gate >= 0 && !g.transposes_R) {
      // R with its gates in another order, by two copies.
      seconds += kernel(stored(2 * hidden * hidden)) + kernel(stored(2 * (gate_columns - hidden) * hidden));
    }
    return seconds + gradients(layer);
  }

  // Both by one kernel, where they are of one size.
  double move_states(double h_bytes, double c_bytes) const {
    return g.projected() ? kernel(2 * h_bytes) + kernel(2 * c_bytes) : kernel(2 * (h_bytes + c_bytes));
  }

  double gradients(std::int64_t layer) const {
    const double rows = steps * batch;
    const double columns = static_cast<double>(g.columns(layer));
    double seconds = product(gate_columns, columns, rows, summed(gate_columns * columns)) +
                     product(rows, columns, gate_columns, stored(rows * columns));
    // dR: one product for the gates of each phase, or for the split gate and the others.
    const bool split = g.traits.split_gate >= 0;
    const double first = split ? hidden : g.traits.gates_of_phase(0) * hidden;
    if (g.traits.recurrent) seconds += product(first, h_size, rows, summed(first * h_size));
    if (g.traits.recurrent && first < gate_columns) {
      const double others = gate_columns - first;
      seconds += product(others, h_size, rows, summed(others * h_size));
    }
    if (g.projected()) seconds += product(h_size, hidden, rows, summed(h_size * hidden));
    // What forward read of the inputs, once more, and the same of dx.
    if (g.drops_below(layer)) seconds += 2 * kernel(stored(2 * rows * columns));
    // Sums of 16-bit gradients are rounded in the end.
    if (g.narrow()) {
      seconds += kernel((summed(1) + stored(1)) * gate_columns * columns);
      if (g.traits.recurrent) seconds += kernel((summed(1) + stored(1)) * gate_columns * h_size);
    }
    // Biases: column sums in parts, and of the parts for bW and bR.
    if (g.bias == Bias::none) return seconds;
    const int stores = g.bias == Bias::single || !g.traits.recurrent ? 1 : split ? 3 : 2;
    return seconds + kernel(stored(rows * static_cast<double>(g.sum_columns()))) +
           stores * rates.launch_seconds;
  }
};

}  // namespace

std::optional<double> forward_seconds(const PassPlan& plan, const RunSizes& sizes, bool training,
                                      const Rates& rates) {
  const Geometry& g = plan.geometry;
  const PassCost cost(g, sizes, rates);
  if (!cost.known()) return std::nullopt;
  double seconds = static_cast<double>(g.layers) * plan.forward->seconds(cost, training);
  for (std::int64_t layer = 0; layer < g.layers; ++layer) {
    seconds += static_cast<double>(g.directions) * cost.forward_track(layer, training);
  }
  return seconds;
}

std::optional<double> backward_seconds(const PassPlan& plan, const RunSizes& sizes, const Rates& rates) {
  const Geometry& g = plan.geometry;
  const PassCost cost(g, sizes, rates);
  if (!cost.known()) return std::nullopt;
  double seconds = static_cast<double>(g.layers) * plan.backward->seconds(cost);
  for (std::int64_t layer = 0; layer < g.layers; ++layer) {
    seconds += static_cast<double>(g.directions) * cost.backward_track(layer);
  }
  return seconds;
}

}  // namespace recur::host::gpu_pass
