#include "host/cpu/blas.hpp"

#include <cblas.h>

namespace recur::host::cpu {
namespace {
CBLAS_TRANSPOSE transposed(bool yes) { return yes ? CblasTrans : CblasNoTrans; }
int narrow(std::int64_t value) { return static_cast<int>(value); }
}  // namespace

std::string_view blas_core() { return openblas_get_corename(); }

void gemm(const Gemm<float>& g) {
  if (g.m == 0 || g.n == 0) return;
  cblas_sgemm(CblasRowMajor, transposed(g.a_transposed), transposed(g.b_transposed), narrow(g.m), narrow(g.n),
              narrow(g.k), 1.0f, g.a, narrow(g.lda), g.b, narrow(g.ldb), g.accumulate ? 1.0f : 0.0f, g.c,
              narrow(g.ldc));
}

void gemm(const Gemm<double>& g) {
  if (g.m == 0 || g.n == 0) return;
  cblas_dgemm(CblasRowMajor, transposed(g.a_transposed), transposed(g.b_transposed), narrow(g.m), narrow(g.n),
              narrow(g.k), 1.0, g.a, narrow(g.lda), g.b, narrow(g.ldb), g.accumulate ? 1.0 : 0.0, g.c,
              narrow(g.ldc));
}

}  // namespace recur::host::cpu
