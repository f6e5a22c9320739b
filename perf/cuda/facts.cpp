#include <cublasLt.h>

#include "host/cuda/check.hpp"
#include "perf/machine.hpp"

namespace recur::perf {
namespace {

// 12040 is 12.4, as the runtime counts.
std::string version(int number) {
  return std::to_string(number / 1000) + "." + std::to_string(number % 1000 / 10);
}

std::string attribute(cudaDeviceAttr name, int ordinal) {
  int value = 0;
  RECUR_CHECK(cudaDeviceGetAttribute(&value, name, ordinal));
  return std::to_string(value);
}

}  // namespace

Facts cuda_facts(int ordinal) {
  int driver = 0, runtime = 0;
  RECUR_CHECK(cudaDriverGetVersion(&driver));
  RECUR_CHECK(cudaRuntimeGetVersion(&runtime));
  const Device device = Device::cuda(ordinal);
  const CudaProps& cuda = device.props().cuda;
  Facts facts;
  facts.emplace_back("cuda_driver", version(driver));
  facts.emplace_back("cuda_runtime", version(runtime));
  facts.emplace_back("cublaslt", std::to_string(cublasLtGetVersion()));
  facts.emplace_back("compute_capability",
                     std::to_string(cuda.compute_major) + "." + std::to_string(cuda.compute_minor));
  facts.emplace_back("multiprocessors", std::to_string(cuda.multiprocessors));
  facts.emplace_back("l2_kib", std::to_string(cuda.l2_bytes >> 10));
  facts.emplace_back("memory_mib", std::to_string(cuda.global_bytes >> 20));
  // The highest; the clock under load is among the rates.
  facts.emplace_back("max_clock_khz", attribute(cudaDevAttrClockRate, ordinal));
  facts.emplace_back("max_memory_clock_khz", attribute(cudaDevAttrMemoryClockRate, ordinal));
  return facts;
}

}  // namespace recur::perf
