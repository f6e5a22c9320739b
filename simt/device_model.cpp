#include "simt/device_model.hpp"

#include <algorithm>

#include "simt/launch.hpp"
#include "simt/runtime.hpp"

namespace simt {

DeviceModel DeviceModel::h100() {
  DeviceModel model;
  model.name = "simt, as an H100 (SXM)";
  return model;
}

DeviceModel DeviceModel::a100() {
  DeviceModel model;
  model.name = "simt, as an A100";
  model.compute = 80;
  model.multiprocessors = 108;
  model.shared_per_multiprocessor = 164u << 10;
  model.shared_per_block = 163u << 10;
  model.portable_cluster = model.largest_cluster = 1;
  return model;
}

DeviceModel DeviceModel::t4() {
  DeviceModel model;
  model.name = "simt, as a T4";
  model.compute = 75;
  model.multiprocessors = 40;
  model.shared_per_multiprocessor = 64u << 10;
  model.shared_per_block = 64u << 10;
  model.reserved_shared_per_block = 0;
  model.threads_per_multiprocessor = 1024;
  model.blocks_per_multiprocessor = 16;
  model.portable_cluster = model.largest_cluster = 1;
  return model;
}

namespace {

std::uint64_t volume(dim3 d) { return static_cast<std::uint64_t>(d.x) * d.y * d.z; }

std::string text(dim3 d) {
  return "(" + std::to_string(d.x) + "," + std::to_string(d.y) + "," + std::to_string(d.z) + ")";
}

// Registers come in units of 256 a warp (CUDA occupancy calculator, sm_70 to sm_90).
int registers_of_warp(int registers) { return (registers * 32 + 255) / 256 * 256; }

int blocks_per_multiprocessor(const Launch& launch, const DeviceModel& device) {
  const auto threads = static_cast<int>(volume(launch.block));
  const int warps = (threads + 31) / 32;
  int blocks = std::min(device.blocks_per_multiprocessor, device.threads_per_multiprocessor / (warps * 32));
  const std::size_t shared = launch.shared_bytes + device.reserved_shared_per_block;
  if (shared != 0) blocks = std::min(blocks, static_cast<int>(device.shared_per_multiprocessor / shared));
  if (launch.registers != 0) {
    blocks =
        std::min(blocks, device.registers_per_multiprocessor / (registers_of_warp(launch.registers) * warps));
  }
  return blocks;
}

}  // namespace

int resident_clusters(const Launch& launch, const DeviceModel& device) {
  const int per_multiprocessor = blocks_per_multiprocessor(launch, device);
  const auto size = static_cast<int>(volume(launch.cluster));
  if (size == 1) return per_multiprocessor * device.multiprocessors;
  const int groups = device.multiprocessors / device.multiprocessors_per_group;
  return groups * (device.multiprocessors_per_group * per_multiprocessor / size);
}

void check_launch(const Launch& launch, const DeviceModel& device) {
  const auto refuse = [&](const std::string& reason) {
    throw Fault(FaultKind::launch, launch.name + ": launch refused by " + device.name + ": " + reason);
  };
  constexpr unsigned kMostThreads = 1024;
  if (volume(launch.grid) == 0 || volume(launch.block) == 0) {
    refuse("an empty grid " + text(launch.grid) + " or block " + text(launch.block));
  }
  if (volume(launch.block) > kMostThreads || launch.block.z > 64)
    refuse("a block of " + text(launch.block) + " threads");
  if (launch.grid.x > 0x7fffffffu || launch.grid.y > 65535 || launch.grid.z > 65535) {
    refuse("a grid of " + text(launch.grid) + " blocks");
  }
  if (launch.shared_bytes > device.shared_per_block) {
    refuse(std::to_string(launch.shared_bytes) + " bytes of shared memory, " +
           std::to_string(device.shared_per_block) + " can be had");
  }
  if (launch.registers > 255)
    refuse(std::to_string(launch.registers) + " registers of a thread, 255 can be had");
  const auto size = static_cast<int>(volume(launch.cluster));
  if (size > device.largest_cluster) {
    refuse("a cluster of " + std::to_string(size) + " blocks, " + std::to_string(device.largest_cluster) +
           " can be had");
  }
  if (launch.grid.x % launch.cluster.x != 0 || launch.grid.y % launch.cluster.y != 0 ||
      launch.grid.z % launch.cluster.z != 0) {
    refuse("a grid of " + text(launch.grid) + " is not whole clusters of " + text(launch.cluster));
  }
  const int resident = resident_clusters(launch, device);
  if (resident == 0) {
    refuse("a " + std::string(size == 1 ? "block" : "cluster") + " of " + text(launch.block) +
           " threads with " + std::to_string(launch.registers) + " registers and " +
           std::to_string(launch.shared_bytes) + " bytes of shared memory does not fit");
  }
  const std::uint64_t wanted = volume(launch.grid) / volume(launch.cluster);
  if (launch.cooperative && wanted > static_cast<std::uint64_t>(resident)) {
    refuse("a cooperative grid of " + std::to_string(wanted) + (size == 1 ? " blocks" : " clusters") + ", " +
           std::to_string(resident) + " are resident at once");
  }
}

}  // namespace simt
