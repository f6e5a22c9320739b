// Functions of gates as a Spec names them: which places a cell has, what a function reads, and one form for
// Specs that mean the same.
#pragma once

#include "host/hash.hpp"
#include "recur/spec.hpp"

namespace recur::host {

// Entries of `Spec::activations` that the cell has a function for.
int function_places(Cell cell);

// Functions as the engines take them: the cell's own are `standard`, or tanh and relu of an rnn
// `Spec::activation`; what is not read is 0, and functions that both directions have are given once. Equal
// layers have equal Specs then.
Spec with_functions_in_one_form(Spec spec);

// Whether gates compute anything but the cell's own functions of their whole sums.
bool has_given_functions(const Spec& spec);

// The function that a direction, 0 or 1, has in a place of the cell's; the cell's own by its name.
GateActivation function_of(const Spec& spec, std::int64_t direction, int place);

// Adds them and the clip to a hash.
void add_functions(Hash& hash, const Spec& spec);

}  // namespace recur::host
