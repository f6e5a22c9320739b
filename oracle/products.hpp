/// @file
/// The three products of a recurrent layer, as plain loops. Every output is one sequential sum in the
/// arithmetic type: that is what makes a float run of the oracle the naive run of docs/design.md.
#pragma once

#include "oracle/problem.hpp"

namespace recur::oracle {

/// out = A v, A [rows][columns]. Eight rows at a time only so that eight sums are in flight; each sum adds
/// its terms in order.
template <class Real>
void multiply(const Real* A, Index rows, Index columns, const Real* v, Real* out) {
  constexpr Index kRows = 8;
  Index r = 0;
  for (; r + kRows <= rows; r += kRows) {
    Real sums[kRows] = {};
    const Real* block = A + r * columns;
    for (Index k = 0; k < columns; ++k) {
      for (Index j = 0; j < kRows; ++j) sums[j] += block[j * columns + k] * v[k];
    }
    for (Index j = 0; j < kRows; ++j) out[r + j] = sums[j];
  }
  for (; r < rows; ++r) {
    Real sum = 0;
    for (Index k = 0; k < columns; ++k) sum += A[r * columns + k] * v[k];
    out[r] = sum;
  }
}

/// out += A^T g, A [rows][columns].
template <class Real>
void add_transposed_product(const Real* A, Index rows, Index columns, const Real* g, Real* out) {
  for (Index r = 0; r < rows; ++r) {
    const Real factor = g[r];
    const Real* row = A + r * columns;
    for (Index k = 0; k < columns; ++k) out[k] += factor * row[k];
  }
}

/// dA += g v^T, dA [rows][columns].
template <class Real>
void add_outer_product(const Real* g, Index rows, const Real* v, Index columns, Real* dA) {
  for (Index r = 0; r < rows; ++r) {
    const Real factor = g[r];
    Real* row = dA + r * columns;
    for (Index k = 0; k < columns; ++k) row[k] += factor * v[k];
  }
}

/// out += v.
template <class Real>
void add(const Real* v, Index n, Real* out) {
  for (Index j = 0; j < n; ++j) out[j] += v[j];
}

}  // namespace recur::oracle
