#include "recur/device.hpp"

#include <unistd.h>

#include <fstream>
#include <thread>

#include "host/cpu/simd/kernels.hpp"
#include "host/gpu/runtime.hpp"

namespace recur {
namespace {

// A cache size from the C library, or the default where it does not know.
std::size_t cache_bytes(int name, std::size_t otherwise) {
  const long bytes = sysconf(name);
  return bytes > 0 ? static_cast<std::size_t>(bytes) : otherwise;
}

// Of the last cache that this process sees. The C library multiplies it by guesses about sockets on some
// processors, so the kernel's word goes first ("32768K").
std::size_t last_cache_bytes(std::size_t otherwise) {
  std::ifstream file("/sys/devices/system/cpu/cpu0/cache/index3/size");
  std::size_t kib = 0;
  char unit = 0;
  if (file >> kib >> unit && unit == 'K' && kib > 0) return kib << 10;
#if defined(_SC_LEVEL3_CACHE_SIZE)
  return cache_bytes(_SC_LEVEL3_CACHE_SIZE, otherwise);
#else
  return otherwise;
#endif
}

std::string cpu_name() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    if (!line.starts_with("model name")) continue;
    const std::size_t colon = line.find(": ");
    if (colon != std::string::npos) return line.substr(colon + 2);
  }
  return "CPU";
}

// What the system's files say of this machine.
DeviceProps read_cpu_props() {
  DeviceProps props;
  props.kind = DeviceKind::cpu;
  props.name = cpu_name();
  CpuProps& cpu = props.cpu;
  const unsigned cores = std::thread::hardware_concurrency();
  cpu.cores = cores == 0 ? 1 : static_cast<int>(cores);
#if defined(_SC_LEVEL1_DCACHE_SIZE)
  cpu.l1d_bytes = cache_bytes(_SC_LEVEL1_DCACHE_SIZE, cpu.l1d_bytes);
  cpu.l2_bytes = cache_bytes(_SC_LEVEL2_CACHE_SIZE, cpu.l2_bytes);
#endif
  cpu.l3_bytes = last_cache_bytes(cpu.l3_bytes);
  return props;
}

}  // namespace

Device Device::cpu() {
  // Read once: every plan asks, and the kernel prints each file anew each time.
  static const DeviceProps read = read_cpu_props();
  DeviceProps props = read;
  props.cpu.simd = host::cpu::best_target().name;
  return Device(std::move(props));
}

Device Device::cuda(int index) { return Device(host::gpu::runtime_for(index).device_props(index)); }

Device Device::from_props(DeviceProps props) { return Device(std::move(props)); }

}  // namespace recur
