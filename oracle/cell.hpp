/// @file
/// What every cell's step is given, and the recurrent products that the cells share.
#pragma once

#include <vector>

#include "oracle/problem.hpp"
#include "oracle/products.hpp"

namespace recur::oracle {

/// Parameters (Real const) or gradients (Real) of one direction of one layer. Null where there are none.
template <class Real>
struct DirectionParameters {
  Real* W;           ///< [G*H][J]
  Real* R;           ///< [G*H][P]
  Real* bW;          ///< [G*H]
  Real* bR;          ///< [G*H]
  Real* peephole;    ///< [3*H] i f o, or [2*H] i o
  Real* projection;  ///< [P][H]
};

/// The part of direction d of a layer's tensors. `Layer` is LayerParameters<Real>, const or not.
template <class Real, class Layer>
DirectionParameters<Real> direction_of(Layer& layer, Index d, Index directions) {
  const auto part = [&](auto& tensor) -> Real* {
    return tensor.empty() ? nullptr : tensor.data() + d * (static_cast<Index>(tensor.size()) / directions);
  };
  return {part(layer.W),  part(layer.R),        part(layer.bW),
          part(layer.bR), part(layer.peephole), part(layer.projection)};
}

/// What one step computed, kept for its backward step. [H] where nothing else is said.
template <class Real>
struct Step {
  Real* h_prev;  ///< [P] the state the step started from, after any reset
  Real* c_prev;  ///< lstm
  Real* gates;   ///< [G*H] activated gates
  Real* sums;    ///< [G*H] what the gates' functions were given
  Real* linear;  ///< gru: R_n h_prev + bR_n, before r (reset after)
  Real* c;       ///< lstm: the new cell state
  Real* m;       ///< lstm with projection: o * tanh(c), what is projected
};

/// Values as operands of a product.
template <class Real, class Round>
std::vector<Real> operands(const Real* values, Index n, Round round) {
  std::vector<Real> result(values, values + n);
  for (Real& value : result) value = round.operand(value);
  return result;
}

/// out = rows [first, first + rows) of R v + bR; `columns` are those of R, the size of v.
template <class Real, class Round>
void recurrent_product(const DirectionParameters<const Real>& parameters, Index columns, Index first,
                       Index rows, const Real* v, Real* out, Round round) {
  multiply(parameters.R + first * columns, rows, columns, operands(v, columns, round).data(), out);
  if (parameters.bR != nullptr) add(parameters.bR + first, rows, out);
}

/// Backward of recurrent_product: adds to dv, dR and dbR. `g` is the gradient of `out`.
template <class Real, class Round>
void recurrent_product_backward(const DirectionParameters<const Real>& parameters,
                                const DirectionParameters<Real>& gradients, Index columns, Index first,
                                Index rows, const Real* v, const Real* g, Real* dv, Round round) {
  const std::vector<Real> operand = operands(g, rows, round);
  add_transposed_product(parameters.R + first * columns, rows, columns, operand.data(), dv);
  add_outer_product(operand.data(), rows, operands(v, columns, round).data(), columns,
                    gradients.R + first * columns);
  if (gradients.bR != nullptr) add(g, rows, gradients.bR + first);
}

}  // namespace recur::oracle
