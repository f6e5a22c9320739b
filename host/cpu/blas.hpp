// The large products, from the BLAS the build links. Row-major; single-threaded, called from many threads at
// once.
#pragma once

#include <cstdint>
#include <string_view>

namespace recur::host::cpu {

// C (m x n) = A B or, with accumulate, C += A B. A is m x k (or its transpose where a_transposed: stored k x
// m), B is k x n (or stored n x k where b_transposed). Leading dimensions in elements.
template <class T>
struct Gemm {
  std::int64_t m;
  std::int64_t n;
  std::int64_t k;
  const T* a;
  std::int64_t lda;
  bool a_transposed;
  const T* b;
  std::int64_t ldb;
  bool b_transposed;
  T* c;
  std::int64_t ldc;
  bool accumulate;
};

// Largest value of any size or leading dimension above.
constexpr std::int64_t kMaxBlasSize = 0x7fffffff;

// The processor family whose kernels the BLAS runs here; another family may round differently.
std::string_view blas_core();

void gemm(const Gemm<float>& g);
void gemm(const Gemm<double>& g);

}  // namespace recur::host::cpu
