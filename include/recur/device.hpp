/// @file
/// Where a plan runs. A device may be absent: `Device::from_props` makes one that is only described.
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

/// The kind of a device.
enum class DeviceKind : std::uint8_t { cpu, cuda };

/// What engines on the CPU plan by.
struct CpuProps {
  int cores = 1;                      ///< processors that the system shows
  std::size_t l1d_bytes = 32u << 10;  ///< data cache of a core
  std::size_t l2_bytes = 1u << 20;    ///< second cache of a core
  std::size_t l3_bytes = 16u << 20;   ///< last cache, of all cores that share it
  /// Instruction set of the kernels, as Highway names it ("AVX3", "AVX2", ...), or "AVX3_BF16". A lesser set
  /// than the machine's is allowed. `make_plan` throws Unsupported for a set that the build lacks, and a call
  /// does for one that the machine lacks.
  std::string simd;
};

/// What engines on GPUs plan by.
struct CudaProps {
  int ordinal = -1;       ///< index of the device in this process; -1 for one that is only described
  int compute_major = 0;  ///< 9 for compute capability 9.0
  int compute_minor = 0;  ///< 0 for compute capability 9.0
  int multiprocessors = 0;
  std::size_t shared_per_multiprocessor = 0;  ///< bytes of shared memory
  std::size_t shared_per_block_optin = 0;     ///< the most bytes of it that a block can ask for
  int registers_per_multiprocessor = 0;       ///< of 32 bits
  std::size_t l2_bytes = 0;                   ///< 0 where it is not known
  std::size_t global_bytes = 0;
  /// The most blocks that a cluster can have when each block takes a multiprocessor: a power of two up to 16.
  /// Read where the compute capability has clusters.
  int most_cluster = 16;
  /// Clusters of 2, 4, 8 and 16 blocks that run at once when each block takes a multiprocessor; 0 where it is
  /// not known.
  int clusters_at_once[4] = {};
};

/// A device as a planner sees it.
struct DeviceProps {
  DeviceKind kind = DeviceKind::cpu;
  std::string name;  ///< as messages and `Plan::explain` have it
  CpuProps cpu;      ///< read where `kind` is cpu
  CudaProps cuda;    ///< read where `kind` is cuda
  /// The measured rates from which plans predict times, and nothing else. Without them plans predict none.
  std::optional<Rates> rates;
};

/// A device to plan for and run on: a value that holds no resources.
class RECUR_API Device {
 public:
  /// The CPU of this process, with the best instruction set that both the machine and the build have. Its
  /// processors and caches are read once in a process.
  static Device cpu();
  /// A CUDA device that is present. The first call, or the first Context on a device with an ordinal, loads
  /// librecur_cuda.so, the part of the library that needs CUDA's libraries.
  ///
  /// @param index  the device's index in this process, from 0 on
  /// @throws Unsupported  where there is no such device, and where that library is missing, cannot be loaded
  ///         or is of another version; the message says which
  /// @throws DeviceError  where CUDA reports another failure
  static Device cuda(int index = 0);
  /// A well-known GPU, described by what its maker publishes, to plan for whether it is present or not.
  ///
  /// @param name  "h200", "h100", "h100-pcie", "a100-80gb", "a100-40gb", "a10", "l4" or "t4"
  /// @throws InvalidArgument  for another name; the message has the known ones
  static Device known(std::string_view name);
  /// A described device, present or not. A plan for it explains itself and has sizes; a call needs the real
  /// device.
  ///
  /// @param props  the description; `make_plan` checks its rates
  static Device from_props(DeviceProps props);

  const DeviceProps& props() const { return props_; }  ///< what planners see of it

 private:
  explicit Device(DeviceProps props) : props_(std::move(props)) {}
  DeviceProps props_;
};

}  // namespace recur
