/// @file
/// Memory of tests that simt's late mode knows of.
#pragma once

#include "simt/launch.hpp"
#include "support/device_memory.hpp"

namespace recur::test {

class NamedMemory final : public DeviceMemory {
 public:
  void* allocate(std::size_t bytes) override {
    void* const memory = host_memory().allocate(bytes);
    simt::name_global(memory, bytes);
    return memory;
  }
  void free(void* memory, std::size_t bytes) noexcept override {
    simt::forget_global(memory);
    host_memory().free(memory, bytes);
  }
};

}  // namespace recur::test
