// The product of bf16 by the instruction that multiplies two pairs and adds them up. Compiled with the flags
// of AVX512_BF16 and nothing else in it: all other kernels of such a processor are those of AVX-512.
#define HWY_COMPILE_ONLY_STATIC
#include "host/cpu/simd/product.hpp"

namespace recur::host::cpu::RECUR_SIMD_NAMESPACE {

void bf16_product(const ProductArgs<Bf16>& p);
void bf16_product(const ProductArgs<Bf16>& p) { product(p); }

}  // namespace recur::host::cpu::RECUR_SIMD_NAMESPACE
