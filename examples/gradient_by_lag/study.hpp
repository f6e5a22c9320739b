// How much of a gradient is left after so many steps back: layers, their initial weights, and the norms.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "recur/recur.hpp"

namespace study {

// A layer as it is before training.
struct Kind {
  std::string_view name;
  recur::Spec cell;  // only the fields of the cell are set
  // Each gate's R is an orthogonal matrix times this (Saxe et al. 2014): in a linear layer a step changes the
  // norm of a gradient by this factor.
  double gain = 1;
  // That matrix is antisymmetric as well, as in Chang et al. 2019.
  bool antisymmetric = false;
  // Steps that the gates start out remembering for, by their biases (Tallec and Ollivier 2018). 0: the usual
  // biases, 1 for the forget gate of an lstm (Jozefowicz et al. 2015) and else 0.
  double memory = 0;
};
std::span<const Kind> kinds();

struct Sizes {
  std::int64_t steps = 100;  // T
  std::int64_t batch = 16;   // B
  std::int64_t inputs = 16;  // I
  std::int64_t hidden = 64;  // H, even
  double input = 0.5;        // standard deviation of x; W x has the same
};

struct Model {
  recur::Spec spec;
  std::vector<double> W;     // [G*H][I]
  std::vector<double> R;     // [G*H][H]
  std::vector<double> bias;  // [G*H]
};

struct Data {
  std::vector<double> x;   // [T][B][I]
  std::vector<double> dh;  // [B][H], unit vectors: the gradients that reach the last state
};

// Equal arguments give equal numbers, on every machine.
Model make_model(const Kind& kind, const Sizes& sizes, std::uint64_t seed);
Data make_data(const Sizes& sizes, std::uint64_t seed);

// The norm of the gradient of the state, of h and where there is one c together, for each number of steps
// before the last one and each sequence: [T+1][B]. The sequences start from zeros.
std::vector<double> norms_by_lag(const Model& model, const Sizes& sizes, const Data& data);

}  // namespace study
