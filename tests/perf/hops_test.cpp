// The protocols of the hop kernels, under the schedule that SIMT_ORDER names: what every block has in the end
// is what it has to be, so no exchange was lost, doubled or early.
#include "perf/floors/hops.hpp"

#include <gtest/gtest.h>

#include <numeric>

#include "simt/array.hpp"
#include "simt/launch.hpp"

namespace recur::perf {
namespace {

using simt::Array;

// Odd and even, so that both buffers are last.
constexpr int kSteps[] = {0, 1, 2, 7};

// ThreadSanitizer holds 8128 threads.
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define RECUR_FEW_THREADS
#endif
#endif
#if defined(RECUR_FEW_THREADS)
constexpr unsigned kMostBlocks = 16;
#else
constexpr unsigned kMostBlocks = 1024;
#endif

TEST(Hops, Block) {
  for (const int steps : kSteps) {
    Array<unsigned> values(2 * kHopThreads);
    launch_block_hops(values.data(), steps, 2, nullptr);
    simt::synchronize();
    const auto n = static_cast<unsigned>(steps);
    for (unsigned i = 0; i < 2 * kHopThreads; ++i)
      EXPECT_EQ(values.data()[i], (i + n) % kHopThreads + n) << steps;
  }
}

TEST(Hops, ClusterBarrier) {
  for (const unsigned cluster : {2U, 4U, 8U}) {
    for (const int steps : kSteps) {
      Array<unsigned> values(2 * cluster);
      launch_cluster_hops(values.data(), steps, cluster, 2, nullptr);
      simt::synchronize();
      const auto n = static_cast<unsigned>(steps);
      for (unsigned i = 0; i < 2 * cluster; ++i) {
        EXPECT_EQ(values.data()[i], (i + cluster * n - n) % cluster + n) << cluster << " blocks, " << steps;
      }
    }
  }
}

// What pushes leave in one cluster: [blocks][groups].
std::vector<unsigned> pushed(unsigned cluster, unsigned groups, int steps) {
  std::vector<unsigned> now(static_cast<std::size_t>(cluster) * groups);
  for (unsigned i = 0; i < now.size(); ++i) now[i] = i / groups;
  for (int step = 0; step < steps; ++step) {
    const std::vector<unsigned> before = now;
    for (unsigned rank = 0; rank < cluster; ++rank) {
      for (unsigned group = 0; group < groups; ++group) {
        unsigned& value = now[rank * groups + group] = rank;
        for (unsigned distance = group + 1; distance < cluster; distance += groups)
          value += before[(rank + cluster - distance) % cluster * groups + group];
      }
    }
  }
  return now;
}

void expect_pushes(unsigned words, unsigned cluster, int steps, unsigned clusters = 2) {
  const unsigned groups = push_groups(words, cluster);
  Array<unsigned> values(std::size_t{clusters} * cluster * groups * words);
  launch_pushes(values.data(), steps, words, cluster, clusters, nullptr);
  simt::synchronize();
  const std::vector<unsigned> expected = pushed(cluster, groups, steps);
  for (unsigned i = 0; i < clusters * cluster * groups * words; ++i) {
    ASSERT_EQ(values.data()[i], expected[i / words % (cluster * groups)])
        << words << " words, " << cluster << " blocks, " << steps << " steps, " << i;
  }
}

TEST(Hops, Pushes) {
  for (const unsigned words : {1U, 5U, 131U}) {
    for (const unsigned cluster : {2U, 4U}) {
      for (const int steps : kSteps) expect_pushes(words, cluster, steps);
    }
  }
}

// A thread has one peer where a block may have as many threads, and some of them where not.
TEST(Hops, PushesToSeveralPeersAThread) {
  EXPECT_EQ(push_groups(8, kLargestCluster), 15u);
  EXPECT_EQ(push_groups(kMostPushed, kLargestCluster), 8u);
  EXPECT_EQ(push_groups(kMostPushThreads / 2, 4), 2u);
  expect_pushes(kMostPushThreads / 2, 4, 3, 1);
}

TEST(Hops, LargestCluster) { expect_pushes(4, kLargestCluster, 3); }

std::vector<unsigned> ring(unsigned blocks, int steps) {
  std::vector<unsigned> expected;
  const auto n = static_cast<unsigned>(steps);
  for (unsigned i = 0; i < blocks; ++i) expected.push_back((i + n) % blocks + n);
  return expected;
}

TEST(Hops, Flags) {
  // Two blocks, and more than a block has threads.
  for (const unsigned blocks : {2U, 3U, 130U}) {
    if (blocks > kMostBlocks) continue;
    for (const int steps : {1, 4}) {
      Array<unsigned> values(blocks), data(std::size_t{2} * blocks);
      Array<unsigned> flags(std::vector<unsigned>(blocks, 0));
      launch_flag_hops(values.data(), data.data(), flags.data(), steps, blocks, nullptr);
      simt::synchronize();
      EXPECT_EQ(values.vector(), ring(blocks, steps)) << blocks << " blocks";
    }
  }
}

TEST(Hops, GridBarrier) {
  for (const int steps : kSteps) {
    Array<unsigned> values(5), data(std::size_t{2} * 5);
    launch_grid_hops(values.data(), data.data(), steps, 5, nullptr);
    simt::synchronize();
    EXPECT_EQ(values.vector(), ring(5, steps));
  }
}

TEST(Hops, Copies) {
  // Tails of every kind: less than one word a thread, and not a multiple of what is under way at once.
  for (const std::size_t words : {std::size_t{1}, std::size_t{1000}, std::size_t{4 * 2 * 512 + 5}}) {
    std::vector<unsigned> source(4 * words);
    std::iota(source.begin(), source.end(), 1U);
    Array<unsigned> from(source), to(4 * words);
    launch_copies(from.data(), to.data(), words * 16, 2, 2, nullptr);
    launch_nothing(nullptr);
    simt::synchronize();
    EXPECT_EQ(to.vector(), source);
  }
}

}  // namespace
}  // namespace recur::perf
