// What a Spec says of its cell: the cell's name, and which variant it is.
#include "host/engine.hpp"

namespace recur {

std::string_view name_of(Cell value) {
  switch (value) {
    case Cell::rnn: return "rnn";
    case Cell::gru: return "gru";
    case Cell::lstm: return "lstm";
    case Cell::min_gru: return "min-gru";
  }
  return "unknown cell";
}

namespace host {

cells::Variant variant_of(const Spec& spec) {
  using cells::Variant;
  switch (spec.cell) {
    case Cell::rnn: {
      const bool relu = spec.activation == RnnActivation::relu;
      if (spec.residual) return relu ? Variant::rnn_relu_residual : Variant::rnn_tanh_residual;
      return relu ? Variant::rnn_relu : Variant::rnn_tanh;
    }
    case Cell::gru:
      return spec.gru_reset == GruReset::before ? Variant::gru_reset_before : Variant::gru_reset_after;
    case Cell::min_gru: return Variant::min_gru;
    case Cell::lstm: break;
  }
  if (spec.coupled_input_forget) {
    return spec.peepholes ? Variant::lstm_coupled_peephole : Variant::lstm_coupled;
  }
  return spec.peepholes ? Variant::lstm_peephole : Variant::lstm;
}

}  // namespace host
}  // namespace recur
