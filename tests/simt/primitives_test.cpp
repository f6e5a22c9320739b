// Every wrapper of kernels/device does what its comment says, under the schedule that SIMT_ORDER names.
#include "simt/primitives.cuh"

#include <gtest/gtest.h>

#include <numeric>

#include "simt/array.hpp"

namespace recur::test {
namespace {

using device::LaunchConfig;
using simt::Array;

TEST(Primitives, StaticSharedMemory) {
  Array<int> result(2 * kThreads);
  RECUR_LAUNCH(reverse_static, (LaunchConfig{.grid = 2, .block = kThreads}), result.data());
  simt::synchronize();
  for (int i = 0; i < 2 * kThreads; ++i) {
    EXPECT_EQ(result.data()[i], kThreads - 1 - i % kThreads);
  }
}

TEST(Primitives, DynamicSharedMemory) {
  Array<int> result(2 * kThreads);
  RECUR_LAUNCH(reverse_dynamic,
               (LaunchConfig{.grid = 2, .block = kThreads, .shared_bytes = kThreads * sizeof(int)}),
               result.data());
  simt::synchronize();
  for (int i = 0; i < 2 * kThreads; ++i) {
    EXPECT_EQ(result.data()[i], kThreads - 1 - i % kThreads);
  }
}

TEST(Primitives, WarpCollectives) {
  Array<int> sums(kThreads);
  Array<unsigned> votes(kThreads);
  RECUR_LAUNCH(warp_collectives, (LaunchConfig{.block = kThreads}), sums.data(), votes.data());
  simt::synchronize();
  EXPECT_EQ(sums.vector(), std::vector<int>(kThreads, 31 * 32 / 2));
  EXPECT_EQ(votes.vector(), std::vector<unsigned>(kThreads, 0xaaaaaaaau));
}

TEST(Primitives, SyncWarpOrdersMemory) {
  Array<int> result(kThreads);
  RECUR_LAUNCH(warp_memory, (LaunchConfig{.block = kThreads}), result.data());
  simt::synchronize();
  for (int i = 0; i < kThreads; ++i) EXPECT_EQ(result.data()[i], i ^ 1);
}

TEST(Primitives, NamedBarriers) {
  Array<int> result(3);
  RECUR_LAUNCH(named_barriers, (LaunchConfig{.block = kThreads}), result.data());
  simt::synchronize();
  EXPECT_EQ(result.vector(), std::vector<int>(3, 31 * 32 / 2));
}

TEST(Primitives, GridBarrier) {
  constexpr unsigned kBlocks = 5;
  Array<unsigned> count(std::vector<unsigned>{0});
  Array<unsigned> result(2 * kBlocks);
  RECUR_LAUNCH(grid_barriers, (LaunchConfig{.grid = kBlocks, .block = kThreads, .cooperative = true}),
               count.data(), result.data());
  simt::synchronize();
  EXPECT_EQ(result.vector(), (std::vector<unsigned>{5, 5, 5, 5, 5, 10, 10, 10, 10, 10}));
}

TEST(Primitives, Flags) {
  constexpr unsigned kBlocks = 4;
  Array<unsigned> flags(std::vector<unsigned>(kBlocks, 0));
  Array<int> data(kBlocks), result(kBlocks);
  RECUR_LAUNCH(flag_ring, (LaunchConfig{.grid = kBlocks, .block = 32, .cooperative = true}), flags.data(),
               data.data(), result.data());
  simt::synchronize();
  EXPECT_EQ(result.vector(), (std::vector<int>{101, 102, 103, 100}));
}

TEST(Primitives, Counter) {
  Array<unsigned> count(std::vector<unsigned>{0});
  Array<int> data(6), result(1);
  RECUR_LAUNCH(counter, (LaunchConfig{.grid = 6, .block = 32, .cooperative = true}), count.data(),
               data.data(), result.data());
  simt::synchronize();
  EXPECT_EQ(result.data()[0], 15);
}

TEST(Primitives, AsyncCopies) {
  std::vector<int> values(256);
  std::iota(values.begin(), values.end(), 1);
  alignas(16) int from[256];
  alignas(16) int to[256];
  std::copy(values.begin(), values.end(), from);
  RECUR_LAUNCH(async_copies, (LaunchConfig{.block = 32}), from, to);
  simt::synchronize();
  for (int i = 0; i < 256; ++i) {
    const int group = i / 128;
    const int vector = 31 - i % 128 / 4;
    const int source = group * 128 + vector * 4 + i % 4;
    EXPECT_EQ(to[i], source >= 254 ? 0 : source + 1) << i;
  }
}

TEST(Primitives, ClusterSharedMemory) {
  Array<unsigned> result(8 * 32);
  RECUR_LAUNCH(cluster_store, (LaunchConfig{.grid = 8, .block = 32, .cluster = 4}), result.data());
  simt::synchronize();
  for (unsigned i = 0; i < 8 * 32; ++i) {
    const unsigned rank = i / 32 % 4;
    EXPECT_EQ(result.data()[i], (rank + 3) % 4 * 100 + i % 32);
  }
}

TEST(Primitives, AsyncStores) {
  constexpr int kSteps = 9;
  Array<unsigned> result(8 * 32);
  RECUR_LAUNCH(async_stores, (LaunchConfig{.grid = 8, .block = 32, .cluster = 4}), kSteps, result.data());
  simt::synchronize();
  for (unsigned i = 0; i < 8 * 32; ++i) EXPECT_EQ(result.data()[i], (i / 32 % 4 + 4 * kSteps - kSteps) % 4);
}

TEST(Primitives, BulkCopies) {
  alignas(16) unsigned from[4 * 128];
  alignas(16) unsigned to[4 * 128];
  std::iota(std::begin(from), std::end(from), 0u);
  RECUR_LAUNCH(bulk_copies, (LaunchConfig{.grid = 4, .block = 32, .cluster = 2}), from, to);
  simt::synchronize();
  for (unsigned i = 0; i < 4 * 128; ++i) {
    const unsigned source = i ^ 128u;  // the other block of the cluster
    EXPECT_EQ(to[i], source + (i % 4 < 2 ? 1 : 0)) << i;
  }
}

TEST(Primitives, LoadMatrix) {
  alignas(16) std::uint16_t from[4 * 64];
  std::iota(std::begin(from), std::end(from), std::uint16_t{0});
  Array<std::uint32_t> plain(128), transposed(128);
  RECUR_LAUNCH(load_matrices, (LaunchConfig{.block = 32}), from, plain.data(), transposed.data());
  simt::synchronize();
  for (unsigned lane = 0; lane < 32; ++lane) {
    for (unsigned matrix = 0; matrix < 4; ++matrix) {
      const unsigned row = lane / 4;
      const unsigned column = lane % 4 * 2;
      const unsigned first = matrix * 64 + row * 8 + column;
      const unsigned across = matrix * 64 + column * 8 + row;
      EXPECT_EQ(plain.data()[lane * 4 + matrix], first | (first + 1) << 16);
      EXPECT_EQ(transposed.data()[lane * 4 + matrix], across | (across + 8) << 16);
    }
  }
}

TEST(Primitives, RoundsToTf32) {
  std::vector<float> values(32, 1.0f);
  values[1] = 1.0f + 0x1p-11f;  // a tie: away from zero
  values[2] = -1.0f - 0x1p-11f;
  values[3] = 1.0f + 0x1p-12f;  // below it
  values[4] = INFINITY;
  Array<float> from(values);
  Array<std::uint32_t> to(32);
  RECUR_LAUNCH(round_to_tf32, (LaunchConfig{.block = 32}), from.data(), to.data());
  simt::synchronize();
  const auto value = [&](int i) {
    float f;
    std::memcpy(&f, &to.data()[i], sizeof(f));
    return f;
  };
  EXPECT_EQ(value(0), 1.0f);
  EXPECT_EQ(value(1), 1.0f + 0x1p-10f);
  EXPECT_EQ(value(2), -1.0f - 0x1p-10f);
  EXPECT_EQ(value(3), 1.0f);
  EXPECT_EQ(value(4), INFINITY);
}

}  // namespace
}  // namespace recur::test
