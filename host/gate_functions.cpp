#include "host/gate_functions.hpp"

#include <algorithm>

#include "host/engine.hpp"
#include "host/fields.hpp"

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

int function_places(Cell cell) { return cells::traits_of(variant_of({.cell = cell})).functions; }

namespace {

// The cell's own as `standard`, and nothing in what is not read.
void bring_into_one_form(const Spec& spec, Functions& functions) {
  for (int place = 0; place < function_places(spec.cell); ++place) {
    GateActivation& gate = functions[static_cast<std::size_t>(place)];
    if (gate.function == own_function(spec, place)) gate.function = Activation::standard;
  }
  for (GateActivation& gate : functions) {
    if (!reads_alpha(gate.function)) gate.alpha = 0;
    if (!reads_beta(gate.function)) gate.beta = 0;
  }
}

bool has_any(const Functions& functions) {
  return std::ranges::any_of(
      functions, [](const GateActivation& gate) { return gate.function != Activation::standard; });
}

}  // namespace

Spec with_functions_in_one_form(Spec spec) {
  // By their names first: what an rnn's `standard` is depends on `Spec::activation`, which may change below.
  if (spec.reverse_activations) {
    for (int place = 0; place < function_places(spec.cell); ++place) {
      GateActivation& gate = (*spec.reverse_activations)[static_cast<std::size_t>(place)];
      if (gate.function == Activation::standard) gate.function = own_function(spec, place);
    }
  }
  if (spec.cell == Cell::rnn && spec.activations[0].function != Activation::standard) {
    spec.activation =
        spec.activations[0].function == Activation::relu ? RnnActivation::relu : RnnActivation::tanh;
  }
  bring_into_one_form(spec, spec.activations);
  if (spec.reverse_activations) {
    bring_into_one_form(spec, *spec.reverse_activations);
    if (same_value(*spec.reverse_activations, spec.activations)) spec.reverse_activations.reset();
  }
  return spec;
}

bool has_given_functions(const Spec& spec) {
  return spec.clip != 0 || has_any(spec.activations) || spec.reverse_activations.has_value();
}

GateActivation function_of(const Spec& spec, std::int64_t direction, int place) {
  const Functions& functions =
      direction == 1 && spec.reverse_activations ? *spec.reverse_activations : spec.activations;
  GateActivation gate = functions[static_cast<std::size_t>(place)];
  if (gate.function == Activation::standard) gate.function = own_function(spec, place);
  return gate;
}

void add_functions(Hash& hash, const Spec& spec) {
  hash.add_bits(spec.clip);
  add_value(hash, spec.activations);
  add_value(hash, spec.reverse_activations);
}

}  // namespace recur::host
