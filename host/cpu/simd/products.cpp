// The products of one instruction set, as functions that kernels.cpp of that set names. The build compiles
// this file once per set with that set's compiler flags, and once more with those of AVX512_BF16: then
// nothing but the product of bf16 is in it, by the instruction that multiplies two pairs and adds them up,
// since all other kernels of such a processor are those of AVX-512.
#define HWY_COMPILE_ONLY_STATIC
#include "host/cpu/simd/products.hpp"
#include "host/cpu/simd/product.hpp"

namespace recur::host::cpu::RECUR_SIMD_NAMESPACE {

#if !defined(__AVX512BF16__)
void product_f32(const ProductArgs<float>& p) { product(p); }
void product_f64(const ProductArgs<double>& p) { product(p); }
#endif
void product_bf16(const ProductArgs<Bf16>& p) { product(p); }

}  // namespace recur::host::cpu::RECUR_SIMD_NAMESPACE
