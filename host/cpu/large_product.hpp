// The products that span many time steps, by BLAS or by our own kernel as the tiling says. Our kernel forms
// every element as one chain in order of k, which BLAS does not promise.
#pragma once

#include <type_traits>

#include "host/cpu/blas.hpp"
#include "host/cpu/packed_weights.hpp"

namespace recur::host::cpu {

// out (rows x G*H) = x (rows x K) W^T, with W as packed.
template <class T>
void input_product(const Geometry& g, const Kernels<T>& kernels, std::int64_t layer,
                   const PackedDirection<T>& packed, const T* x, std::int64_t x_row, std::int64_t rows,
                   Arithmetic<T>* out) {
  if (rows == 0) return;
  if constexpr (std::is_same_v<T, Unit<T>>) {
    if (g.tiling.blas_inputs) {
      gemm(Gemm<T>{.m = rows,
                   .n = g.gate_rows(),
                   .k = g.columns(layer),
                   .a = x,
                   .lda = std::max(x_row, g.columns(layer)),
                   .a_transposed = false,
                   .b = packed.W,
                   .ldb = packed.W_row,
                   .b_transposed = true,
                   .c = out,
                   .ldc = g.input_row(),
                   .accumulate = false});
      return;
    }
  }
  const std::int64_t width = g.tiling.input_width;
  kernels.product({.a = x,
                   .a_row = x_row,
                   .a_column = 1,
                   .b = packed.W,
                   .b_row = width,
                   .c = out,
                   .c_row = g.input_row(),
                   .rows = rows,
                   .columns = width,
                   .depth = g.columns(layer),
                   .accumulate = false,
                   .panels = g.input_row() / width,
                   .b_panel = PackedDirection<T>::W_panel_size(g, layer),
                   .c_panel = width});
}

// For the product of two small matrices as they lie OpenBLAS takes memory of its own on every call (its
// small-matrix kernels for AVX-512, up to 100^3 multiply-adds); a run of ours allocates nothing.
template <class T>
bool blas_allocates_for(const Gemm<T>& p) {
  constexpr double kMostWork = 100.0 * 100.0 * 100.0;
  return !p.a_transposed && !p.b_transposed &&
         static_cast<double>(p.m) * static_cast<double>(p.n) * static_cast<double>(p.k) <= kMostWork;
}

// C (m x n) = A B or += A B with row-major B; A is m x k, or stored k x m where transposed. In arithmetic.
template <class T>
void product(const Tiling& tiling, const Kernels<T>& kernels, const Gemm<Arithmetic<T>>& p) {
  if (p.m == 0 || p.n == 0) return;
  if (tiling.blas && !blas_allocates_for(p)) return gemm(p);
  kernels.arithmetic_product({.a = p.a,
                              .a_row = p.a_transposed ? 1 : p.lda,
                              .a_column = p.a_transposed ? p.lda : 1,
                              .b = p.b,
                              .b_row = p.ldb,
                              .c = p.c,
                              .c_row = p.ldc,
                              .rows = p.m,
                              .columns = p.n,
                              .depth = p.k,
                              .accumulate = p.accumulate});
}

}  // namespace recur::host::cpu
