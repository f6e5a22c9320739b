/// @file
/// The GPU that simt pretends to be: what a launch is checked against. Nothing here slows a kernel down; it
/// refuses what the chip would refuse, or could not hold at once where the kernel counts on that.
#pragma once

#include <cstddef>
#include <string>

namespace simt {

/// Limits of a chip. Sources: CUDA C++ Programming Guide, "Technical Specifications per Compute Capability";
/// NVIDIA H100 and A100 white papers for counts.
struct DeviceModel {
  std::string name;
  int compute = 90;  ///< compute capability x 10
  int multiprocessors = 132;
  /// Multiprocessors that a cluster can be spread over. A chip has groups of 16 and 18; counted by the
  /// smaller.
  int multiprocessors_per_group = 16;
  std::size_t shared_per_multiprocessor = 228u << 10;
  std::size_t shared_per_block = 227u << 10;  ///< the most a block can opt in to
  std::size_t reserved_shared_per_block = 1u << 10;
  int registers_per_multiprocessor = 64 << 10;
  int threads_per_multiprocessor = 2048;
  int blocks_per_multiprocessor = 32;
  int portable_cluster = 8;  ///< 1 where the chip has no clusters
  int largest_cluster = 16;  ///< with the non-portable attribute

  static DeviceModel h100();
  static DeviceModel a100();
  static DeviceModel t4();
};

}  // namespace simt
