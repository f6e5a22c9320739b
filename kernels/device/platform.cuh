// What kernel sources need of the compiler. They are compiled twice: by nvcc for GPUs, and by g++ or clang++
// with RECUR_SIMT defined, where simt runs every CUDA thread as a fiber on the CPU. This header and its
// neighbours are the only place where the two differ; a kernel includes what it uses of them and says
//
//     RECUR_KERNEL(256) name(Arguments a) { ... }      a __global__ function for blocks of at most 256
//     threads RECUR_SHARED(float, tile, [4][32]);                   static shared memory
//     RECUR_DYNAMIC_SHARED(unsigned char, memory);          dynamic shared memory, 128-byte aligned
//     RECUR_UNROLL for (...)
//     const RECUR_GRID_CONSTANT Arguments a    a parameter whose address may be taken: no thread gets a copy
//
// and otherwise plain CUDA: threadIdx, blockIdx, blockDim, gridDim. Rules for kernels: docs/simt.md.
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <cstddef>
#include <cstdint>

#if defined(RECUR_SIMT)

#include "simt/kernel.hpp"

#define RECUR_DEVICE inline __attribute__((always_inline))
#define RECUR_KERNEL(max_threads) inline void
#define RECUR_KERNEL_OF(max_threads, blocks) inline void
#define RECUR_GRID_CONSTANT
#define RECUR_UNROLL
#define RECUR_SHARED(Type, name, ...) SIMT_SHARED(Type, name, __VA_ARGS__)
// NOLINTNEXTLINE(bugprone-macro-parentheses): a declaration
#define RECUR_DYNAMIC_SHARED(Type, name) Type* name = static_cast<Type*>(::simt::dynamic_shared())
// The chip that is emulated, as compute capability x 10: simt offers everything.
#define RECUR_ARCH 90

#elif defined(__CUDACC__)

#define RECUR_DEVICE __device__ __forceinline__
// Told that one block a multiprocessor will do, ptxas does not buy room for another with spilled registers.
#define RECUR_KERNEL(max_threads) RECUR_KERNEL_OF(max_threads, 1)
#define RECUR_KERNEL_OF(max_threads, blocks) __global__ void __launch_bounds__(max_threads, blocks)
#define RECUR_GRID_CONSTANT __grid_constant__
#define RECUR_UNROLL _Pragma("unroll")
#define RECUR_SHARED(Type, name, ...) __shared__ Type name __VA_ARGS__
#define RECUR_DYNAMIC_SHARED(Type, name)                                 \
  extern __shared__ __align__(128) unsigned char recur_dynamic_shared[]; \
  Type* name = reinterpret_cast<Type*>(recur_dynamic_shared)
// The chip that is compiled for, as compute capability x 10; 0 in the pass for the host.
#if defined(__CUDA_ARCH__)
#define RECUR_ARCH (__CUDA_ARCH__ / 10)
#else
#define RECUR_ARCH 0
#endif

#else
#error "kernels are compiled by nvcc, or by a C++ compiler with RECUR_SIMT for simt"
#endif
