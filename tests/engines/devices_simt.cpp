// The stepwise engine where every CUDA thread is a fiber on the CPU: device memory is host memory.
#include "engines/stepwise_sizes.hpp"
#include "engines/test_device.hpp"
#include "host/gpu/gpu.hpp"

namespace simt {
void synchronize();  // runs all that was put on streams
}

namespace recur::test {

std::vector<TestDevice> test_devices() {
  TestDevice device{.name = "simt", .engine = EngineId::stepwise, .device = Device::cuda(0)};
  device.synchronize = [] { simt::synchronize(); };
  device.stream = [](int which) {
    static void* const streams[] = {host::gpu::create_stream(), host::gpu::create_stream()};
    return Stream::from_native(streams[which]);
  };
  device.shared_context = [] {
    static Context* const context = new Context(Device::cuda(0));
    return context;
  };
  device.tf32 = true;
  device.types = {DataType::f32, DataType::f64, DataType::bf16, DataType::f16};
  // Kernels are templates over the type, and simt/stepwise/schedule_test.cpp has every option at once in all
  // of them.
  device.option_types = {DataType::f32};
  device.sizes = kStepwiseSizes;
  device.option_sizes = std::span(kStepwiseOptionSizes).first(1);
  device.chunk_sizes = kStepwiseChunkSizes;
  device.bit_sizes = std::span(kStepwiseBitSizes).first(1);
  return {device};
}

}  // namespace recur::test
