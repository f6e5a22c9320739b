// The steppers of GPU engines: a row for each, with what runs the steps of forward and of backward.
#include "host/fused/backward.hpp"
#include "host/fused/forward.hpp"
#include "host/gpu_pass/run.hpp"
#include "host/resident/forward.hpp"
#include "host/stepwise/backward.hpp"
#include "host/stepwise/forward.hpp"

namespace recur::host::gpu_pass {
namespace {

struct Row {
  Stepper stepper;
  RunForwardChunks forward;
  RunBackwardChunks backward;  // null: forward only
};

constexpr Row kRows[] = {
    {Stepper::step_by_step, stepwise::run_forward_chunks, stepwise::run_backward_chunks},
    {Stepper::cluster_resident, resident::run_forward_chunks, nullptr},
    {Stepper::fused, fused::run_forward_chunks, fused::run_backward_chunks},
};

constexpr const Row& row_of(Stepper stepper) { return kRows[static_cast<std::size_t>(stepper)]; }

// Rows are in the order of their names.
static_assert([] {
  for (std::size_t i = 0; i < std::size(kRows); ++i) {
    if (kRows[i].stepper != static_cast<Stepper>(i)) return false;
  }
  return true;
}());

}  // namespace

RunForwardChunks forward_of(Stepper stepper) { return row_of(stepper).forward; }
RunBackwardChunks backward_of(Stepper stepper) { return row_of(stepper).backward; }

}  // namespace recur::host::gpu_pass
