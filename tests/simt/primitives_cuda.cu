// Compiled, not run: that nvcc and ptxas take every wrapper for every chip.
#include "simt/primitives.cuh"

namespace recur::test {

template __global__ void products<0>(const std::uint32_t*, const std::uint32_t*, float*);
template __global__ void products<1>(const std::uint32_t*, const std::uint32_t*, float*);
template __global__ void products<2>(const std::uint32_t*, const std::uint32_t*, float*);
template __global__ void products<3>(const std::uint32_t*, const std::uint32_t*, float*);
template __global__ void products<4>(const std::uint32_t*, const std::uint32_t*, float*);

}  // namespace recur::test
