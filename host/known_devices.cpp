// GPUs by name, to plan for.
#include <algorithm>
#include <string>

#include "recur/device.hpp"
#include "recur/error.hpp"

namespace recur {
namespace {

constexpr std::size_t kKiB = 1024;
constexpr std::size_t kMiB = 1024 * kKiB;
constexpr std::size_t kGB = 1000 * 1000 * 1000;

// Multiprocessors and L2 as NVIDIA's white papers on Turing, Ampere, Ada and Hopper and public tables of
// cards agree on them; a card on which they differ is not here. Memory is as NVIDIA counts it, in powers of
// ten.
struct Known {
  std::string_view name;
  std::string_view full_name;
  int major, minor, multiprocessors;
  std::size_t l2_bytes, global_bytes;
};
constexpr Known kKnown[] = {
    {"h200", "NVIDIA H200", 9, 0, 132, 50 * kMiB, 141 * kGB},
    {"h100", "NVIDIA H100 SXM", 9, 0, 132, 50 * kMiB, 80 * kGB},
    {"h100-pcie", "NVIDIA H100 PCIe", 9, 0, 114, 50 * kMiB, 80 * kGB},
    {"a100-80gb", "NVIDIA A100 80GB", 8, 0, 108, 40 * kMiB, 80 * kGB},
    {"a100-40gb", "NVIDIA A100 40GB", 8, 0, 108, 40 * kMiB, 40 * kGB},
    {"a10", "NVIDIA A10", 8, 6, 72, 6 * kMiB, 24 * kGB},
    {"l4", "NVIDIA L4", 8, 9, 58, 48 * kMiB, 24 * kGB},
    {"t4", "NVIDIA T4", 7, 5, 40, 4 * kMiB, 16 * kGB},
};

// CUDA C++ Programming Guide, "Technical Specifications per Compute Capability". What a block can have is
// what the multiprocessor has, but for the KiB that the system keeps, from 8.0 on.
std::size_t shared_per_multiprocessor(const Known& chip) {
  if (chip.major == 9) return 228 * kKiB;
  if (chip.major == 8) return (chip.minor == 0 ? 164 : 100) * kKiB;
  return 64 * kKiB;
}

constexpr int kRegisters = 65536;

}  // namespace

Device Device::known(std::string_view name) {
  const auto* const found = std::ranges::find(kKnown, name, &Known::name);
  if (found == std::end(kKnown)) {
    std::string names;
    for (const Known& chip : kKnown) names += (names.empty() ? "" : ", ") + std::string(chip.name);
    throw InvalidArgument("device: expected one of " + names + ", got '" + std::string(name) + "'");
  }
  DeviceProps props;
  props.kind = DeviceKind::cuda;
  props.name = found->full_name;
  CudaProps& cuda = props.cuda;
  cuda.compute_major = found->major;
  cuda.compute_minor = found->minor;
  cuda.multiprocessors = found->multiprocessors;
  cuda.shared_per_multiprocessor = shared_per_multiprocessor(*found);
  cuda.shared_per_block_optin = cuda.shared_per_multiprocessor - (found->major >= 8 ? kKiB : 0);
  cuda.registers_per_multiprocessor = kRegisters;
  cuda.l2_bytes = found->l2_bytes;
  cuda.global_bytes = found->global_bytes;
  return from_props(std::move(props));
}

}  // namespace recur
