/// @file
/// Memory with red zones: bytes before and after every allocation that nobody may write.
#pragma once

#include <cstring>
#include <map>
#include <string>

#include "support/device_memory.hpp"

namespace recur::test {

/// Allocations of another memory between two red zones each. Freed ones are still checked: on being freed.
class GuardedMemory final : public DeviceMemory {
 public:
  explicit GuardedMemory(DeviceMemory& memory) : memory_(memory) {}

  void* allocate(std::size_t bytes) override {
    auto* begin = static_cast<unsigned char*>(memory_.allocate(bytes + 2 * kZone));
    std::memset(begin, kPattern, kZone);
    std::memset(begin + kZone + bytes, kPattern, kZone);
    live_[begin + kZone] = bytes;
    return begin + kZone;
  }
  void free(void* memory, std::size_t bytes) noexcept override {
    auto* data = static_cast<unsigned char*>(memory);
    inspect(data, bytes);
    live_.erase(data);
    memory_.free(data - kZone, bytes + 2 * kZone);
  }

  /// Empty as long as every red zone, of freed allocations too, is as it was; else the first damage.
  const std::string& damage() {
    for (const auto& [data, bytes] : live_) inspect(data, bytes);
    return damage_;
  }

  /// Beyond the widest store of a thread on any device, and a warp's.
  static constexpr std::size_t kZone = 512;

 private:
  static constexpr unsigned char kPattern = 0xa5;

  void inspect(const unsigned char* data, std::size_t bytes) {
    for (std::size_t k = 0; k < kZone && damage_.empty(); ++k) {
      if (data[bytes + k] != kPattern) report(bytes, k, "after its end");
      if (data[-1 - static_cast<std::ptrdiff_t>(k)] != kPattern) report(bytes, k, "before its beginning");
    }
  }
  void report(std::size_t bytes, std::size_t distance, const char* where) {
    damage_ = "an allocation of " + std::to_string(bytes) + " bytes: byte " + std::to_string(distance) + " " +
              where + " was written";
  }

  DeviceMemory& memory_;
  std::map<unsigned char*, std::size_t> live_;
  std::string damage_;
};

}  // namespace recur::test
