# Mistakes of the fused step kernels that schedule_test.cpp must notice.
set(RECUR_MUTANT_TESTS simt_fused_schedule_test)
set(RECUR_MUTANT_FILTER "*Vectors:*SingleElements")
set(RECUR_MUTANT_INSTEAD_OF "")

# h is read before the step before has ended.
recur_simt_mutant(fused_read_before_the_wait
  FILE kernels/fused/forward.cuh
  REPLACE "  product.load_first_weights();
  device::wait_for_kernel_before();"
  WITH "  product.load_first_weights();
  const Item<E, kGates> early = item_of(static_cast<int>(threadIdx.x));
  device::wait_for_kernel_before();
  if (early.is_there && early.h > 1e30f) return;"
  SOURCES kernels/fused/step_bf16.cu
  FOUND_BY tsan)
# The step never waits for the one before.
recur_simt_mutant(fused_never_waits
  FILE kernels/fused/forward.cuh
  REPLACE "device::wait_for_kernel_before();" WITH ""
  SOURCES kernels/fused/step_bf16.cu
  FOUND_BY plain)
# Sums of other warps are read before they are there.
recur_simt_mutant(fused_no_barrier
  FILE kernels/fused/forward.cuh
  REPLACE "  __syncthreads();" WITH ""
  SOURCES kernels/fused/step_bf16.cu
  FOUND_BY plain tsan)
# h is written where other blocks still read it.
recur_simt_mutant(fused_state_in_place
  FILE kernels/fused/gates.cuh
  REPLACE "static_cast<E*>(track.next)[state] = stored;"
  WITH "static_cast<E*>(const_cast<void*>(track.h))[state] = stored;"
  SOURCES kernels/fused/step_bf16.cu kernels/fused/step_f32.cu
  FOUND_BY plain tsan)
# A sequence that a mark starts afresh keeps its old state.
recur_simt_mutant(fused_state_not_cleared
  FILE kernels/fused/gates.cuh
  REPLACE "clears = is_valid && sequence.ends_episode(t);" WITH "clears = false;"
  SOURCES kernels/fused/step_bf16.cu
  FOUND_BY plain)

# Backward. The carry is read before the step before has ended.
recur_simt_mutant(fused_backward_read_before_the_wait
  FILE kernels/fused/backward.cuh
  REPLACE "  device::wait_for_kernel_before();
  device::let_kernel_after_start();
  item.load_carry(track);"
  WITH "  item.load_carry(track);
  device::wait_for_kernel_before();
  device::let_kernel_after_start();"
  SOURCES kernels/fused/step_backward_bf16.cu
  FOUND_BY tsan)
# The step never waits for the one before.
recur_simt_mutant(fused_backward_never_waits
  FILE kernels/fused/backward.cuh
  REPLACE "device::wait_for_kernel_before();" WITH ""
  SOURCES kernels/fused/step_backward_bf16.cu
  FOUND_BY plain)
# R is transposed from what other threads have yet to read.
recur_simt_mutant(fused_backward_no_barrier
  FILE kernels/fused/backward.cuh
  REPLACE "[threadIdx.x] = from[row * a.R_row + column];
  }
  __syncthreads();"
  WITH "[threadIdx.x] = from[row * a.R_row + column];
  }"
  SOURCES kernels/fused/step_backward_bf16.cu
  FOUND_BY plain tsan)
# Sums of other warps are read before they are there.
recur_simt_mutant(fused_backward_no_barrier_of_sums
  FILE kernels/fused/backward.cuh
  REPLACE "partial[warp][set][row][group] = sum; });
  __syncthreads();"
  WITH "partial[warp][set][row][group] = sum; });"
  SOURCES kernels/fused/step_backward_bf16.cu
  FOUND_BY plain tsan)
# dgates are read where other blocks write them.
recur_simt_mutant(fused_backward_dgates_in_place
  FILE kernels/fused/backward.cuh
  REPLACE "a.backward.phase == 0 ? step.step.timeline.order().next(step.step.t) : step.step.t" WITH "step.step.t"
  SOURCES kernels/fused/step_backward_bf16.cu
  FOUND_BY plain tsan)
# The carry of an episode reaches the one before it.
recur_simt_mutant(fused_backward_carry_not_dropped
  FILE kernels/fused/backward_gates.cuh
  REPLACE "drops = sequence.ends_episode(t);" WITH "drops = false;"
  SOURCES kernels/fused/step_backward_bf16.cu
  FOUND_BY plain)
# In reverse the carry of a sequence's first step ends in its padding.
recur_simt_mutant(fused_backward_carry_ends_in_padding
  FILE kernels/fused/backward_gates.cuh
  REPLACE "item.dh + product;" WITH "item.dh;"
  SOURCES kernels/fused/step_backward_f32.cu
  FOUND_BY plain)
