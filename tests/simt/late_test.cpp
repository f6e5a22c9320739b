// The late mode: a plain store reaches another block only by a release that the other acquires. What publishes
// too little is wrong here under every schedule, where without it only ThreadSanitizer sees it.
#include <gtest/gtest.h>

#include "simt/array.hpp"
#include "simt/planted.cuh"

namespace recur::test {
namespace {

using device::LaunchConfig;
using device::MemoryScope;
using simt::Array;

// Block 0 writes data and raises a flag; block 1 waits for it. Of the three orders, one per template argument,
// only the widest joins two blocks of a grid.
template <MemoryScope kRelease, MemoryScope kAcquire>
RECUR_KERNEL(32)
message(unsigned* flag, int* data, int* out) {
  if (threadIdx.x != 0) return;
  if (blockIdx.x == 0) {
    *data = 7;
    device::store_release<kRelease>(flag, 1u);
  } else {
    while (device::load_acquire<kAcquire>(flag) == 0) device::pause();
    *out = *data;
  }
}
// Block 2 learns of block 0's store from block 1, which publishes nothing of its own.
RECUR_KERNEL(32) passed_on(unsigned* flags, int* data, int* out) {
  if (threadIdx.x != 0) return;
  if (blockIdx.x == 0) {
    *data = 7;
    device::store_release<MemoryScope::device>(&flags[0], 1u);
  } else {
    while (device::load_acquire<MemoryScope::device>(&flags[blockIdx.x - 1]) == 0) device::pause();
    if (blockIdx.x == 2) *out = *data;
    device::store_release<MemoryScope::device>(&flags[blockIdx.x], 1u);
  }
}
// An exchange by a barrier, twice in one buffer; without the barrier at the end of a turn the buffer is reused
// too soon, which this mode need not see.
RECUR_KERNEL(32) by_grid_barrier(int* data, int* out) {
  for (int turn = 0; turn < 2; ++turn) {
    if (threadIdx.x == 0) data[blockIdx.x] = static_cast<int>(blockIdx.x) + 10 * turn;
    device::grid_barrier();
    if (threadIdx.x == 0) out[blockIdx.x] = data[blockIdx.x ^ 1u];
    device::grid_barrier();
  }
}
RECUR_KERNEL(32) by_cluster_barrier(int* out) {
  RECUR_SHARED(int, inbox, [1]);
  device::cluster_barrier();
  if (threadIdx.x == 0) {
    *device::map_shared(inbox, device::cluster_rank() ^ 1u) = static_cast<int>(device::cluster_rank()) + 1;
  }
  device::cluster_barrier();
  if (threadIdx.x == 0) out[blockIdx.x] = inbox[0];
}
template <bool kReleases>
RECUR_KERNEL(32)
by_remote_arrival(int* out) {
  RECUR_SHARED(int, inbox, [1]);
  RECUR_SHARED(std::uint64_t, barrier, [1]);
  if (threadIdx.x == 0) {
    device::mbarrier_init(barrier, 1);
    device::mbarrier_arrive_relaxed(barrier, sizeof(int));
    inbox[0] = 0;
  }
  device::mbarrier_init_fence();
  device::cluster_barrier();
  if (device::cluster_rank() == 0 && threadIdx.x == 0) {
    *device::map_shared(inbox, 1) = 7;
    if constexpr (kReleases) {
      RECUR_SHARED(int, other, [1]);
      device::store_async(other, 0, barrier, 1);
    } else {
      simt::mbarrier_complete(device::map_shared(barrier, 1), sizeof(int));
    }
  }
  if (device::cluster_rank() == 1 && threadIdx.x == 0) {
    device::mbarrier_wait<MemoryScope::cluster>(barrier, 0);
    *out = inbox[0];
  }
  device::cluster_barrier();
}
RECUR_KERNEL(32) counted(unsigned* counter) { atomicAdd(counter, 1u); }

class Late : public ::testing::Test {
 public:
  ~Late() override { simt::set_late(before_); }

 protected:
  Late() : flags(std::vector<unsigned>(4, 0)), data(std::vector<int>(4, 0)), out(std::vector<int>(4, -1)) {
    simt::set_late(true);
  }
  static LaunchConfig cooperative(unsigned blocks) {
    return {.grid = blocks, .block = 32, .cooperative = true};
  }
  static LaunchConfig cluster_of_two() { return {.grid = 2, .block = 32, .cluster = 2}; }

  Array<unsigned> flags;
  Array<int> data;
  Array<int> out;

 private:
  bool before_ = simt::late();
};

#define RUN(kernel, config, ...)               \
  do {                                         \
    RECUR_LAUNCH(kernel, config, __VA_ARGS__); \
    simt::synchronize();                       \
  } while (false)

TEST_F(Late, AMessageIsReadAfterItsFlag) {
  RUN((message<MemoryScope::device, MemoryScope::device>), cooperative(2), flags.data(), data.data(),
      out.data());
  EXPECT_EQ(out.data()[0], 7);
  EXPECT_EQ(data.data()[0], 7);
}
TEST_F(Late, AFlagOfTooNarrowAScopeBringsNothing) {
  RUN((message<MemoryScope::block, MemoryScope::device>), cooperative(2), flags.data(), data.data(),
      out.data());
  EXPECT_EQ(out.data()[0], 0);
  flags.data()[0] = 0;
  data.data()[0] = 0;
  RUN((message<MemoryScope::device, MemoryScope::block>), cooperative(2), flags.data(), data.data(),
      out.data());
  EXPECT_EQ(out.data()[0], 0);
  EXPECT_EQ(data.data()[0], 7) << "after the kernel";
}
TEST_F(Late, WithoutItTheSameIsSeen) {
  simt::set_late(false);
  RUN((message<MemoryScope::block, MemoryScope::device>), cooperative(2), flags.data(), data.data(),
      out.data());
  EXPECT_EQ(out.data()[0], 7);
}
TEST_F(Late, WhatABlockHasLearntItPassesOn) {
  RUN(passed_on, cooperative(3), flags.data(), data.data(), out.data());
  EXPECT_EQ(out.data()[0], 7);
}
TEST_F(Late, BarriersOfAGridAndOfAClusterBringAll) {
  RUN(by_grid_barrier, cooperative(2), data.data(), out.data());
  EXPECT_EQ(out.data()[0], 11);
  EXPECT_EQ(out.data()[1], 10);
  RUN(by_cluster_barrier, cluster_of_two(), out.data());
  EXPECT_EQ(out.data()[0], 2);
  EXPECT_EQ(out.data()[1], 1);
}
TEST_F(Late, AStoreToAPeerComesWithWhatReleasesIt) {
  RUN(by_remote_arrival<true>, cluster_of_two(), out.data());
  EXPECT_EQ(out.data()[0], 7);
  RUN(by_remote_arrival<false>, cluster_of_two(), out.data());
  EXPECT_EQ(out.data()[0], 0);
}
TEST_F(Late, AtomicsAreSeenAtOnce) {
  RUN(counted, cooperative(3), flags.data());
  EXPECT_EQ(flags.data()[0], 96U);
}

}  // namespace
}  // namespace recur::test
