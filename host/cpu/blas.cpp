#include "host/cpu/blas.hpp"

#include <cblas.h>

#include <atomic>
#include <thread>

#include "host/spin.hpp"

// OpenBLAS has a pool of work buffers for the whole process. Its serial variant, as distributions build it,
// looks for a free one without a lock: two threads that look at once are handed the same buffer and compute
// with each other's operands (OpenMathLib/OpenBLAS#2126; USE_LOCKING=1 is not their default). So the link
// sends that search here (--wrap, cmake/FindRecurBlas.cmake), and one thread at a time looks. The lock guards
// the pool, which is the process's, so it is the process's too.
namespace {
std::atomic_flag searching_blas_pool = ATOMIC_FLAG_INIT;
}
extern "C" {
// The linker gives these names. NOLINTBEGIN(bugprone-reserved-identifier)
void* __real_blas_memory_alloc(int procpos);
void* __wrap_blas_memory_alloc(int procpos) {
  const auto locked = [] { return !searching_blas_pool.test_and_set(std::memory_order_acquire); };
  while (!recur::host::spin_until(locked)) std::this_thread::yield();
  void* buffer = __real_blas_memory_alloc(procpos);
  searching_blas_pool.clear(std::memory_order_release);
  return buffer;
}
// NOLINTEND(bugprone-reserved-identifier)
}

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
