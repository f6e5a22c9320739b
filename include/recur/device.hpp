/// @file
/// Where a plan runs. A device may be absent: `Device::from_props` plans for one that is only described.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
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
  /// The CUDA device of this index. The first call, or the first Context on a device of an ordinal, loads
  /// librecur_cuda.so, the part of the library that needs CUDA's. @throws Unsupported when there is no such
  /// device, and when that library is not there, cannot be loaded or is of another version; the message says
  /// which.
  static Device cuda(int index = 0);
  /// A GPU that many have, described by what its maker publishes: "h200", "h100", "h100-pcie", "a100-80gb",
  /// "a100-40gb", "a10", "l4", "t4". To plan for, whether it is present or not. @throws
  /// InvalidArgument for another name; the message has those that are known.
  static Device known(std::string_view name);
  /// A described device, present or not. Plans made for it explain themselves and have sizes; running one
  /// needs the real device.
  static Device from_props(DeviceProps props);

  const DeviceProps& props() const { return props_; }

 private:
  explicit Device(DeviceProps props) : props_(std::move(props)) {}
  DeviceProps props_;
};

}  // namespace recur
