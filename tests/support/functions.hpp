/// @file
/// Layers with other functions than the cell's own: every function in every place, with a clip and without.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <vector>

#include "recur/spec.hpp"

namespace recur::test {

struct NamedFunction {
  std::string name;
  GateActivation gate;
};

/// Every function, with parameters that keep the data of random_problem contractive and reach both sides of
/// each kink. That of thresholded_relu jumps at alpha.
inline std::vector<NamedFunction> all_activations() {
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

/// One of them with its parameters; the cell's own function as it is.
inline GateActivation gate_of(Activation function) {
  for (const NamedFunction& named : all_activations()) {
    if (named.gate.function == function) return named.gate;
  }
  return {function};
}

/// The places of Spec::activations that a cell has.
inline int places_of(Cell cell) {
  return cell == Cell::rnn || cell == Cell::min_gru ? 1 : cell == Cell::gru ? 2 : 3;
}

/// A bound that some of the arguments pass.
inline constexpr double kClip = 0.4375;

/// What a Spec's gates are given.
struct FunctionCase {
  std::string name;
  std::array<GateActivation, 3> gates;
  double clip;

  Spec apply(Spec spec) const {
    for (int place = 0; place < places_of(spec.cell); ++place) {
      spec.activations[static_cast<std::size_t>(place)] = gates[static_cast<std::size_t>(place)];
    }
    spec.clip = clip;
    return spec;
  }
};

/// Each function in each place once, every second time with a clip; then each once more, the other way round.
inline std::vector<FunctionCase> function_cases() {
  const std::vector<NamedFunction> functions = all_activations();
  const std::size_t count = functions.size();
  std::vector<FunctionCase> cases;
  for (const std::size_t round : {0u, 1u}) {
    for (std::size_t k = 0; k < count; ++k) {
      const NamedFunction& f = functions[k];
      const NamedFunction& g = functions[(k + 4) % count];
      const NamedFunction& h = functions[(k + 8) % count];
      const bool clipped = k % 2 == round;
      cases.push_back({"f " + f.name + ", g " + g.name + ", h " + h.name + (clipped ? ", clipped" : ""),
                       {f.gate, g.gate, h.gate},
                       clipped ? kClip : 0});
    }
  }
  return cases;
}

}  // namespace recur::test
