/// @file
/// cuDNN for tests on machines without a GPU: the engine's table of functions over the emulated device of
/// simt, in place of host/cudnn/library.cpp. It computes with the oracle's naive run and refuses
/// whatever NVIDIA's documentation ("cuDNN API", library cudnn_adv) does not allow; each check names its
/// function. What cuDNN does beyond its documentation is not known here: a run on a GPU stays the last word.
#pragma once

#include <cudnn.h>

#include <optional>
#include <string>

namespace recur::test::cudnn {

/// What the stand-in was asked for.
struct Seen {
  cudnnRNNAlgo_t algorithm{};  ///< of the last pass
  cudnnMathType_t math_type{};
  int passes = 0;        ///< of any kind
  int of_zeros = 0;      ///< forward passes that ran over an x or weights of nothing but zeros
  int built = 0;         ///< calls of cudnnBuildRNNDynamic
  int live_objects = 0;  ///< handles and descriptors that were created and not destroyed
};
Seen& seen();

/// Until it is empty again, loading the library fails for this reason.
void fail_to_load(std::string reason);

/// Until it is empty again, a forward pass of this algorithm is accepted when it is planned and fails when it
/// runs.
void fail_to_run(std::optional<cudnnRNNAlgo_t> algorithm);

}  // namespace recur::test::cudnn
