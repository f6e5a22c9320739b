#include "host/gate_functions.hpp"

#include <algorithm>

namespace recur::host {
namespace {

Activation own_function(const Spec& spec, int place) {
  if (spec.cell == Cell::rnn) {
    return spec.activation == RnnActivation::relu ? Activation::relu : Activation::tanh;
  }
  return place == 0 ? Activation::sigmoid : Activation::tanh;
}

bool reads_alpha(Activation function) {
  switch (function) {
    case Activation::affine:
    case Activation::leaky_relu:
    case Activation::thresholded_relu:
    case Activation::scaled_tanh:
    case Activation::hard_sigmoid:
    case Activation::elu: return true;
    default: return false;
  }
}

bool reads_beta(Activation function) {
  return function == Activation::affine || function == Activation::scaled_tanh ||
         function == Activation::hard_sigmoid;
}

}  // namespace

int function_places(Cell cell) {
  switch (cell) {
    case Cell::rnn: return 1;
    case Cell::gru: return 2;
    case Cell::lstm: return 3;
  }
  return 0;
}

Spec with_functions_in_one_form(Spec spec) {
  if (spec.cell == Cell::rnn && spec.activations[0].function != Activation::standard) {
    spec.activation =
        spec.activations[0].function == Activation::relu ? RnnActivation::relu : RnnActivation::tanh;
  }
  for (int place = 0; place < function_places(spec.cell); ++place) {
    GateActivation& gate = spec.activations[static_cast<std::size_t>(place)];
    if (gate.function == own_function(spec, place)) gate.function = Activation::standard;
  }
  for (GateActivation& gate : spec.activations) {
    if (!reads_alpha(gate.function)) gate.alpha = 0;
    if (!reads_beta(gate.function)) gate.beta = 0;
  }
  return spec;
}

bool has_given_functions(const Spec& spec) {
  return spec.clip != 0 || std::ranges::any_of(spec.activations, [](const GateActivation& gate) {
           return gate.function != Activation::standard;
         });
}

GateActivation function_of(const Spec& spec, int place) {
  GateActivation gate = spec.activations[static_cast<std::size_t>(place)];
  if (gate.function == Activation::standard) gate.function = own_function(spec, place);
  return gate;
}

void add_functions(Hash& hash, const Spec& spec) {
  hash.add_bits(spec.clip);
  for (const GateActivation& gate : spec.activations) {
    hash.add(static_cast<std::uint64_t>(gate.function)).add_bits(gate.alpha).add_bits(gate.beta);
  }
}

}  // namespace recur::host
