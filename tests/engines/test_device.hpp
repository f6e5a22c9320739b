/// @file
/// What the tests of engines run on: an engine, a device, and what is worth testing there. The test sources
/// are linked once for every device, each time with the file that says what `test_devices()` are:
///
/// - devices_cpu.cpp: the CPU engine, in every instruction set of the machine, and oneDNN where the build
///   has it
/// - devices_simt.cpp: GPU engines with their kernels run on the CPU (simt)
/// - devices_cudnn.cpp: the cudnn engine there, over a stand-in for cuDNN (tests/cudnn)
/// - devices_gpu.cpp: GPU engines on the machine's GPU, or the reason why not
#pragma once

#include <algorithm>
#include <span>
#include <string>
#include <vector>

#include "oracle/problem.hpp"
#include "recur/recur.hpp"
#include "support/device_memory.hpp"
#include "support/problem.hpp"

namespace recur::test {

using oracle::Index;

/// Sizes of a layer and the reason for testing them. The smallest tensor says how many seeds are pooled
/// (support/tolerance.hpp), so none is smaller than the reason wants: dx at I = 1 alone can take hundreds.
struct Size {
  Index T, B, I, H;
  const char* reason;
  Index L = 1;
};

struct TestDevice {
  std::string name;  ///< "cpu", "simt", "gpu"
  EngineId engine;
  Device device;
  std::string absent = {};  ///< why nothing can run on it; empty where it is there
  DeviceMemory* memory = &host_memory();
  /// Waits until what calls have put on the default stream is done, and can be read by the host.
  void (*synchronize)() = [] {};
  /// Streams 0 and 1 beside the default one, never ended. Where calls return when their work is done there
  /// is but one.
  Stream (*stream)(int which) = [](int) { return Stream(); };
  /// How runs are planned; a test of an engine's tiles has its own way.
  Plan (*plan)(const Spec& spec, const recur::Shape& shape, const Device& device,
               const recur::Options& options) = make_plan;
  /// A context for runs to share, or null: each makes its own, with a team of threads. Making one costs a
  /// GPU's runtime more than a run of a small problem, and a context that has served other plans is the
  /// harder test.
  Context* (*shared_context)() = nullptr;

  // What no plan tells of a reference.
  bool gaps = true;             ///< takes tensors whose rows do not lie together
  bool empty_sequences = true;  ///< takes a length of 0
  CudnnAlgorithm cudnn_algorithm = CudnnAlgorithm::standard;

  bool emulated = false;         ///< kernels run on the CPU, under the same schedule every time
  bool batch_invariant = false;  ///< takes Options::batch_invariant
  bool tf32 = false;             ///< does something for Options::tf32
  int threads = 1;               ///< most for Options::threads; 1: it changes nothing
  /// Instruction sets to run every size of a type in; "" is the best.
  std::vector<std::string> (*simd)(DataType) = [](DataType) { return std::vector<std::string>{""}; };

  std::vector<DataType> types = {};         ///< all that the engine takes
  std::vector<DataType> option_types = {};  ///< crossed with every option of a layer
  std::span<const Size> sizes = {};         ///< judged, every cell and type
  /// What a training pass drops (oracle::Problem::dropout_masks); null where that is not known.
  std::vector<std::vector<std::uint8_t>> (*dropout_masks)(const Spec& spec, Index T, Index B,
                                                          std::uint64_t seed) = nullptr;
  std::span<const Size> option_sizes = {};  ///< judged, with every option of a layer
  std::span<const Size> chunk_sizes = {};   ///< judged with lengths and marks: time runs in several chunks
  std::span<const Size> bit_sizes = {};  ///< large enough for every kind of sharing: runs compared bit by bit
};

/// A random problem that the device takes.
inline oracle::Problem<double> problem_for(const TestDevice& device, const Spec& spec, Index T, Index B,
                                           std::uint64_t seed) {
  oracle::Problem<double> problem = random_problem(spec, T, B, seed);
  for (std::int32_t& length : problem.lengths) {
    if (!device.empty_sequences) length = std::max(length, 1);
  }
  return problem;
}

/// The devices of the executable.
std::vector<TestDevice> test_devices();

/// The CPU as tests use it that know no other.
inline const TestDevice& cpu_device() {
  static const TestDevice device{.name = "cpu", .engine = EngineId::cpu, .device = Device::cpu()};
  return device;
}

}  // namespace recur::test
