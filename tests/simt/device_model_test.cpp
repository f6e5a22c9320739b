// What a device refuses, and what it can hold at once.
#include "simt/device_model.hpp"

#include <gtest/gtest.h>

#include "simt/launch.hpp"

namespace simt {
namespace {

Launch launch(unsigned grid, unsigned block, std::size_t shared_bytes = 0, int registers = 0) {
  return {"kernel", dim3(grid), dim3(block), dim3(1), shared_bytes, false, registers};
}

void expect_refused(const Launch& launch, const DeviceModel& device, const std::string& reason) {
  try {
    check_launch(launch, device);
  } catch (const Fault& fault) {
    EXPECT_EQ(fault.kind(), FaultKind::launch);
    EXPECT_NE(std::string(fault.what()).find(reason), std::string::npos) << fault.what();
    return;
  }
  FAIL() << "accepted, expected: " << reason;
}

TEST(DeviceModel, TakesWhatFits) {
  EXPECT_NO_THROW(check_launch(launch(1u << 20, 1024), DeviceModel::h100()));
  EXPECT_NO_THROW(check_launch(launch(1, 1024, 227u << 10, 64), DeviceModel::h100()));
}

TEST(DeviceModel, RefusesSizes) {
  const DeviceModel h100 = DeviceModel::h100();
  expect_refused(launch(0, 32), h100, "empty grid");
  expect_refused(launch(1, 1025), h100, "a block of (1025,1,1)");
  expect_refused(launch(1, 32, (227u << 10) + 1), h100, "bytes of shared memory");
  expect_refused(launch(1, 32, 164u << 10), DeviceModel::a100(), "166912 can be had");
  expect_refused(launch(1, 32, 0, 256), h100, "registers");
  // 1024 threads of 65 registers, in units of 256 a warp, are 73728.
  expect_refused(launch(1, 1024, 0, 65), h100, "does not fit");
}

TEST(DeviceModel, CooperativeGridsMustBeResident) {
  const DeviceModel h100 = DeviceModel::h100();
  Launch cooperative = launch(132, 512, 200u << 10);
  cooperative.cooperative = true;
  EXPECT_NO_THROW(check_launch(cooperative, h100));
  cooperative.grid = 133;
  expect_refused(cooperative, h100, "132 are resident at once");
  cooperative.shared_bytes = 100u << 10;
  EXPECT_NO_THROW(check_launch(cooperative, h100));
  cooperative.registers = 128;  // 512 of them fill a multiprocessor
  expect_refused(cooperative, h100, "132 are resident at once");
}

TEST(DeviceModel, Clusters) {
  const DeviceModel h100 = DeviceModel::h100();
  Launch cluster = launch(16, 256, 200u << 10);
  cluster.cluster = 8;
  EXPECT_NO_THROW(check_launch(cluster, h100));
  EXPECT_EQ(resident_clusters(cluster, h100), 16);
  cluster.cluster = 16;
  EXPECT_EQ(resident_clusters(cluster, h100), 8);
  cluster.grid = 20;
  expect_refused(cluster, h100, "not whole clusters");
  cluster.grid = 32;
  cluster.cluster = 32;
  expect_refused(cluster, h100, "16 can be had");
  cluster.cluster = 2;
  cluster.shared_bytes = 0;
  expect_refused(cluster, DeviceModel::a100(), "1 can be had");
}

}  // namespace
}  // namespace simt
