#include "host/stepwise/cost.hpp"

#include "host/rates.hpp"

namespace recur::host::stepwise {
namespace {

class Cost {
 public:
  Cost(const Geometry& g, const RunSizes& sizes, const Rates& rates)
      : g_(g),
        rates_(rates),
        operations_(rates.operations_per_second.of(g.type, g.tf32)),
        steps_(static_cast<double>(sizes.steps)),
        batch_(static_cast<double>(sizes.batch)),
        chunks_(sizes.steps, g.resident ? g.whole_chunk_steps(sizes) : g.chunk_steps(sizes)),
        hidden_(static_cast<double>(g.hidden)),
        h_size_(static_cast<double>(g.h_size())),
        gate_columns_(static_cast<double>(g.gate_columns())) {}

  bool known() const { return operations_ > 0; }

  double forward(bool training) const {
    double seconds = 0;
    for (std::int64_t layer = 0; layer < g_.layers; ++layer) {
      seconds += static_cast<double>(g_.directions) * forward_track(layer, training);
      if (g_.resident) seconds += resident_steps();
    }
    return seconds;
  }

  double backward() const {
    double seconds = 0;
    for (std::int64_t layer = 0; layer < g_.layers; ++layer) {
      seconds += static_cast<double>(g_.directions) * (backward_track() + gradients(layer));
    }
    return seconds;
  }

 private:
  // Bytes of so many stored values, and of sums.
  double stored(double count) const { return count * static_cast<double>(size_of(g_.type)); }
  double summed(double count) const { return count * static_cast<double>(size_of(g_.sums)); }

  // A kernel that moves so many bytes.
  double kernel(double bytes) const {
    return std::max(rates_.launch_seconds, bytes / level_for(rates_, bytes).bytes_per_second);
  }
  // A product of stored operands, whose result has `result_bytes`.
  double product(double M, double N, double K, double result_bytes) const {
    return std::max(2 * M * N * K / operations_, kernel(stored(M * K + K * N) + result_bytes));
  }

  // Both by one kernel, where they are of one size.
  double move_states(double h_bytes, double c_bytes) const {
    return g_.projected() ? kernel(2 * h_bytes) + kernel(2 * c_bytes) : kernel(2 * (h_bytes + c_bytes));
  }

  // One direction of one layer.
  double forward_track(std::int64_t layer, bool training) const {
    const double columns = static_cast<double>(g_.columns(layer));
    const double h = stored(batch_ * h_size_);
    const double c = g_.traits.cell_state ? summed(batch_ * hidden_) : 0;
    const double states = h + c;
    double seconds = move_states(h, c);
    // In training the biases are canonical, and combined first.
    if (training && g_.bias != Bias::none)
      seconds += kernel(stored(2 * gate_columns_) + summed(gate_columns_));
    const auto input_product = [&](std::int64_t chunk) {
      const double rows = static_cast<double>(chunks_.size(chunk)) * batch_;
      return product(rows, gate_columns_, columns, summed(rows * gate_columns_));
    };
    // All chunks but the last are of one size.
    const std::int64_t last = chunks_.count() - 1;
    seconds += static_cast<double>(last) * input_product(0) + input_product(last);
    if (g_.drops_below(layer)) {
      // What is left of the inputs is copied, chunk by chunk.
      seconds += std::max(kernel(stored(2 * steps_ * batch_ * columns)),
                          static_cast<double>(chunks_.count()) * rates_.launch_seconds);
    }
    if (g_.resident) return seconds;
    double step = 0;
    for (int phase = 0; phase < g_.traits.phases; ++phase) {
      const double sums = g_.traits.gates_of_phase(phase) * hidden_;
      step += product(batch_, sums, h_size_, summed(batch_ * sums));
      // W x and R h are read; y is written, and what training keeps.
      double bytes = summed(2 * batch_ * sums) + 2 * states + stored(batch_ * hidden_);
      if (training) bytes += stored(batch_ * static_cast<double>(g_.saved_columns())) + states;
      step += kernel(bytes);
    }
    if (g_.projected()) {
      const double outputs = batch_ * h_size_;
      step +=
          product(batch_, h_size_, hidden_, summed(outputs)) + kernel(summed(outputs) + stored(2 * outputs));
    }
    return seconds + steps_ * step;
  }

  // Both directions of a layer, a launch for each chunk.
  double resident_steps() const {
    return static_cast<double>(chunks_.count()) * rates_.launch_seconds +
           steps_ * resident::step_seconds(*g_.resident, g_.traits, &rates_);
  }

  double backward_track() const {
    const double dh = summed(batch_ * h_size_);
    const double dc = g_.traits.cell_state ? summed(batch_ * hidden_) : 0;
    const double states = dh + dc;
    double seconds = 2 * move_states(dh, dc);  // the start and the end
    if (g_.traits.split_gate >= 0) {
      // R with its gates in another order, by two copies.
      seconds +=
          kernel(stored(2 * hidden_ * hidden_)) + kernel(stored(2 * (gate_columns_ - hidden_) * hidden_));
    }
    double step = 0;
    for (int phase = 0; phase < g_.traits.phases; ++phase) {
      const double sums = g_.traits.gates_of_phase(phase) * hidden_;
      const double kept = static_cast<double>(g_.saved_columns() + g_.sum_columns()) + 3 * hidden_;
      step += kernel(stored(batch_ * kept) + 2 * states);
      step += product(batch_, h_size_, sums, 2 * summed(batch_ * h_size_));
    }
    if (g_.projected()) {
      const double outputs = batch_ * h_size_;
      step += kernel(summed(2 * outputs) + stored(4 * outputs)) +
              product(batch_, hidden_, h_size_, summed(batch_ * hidden_));
    }
    return seconds + steps_ * step;
  }

  double gradients(std::int64_t layer) const {
    const double rows = steps_ * batch_;
    const double columns = static_cast<double>(g_.columns(layer));
    double seconds = product(gate_columns_, columns, rows, summed(gate_columns_ * columns)) +
                     product(rows, columns, gate_columns_, stored(rows * columns));
    // dR: one product for the gates of each phase, or for the split gate and the others.
    const bool split = g_.traits.split_gate >= 0;
    const double first = split ? hidden_ : g_.traits.gates_of_phase(0) * hidden_;
    seconds += product(first, h_size_, rows, summed(first * h_size_));
    if (first < gate_columns_) {
      const double others = gate_columns_ - first;
      seconds += product(others, h_size_, rows, summed(others * h_size_));
    }
    if (g_.projected()) seconds += product(h_size_, hidden_, rows, summed(h_size_ * hidden_));
    // What forward read of the inputs, once more, and the same of dx.
    if (g_.drops_below(layer)) seconds += 2 * kernel(stored(2 * rows * columns));
    // Sums of 16-bit gradients are rounded in the end.
    if (g_.narrow()) {
      seconds += kernel((summed(1) + stored(1)) * gate_columns_ * columns) +
                 kernel((summed(1) + stored(1)) * gate_columns_ * h_size_);
    }
    // Biases: column sums in parts, and of the parts for bW and bR.
    if (g_.bias == Bias::none) return seconds;
    const int stores = g_.bias == Bias::single ? 1 : split ? 3 : 2;
    return seconds + kernel(stored(rows * static_cast<double>(g_.sum_columns()))) +
           stores * rates_.launch_seconds;
  }

  const Geometry& g_;
  const Rates& rates_;
  const double operations_;  // a second
  const double steps_;
  const double batch_;
  const Chunks chunks_;
  const double hidden_;
  const double h_size_;
  const double gate_columns_;
};

}  // namespace

std::optional<double> forward_seconds(const Geometry& g, const RunSizes& sizes, bool training,
                                      const Rates& rates) {
  const Cost cost(g, sizes, rates);
  if (!cost.known()) return std::nullopt;
  return cost.forward(training);
}

std::optional<double> backward_seconds(const Geometry& g, const RunSizes& sizes, const Rates& rates) {
  const Cost cost(g, sizes, rates);
  if (!cost.known()) return std::nullopt;
  return cost.backward();
}

}  // namespace recur::host::stepwise
