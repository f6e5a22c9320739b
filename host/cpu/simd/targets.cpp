// Which instruction sets were compiled, and which of them this machine has.
#include <hwy/targets.h>

#include <iterator>

#include "host/cpu/simd/kernels.hpp"

namespace recur::host::cpu {

// One constant per instruction set that the build compiled kernels.cpp for.
#if defined(RECUR_SIMD_AVX512)
extern const SimdTarget simd_avx512_bf16;
extern const SimdTarget simd_avx512;
#endif
#if defined(RECUR_SIMD_AVX2)
extern const SimdTarget simd_avx2;
#endif
#if defined(RECUR_SIMD_SSE4)
extern const SimdTarget simd_sse4;
#endif
extern const SimdTarget simd_baseline;

namespace {
constexpr const SimdTarget* kTargets[] = {
#if defined(RECUR_SIMD_AVX512)
    &simd_avx512_bf16, &simd_avx512,
#endif
#if defined(RECUR_SIMD_AVX2)
    &simd_avx2,
#endif
#if defined(RECUR_SIMD_SSE4)
    &simd_sse4,
#endif
    &simd_baseline};

// Highway does not ask for it. Not asked for either where no set that needs it is built.
[[maybe_unused]] bool has_avx512_bf16() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx512bf16") != 0;
#else
  return false;
#endif
}
}  // namespace

std::span<const SimdTarget* const> compiled_targets() { return kTargets; }

const SimdTarget* find_target(std::string_view name) {
  for (const SimdTarget* target : kTargets) {
    if (target->name == name) return target;
  }
  return nullptr;
}

// A build for the baseline alone asks nothing, and so does not need Highway's shared library.
bool is_supported([[maybe_unused]] const SimdTarget& target) {
  if constexpr (std::size(kTargets) == 1) {
    return true;
  } else {
    static const auto supported =
        hwy::SupportedTargets();  // asks the processor, which a virtual machine intercepts
    if (target.avx512_bf16 && !has_avx512_bf16()) return false;
    return &target == &simd_baseline || (supported & target.highway_bit) != 0;
  }
}

const SimdTarget& best_target() {
  for (const SimdTarget* target : kTargets) {
    if (is_supported(*target)) return *target;
  }
  return simd_baseline;
}

}  // namespace recur::host::cpu
