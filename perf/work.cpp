#include "perf/work.hpp"

#include <algorithm>
#include <numeric>

namespace recur::perf {

Work work_of(const Shape& shape, Precision precision, Timed pass, std::span<const std::int32_t> lengths) {
  const Spec spec = shape.spec(precision);
  const bool is_step = pass == Timed::step;
  const bool is_backward = pass == Timed::backward;
  const auto value_bytes = static_cast<double>(size_of(spec.dtype));
  const auto B = static_cast<double>(shape.B);
  const auto D = static_cast<double>(directions_of(spec));
  const auto L = static_cast<double>(shape.L);
  const auto H = static_cast<double>(shape.H);
  const auto I = static_cast<double>(shape.I);
  const auto gate_rows = static_cast<double>(gates_of(spec)) * H;

  double longest = static_cast<double>(is_step ? 1 : shape.T);
  double rows = longest * B;  // valid (t, b)
  const double all_rows = rows;
  if (!lengths.empty() && !is_step) {
    longest = *std::max_element(lengths.begin(), lengths.end());
    rows = std::accumulate(lengths.begin(), lengths.end(), 0.0);
  }

  // Without R no step waits for a product of the one before it.
  const bool recurrent = has_recurrent_weights(spec);
  const double R_columns = recurrent ? H : 0;
  double columns = 0;  // of W and R of all layers, one direction
  for (std::int64_t layer = 0; layer < shape.L; ++layer) {
    columns += static_cast<double>(layer_input_size(spec, layer)) + R_columns;
  }
  const double products = is_backward ? 2 : 1;
  const double biases = (recurrent ? 2 : 1) * L;
  const double phases = !recurrent ? 0 : spec.cell == Cell::gru && spec.gru_reset == GruReset::before ? 2 : 1;

  Work work;
  work.operations = products * 2 * rows * D * gate_rows * columns;
  work.recurrent_operations = 2 * rows * D * L * gate_rows * R_columns;
  // Past its end a sequence's input is not read, while its outputs are written.
  const double x = rows * I;
  const double y = all_rows * D * H;
  const double dx = all_rows * I;
  const double states = is_step ? 2 * L * B * H * (has_cell_state(spec) ? 2 : 1) : 0;  // read and written
  work.stream_bytes = value_bytes * (is_backward ? x + dx + 2 * y : x + y + states);
  work.weight_bytes = value_bytes * products * D * gate_rows * (columns + biases);
  work.recurrent_bytes = value_bytes * gate_rows * R_columns;
  work.recurrent_reads = longest * D * L;
  work.chain = phases * (longest + L - 1);
  return work;
}

}  // namespace recur::perf
