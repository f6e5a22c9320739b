#include "host/cpu/cost.hpp"

#include <algorithm>
#include <cmath>

#include "host/rates.hpp"

namespace recur::host::cpu {
namespace {

std::int64_t ceil_of(std::int64_t count, std::int64_t parts) { return (count + parts - 1) / parts; }

// Counts the work of the member of the team that has most of it. Sizes are elements, results seconds. Bytes
// are those of what is stored or of what is computed with, which bf16 tells apart.
class Cost {
 public:
  Cost(const Geometry& g, const RunSizes& sizes, DataType type, const Rates& rates)
      : g_(g),
        t_(g.tiling),
        sizes_(sizes),
        rates_(rates),
        value_bytes_(static_cast<double>(size_of(type))),
        arithmetic_bytes_(static_cast<double>(size_of(arithmetic_of(type)))),
        operations_(rates.operations_per_second.of(type) / rates.threads),
        arithmetic_operations_(rates.operations_per_second.of(arithmetic_of(type)) / rates.threads),
        activations_(rates.activations_per_second.of(arithmetic_of(type)) / rates.threads),
        members_(t_.batch_groups * t_.unit_groups),
        rows_(ceil_of(sizes.batch, t_.batch_groups)),
        chunk_steps_(std::min(t_.chunk_steps(sizes.batch), sizes.steps)),
        chunks_(ceil_of(sizes.steps, chunk_steps_)) {}

  bool known() const {
    return operations_ > 0 && activations_ > 0 && (!g_.dropout || arithmetic_operations_ > 0);
  }

  double forward(bool training) const {
    double seconds = start();
    for (std::int64_t layer = 0; layer < g_.layers; ++layer) {
      seconds += directions_in_turn() * forward_direction(layer, training) + barrier(t_.threads());
    }
    // Packing is shared out over the whole team.
    if (training) seconds += pack_forward() / t_.threads() + barrier(t_.threads());
    return seconds;
  }

  double backward() const {
    double seconds = start();
    for (std::int64_t layer = 0; layer < g_.layers; ++layer) {
      seconds += directions_in_turn() * backward_direction() + 2 * barrier(t_.threads());
      seconds += static_cast<double>(g_.directions) * gradients(layer);
    }
    return seconds;
  }

 private:
  // The directions that one member works on, one after the other.
  double directions_in_turn() const {
    return static_cast<double>(ceil_of(g_.directions, t_.direction_groups));
  }

  // Whether a layer reads less than the one below gave.
  bool drops_below(std::int64_t layer) const { return g_.dropout && layer > 0; }
  // The marks of so many outputs: ten rounds of two products for four words, each product of 64 bits in two
  // instructions for a vector of words; with what is between them as many as 30 multiply-adds a word.
  double drop(double outputs) const { return 60 * outputs / arithmetic_operations_; }

  double start() const { return t_.threads() > 1 ? rates_.call_seconds : 0; }
  double barrier(int members) const { return members > 1 ? rates_.barrier_seconds : 0; }

  double stored(double count) const { return count * value_bytes_; }
  double computed(double count) const { return count * arithmetic_bytes_; }

  // Moving so many bytes once, when this member uses `held` of them again and again, or as many as it moves.
  double move(double bytes, double held) const {
    return bytes * rates_.threads / level_for(rates_, held * rates_.threads).bytes_per_second;
  }
  double stream(double bytes) const { return move(bytes, bytes); }

  // Operands are as they are stored.
  double multiply(double rows, double columns, double depth) const {
    return 2 * rows * columns * depth / operations_;
  }
  // The same by our kernel, which reads the right side as often as there are blocks of rows.
  double multiply_panels(double rows, double columns, double depth, double reads, double held) const {
    return std::max(multiply(rows, columns, depth), move(stored(reads * columns * depth), stored(held)));
  }
  // And those of one pass over its right side.
  double multiply_panels(double rows, double columns, double depth) const {
    return multiply_panels(rows, columns, depth, 1, columns * depth);
  }

  double pack_forward() const { return stream(stored(2 * weights_of_call() * t_.threads())); }

  // R, and the projection.
  double recurrent_weights() const {
    return static_cast<double>(g_.recurrent_columns()) * static_cast<double>(g_.h_size()) +
           static_cast<double>(g_.projection) * static_cast<double>(g_.hidden);
  }
  // A member's share of the weights of all layers.
  double weights_of_call() const {
    double elements = static_cast<double>(g_.layers) * recurrent_weights();
    for (std::int64_t layer = 0; layer < g_.layers; ++layer) {
      elements += static_cast<double>(g_.gate_columns()) * static_cast<double>(g_.columns(layer));
    }
    return static_cast<double>(g_.directions) * elements / t_.threads();
  }
  // Elements of h of the member that has most of them.
  double h_units() const {
    return static_cast<double>(ceil_of(g_.h_panels(), t_.unit_groups) * t_.back_units);
  }

  double forward_direction(std::int64_t layer, bool training) const {
    const double steps = static_cast<double>(sizes_.steps);
    // What the call before read last of all layers' weights is all that a cache still has of them.
    double seconds = forward_step(training, weights_of_call()) + (steps - 1) * forward_step(training, 0);
    const auto batch = static_cast<double>(sizes_.batch);
    const double chunk = static_cast<double>(chunk_steps_) * batch;
    const double last = static_cast<double>(sizes_.steps - (chunks_ - 1) * chunk_steps_) * batch;
    const double first = chunks_ > 1 ? chunk : last;
    seconds += input_product(layer, first, weights_of_call());
    if (chunks_ > 1) {
      const double between = static_cast<double>(chunks_ - 2);
      seconds += between * input_product(layer, chunk, 0) + input_product(layer, last, 0);
    }
    // Members that own whole rows wait for nobody within a layer.
    seconds += (2 * static_cast<double>(chunks_) + 2) * barrier(t_.unit_groups > 1 ? members_ : 1);
    return seconds;
  }

  // W x of `rows` rows of the chunk. `since` elements were read since W was read last, here and below.
  double input_product(std::int64_t layer, double rows, double since) const {
    const double share = std::ceil(rows / members_);
    const double columns = static_cast<double>(g_.columns(layer));
    double seconds = 0;
    // Rows that lie at no single distance are gathered.
    const bool gathered =
        layer == 0 && g_.layout == Layout::batch_major && sizes_.steps > 1 && sizes_.batch > 1;
    if (gathered) seconds += stream(stored(2 * share * columns));
    if (drops_below(layer)) seconds += stream(stored(2 * share * columns)) + drop(share * columns);
    const double padded = static_cast<double>(g_.input_row());
    return seconds + multiply_panels(share, padded, columns, 1, std::max(columns * padded, since));
  }

  double forward_step(bool training, double since) const {
    const std::int64_t panels = ceil_of(t_.panels, t_.unit_groups);
    const double units = static_cast<double>(panels * t_.panel_units);
    const double h_size = static_cast<double>(g_.h_size());
    const double rows = static_cast<double>(rows_);
    const double projection = g_.projected() ? h_units() * static_cast<double>(g_.hidden) : 0;
    const double held =
        std::max(units * static_cast<double>(g_.traits.recurrent_gates()) * h_size + projection, since);
    const double reads = static_cast<double>(ceil_of(rows_, kTileRows));
    double seconds = 0;
    for (int phase = 0; phase < g_.traits.phases && g_.traits.recurrent; ++phase) {
      const double columns = units * g_.traits.gates_of_phase(phase);
      seconds += multiply_panels(rows, columns, h_size, reads, held) + barrier(t_.unit_groups);
    }
    if (g_.projected()) {
      seconds += multiply_panels(rows, h_units(), static_cast<double>(g_.hidden), reads, held) +
                 barrier(t_.unit_groups);
    }
    const double values = rows * units;
    // Functions that the Spec gives count as the cell's own, whatever they take; what they keep is in the traits.
    seconds += values * g_.traits.nonlinearities / activations_;
    // W x is read from where its product left it; y and what training keeps go by.
    double kept = stored(values);
    if (training) {
      kept += computed(values * (g_.traits.saved + (g_.traits.cell_state ? 1 : 0)));
      kept += stored(g_.projected() ? values : 0);
    }
    const double chunk = static_cast<double>(t_.chunk_rows) * static_cast<double>(g_.input_row()) / members_;
    seconds += move(computed(values * g_.traits.gates), computed(chunk));
    seconds += move(kept, static_cast<double>(sizes_.steps) * kept);
    return seconds;
  }

  double backward_direction() const {
    const double packed = recurrent_weights() / members_;
    return stream(stored(2 * packed)) + static_cast<double>(sizes_.steps) * backward_step() +
           2 * barrier(members_);
  }

  double backward_step() const {
    const std::int64_t panels = ceil_of(t_.back_panels, t_.unit_groups);
    const double units = static_cast<double>(panels * t_.back_units);
    const double depth = static_cast<double>(g_.recurrent_columns());
    const double rows = static_cast<double>(rows_);
    double seconds = 0;
    if (g_.traits.recurrent)
      seconds += multiply_panels(rows, h_units(), depth) + g_.traits.phases * barrier(t_.unit_groups);
    if (g_.projected()) {
      const double P = static_cast<double>(g_.projection);
      seconds += multiply_panels(rows, units, P) + barrier(t_.unit_groups);
    }
    const double values = rows * units;
    if (g_.traits.cell_state) seconds += values / activations_;
    // What forward kept, dy, and the gradients of the sums.
    const double moved = stored(values * (1 + g_.traits.sums)) +
                         computed(values * (g_.traits.saved + (g_.traits.cell_state ? 2 : 0) + 1));
    seconds += move(moved, static_cast<double>(sizes_.steps) * moved);
    return seconds;
  }

  // Of the weights, the biases and the inputs of one direction, shared out over the whole team.
  double gradients(std::int64_t layer) const {
    const double threads = t_.threads();
    const double rows = static_cast<double>(sizes_.steps) * static_cast<double>(sizes_.batch);
    const double gate_rows = static_cast<double>(g_.gate_columns());
    const double columns = static_cast<double>(g_.columns(layer));
    const double h_size = static_cast<double>(g_.h_size());
    const double R_columns = g_.traits.recurrent ? h_size : 0;
    double seconds = multiply(rows, gate_rows, 2 * columns + R_columns) / threads;
    if (g_.projected()) seconds += multiply(rows, h_size, static_cast<double>(g_.hidden)) / threads;
    // What forward read of x, once more, and the same of dx.
    if (drops_below(layer)) seconds += drop(2 * rows * columns / threads);
    // Each chunk adds to dW and dR, and packs x and h.
    const double chunks = std::ceil(rows / static_cast<double>(t_.gradient_rows));
    const double weights = gate_rows * (columns + R_columns) / threads;
    seconds += move(computed(chunks * 2 * weights), computed(weights));
    seconds += stream(stored(2 * rows * (columns + R_columns)) / threads);
    if (arithmetic_bytes_ != value_bytes_) {
      // Results are converted.
      const double converted = weights;
      seconds += stream(stored(converted) + computed(converted));
    }
    // For dx W is packed.
    seconds += stream(stored(2 * gate_rows * columns) / threads);
    // The gradients of sums are read once for dW, dR and the biases, and once for dx.
    const double dgates = rows * static_cast<double>(g_.sum_columns()) / threads;
    seconds += move(stored(2 * dgates), stored(dgates));
    return seconds + (2 * chunks + 2) * barrier(t_.threads());
  }

  const Geometry& g_;
  const Tiling& t_;
  const RunSizes& sizes_;
  const Rates& rates_;
  const double value_bytes_;
  const double arithmetic_bytes_;
  const double operations_;  // a second, of one thread
  const double arithmetic_operations_;
  const double activations_;
  const int members_;        // of a direction group
  const std::int64_t rows_;  // of a batch group
  const std::int64_t chunk_steps_;
  const std::int64_t chunks_;
};

}  // namespace

std::optional<double> forward_seconds(const Geometry& g, const RunSizes& sizes, DataType type, bool training,
                                      const Rates& rates) {
  const Cost cost(g, sizes, type, rates);
  if (!cost.known()) return std::nullopt;
  return cost.forward(training);
}

std::optional<double> backward_seconds(const Geometry& g, const RunSizes& sizes, DataType type,
                                       const Rates& rates) {
  const Cost cost(g, sizes, type, rates);
  if (!cost.known()) return std::nullopt;
  return cost.backward();
}

}  // namespace recur::host::cpu
