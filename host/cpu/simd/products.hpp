// The products of one instruction set, for its table of kernels. Included only by kernels.cpp and
// products.cpp.
#pragma once

#include "host/cpu/simd/kernels.hpp"
#include "host/cpu/simd/unroll.hpp"

namespace recur::host::cpu::RECUR_SIMD_NAMESPACE {

// AVX-512 and NEON have 32 vector registers, the others 16.
#if HWY_TARGET <= HWY_AVX3 || HWY_ARCH_ARM_A64
inline constexpr int kRegisters = 32;
#else
inline constexpr int kRegisters = 16;
#endif
// The widest panel: with 4 rows x 6 vectors and 6 x 4 a tile reads least for each multiplication.
inline constexpr int kMaxPanelVectors = kRegisters == 32 ? 6 : 4;

void product_f32(const ProductArgs<float>& p);
void product_f64(const ProductArgs<double>& p);
void product_bf16(const ProductArgs<Bf16>& p);

}  // namespace recur::host::cpu::RECUR_SIMD_NAMESPACE
