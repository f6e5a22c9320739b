/// @file
/// Functions in place of the cells' own (Spec::activations), for tests to ask for.
#pragma once

#include <vector>

#include "recur/spec.hpp"

namespace recur::test {

/// All from `first` on: those that have a name.
template <class Enum>
std::vector<Enum> enumerators(int first) {
  std::vector<Enum> all;
  for (int value = first; !name_of(static_cast<Enum>(value)).starts_with("unknown"); ++value)
    all.push_back(static_cast<Enum>(value));
  return all;
}

/// Parameters with which a function is neither the identity nor a constant.
inline GateActivation sample_of(Activation function) {
  switch (function) {
    case Activation::affine: return {function, 0.5, 0.25};
    case Activation::leaky_relu: return {function, 0.125};
    case Activation::thresholded_relu: return {function, 0.5};
    case Activation::scaled_tanh: return {function, 1.25, 0.75};
    case Activation::hard_sigmoid: return {function, 0.25, 0.5};
    case Activation::elu: return {function, 0.75};
    default: return {function};
  }
}

/// Functions that a cell can be given, as many as Spec::activations has for it.
inline int functions_of(Cell cell) { return cell == Cell::rnn ? 1 : cell == Cell::gru ? 2 : 3; }

}  // namespace recur::test
