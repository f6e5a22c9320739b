// Nonlinearities for kernels whose results are stored in 16 bits, and short, since a recurrent step waits for
// them.
//
// f16: a few units in the last place of f32 from the exact ones (CUDA C++ Programming Guide, "Mathematical
// Functions": __expf and __fdividef). bf16: the hardware's tanh, whose relative error is at most 2^-11 (PTX
// ISA, tanh.approx.f32), a quarter of what h loses when it is rounded; half as many instructions of the unit
// that computes exponentials and reciprocals, which has an eighth of the others' rate. A share of a state that
// is kept takes the exponential in both: 2^-11 is a quarter of 1 - sigmoid(7), by which c decays for hundreds
// of steps.
#pragma once

#include <cstdint>
#include <cstring>

#include "kernels/cells/scalar_math.cuh"
#include "kernels/device/platform.cuh"

namespace recur::device {

namespace fast_math {

RECUR_HD float multiply_add(float a, float b, float c) {
#if defined(RECUR_SIMT) || !defined(__CUDA_ARCH__)
  return a * b + c;
#else
  return __fmaf_rn(a, b, c);
#endif
}

// 1 / (1 + e^(kTimes x)). Where e^(kTimes x) is flushed to 0, it is nothing beside 1.
template <int kTimes>
RECUR_HD float inverse_of_one_and_exponential(float x) {
#if defined(RECUR_SIMT) || !defined(__CUDA_ARCH__)
  return 1.0f / (1.0f + std::exp(kTimes * x));
#else
  constexpr float kLog2E = 1.44269504f;
  float exponential;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(exponential) : "f"(kTimes * kLog2E * x));
  return __fdividef(1.0f, 1.0f + exponential);
#endif
}

// On the CPU as wrong as it may be, and as one-sided as a table's interpolation is: neighbouring x, whose
// exponent and first bits of the mantissa are equal, are all wrong in one direction.
RECUR_HD float hardware_tanh(float x) {
#if defined(RECUR_SIMT) || !defined(__CUDA_ARCH__)
  std::uint32_t bits;
  std::memcpy(&bits, &x, sizeof(bits));
  constexpr int kNeighboursBits = 21;  // an interval of x has so many bits below its name
  const std::uint32_t interval = bits >> kNeighboursBits;
  const float wrong = std::tanh(x) * (1.0f + ((interval ^ interval >> 2) % 2 != 0 ? 0x1p-11f : -0x1p-11f));
  return wrong > 1.0f ? 1.0f : (wrong < -1.0f ? -1.0f : wrong);
#else
  float result;
  asm("tanh.approx.f32 %0, %1;" : "=f"(result) : "f"(x));
  return result;
#endif
}

}  // namespace fast_math

template <class E>
struct FastMath {
  RECUR_HD static float sigmoid(float x) { return fast_math::inverse_of_one_and_exponential<-1>(x); }
  // Near 0 the error is absolute, that of f32 at 1.
  RECUR_HD static float tanh(float x) {
    return fast_math::multiply_add(-2.0f, fast_math::inverse_of_one_and_exponential<2>(x), 1.0f);
  }
  RECUR_HD static float relu(float x) { return cells::ScalarMath::relu(x); }
};

template <>
struct FastMath<__nv_bfloat16> {
  RECUR_HD static float sigmoid(float x) {
    return fast_math::multiply_add(0.5f, fast_math::hardware_tanh(0.5f * x), 0.5f);
  }
  RECUR_HD static float share_kept(float x) { return fast_math::inverse_of_one_and_exponential<-1>(x); }
  RECUR_HD static float tanh(float x) { return fast_math::hardware_tanh(x); }
  RECUR_HD static float relu(float x) { return cells::ScalarMath::relu(x); }
};

}  // namespace recur::device
