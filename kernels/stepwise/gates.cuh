// What the gate kernels of both passes share: their vocabulary, and how the host picks one.
#pragma once

#include "kernels/cells/scalar_math.cuh"
#include "kernels/gpu_pass/units.cuh"
#include "kernels/stepwise/launch.hpp"

namespace recur::stepwise {

using gpu_pass::Alignment;
using gpu_pass::Compute;
using gpu_pass::cover;
using gpu_pass::for_units;
using gpu_pass::kThreads;
using gpu_pass::kUnits;
using gpu_pass::load;
using gpu_pass::load_added;
using gpu_pass::load_or_zero;
using gpu_pass::load_previous;
using gpu_pass::PeepholesOf;
using gpu_pass::PhaseOf;
using gpu_pass::row_of;
using gpu_pass::Sequence;
using gpu_pass::store;
using gpu_pass::store_zeros;

// Nonlinearities of the gate kernels.
using GateMath = cells::ScalarMath;

// Launches the kernel of a cell and phase, on vectors where memory allows them. What Pass brings for its
// arguments and the storage type E:
//
//     static bool can_vectorise(const Arguments&);
//     template <class Cell, int kPhase, int kWidth>
//     static void launch(const Arguments&, const device::LaunchConfig&);
template <class Pass, class E, class Arguments>
struct LaunchStep {
  const Arguments& a;
  int phase;
  void* stream;

  template <class Cell>
  void operator()() const {
    if (Pass::can_vectorise(a)) {
      launch<Cell, kUnits<E>>();
    } else {
      launch<Cell, 1>();
    }
  }
  template <class Cell, int kWidth>
  void launch() const {
    const auto config = cover((a.step.hidden + kWidth - 1) / kWidth, a.step.batch, stream);
    if (phase == 0) {
      Pass::template launch<Cell, 0, kWidth>(a, config);
    } else if constexpr (Cell::kPhases > 1) {
      Pass::template launch<Cell, 1, kWidth>(a, config);
    }
  }
};

}  // namespace recur::stepwise
