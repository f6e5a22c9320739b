// Activations of gates as a Spec names them: which places a cell has, what a function reads, and one form for
// Specs that mean the same.
#pragma once

#include "host/hash.hpp"
#include "recur/spec.hpp"

namespace recur::host {

// Entries of `Spec::activations` that the cell has a function for.
int activation_places(Cell cell);

// The Spec in the one form that engines take, so that equal layers have equal Specs. The cell's own activations
// are `standard`; tanh and relu of an rnn are `Spec::activation`. Parameters that a function does not read
// are 0. Functions that both directions share are given once.
Spec with_activations_in_one_form(Spec spec);

// Whether gates compute anything but the cell's own activations of their whole sums.
bool has_given_activations(const Spec& spec);

// The function that a direction, 0 or 1, has in a place of the cell's; the cell's own by its name.
GateActivation function_of(const Spec& spec, std::int64_t direction, int place);

// Adds the functions and the clip to a hash.
void add_activations(Hash& hash, const Spec& spec);

}  // namespace recur::host
