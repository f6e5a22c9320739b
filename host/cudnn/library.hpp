// cuDNN as a table of its functions. The library is loaded at run time, so that ours neither needs it to load
// nor brings its gigabyte along; its headers are needed to build. Tests link a table of their own
// (tests/cudnn/stand_in.cpp) in place of library.cpp.
#pragma once

#include <cudnn.h>

#include <string>

// All that the engine calls, without the prefix "cudnn".
#define RECUR_CUDNN_FUNCTIONS(F) \
  F(GetVersion)                  \
  F(GetErrorString)              \
  F(GetLastErrorString)          \
  F(Create)                      \
  F(Destroy)                     \
  F(SetStream)                   \
  F(CreateTensorDescriptor)      \
  F(DestroyTensorDescriptor)     \
  F(SetTensorNdDescriptor)       \
  F(GetTensorNdDescriptor)       \
  F(CreateDropoutDescriptor)     \
  F(DestroyDropoutDescriptor)    \
  F(DropoutGetStatesSize)        \
  F(SetDropoutDescriptor)        \
  F(RestoreDropoutDescriptor)    \
  F(CreateRNNDescriptor)         \
  F(DestroyRNNDescriptor)        \
  F(SetRNNDescriptor_v8)         \
  F(BuildRNNDynamic)             \
  F(CreateRNNDataDescriptor)     \
  F(DestroyRNNDataDescriptor)    \
  F(SetRNNDataDescriptor)        \
  F(GetRNNWeightSpaceSize)       \
  F(GetRNNWeightParams)          \
  F(GetRNNTempSpaceSizes)        \
  F(RNNForward)                  \
  F(RNNBackwardData_v8)          \
  F(RNNBackwardWeights_v8)

namespace recur::host::cudnn {

struct Library {
// NOLINTNEXTLINE(bugprone-macro-parentheses): the name of a member
#define RECUR_CUDNN_MEMBER(name) decltype(&::cudnn##name) name = nullptr;
  RECUR_CUDNN_FUNCTIONS(RECUR_CUDNN_MEMBER)
#undef RECUR_CUDNN_MEMBER
};

struct Loaded {
  const Library* library = nullptr;
  std::string failure = {};  // why there is none
};

// Loaded on the first call and kept: libcudnn.so.9 as the system finds it, or the file that the environment
// variable RECUR_CUDNN_LIBRARY names.
const Loaded& load();

}  // namespace recur::host::cudnn
