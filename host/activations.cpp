#include "host/activations.hpp"

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

int activation_places(Cell cell) { return cells::traits_of(variant_of({.cell = cell})).activations; }

namespace {

// The cell's own as `standard`, and nothing in what is not read.
void bring_into_one_form(const Spec& spec, Activations& activations) {
  for (int place = 0; place < activation_places(spec.cell); ++place) {
    GateActivation& gate = activations[static_cast<std::size_t>(place)];
    if (gate.function == own_function(spec, place)) gate.function = Activation::standard;
  }
  for (GateActivation& gate : activations) {
    if (!reads_alpha(gate.function)) gate.alpha = 0;
    if (!reads_beta(gate.function)) gate.beta = 0;
  }
}

bool has_any(const Activations& activations) {
  return std::ranges::any_of(
      activations, [](const GateActivation& gate) { return gate.function != Activation::standard; });
}

}  // namespace

Spec with_activations_in_one_form(Spec spec) {
  // By their names first: what an rnn's `standard` is depends on `Spec::activation`, which may change below.
  if (spec.reverse_activations) {
    for (int place = 0; place < activation_places(spec.cell); ++place) {
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

bool has_given_activations(const Spec& spec) {
  return spec.clip != 0 || has_any(spec.activations) || spec.reverse_activations.has_value();
}

GateActivation function_of(const Spec& spec, std::int64_t direction, int place) {
  const Activations& activations =
      direction == 1 && spec.reverse_activations ? *spec.reverse_activations : spec.activations;
  GateActivation gate = activations[static_cast<std::size_t>(place)];
  if (gate.function == Activation::standard) gate.function = own_function(spec, place);
  return gate;
}

void add_activations(Hash& hash, const Spec& spec) {
  hash.add_bits(spec.clip);
  add_value(hash, spec.activations);
  add_value(hash, spec.reverse_activations);
}

}  // namespace recur::host
