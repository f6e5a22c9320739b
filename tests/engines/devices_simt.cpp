// The GPU engines where every CUDA thread is a fiber on the CPU.
#include "engines/fused_sizes.hpp"
#include "engines/resident_sizes.hpp"
#include "engines/simt_device.hpp"
#include "engines/stepwise_sizes.hpp"
#include "oracle/dropout.hpp"

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
  device.dropout_masks = oracle::dropout_masks;

  // Every option in every cell, crossed, is simt/resident/tiles_test.cpp's, forward; here all of them at
  // once, and backward.
  TestDevice resident = simt_device("simt_resident", EngineId::cluster_resident);
  resident.types = {DataType::bf16, DataType::f16};
  resident.sizes = kResidentSizes;
  resident.dropout_masks = oracle::dropout_masks;
  // The first of each is in one block, the last in clusters: those sanitizers are shown by
  // simt/resident/schedule_test.cpp, in less time.
#ifdef RECUR_INSTRUMENTED
  resident.option_sizes = std::span(kResidentOptionSizes).first(1);
  resident.bit_sizes = std::span(kResidentBitSizes).first(1);
#else
  resident.option_sizes = std::span(kResidentOptionSizes).last(1);
  resident.bit_sizes = std::span(kResidentBitSizes).last(1);
#endif

  // Backward, and everything around the steps, is that of stepwise.
  TestDevice fused = simt_device("simt_fused", EngineId::fused);
  fused.tf32 = true;
  fused.types = {DataType::f32, DataType::bf16, DataType::f16};
  fused.option_types = {DataType::f32};
  fused.sizes = kFusedSizes;
  fused.option_sizes = std::span(kFusedOptionSizes).first(1);
  fused.chunk_sizes = kFusedChunkSizes;
  fused.bit_sizes = kFusedBitSizes;
  fused.dropout_masks = oracle::dropout_masks;
  return {device, resident, fused};
}

}  // namespace recur::test
