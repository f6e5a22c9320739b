// The stepwise engine where every CUDA thread is a fiber on the CPU.
#include "engines/simt_device.hpp"
#include "engines/stepwise_sizes.hpp"

namespace recur::test {

std::vector<TestDevice> test_devices() {
  TestDevice device = simt_device("simt", EngineId::stepwise);
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
