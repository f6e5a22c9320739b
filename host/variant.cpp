#include "host/engine.hpp"

namespace recur::host {

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
    case Cell::lstm: break;
  }
  if (spec.coupled_input_forget) {
    return spec.peepholes ? Variant::lstm_coupled_peephole : Variant::lstm_coupled;
  }
  return spec.peepholes ? Variant::lstm_peephole : Variant::lstm;
}

}  // namespace recur::host
