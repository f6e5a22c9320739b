// Every detector detects: each planted mistake is found by the legs that claim to find it, with a message
// that says what and where. A mistake that a leg cannot see must pass there: the kernels are wrong in one way
// each.
#include "simt/planted.cuh"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "simt/array.hpp"

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define RECUR_TEST_TSAN 1
#endif
#if __has_feature(address_sanitizer)
#define RECUR_TEST_ASAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define RECUR_TEST_ASAN 1
#endif

namespace recur::test {
namespace {

using namespace planted;
using device::LaunchConfig;
using simt::Array;
using simt::FaultKind;

// Finds the same in every leg and under every schedule.
void expect_fault(FaultKind kind, const std::string& text, const std::function<void()>& run) {
  try {
    run();
    simt::synchronize();
  } catch (const simt::Fault& fault) {
    EXPECT_EQ(simt::name_of(fault.kind()), std::string(simt::name_of(kind))) << fault.what();
    EXPECT_NE(std::string(fault.what()).find(text), std::string::npos) << fault.what();
    return;
  }
  FAIL() << "no fault was found, expected: " << simt::name_of(kind) << ": " << text;
}

LaunchConfig config(unsigned grid, unsigned block) { return {.grid = grid, .block = block}; }
LaunchConfig cluster_of(unsigned size) { return {.grid = size, .block = 32, .cluster = size}; }
LaunchConfig cooperative(unsigned grid, unsigned block) {
  return {.grid = grid, .block = block, .cooperative = true};
}

#define EXPECT_KERNEL_FAULT(kind, text, kernel, config, ...) \
  expect_fault(FaultKind::kind, text, [&] { RECUR_LAUNCH(kernel, config, __VA_ARGS__); })

// Some schedule gives a wrong result. `wrong` looks at what the kernel left.
[[maybe_unused]] void expect_wrong_under_some_schedule(const std::function<void()>& run,
                                                       const std::function<bool()>& wrong) {
  const simt::Schedule before = simt::schedule();
  bool found = false;
  for (const simt::Order order : {simt::Order::ascending, simt::Order::descending, simt::Order::random}) {
    simt::set_schedule({order, 1});
    run();
    simt::synchronize();
    found = found || wrong();
  }
  simt::set_schedule(before);
  EXPECT_TRUE(found) << "every schedule gave the right result";
}

// A race: always reported by ThreadSanitizer, and wrong under some schedule elsewhere where that is said.
void expect_race(const std::function<void()>& run, const std::function<bool()>& wrong) {
#if defined(RECUR_TEST_TSAN)
  static_cast<void>(wrong);
  // A process that was forked beside other threads, which fibers are to it, is one that ThreadSanitizer
  // leaves alone.
  ::testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_DEATH(
      {
        run();
        simt::synchronize();
      },
      "data race");
#else
  if (wrong != nullptr) expect_wrong_under_some_schedule(run, wrong);
#endif
}

// Seen by AddressSanitizer or UBSan alone.
void expect_death_in_asan([[maybe_unused]] const std::function<void()>& run,
                          [[maybe_unused]] const char* message) {
#if defined(RECUR_TEST_ASAN)
  EXPECT_DEATH(
      {
        run();
        simt::synchronize();
      },
      message);
#endif
}

const std::string kHere = "planted.cuh:";

class Planted : public ::testing::Test {
 protected:
  Planted()
      : out(std::vector<int>(256, -1)), flags(std::vector<unsigned>(4, 0)), data(std::vector<int>(256, 0)) {}

  Array<int> out;
  Array<unsigned> flags;
  Array<int> data;
  alignas(16) int aligned[256] = {};
};

TEST_F(Planted, BarriersThatDiverge) {
  EXPECT_KERNEL_FAULT(divergence, kHere, barrier_in_branch, config(1, kBlock), out.data());
  EXPECT_KERNEL_FAULT(divergence, "__syncthreads", exit_before_barrier, config(1, kBlock), out.data());
  EXPECT_KERNEL_FAULT(divergence, "__syncthreads", uneven_loop, config(1, kBlock), out.data());
  EXPECT_KERNEL_FAULT(deadlock, "named_barrier", named_barrier_short, config(1, kBlock), out.data());
  EXPECT_KERNEL_FAULT(misuse, "expects", named_barrier_counts, config(1, kBlock), out.data());
  EXPECT_KERNEL_FAULT(misuse, "cooperative", grid_barrier_not_cooperative, config(2, kBlock), out.data());
  EXPECT_KERNEL_FAULT(misuse, "cluster_wait", cluster_wait_alone, config(1, kBlock), out.data());
}

TEST_F(Planted, CollectivesThatDiverge) {
  EXPECT_KERNEL_FAULT(misuse, "does not take part", shuffle_from_absent, config(1, kBlock), out.data());
  EXPECT_KERNEL_FAULT(divergence, "with the same mask", different_collectives, config(1, kBlock), out.data());
  EXPECT_KERNEL_FAULT(divergence, "__shfl_xor_sync", half_a_shuffle, config(1, kBlock), out.data());
  EXPECT_KERNEL_FAULT(misuse, "own mask", not_in_own_mask, config(1, kBlock), out.data());
}

TEST_F(Planted, WaitingForWhatNeverComes) {
  EXPECT_KERNEL_FAULT(livelock, kHere, flag_never_set, config(1, kBlock), flags.data());
  flags.data()[0] = 0;
  EXPECT_KERNEL_FAULT(livelock, "need not be resident", waits_for_later_block, config(2, kBlock),
                      flags.data());
  EXPECT_KERNEL_FAULT(livelock, kHere, bytes_never_arrive, config(1, 32), out.data());
}

TEST_F(Planted, SpinOnPlainLoad) {
#if !defined(RECUR_TEST_TSAN)  // there it is a race first
  if (simt::schedule().order != simt::Order::ascending) GTEST_SKIP() << "hangs only where thread 0 is first";
  setenv("SIMT_PATIENCE", "1", 1);
  ::testing::FLAGS_gtest_death_test_style = "threadsafe";  // timers do not pass a fork
  data.data()[0] = 0;
  EXPECT_DEATH(
      {
        RECUR_LAUNCH(spins_on_plain_load, config(1, kBlock), data.data());
        simt::synchronize();
      },
      "spin on a plain load");
  ::testing::FLAGS_gtest_death_test_style = "fast";
#endif
}

TEST_F(Planted, BarriersOfTransactions) {
  EXPECT_KERNEL_FAULT(misuse, "there is no mbarrier", mbarrier_not_initialised, config(1, 32), out.data());
  EXPECT_KERNEL_FAULT(misuse, "there is one already", mbarrier_twice, config(1, 32), out.data());
  EXPECT_KERNEL_FAULT(misuse, "was overwritten", mbarrier_overwritten, config(1, 1), out.data());
  EXPECT_KERNEL_FAULT(misuse, "all 1 arrivals of phase 0", mbarrier_arrived_at_too_often, config(1, 1),
                      out.data());
}

TEST_F(Planted, AsynchronousCopies) {
  EXPECT_KERNEL_FAULT(misuse, "multiples of 16", bulk_copy_of_odd_size, config(1, 1), aligned);
  EXPECT_KERNEL_FAULT(missing_fence, kHere, bulk_copy_without_fence, config(1, 32), aligned);
  EXPECT_KERNEL_FAULT(misuse, "bulk_wait is missing", exits_during_bulk_copy, config(1, 32), aligned);
  EXPECT_KERNEL_FAULT(misuse, "misaligned", misaligned_async_copy, config(1, 1), aligned);
}

// Only where the copy does not arrive at once.
TEST_F(Planted, ExitsBeforeCopyArrives) {
  const simt::Schedule before = simt::schedule();
  simt::set_schedule({simt::Order::ascending, 1});
  EXPECT_KERNEL_FAULT(out_of_range, "under way", exits_before_copy_arrives, config(1, 1), aligned);
  simt::set_schedule(before);
}

TEST_F(Planted, ExitsBeforeItsStoreArrives) {
  const simt::Schedule before = simt::schedule();
  simt::set_schedule({simt::Order::ascending, 1});
  EXPECT_KERNEL_FAULT(misuse, "a cluster barrier is missing", exits_before_its_store_arrives, cluster_of(2),
                      out.data());
  simt::set_schedule(before);
}

TEST_F(Planted, AsyncCopyIsNaNBeforeItsWait) {
  Array<float> values(32);
  RECUR_LAUNCH(async_copy_without_wait, config(1, 32), aligned, values.data());
  simt::synchronize();
  for (const float value : values.vector()) EXPECT_TRUE(std::isnan(value));
}

TEST_F(Planted, SharedMemoryIsNaNAtFirst) {
  Array<float> values(kBlock);
  RECUR_LAUNCH(never_written, config(1, kBlock), values.data());
  simt::synchronize();
  for (const float value : values.vector()) EXPECT_TRUE(std::isnan(value));
}

TEST_F(Planted, Clusters) {
  EXPECT_KERNEL_FAULT(misuse, "before the first cluster barrier", mapped_before_barrier, cluster_of(2),
                      out.data());
  EXPECT_KERNEL_FAULT(out_of_range, "rank 2 of a cluster of 2", mapped_beyond_cluster, cluster_of(2),
                      out.data());
  expect_death_in_asan([&] { RECUR_LAUNCH(peer_has_exited, cluster_of(2), out.data()); }, "use-after-poison");
  expect_race([&] { RECUR_LAUNCH(too_narrow_arrival, cluster_of(2), out.data()); }, nullptr);
  expect_race([&] { RECUR_LAUNCH(too_narrow_wait_for_store, cluster_of(2), out.data()); }, nullptr);
  expect_race([&] { RECUR_LAUNCH(relaxed_arrival, config(1, kBlock), out.data()); }, nullptr);
}

TEST_F(Planted, RacesInABlock) {
  const auto reversed = [&](int count) {
    return [&, count] {
      for (int i = 0; i < count; ++i) {
        if (out.data()[i] != count - 1 - i) return true;
      }
      return false;
    };
  };
  expect_race([&] { RECUR_LAUNCH(no_barrier, config(1, kBlock), out.data()); }, reversed(kBlock));
  expect_race([&] { RECUR_LAUNCH(no_syncwarp, config(1, 32), out.data()); }, reversed(32));
  expect_race([&] { RECUR_LAUNCH(shuffle_as_fence, config(1, 32), out.data()); }, nullptr);
  expect_race([&] { RECUR_LAUNCH(overwritten_too_soon, config(1, kBlock), out.data()); },
              [&] {
                for (int i = 0; i < kBlock; ++i) {
                  if (out.data()[i] != 3 * ((i + 32) % kBlock) + 3) return true;
                }
                return false;
              });
}

TEST_F(Planted, RacesBetweenBlocks) {
  expect_race([&] { RECUR_LAUNCH(blocks_write_one_place, config(2, 32), out.data()); },
              [&] { return out.data()[0] != 1; });
  expect_race(
      [&] {
        std::fill_n(data.data(), 64, 0);
        RECUR_LAUNCH(no_grid_barrier, cooperative(2, 32), data.data(), out.data());
      },
      [&] { return std::count(out.data(), out.data() + 64, 1) != 64; });
  flags.data()[0] = 0;
  expect_race(
      [&] { RECUR_LAUNCH(too_narrow_flag, cooperative(2, 32), flags.data(), data.data(), out.data()); },
      nullptr);
  expect_race([&] { RECUR_LAUNCH(source_reused_too_soon, config(1, 1), aligned); },
              [&] { return aligned[0] != 1; });
}

TEST_F(Planted, Addresses) {
  EXPECT_KERNEL_FAULT(out_of_range, "gave it none", dynamic_without_bytes, config(1, kBlock), out.data());
  LaunchConfig with_memory = config(1, kBlock);
  with_memory.shared_bytes = kBlock * sizeof(int);
  expect_death_in_asan([&] { RECUR_LAUNCH(beyond_dynamic, with_memory, out.data()); },
                       "heap-buffer-overflow");
  expect_death_in_asan([&] { RECUR_LAUNCH(beyond_static, config(1, kBlock), out.data()); },
                       "heap-buffer-overflow|out of bounds");
  Array<int> small(kBlock);
  expect_death_in_asan([&] { RECUR_LAUNCH(beyond_global, config(1, kBlock), small.data()); },
                       "heap-buffer-overflow");
  expect_death_in_asan([&] { RECUR_LAUNCH(beyond_local, config(1, kBlock), out.data()); },
                       "stack-buffer-overflow|out of bounds");
  expect_death_in_asan([&] { RECUR_LAUNCH(misaligned_vector, config(1, kBlock), out.data()); },
                       "misaligned address");
}

TEST_F(Planted, DeepRecursion) {
#if defined(RECUR_TEST_ASAN)
  const char* message = "stack-overflow";
#elif defined(RECUR_TEST_TSAN)
  const char* message = "";
#else
  const char* message = "overflowed its stack";
#endif
  EXPECT_DEATH(
      {
        RECUR_LAUNCH(deep_recursion, config(1, 1), out.data());
        simt::synchronize();
      },
      message);
}

// After a fault the machine is as new.
TEST_F(Planted, NothingStaysBehind) {
  for (int i = 0; i < 3; ++i) {
    EXPECT_KERNEL_FAULT(divergence, kHere, barrier_in_branch, config(1, kBlock), out.data());
    RECUR_LAUNCH(blocks_write_one_place, config(1, 32), out.data());
    simt::synchronize();
    EXPECT_EQ(out.data()[31], 0);
  }
}

}  // namespace
}  // namespace recur::test
