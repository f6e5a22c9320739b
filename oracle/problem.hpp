/// @file
/// What the oracle reads and writes: dense tensors in the canonical layouts of recur/types.hpp, always
/// time-major. An engine's results are copied into the same structs to be compared. P is the size of h, which
/// is H where `spec.projection_size` is 0.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include "recur/spec.hpp"

namespace recur::oracle {

using Index = std::int64_t;

/// Parameters of one layer, or their gradients. Empty where the Spec has none.
template <class Real>
struct LayerParameters {
  std::vector<Real> W;                ///< [D][G*H][J]
  std::vector<Real> R;                ///< [D][G*H][P]
  std::vector<Real> bW;               ///< [D][G*H]
  std::vector<Real> bR;               ///< [D][G*H]
  std::vector<Real> peephole;         ///< [D][3*H] i f o, or [D][2*H] i o
  std::vector<Real> projection = {};  ///< [D][P][H]
};

/// All inputs of a forward pass.
template <class Real>
struct Problem {
  Spec spec;
  Index T = 0;
  Index B = 0;
  std::vector<Real> x;   ///< [T][B][I]
  std::vector<Real> h0;  ///< [L][D][B][P]; empty: zeros
  std::vector<Real> c0;  ///< [L][D][B][H], lstm; empty: zeros
  std::vector<LayerParameters<Real>> layers;
  std::vector<std::int32_t> lengths;     ///< [B], exactly when `spec.variable_lengths`; any value, clamped
  std::vector<std::uint8_t> reset_mask;  ///< [T][B], exactly when `spec.reset_mask`
  /// [L-1] of [T][B][D*P]: 1 where an output of layer l goes on to layer l+1, 0 where `spec.dropout` drops
  /// it. Empty: nothing is dropped, as in inference.
  std::vector<std::vector<std::uint8_t>> dropout_masks = {};
};

/// What a forward pass gives.
template <class Real>
struct Outputs {
  std::vector<Real> y;           ///< [T][B][D*P]
  std::vector<Real> hN;          ///< [L][D][B][P]
  std::vector<Real> cN;          ///< [L][D][B][H], lstm, else empty
  std::vector<Real> c_sequence;  ///< [T][B][D*H] of the last layer, when `spec.cell_sequence`, else empty
};

/// Gradients of a loss with respect to the outputs, shaped like `Outputs`. Empty: zeros.
template <class Real>
struct OutputGradients {
  std::vector<Real> dy;
  std::vector<Real> dhN;
  std::vector<Real> dcN;
  std::vector<Real> dc_sequence;
};

/// What a backward pass gives, shaped like the fields of `Problem`.
template <class Real>
struct Gradients {
  std::vector<Real> dx;
  std::vector<Real> dh0;
  std::vector<Real> dc0;
  std::vector<LayerParameters<Real>> layers;
};

/// Elements of each tensor of a problem; 0 where the Spec has no such tensor.
struct Sizes {
  Sizes(const Spec& spec, Index T, Index B)
      : x(T * B * spec.input_size),
        y(T * B * directions_of(spec) * output_size_of(spec)),
        h(spec.layers * directions_of(spec) * B * output_size_of(spec)),
        c(has_cell_state(spec) ? spec.layers * directions_of(spec) * B * spec.hidden_size : 0),
        c_sequence(has_cell_state(spec) && spec.cell_sequence ? T * B * directions_of(spec) * spec.hidden_size
                                                              : 0),
        R(has_recurrent_weights(spec)
              ? directions_of(spec) * gates_of(spec) * spec.hidden_size * output_size_of(spec)
              : 0),
        bW(spec.bias == Bias::none ? 0 : directions_of(spec) * gates_of(spec) * spec.hidden_size),
        bR(has_recurrent_weights(spec) && spec.bias == Bias::both
               ? directions_of(spec) * gates_of(spec) * spec.hidden_size
               : 0),
        peephole(directions_of(spec) * peepholes_of(spec) * spec.hidden_size),
        projection(directions_of(spec) * spec.projection_size * spec.hidden_size) {}

  static Index W(const Spec& spec, Index layer) {
    return directions_of(spec) * gates_of(spec) * spec.hidden_size * layer_input_size(spec, layer);
  }

  Index x, y, h, c, c_sequence, R, bW, bR, peephole, projection;
};

/// Resizes a vector to a signed element count, new elements zero.
template <class Real>
void resize(std::vector<Real>& tensor, Index elements) {
  tensor.resize(static_cast<std::size_t>(elements), Real(0));
}

/// Parameters of a layer, all zeros.
template <class Real>
LayerParameters<Real> zero_parameters(const Spec& spec, Index layer) {
  const Sizes sizes(spec, 1, 1);
  LayerParameters<Real> zeros;
  resize(zeros.W, Sizes::W(spec, layer));
  resize(zeros.R, sizes.R);
  resize(zeros.bW, sizes.bW);
  resize(zeros.bR, sizes.bR);
  resize(zeros.peephole, sizes.peephole);
  resize(zeros.projection, sizes.projection);
  return zeros;
}

/// Throws unless the tensor has as many elements as expected, so that a malformed test cannot pass.
template <class Real>
void expect_size(const std::vector<Real>& tensor, Index elements, const char* name, bool may_be_empty) {
  if (may_be_empty && tensor.empty()) return;
  if (static_cast<Index>(tensor.size()) != elements) {
    throw std::invalid_argument(std::string("oracle: ") + name + " has " + std::to_string(tensor.size()) +
                                " elements, expected " + std::to_string(elements));
  }
}

template <class Real>
void validate(const Problem<Real>& problem) {
  const Spec& spec = problem.spec;
  const Sizes sizes(spec, problem.T, problem.B);
  expect_size(problem.x, sizes.x, "x", false);
  expect_size(problem.h0, sizes.h, "h0", true);
  expect_size(problem.c0, sizes.c, "c0", true);
  expect_size(problem.layers, spec.layers, "layers", false);
  expect_size(problem.lengths, spec.variable_lengths ? problem.B : 0, "lengths", false);
  expect_size(problem.reset_mask, spec.reset_mask ? problem.T * problem.B : 0, "reset_mask", false);
  expect_size(problem.dropout_masks, spec.layers - 1, "dropout_masks", true);
  for (const auto& mask : problem.dropout_masks) expect_size(mask, sizes.y, "dropout mask", false);
  for (Index l = 0; l < spec.layers; ++l) {
    const auto& layer = problem.layers[static_cast<std::size_t>(l)];
    expect_size(layer.W, Sizes::W(spec, l), "W", false);
    expect_size(layer.R, sizes.R, "R", false);
    expect_size(layer.bW, sizes.bW, "bW", false);
    expect_size(layer.bR, sizes.bR, "bR", false);
    expect_size(layer.peephole, sizes.peephole, "peephole", false);
    expect_size(layer.projection, sizes.projection, "projection", false);
  }
}

template <class To, class From>
std::vector<To> convert(const std::vector<From>& tensor) {
  std::vector<To> result(tensor.size());
  std::transform(tensor.begin(), tensor.end(), result.begin(), [](From v) { return static_cast<To>(v); });
  return result;
}

template <class To, class From>
std::vector<LayerParameters<To>> convert(const std::vector<LayerParameters<From>>& layers) {
  std::vector<LayerParameters<To>> result;
  result.reserve(layers.size());
  for (const auto& layer : layers) {
    result.push_back({convert<To>(layer.W), convert<To>(layer.R), convert<To>(layer.bW),
                      convert<To>(layer.bR), convert<To>(layer.peephole), convert<To>(layer.projection)});
  }
  return result;
}

/// The same problem in another arithmetic type: exact to a wider one, and to a narrower one when the values
/// were made representable in it (as support/problem.hpp does).
template <class To, class From>
Problem<To> convert(const Problem<From>& problem) {
  return {problem.spec,
          problem.T,
          problem.B,
          convert<To>(problem.x),
          convert<To>(problem.h0),
          convert<To>(problem.c0),
          convert<To>(problem.layers),
          problem.lengths,
          problem.reset_mask,
          problem.dropout_masks};
}

template <class To, class From>
OutputGradients<To> convert(const OutputGradients<From>& upstream) {
  return {convert<To>(upstream.dy), convert<To>(upstream.dhN), convert<To>(upstream.dcN),
          convert<To>(upstream.dc_sequence)};
}

}  // namespace recur::oracle
