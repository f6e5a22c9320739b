# Mistakes of the stepwise engine that schedule_test.cpp must notice.
set(RECUR_MUTANT_TESTS simt_schedule_test recur_simt_devices)
set(RECUR_MUTANT_FILTER "*SimtF32GruResetBefore:*SimtF32Lstm:*SimtF32LstmProjected")
set(RECUR_MUTANT_INSTEAD_OF "")

# A row's tail of threads writes.
recur_simt_mutant(no_tail_guard
  FILE kernels/gpu_pass/units.cuh
  REPLACE "if (unit >= step.hidden) return;" WITH ""
  SOURCES kernels/stepwise/forward_f32.cu
  FOUND_BY asan)
# A sequence that a mark starts afresh keeps its old state.
recur_simt_mutant(state_not_cleared
  FILE kernels/stepwise/forward.cuh
  REPLACE "const bool clear = sequence.ends_episode(t);" WITH "const bool clear = false;"
  SOURCES kernels/stepwise/forward_f32.cu
  FOUND_BY plain)
# The same of a state that is projected.
recur_simt_mutant(projection_not_cleared
  FILE kernels/stepwise/projection.cuh
  REPLACE "if (sequence.ends_episode(t)) {" WITH "if (false) {"
  SOURCES kernels/stepwise/projection.cu
  FOUND_BY plain)
# Steps past a sequence's end change its state.
recur_simt_mutant(padding_is_run
  FILE kernels/schedule/timeline.hpp
  REPLACE "return t < length_;" WITH "return t >= 0;"
  SOURCES kernels/stepwise/backward_f32.cu
  FOUND_BY plain)
# Backward forms other marks than forward.
recur_simt_mutant(other_marks_backward
  FILE kernels/gpu_pass/rows.cuh
  REPLACE "a.kept_seed != nullptr ? *a.kept_seed : a.seed" WITH "a.seed"
  SOURCES kernels/gpu_pass/rows.cu
  FOUND_BY plain)
# A layer does not wait for the one before it.
recur_simt_mutant(layer_does_not_wait
  FILE host/gpu_pass/stream_slots.hpp
  REPLACE "if (count_ > 1) gpu::wait(stream(slot), resources_.layer_event(layer));" WITH "static_cast<void>(layer + slot);"
  SOURCES host/gpu_pass/forward.cpp
  FOUND_BY plain tsan)
# The caller's stream does not wait for the side streams.
recur_simt_mutant(slots_never_meet
  FILE host/gpu_pass/stream_slots.hpp
  REPLACE "gpu::wait(stream_, resources_.slot_event(slot));" WITH ""
  SOURCES host/gpu_pass/forward.cpp
  FOUND_BY tsan)
