/// @file
/// GPUs to plan for, none of them present.
#pragma once

#include <cstddef>

#include "recur/device.hpp"

namespace recur::test {

struct Chip {
  const char* name;
  int major, minor, multiprocessors;
  std::size_t shared_per_block;
};

// Multiprocessors: NVIDIA's white papers and data sheets. Shared memory: CUDA C++ Programming Guide,
// "Technical Specifications per Compute Capability".
inline constexpr Chip kChips[] = {
    {"H200", 9, 0, 132, 227u << 10}, {"H100 PCIe", 9, 0, 114, 227u << 10}, {"A100", 8, 0, 108, 163u << 10},
    {"L4", 8, 9, 58, 99u << 10},     {"T4", 7, 5, 40, 64u << 10},
};

inline DeviceProps props_of(const Chip& chip) {
  DeviceProps props;
  props.kind = DeviceKind::cuda;
  props.name = chip.name;
  props.cuda.compute_major = chip.major;
  props.cuda.compute_minor = chip.minor;
  props.cuda.multiprocessors = chip.multiprocessors;
  props.cuda.shared_per_block_optin = chip.shared_per_block;
  return props;
}

}  // namespace recur::test
