/// @file
/// An engine on the emulated GPU of simt: device memory is host memory.
#pragma once

#include <utility>

#include "engines/test_device.hpp"
#include "host/gpu/gpu.hpp"

namespace simt {
void synchronize();  // runs all that was put on streams
}

namespace recur::test {

inline TestDevice simt_device(std::string name, EngineId engine) {
  TestDevice device{.name = std::move(name), .engine = engine, .device = Device::cuda(0)};
  device.emulated = true;
  device.synchronize = [] { simt::synchronize(); };
  device.stream = [](int which) {
    static void* const streams[] = {host::gpu::create_stream(), host::gpu::create_stream()};
    return Stream::from_native(streams[which]);
  };
  device.shared_context = [] {
    static Context* const context = new Context(Device::cuda(0));
    return context;
  };
  return device;
}

}  // namespace recur::test
