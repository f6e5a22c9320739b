// Stands for perf/cuda in a build without CUDA.
#include "perf/backend.hpp"
#include "perf/floors/rates.hpp"
#include "perf/machine.hpp"
#include "recur/error.hpp"

namespace recur::perf {

std::unique_ptr<Backend> make_cuda_backend(int /*ordinal*/) {
  throw Unsupported("device cuda: this build has no CUDA (RECUR_CUDA)");
}

Measured measure_cuda_rates(Backend& /*backend*/) {
  throw Unsupported("floors of a GPU: this build has no CUDA (RECUR_CUDA)");
}

Facts cuda_facts(int /*ordinal*/) { return {}; }

}  // namespace recur::perf
