// The cudnn engine over the stand-in of tests/cudnn.
#include "cudnn/dropout.hpp"
#include "engines/cudnn_device.hpp"
#include "engines/simt_device.hpp"

namespace recur::test {

// The algorithm with the plainest weight space, and one with gaps in it.
std::vector<TestDevice> test_devices() {
  TestDevice standard = simt_device("cudnn", EngineId::cudnn);
  describe_cudnn(standard);
  standard.dropout_masks = [](const Spec& spec, Index T, Index B, std::uint64_t seed) {
    return cudnn::dropout_masks(spec, T, B, seed);
  };
  TestDevice persistent = standard;
  persistent.name = "cudnn_persist_static";
  persistent.cudnn_algorithm = CudnnAlgorithm::persist_static;
  persistent.types = {DataType::f32, DataType::bf16, DataType::f16};
  return {standard, persistent};
}

}  // namespace recur::test
