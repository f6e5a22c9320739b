// What a GPU says of itself: what plans are made by.
#include <gtest/gtest.h>

#include <bit>

#include "engines/test_device.hpp"

namespace recur::test {
namespace {

TEST(GpuProps, AreThoseOfTheChip) {
  const TestDevice device = test_devices().front();
  if (!device.absent.empty()) GTEST_SKIP() << device.absent;
  const DeviceProps props = Device::cuda(0).props();
  EXPECT_EQ(props.kind, DeviceKind::cuda);
  EXPECT_FALSE(props.name.empty());
  const CudaProps& cuda = props.cuda;
  EXPECT_EQ(cuda.ordinal, 0);
  EXPECT_GT(cuda.multiprocessors, 0);
  EXPECT_GE(cuda.shared_per_multiprocessor, cuda.shared_per_block_optin);
  EXPECT_GE(cuda.shared_per_block_optin, std::size_t{48} << 10);
  EXPECT_GE(cuda.registers_per_multiprocessor, 1 << 16);
  EXPECT_GT(cuda.global_bytes, cuda.l2_bytes);
  EXPECT_TRUE(std::has_single_bit(static_cast<unsigned>(cuda.most_cluster)));
  EXPECT_LE(cuda.most_cluster, 16);
  for (int which = 0, blocks = 2; blocks <= 16; ++which, blocks *= 2) {
    EXPECT_EQ(cuda.clusters_at_once[which] > 0, blocks <= cuda.most_cluster) << blocks;
    EXPECT_LE(cuda.clusters_at_once[which] * blocks, cuda.multiprocessors) << blocks;
  }
  if (cuda.compute_major < 9) {
    EXPECT_EQ(cuda.most_cluster, 1) << "no clusters before Hopper";
  }
  // One group of 16 multiprocessors is all that it takes; a slice of a GPU may have none.
  if (cuda.compute_major == 9 && cuda.multiprocessors >= 114) {
    EXPECT_EQ(cuda.most_cluster, 16);
  }
}

}  // namespace
}  // namespace recur::test
