// Nonlinearities for kernels whose results are stored in 16 bits: a few units in the last place of f32 from
// the exact ones (CUDA C++ Programming Guide, "Mathematical Functions": __expf and __fdividef), and short,
// since a recurrent step waits for them.
#pragma once

#include "kernels/cells/scalar_math.cuh"
#include "kernels/device/platform.cuh"

namespace recur::device {

struct FastMath {
  RECUR_HD static float sigmoid(float x) { return inverse_of_one_and_exponential<-1>(x); }
  // Near 0 the error is absolute, that of f32 at 1.
  RECUR_HD static float tanh(float x) {
    return multiply_add(-2.0f, inverse_of_one_and_exponential<2>(x), 1.0f);
  }
  RECUR_HD static float relu(float x) { return cells::ScalarMath::relu(x); }

 private:
  // 1 / (1 + e^(kTimes x)). Where e^(kTimes x) is flushed to 0, it is nothing beside 1.
  template <int kTimes>
  RECUR_HD static float inverse_of_one_and_exponential(float x) {
#if defined(RECUR_SIMT) || !defined(__CUDA_ARCH__)
    return 1.0f / (1.0f + std::exp(kTimes * x));
#else
    constexpr float kLog2E = 1.44269504f;
    float exponential;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(exponential) : "f"(kTimes * kLog2E * x));
    return __fdividef(1.0f, 1.0f + exponential);
#endif
  }
  RECUR_HD static float multiply_add(float a, float b, float c) {
#if defined(RECUR_SIMT) || !defined(__CUDA_ARCH__)
    return a * b + c;
#else
    return __fmaf_rn(a, b, c);
#endif
  }
};

}  // namespace recur::device
