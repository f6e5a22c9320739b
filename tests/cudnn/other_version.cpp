// A library that has cuDNN's name for its version and nothing else.
#include <cstddef>

extern "C" __attribute__((visibility("default"))) std::size_t cudnnGetVersion();
std::size_t cudnnGetVersion() { return RECUR_VERSION_OF_CUDNN; }
