// The stepwise engine on the machine's first GPU.
#include "engines/stepwise_sizes.hpp"
#include "engines/test_device.hpp"
#include "host/gpu/gpu.hpp"

namespace recur::test {
namespace {

// What emulation has no time for.
constexpr Size kLargeSizes[] = {
    {3, 25, 4, 129, "single units, several blocks each way"},
    {40, 16, 8, 64, "several chunks of time"},
    {1000, 2, 3, 9, "drift over a long sequence"},
};

constexpr Size kLargeBitSizes[] = {
    {24, 64, 32, 256, "many blocks at once: where a sum in no fixed order would show"},
};

template <std::size_t N, std::size_t M>
std::span<const Size> joined(const Size (&first)[N], const Size (&second)[M]) {
  static const std::vector<Size> all = [&] {
    std::vector<Size> sizes(first, first + N);
    sizes.insert(sizes.end(), second, second + M);
    return sizes;
  }();
  return all;
}

Context* shared_context() {
  static Context* const context =
      new Context(Device::cuda(0));  // outlives the runtime's own state, so not ended
  return context;
}

}  // namespace

std::vector<TestDevice> test_devices() {
  const bool there = host::gpu::device_count() > 0;
  DeviceProps none;
  none.kind = DeviceKind::cuda;
  TestDevice device{.name = "gpu",
                    .engine = EngineId::stepwise,
                    .device = there ? Device::cuda(0) : Device::from_props(none)};
  if (!there) device.absent = "no CUDA device";
  device.memory = there ? &managed_memory() : &host_memory();
  device.synchronize = synchronize_gpu;
  device.shared_context = shared_context;
  device.types = {DataType::f32, DataType::f64, DataType::bf16, DataType::f16};
  device.option_types = {DataType::f32, DataType::bf16, DataType::f16};
  device.sizes = joined(kStepwiseSizes, kLargeSizes);
  device.option_sizes = kStepwiseOptionSizes;
  device.bit_sizes = joined(kStepwiseBitSizes, kLargeBitSizes);
  return {device};
}

}  // namespace recur::test
