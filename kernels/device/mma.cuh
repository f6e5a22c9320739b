// Tensor-core products of a warp, d = a b + d with f32 sums, and loading their operands from shared memory.
// All 32 lanes take part. Which lane holds which element: PTX ISA, "Matrix Fragments"; in words for 16-bit
// operands, with group = lane / 4 and member = lane % 4:
//
//     A [16][16]  a[0..3]: rows group, group + 8, group, group + 8; columns 2 member and the next, + 8 in
//     a[2], a[3] B [16][8]   b[0..1]: rows 2 member and the next, + 8 in b[1]; column group D [16][8]
//     d[0..3]: rows group, group, group + 8, group + 8; columns 2 member, the next, and again
#pragma once

#include "kernels/device/arch.cuh"

namespace recur::device {

// A 16x16, B 16x8, bf16. sm_80.
RECUR_DEVICE void mma_16x8x16_bf16(float (&d)[4], const std::uint32_t (&a)[4],
                                   const std::uint32_t (&b)[2] RECUR_WHERE) {
#if defined(RECUR_SIMT)
  simt::mma(simt::Mma::m16n8k16_bf16, d, a, b, d, where);
#elif RECUR_ARCH >= 80
  asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
      "{%0,%1,%2,%3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#else
  chip_too_old();
#endif
}

// A 16x16, B 16x8, f16. sm_80.
RECUR_DEVICE void mma_16x8x16_f16(float (&d)[4], const std::uint32_t (&a)[4],
                                  const std::uint32_t (&b)[2] RECUR_WHERE) {
#if defined(RECUR_SIMT)
  simt::mma(simt::Mma::m16n8k16_f16, d, a, b, d, where);
#elif RECUR_ARCH >= 80
  asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
      "{%0,%1,%2,%3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#else
  chip_too_old();
#endif
}

// A 16x8, B 8x8, f16. sm_75.
RECUR_DEVICE void mma_16x8x8_f16(float (&d)[4], const std::uint32_t (&a)[2],
                                 const std::uint32_t (&b)[1] RECUR_WHERE) {
#if defined(RECUR_SIMT)
  simt::mma(simt::Mma::m16n8k8_f16, d, a, b, d, where);
#else
  asm("mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5}, {%6}, {%0,%1,%2,%3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(b[0]));
#endif
}

// A 16x8, B 8x8, bf16. sm_80.
RECUR_DEVICE void mma_16x8x8_bf16(float (&d)[4], const std::uint32_t (&a)[2],
                                  const std::uint32_t (&b)[1] RECUR_WHERE) {
#if defined(RECUR_SIMT)
  simt::mma(simt::Mma::m16n8k8_bf16, d, a, b, d, where);
#elif RECUR_ARCH >= 80
  asm("mma.sync.aligned.m16n8k8.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5}, {%6}, {%0,%1,%2,%3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(b[0]));
#else
  chip_too_old();
#endif
}

// A 16x8, B 8x8, tf32: f32 bits of which the upper 19 are read. sm_80.
//
//     A [16][8]  a[0..3]: rows group, group + 8, group, group + 8; columns member, + 4 in a[2], a[3]
//     B [8][8]   b[0..1]: rows member, member + 4; column group
RECUR_DEVICE void mma_16x8x8_tf32(float (&d)[4], const std::uint32_t (&a)[4],
                                  const std::uint32_t (&b)[2] RECUR_WHERE) {
#if defined(RECUR_SIMT)
  simt::mma(simt::Mma::m16n8k8_tf32, d, a, b, d, where);
#elif RECUR_ARCH >= 80
  asm("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
      "{%0,%1,%2,%3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#else
  chip_too_old();
#endif
}

// f32 to the nearest tf32, ties away from zero: the operand of mma_16x8x8_tf32. sm_80.
RECUR_DEVICE std::uint32_t to_tf32(float value) {
  std::uint32_t bits;
#if defined(RECUR_SIMT)
  std::memcpy(&bits, &value, sizeof(bits));
  if ((bits & 0x7f800000u) != 0x7f800000u) bits += 0x1000u;
  bits &= 0xffffe000u;
#elif RECUR_ARCH >= 80
  asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(bits) : "f"(value));
#else
  bits = 0;
  chip_too_old();
#endif
  return bits;
}

// Loads kCount (1, 2, 4) 8x8 matrices of 16-bit elements from shared memory: lane 8 m + r gives the 16-byte
// aligned address of row r of matrix m. fragments[m] of a lane: elements 2 member and the next of row group,
// or, transposed, of column group. sm_75.
template <int kCount, bool kTransposed>
RECUR_DEVICE void load_matrix(std::uint32_t (&fragments)[kCount], const void* row RECUR_WHERE) {
  static_assert(kCount == 1 || kCount == 2 || kCount == 4, "ldmatrix has .x1, .x2 and .x4");
#if defined(RECUR_SIMT)
  // The rows that count are read here, by the lane that names them, so that the sanitizers see it.
  std::uint16_t elements[8] = {};
  if (simt::lane() < 8u * kCount) {
    if (reinterpret_cast<std::uintptr_t>(row) % 16 != 0) {
      simt::fail(simt::FaultKind::misuse, "ldmatrix %s:%d: a row that is not 16-byte aligned", where.file,
                 where.line);
    }
    for (int i = 0; i < 8; ++i) elements[i] = static_cast<const std::uint16_t*>(row)[i];
  }
  simt::load_matrix(fragments, kCount, kTransposed, elements, row, where);
#else
  const unsigned address = shared_address(row);
  if constexpr (kCount == 1 && !kTransposed) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x1.shared.b16 {%0}, [%1];"
                 : "=r"(fragments[0])
                 : "r"(address)
                 : "memory");
  } else if constexpr (kCount == 1) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x1.trans.shared.b16 {%0}, [%1];"
                 : "=r"(fragments[0])
                 : "r"(address)
                 : "memory");
  } else if constexpr (kCount == 2 && !kTransposed) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%0, %1}, [%2];"
                 : "=r"(fragments[0]), "=r"(fragments[1])
                 : "r"(address)
                 : "memory");
  } else if constexpr (kCount == 2) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%0, %1}, [%2];"
                 : "=r"(fragments[0]), "=r"(fragments[1])
                 : "r"(address)
                 : "memory");
  } else if constexpr (!kTransposed) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(fragments[0]), "=r"(fragments[1]), "=r"(fragments[2]), "=r"(fragments[3])
                 : "r"(address)
                 : "memory");
  } else {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(fragments[0]), "=r"(fragments[1]), "=r"(fragments[2]), "=r"(fragments[3])
                 : "r"(address)
                 : "memory");
  }
#endif
}

}  // namespace recur::device
