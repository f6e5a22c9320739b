/// @file
/// Where a plan runs. A device may be absent: `Device::from_props` plans for one that is only described.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "recur/export.hpp"
#include "recur/rates.hpp"

namespace recur {

enum class DeviceKind : std::uint8_t { cpu, cuda };

/// What the CPU engine plans by. Sizes in bytes, caches per core except L3.
struct CpuProps {
  int cores = 1;
  std::size_t l1d_bytes = 32u << 10;
  std::size_t l2_bytes = 1u << 20;
  std::size_t l3_bytes = 16u << 20;
  /// Instruction set of the kernels, as Highway names it ("AVX3", "AVX2"...), or "AVX3_BF16". Naming a
  /// lesser one than the machine has is allowed; one that the machine or the build lacks is Unsupported.
  std::string simd;
};

/// What CUDA engines plan by. Sizes in bytes.
struct CudaProps {
  /// Index of the device in this process; -1 for one that is only described.
  int ordinal = -1;
  int compute_major = 0;
  int compute_minor = 0;
  int multiprocessors = 0;
  std::size_t shared_per_multiprocessor = 0;
  std::size_t shared_per_block_optin = 0;
  int registers_per_multiprocessor = 0;
  std::size_t l2_bytes = 0;
  std::size_t global_bytes = 0;
  /// Most blocks that a cluster can have when each of them takes a multiprocessor: a power of two up to 16.
  /// Read where the compute capability has clusters.
  int most_cluster = 16;
};

/// A device as a planner sees it.
struct DeviceProps {
  DeviceKind kind = DeviceKind::cpu;
  std::string name;
  CpuProps cpu;    ///< read when `kind` is cpu
  CudaProps cuda;  ///< read when `kind` is cuda
  /// What plans predict times from, and nothing else: without it they predict none.
  std::optional<Rates> rates;
};

/// A device to plan for and run on. A value; holds no resources.
class RECUR_API Device {
 public:
  /// The CPU of this process, with the best instruction set that both machine and build have.
  static Device cpu();
  /// The CUDA device of this index. Throws Unsupported when there is none, or when the library was built
  /// without CUDA engines.
  static Device cuda(int index = 0);
  /// A described device, present or not. Plans made for it explain themselves and have sizes; running one
  /// needs the real device.
  static Device from_props(DeviceProps props);

  const DeviceProps& props() const { return props_; }

 private:
  explicit Device(DeviceProps props) : props_(std::move(props)) {}
  DeviceProps props_;
};

}  // namespace recur
