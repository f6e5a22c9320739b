/// @file
/// Layers with other functions than the cell's own: every function in every place, with a clip and without.
#pragma once

#include <string>
#include <vector>

#include "recur/spec.hpp"

namespace recur::test {

/// What a Spec's gates are given.
struct FunctionCase {
  std::string name;
  int place;  ///< in Spec::activations; -1: all stay the cell's own
  GateActivation gate;
  double clip;

  Spec apply(Spec spec) const {
    if (place >= 0) spec.activations[static_cast<std::size_t>(place)] = gate;
    spec.clip = clip;
    return spec;
  }
};

struct NamedFunction {
  std::string name;
  GateActivation gate;
};

/// Every function, with parameters that keep the data of random_problem contractive and reach both sides of
/// each kink. That of thresholded_relu jumps at alpha.
inline std::vector<NamedFunction> all_functions() {
  return {{"sigmoid", {Activation::sigmoid}},
          {"tanh", {Activation::tanh}},
          {"relu", {Activation::relu}},
          {"affine", {Activation::affine, 0.375, 0.25}},
          {"leaky relu", {Activation::leaky_relu, 0.125}},
          {"thresholded relu", {Activation::thresholded_relu, 0.25}},
          {"scaled tanh", {Activation::scaled_tanh, 0.75, 0.625}},
          {"hard sigmoid", {Activation::hard_sigmoid, 0.75, 0.5}},
          {"elu", {Activation::elu, 0.5}},
          {"softsign", {Activation::softsign}},
          {"softplus", {Activation::softplus}}};
}

/// The places of Spec::activations that a cell has.
inline int places_of(Cell cell) { return cell == Cell::rnn ? 1 : cell == Cell::gru ? 2 : 3; }

/// A bound that some of the arguments pass.
inline constexpr double kClip = 0.4375;

/// Each function in each place, and the cell's own with a clip alone.
inline std::vector<FunctionCase> function_cases(const Spec& cell) {
  std::vector<FunctionCase> cases = {{"clip alone", -1, {}, kClip}};
  for (int place = 0; place < places_of(cell.cell); ++place) {
    for (const auto& [name, gate] : all_functions()) {
      for (const double clip : {0.0, kClip}) {
        cases.push_back(
            {name + " in place " + std::to_string(place) + (clip > 0 ? " clipped" : ""), place, gate, clip});
      }
    }
  }
  return cases;
}

}  // namespace recur::test
