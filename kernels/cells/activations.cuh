// The functions of a cell's gates, as a policy that the cell is a template over: the cell's own, or what an
// engine puts in their place. A policy declares
//
//     kSlopes      whether backward cannot have slopes from values: then they are kept behind the values
//     Choice<V>    what the functions depend on at run time, a base of the cell's records
//
// and computes, for a unit `u`,
//
//     V value<Role, Math>(u, gate, sum)             f(sum), kept in u.saved[gate], its slope kValues behind
//     V times_slope<Role, Math>(u, gate, gradient)  backward: gradient * f'(sum), from what `value` kept
//     V output<Math>(u, c)                          the function of an lstm's cell state
//     V output<Math>(u, c, gradient)                backward: the same; multiplies `gradient` by its slope
#pragma once

#include "kernels/cells/unit.cuh"

namespace recur::cells {

// The functions that cells have of their own.
enum class Own { sigmoid, tanh, relu };

// Whose function: its place in `Spec::activations`, what the cell itself has there, and whether its value is
// the share of a state that a step keeps, or 1 - share. Such a share may be near 1 for hundreds of steps, and
// then its error is one of 1 - share.
template <int kPlaceInSpec, Own kOwnFunction, bool kKeepsState = false>
struct Role {
  static constexpr int kPlace = kPlaceInSpec;
  static constexpr Own kOwn = kOwnFunction;
  static constexpr bool kKeeps = kKeepsState;
};
using GateRole = Role<0, Own::sigmoid>;
using KeepRole = Role<0, Own::sigmoid, true>;
using CandidateRole = Role<1, Own::tanh>;
using OutputRole = Role<2, Own::tanh>;

// What a cell keeps for backward: its values, and where the functions want them the slopes of its gates.
template <class Activations>
constexpr int saved_of(int values, int gates) {
  return values + (Activations::kSlopes ? gates : 0);
}

// The slopes of these follow from their values.
struct OwnActivations {
  static constexpr bool kSlopes = false;
  template <class V>
  struct Choice {};

  template <class Role, class Math, class Unit, class V>
  RECUR_HD static V value(Unit& u, int gate, V sum) {
    V y;
    if constexpr (Role::kOwn == Own::sigmoid && Role::kKeeps && requires { Math::share_kept(sum); }) {
      y = Math::share_kept(sum);
    } else if constexpr (Role::kOwn == Own::sigmoid) {
      y = Math::sigmoid(sum);
    } else if constexpr (Role::kOwn == Own::tanh) {
      y = Math::tanh(sum);
    } else {
      y = Math::relu(sum);
    }
    u.saved[gate] = y;
    return y;
  }

  template <class Role, class Math, class Unit, class V>
  RECUR_HD static V times_slope(const Unit& u, int gate, V gradient) {
    const V y = u.saved[gate];
    if constexpr (Role::kOwn == Own::sigmoid) {
      return gradient * y * (V(1) - y);
    } else if constexpr (Role::kOwn == Own::tanh) {
      return gradient * (V(1) - y * y);
    } else {
      return Math::where_positive(y, gradient);
    }
  }

  template <class Math, class Unit, class V>
  RECUR_HD static V output(const Unit&, V c) {
    return Math::tanh(c);
  }
  template <class Math, class Unit, class V>
  RECUR_HD static V output(const Unit&, V c, V& gradient) {
    const V y = Math::tanh(c);
    gradient = gradient * (V(1) - y * y);
    return y;
  }
};

}  // namespace recur::cells
