// Compiled by nvcc only: every cell, forward and backward, is valid device code for every architecture of the
// build.
#include "kernels/cells/scalar_math.cuh"
#include "kernels/cells/variants.cuh"

namespace recur::cells {
namespace {

template <class Cell, class T, int kPhase>
__device__ void run_phases(ForwardUnit<Cell, T>& forward, BackwardUnit<Cell, T>& backward) {
  Cell::template forward<kPhase, ScalarMath>(forward);
  Cell::template backward<kPhase, ScalarMath>(backward);
  if constexpr (kPhase + 1 < Cell::kPhases) run_phases<Cell, T, kPhase + 1>(forward, backward);
}

template <class Cell, class T>
__global__ void run_cell(ForwardUnit<Cell, T>* forward, BackwardUnit<Cell, T>* backward) {
  run_phases<Cell, T, 0>(forward[threadIdx.x], backward[threadIdx.x]);
}

// Taking their addresses instantiates the kernels.
template <class T>
struct KernelOf {
  template <class Cell>
  void* operator()() const {
    return reinterpret_cast<void*>(&run_cell<Cell, T>);
  }
};

}  // namespace

void* cell_kernel(Variant variant, bool f64);
void* cell_kernel(Variant variant, bool f64) {
  return f64 ? visit(variant, KernelOf<double>{}) : visit(variant, KernelOf<float>{});
}

}  // namespace recur::cells
