// The GPU engines on the machine's first GPU.
#include "engines/cudnn_device.hpp"
#include "engines/fused_sizes.hpp"
#include "engines/resident_sizes.hpp"
#include "engines/stepwise_sizes.hpp"
#include "engines/test_device.hpp"
#include "host/gpu/gpu.hpp"
#include "oracle/dropout.hpp"

namespace recur::test {
namespace {

// What emulation has no time for.
constexpr Size kLargeSizes[] = {
    {2, 2, 4, 516, "vectors, one above the width of a block"},
    {3, 25, 4, 129, "single units, several blocks each way"},
    {40, 16, 8, 64, "many steps of more than one block"},
    {1000, 2, 3, 9, "drift over a long sequence"},
};

constexpr Size kLargeBitSizes[] = {
    {24, 64, 32, 256, "many blocks at once: where a sum in no fixed order would show"},
};

std::vector<Size> joined(std::span<const Size> first, std::span<const Size> second) {
  std::vector<Size> sizes(first.begin(), first.end());
  sizes.insert(sizes.end(), second.begin(), second.end());
  return sizes;
}
const std::vector<Size>& sizes() {
  static const std::vector<Size> all = joined(kStepwiseSizes, kLargeSizes);
  return all;
}
const std::vector<Size>& bit_sizes() {
  static const std::vector<Size> all = joined(kStepwiseBitSizes, kLargeBitSizes);
  return all;
}

// The resident engine beside the stepwise one, where the chip has clusters.
TestDevice resident_device(TestDevice device) {
  device.name = "resident_gpu";
  device.engine = EngineId::cluster_resident;
  device.tf32 = false;
  device.types = device.option_types = {DataType::bf16, DataType::f16};
  static const std::vector<Size> all = joined(kResidentSizes, kResidentLargeSizes);
  static const std::vector<Size> option_sizes = joined(kResidentOptionSizes, kResidentLargeOptionSizes);
  static const std::vector<Size> bits = joined(kResidentBitSizes, kResidentLargeBitSizes);
  device.sizes = all;
  device.option_sizes = option_sizes;
  device.chunk_sizes = kResidentChunkSizes;
  device.bit_sizes = bits;
  if (device.absent.empty() && device.device.props().cuda.compute_major < 9) {
    device.absent = "no CUDA device of compute capability 9.0";
  }
  return device;
}

// The engine of one kernel a step.
TestDevice fused_device(TestDevice device) {
  device.name = "fused_gpu";
  device.engine = EngineId::fused;
  device.types = device.option_types = {DataType::f32, DataType::bf16, DataType::f16};
  static const std::vector<Size> all = joined(kFusedSizes, kFusedLargeSizes);
  device.sizes = all;
  device.option_sizes = kFusedOptionSizes;
  device.chunk_sizes = kFusedChunkSizes;
  device.bit_sizes = bit_sizes();
  return device;
}

// The reference beside ours, where there is one.
[[maybe_unused]] TestDevice cudnn_device(TestDevice device) {
  device.name = "cudnn_gpu";
  describe_cudnn(device);
  device.dropout_masks = nullptr;  // cuDNN's own
  static const std::vector<Size> all = joined(kCudnnSizes, kCudnnLargeSizes);
  device.sizes = all;
  device.option_types = {DataType::f32, DataType::bf16, DataType::f16};
  device.option_sizes = kCudnnLargeOptionSizes;
  device.chunk_sizes = {};
  if (!device.absent.empty()) return device;
  Spec spec;
  spec.input_size = spec.hidden_size = 8;
  for (const PassedOver& one : survey_engines(spec, {1, 1}, device.device, {.engine = device.engine})) {
    if (one.engine == device.engine) device.absent = one.reason;
  }
  return device;
}

// Outlives the runtime's own state, so it is never ended.
Context* shared_context() {
  static Context* const context = new Context(Device::cuda(0));
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
  device.stream = [](int which) {
    static void* const streams[] = {host::gpu::create_stream(), host::gpu::create_stream()};
    return Stream::from_native(streams[which]);
  };
  device.shared_context = shared_context;
  device.tf32 = there && device.device.props().cuda.compute_major >= 8;
  device.types = {DataType::f32, DataType::f64, DataType::bf16, DataType::f16};
  device.option_types = {DataType::f32, DataType::bf16, DataType::f16};
  device.sizes = sizes();
  device.option_sizes = kStepwiseOptionSizes;
  device.chunk_sizes = kStepwiseChunkSizes;
  device.bit_sizes = bit_sizes();
  device.dropout_masks = oracle::dropout_masks;
#ifdef RECUR_HAVE_CUDNN
  return {device, resident_device(device), fused_device(device), cudnn_device(device)};
#else
  return {device, resident_device(device), fused_device(device)};
#endif
}

}  // namespace recur::test
