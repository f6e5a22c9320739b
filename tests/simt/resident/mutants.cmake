# Mistakes of the resident kernel that schedule_test.cpp must notice.
set(RECUR_MUTANT_TESTS simt_resident_schedule_test)
set(RECUR_MUTANT_FILTER "*TwoPhases:*SharedSources")
set(RECUR_MUTANT_INSTEAD_OF forward_bf16_gru_reset_before.cu forward_f16_lstm_peephole.cu)
set(mutant_kernels tests/simt/resident/mutant_kernels.cu)

# Nobody waits for what block 1 sends.
recur_simt_mutant(resident_no_wait_for_a_source
  FILE kernels/resident/exchange.cuh
  REPLACE "device::mbarrier_wait<MemoryScope::cluster>(barriers_ + source_, parity_);"
  WITH "if (source_ != 1) device::mbarrier_wait<MemoryScope::cluster>(barriers_ + source_, parity_);"
  SOURCES ${mutant_kernels}
  FOUND_BY plain tsan)
# K-blocks that start in the middle of another block's are multiplied without a wait for it.
recur_simt_mutant(resident_waits_at_boundaries_only
  FILE kernels/resident/exchange.cuh
  REPLACE "if (i == 0 || i == until_source_) {"
  WITH "if (i == 0 && until_source_ != 0) {
        ++source_;
        until_source_ += kTile.groups;
      } else if (i == until_source_) {"
  SOURCES ${mutant_kernels}
  FOUND_BY plain tsan)
# What peers wrote is acquired within the block only.
recur_simt_mutant(resident_wait_of_a_block
  FILE kernels/resident/exchange.cuh
  REPLACE "device::mbarrier_wait<MemoryScope::cluster>" WITH "device::mbarrier_wait<MemoryScope::block>"
  SOURCES ${mutant_kernels}
  FOUND_BY tsan)
# What is pushed is released within its own block only.
recur_simt_mutant(resident_release_of_a_block
  FILE kernels/resident/exchange.cuh
  REPLACE "device::store_async(piece, value, counted_by, static_cast<unsigned>(to));"
  WITH "simt::store_async(simt::map_shared(piece, static_cast<unsigned>(to), {}), &value, 16,
                        static_cast<std::uint64_t*>(simt::map_shared(counted_by, static_cast<unsigned>(to), {})),
                        {}, simt::MemoryScope::block);"
  SOURCES ${mutant_kernels}
  FOUND_BY tsan)
# One buffer of h for all exchanges.
recur_simt_mutant(resident_single_buffer
  FILE kernels/resident/exchange.cuh
  REPLACE "((exchange & 1) * batch_tiles_ + batch_tile) * blocks_" WITH "(exchange * 0 + batch_tile) * blocks_"
  SOURCES ${mutant_kernels}
  FOUND_BY plain tsan)
# h goes to peers before all warps of the block have multiplied the h before it, and before all of it is there.
recur_simt_mutant(resident_pushed_before_the_barrier
  FILE kernels/resident/forward.cuh
  REPLACE "    __syncthreads();
    if (e < last) {
      exchange_.push(e + 1, tile, thread_);
      exchange_.expect(e, tile, thread_);
    }"
  WITH "    if (e < last) exchange_.push(e + 1, tile, thread_);
    __syncthreads();
    if (e < last) exchange_.expect(e, tile, thread_);"
  SOURCES ${mutant_kernels}
  FOUND_BY plain tsan)
# All but one block go on with a batch tile whose sequences have ended.
recur_simt_mutant(resident_waits_for_a_retired_tile
  FILE kernels/resident/forward.cuh
  REPLACE "if (i >= span.begin && i < span.end) {"
  WITH "if (i >= span.begin && (i < span.end || exchange_.rank() != 0)) {"
  SOURCES ${mutant_kernels}
  FOUND_BY plain)
# One block pushes what none waits for.
recur_simt_mutant(resident_last_exchange_pushed_by_one
  FILE kernels/resident/forward.cuh
  REPLACE "if (e < last) {" WITH "if (e < last || exchange_.rank() == 0) {"
  SOURCES ${mutant_kernels}
  FOUND_BY plain)
# All do, to blocks that may have ended.
recur_simt_mutant(resident_last_exchange_pushed
  FILE kernels/resident/forward.cuh
  REPLACE "if (e < last) {" WITH "if (e <= last) {"
  SOURCES ${mutant_kernels}
  FOUND_BY plain)
# A block ends while what it sent is under way.
recur_simt_mutant(resident_no_last_barrier
  FILE kernels/resident/forward.cuh
  REPLACE "    device::cluster_arrive();
    finish();
    device::cluster_wait();" WITH "    finish();"
  SOURCES ${mutant_kernels}
  FOUND_BY plain)
# Blocks are written to that may not have begun.
recur_simt_mutant(resident_no_first_barrier
  FILE kernels/resident/forward.cuh
  REPLACE "    device::cluster_barrier();" WITH "    __syncthreads();"
  SOURCES ${mutant_kernels}
  FOUND_BY plain)
# The second phase of a barrier never completes.
recur_simt_mutant(resident_nothing_expected
  FILE kernels/resident/forward.cuh
  REPLACE "exchange_.expect(e, tile, thread_);" WITH ""
  SOURCES ${mutant_kernels}
  FOUND_BY plain)
# The next phase's arrival comes before this one is complete.
recur_simt_mutant(resident_expected_too_early
  FILE kernels/resident/forward.cuh
  REPLACE "    float products[kGates][4];" WITH "    exchange_.expect(e, tile, thread_);
    float products[kGates][4];"
  SOURCES ${mutant_kernels}
  FOUND_BY plain)
# Sums are read before all their parts are there.
recur_simt_mutant(resident_no_barrier_of_parts
  FILE kernels/resident/values.cuh
  REPLACE "device::named_barrier(1 + place.group, kTile.splits * 32);" WITH ""
  SOURCES ${mutant_kernels}
  FOUND_BY plain tsan)
# Warps of a block do not wait for each other.
recur_simt_mutant(resident_no_barrier_of_the_block
  FILE kernels/resident/forward.cuh
  REPLACE "    __syncthreads();" WITH ""
  SOURCES ${mutant_kernels}
  FOUND_BY plain tsan)
# Steps past a sequence's end change its state.
recur_simt_mutant(resident_padding_is_run
  FILE kernels/resident/forward.cuh
  REPLACE "(i, t < kept_values_[i].length, input[i], sums[i])"
  WITH "(i, kept_values_[i].length > 0, input[i], sums[i])"
  SOURCES ${mutant_kernels}
  FOUND_BY plain)
# Episodes keep the state of those before them.
recur_simt_mutant(resident_marks_ignored
  FILE kernels/resident/forward.cuh
  REPLACE "clear = marks_[value] != 0;" WITH "clear = false;"
  SOURCES ${mutant_kernels}
  FOUND_BY plain)
# Gates take what is where W x arrives before it has.
recur_simt_mutant(resident_no_wait_for_input
  FILE kernels/resident/forward.cuh
  REPLACE "device::copy_async_wait_all();" WITH ""
  SOURCES ${mutant_kernels}
  FOUND_BY plain)
recur_simt_mutant(resident_waits_for_input_after_reading_it
  FILE kernels/resident/forward.cuh
  REPLACE "    if constexpr (kPhase == 0) wait_for_input();
    float input[kValues][kGates];
    read_input<Phase::kFirst>(input);"
  WITH "    float input[kValues][kGates];
    read_input<Phase::kFirst>(input);
    if constexpr (kPhase == 0) wait_for_input();"
  SOURCES ${mutant_kernels}
  FOUND_BY plain)
# Of the word that has the mark another byte decides.
recur_simt_mutant(resident_mark_of_another_row
  FILE kernels/resident/forward.cuh
  REPLACE "marks_[value] = 0xffu << (before * 8);" WITH "marks_[value] = 0xffu;"
  SOURCES ${mutant_kernels}
  FOUND_BY plain)
# Rows of a batch tile that the batch does not have are written.
recur_simt_mutant(resident_no_tail_guard
  FILE kernels/resident/forward.cuh
  REPLACE "return unit(value) < hidden_ && row(tile, value) < batch_;" WITH "return unit(value) < hidden_;"
  SOURCES ${mutant_kernels}
  FOUND_BY asan)
# Pieces are stored as any other memory is, and their barrier is told of the bytes without a release.
recur_simt_mutant(resident_pushed_by_plain_stores
  FILE kernels/resident/exchange.cuh
  REPLACE "device::store_async(piece, value, counted_by, static_cast<unsigned>(to));"
  WITH "*device::map_shared(piece, static_cast<unsigned>(to)) = value;
      simt::mbarrier_complete(device::map_shared(counted_by, static_cast<unsigned>(to)), 16);"
  SOURCES ${mutant_kernels}
  FOUND_BY plain LATE)
