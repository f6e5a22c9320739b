// Tensor-core products and ldmatrix of a warp. Where an element of a fragment lies in its matrix is in
// fragments.hpp.
#include <bit>
#include <cstring>

#include "simt/fragments.hpp"
#include "simt/machine.hpp"

namespace simt {
namespace {

float from_bf16(std::uint32_t bits) { return std::bit_cast<float>(bits << 16); }

float from_f16(std::uint32_t bits) {
  const std::uint32_t sign = (bits & 0x8000u) << 16;
  const std::uint32_t exponent = bits >> 10 & 0x1fu;
  const std::uint32_t fraction = bits & 0x3ffu;
  if (exponent == 0x1fu) return std::bit_cast<float>(sign | 0x7f800000u | fraction << 13);
  if (exponent == 0) {
    const float magnitude = static_cast<float>(fraction) * 0x1p-24f;
    return sign != 0 ? -magnitude : magnitude;
  }
  return std::bit_cast<float>(sign | (exponent + 112u) << 23 | fraction << 13);
}

// The tensor core reads the upper 19 bits of a register.
float from_tf32(std::uint32_t bits) { return std::bit_cast<float>(bits & 0xffffe000u); }

template <Mma kKind>
float element(const std::uint32_t* registers, int index) {
  if constexpr (kKind == Mma::m16n8k8_tf32) {
    return from_tf32(registers[index]);
  } else {
    const std::uint32_t half = registers[index / 2] >> (index % 2 * 16) & 0xffffu;
    if constexpr (kKind == Mma::m16n8k16_bf16 || kKind == Mma::m16n8k8_bf16) return from_bf16(half);
    return from_f16(half);
  }
}

struct MmaArgument {
  float* d;
  const std::uint32_t* a;
  const std::uint32_t* b;
  const float* c;
};

// For each kind apart, because it is what an emulated tensor-core kernel waits for: the places of elements
// are known when it is compiled.
template <Mma kKind>
void compute_mma(WarpCall& call) {
  const auto argument = [&](int lane) { return static_cast<MmaArgument*>(call.argument[lane]); };
  if (call.arrived != ~0u) fail(FaultKind::divergence, "mma without all 32 lanes: %08x", call.arrived);
  constexpr int K = depth_of(kKind);
  float a[16][16], b[16][8], d[16][8];
  for (int lane = 0; lane < 32; ++lane) {
    const MmaArgument& mine = *argument(lane);
    for (int i = 0; i < K / 2; ++i) {
      const Position p = position_of_a(kKind, lane, i);
      a[p.row][p.column] = element<kKind>(mine.a, i);
    }
    for (int i = 0; i < K / 4; ++i) {
      const Position p = position_of_b(kKind, lane, i);
      b[p.row][p.column] = element<kKind>(mine.b, i);
    }
    for (int i = 0; i < 4; ++i) {
      const Position p = position_of_c(lane, i);
      d[p.row][p.column] = mine.c[i];
    }
  }
  for (int row = 0; row < 16; ++row) {
    for (int k = 0; k < K; ++k) {
      for (int column = 0; column < 8; ++column) d[row][column] += a[row][k] * b[k][column];
    }
  }
  for (int lane = 0; lane < 32; ++lane) {
    for (int i = 0; i < 4; ++i) {
      const Position p = position_of_c(lane, i);
      argument(lane)->d[i] = d[p.row][p.column];
    }
  }
}

void (*compute_of(Mma kind))(WarpCall&) {
  switch (kind) {
    case Mma::m16n8k16_bf16: return compute_mma<Mma::m16n8k16_bf16>;
    case Mma::m16n8k8_bf16: return compute_mma<Mma::m16n8k8_bf16>;
    case Mma::m16n8k16_f16: return compute_mma<Mma::m16n8k16_f16>;
    case Mma::m16n8k8_f16: return compute_mma<Mma::m16n8k8_f16>;
    case Mma::m16n8k8_tf32: break;
  }
  return compute_mma<Mma::m16n8k8_tf32>;
}

struct LoadMatrixArgument {
  std::uint32_t* fragments;
  int count;
  bool transposed;
  const std::uint16_t* row;
};

// Lane 8 m + r names row r of matrix m; a lane receives elements 2 (lane % 4) and the next of row lane / 4,
// or, transposed, of column lane / 4 (PTX ISA, ldmatrix).
void compute_load_matrix(WarpCall& call) {
  const auto argument = [&](int lane) { return static_cast<LoadMatrixArgument*>(call.argument[lane]); };
  if (call.arrived != ~0u) fail(FaultKind::divergence, "ldmatrix without all 32 lanes: %08x", call.arrived);
  const int count = argument(0)->count;
  const bool transposed = argument(0)->transposed;
  std::uint32_t result[32][4];
  for (int matrix = 0; matrix < count; ++matrix) {
    std::uint16_t elements[8][8];
    for (int row = 0; row < 8; ++row) {
      std::memcpy(elements[row], argument(matrix * 8 + row)->row, sizeof(elements[row]));
    }
    for (int lane = 0; lane < 32; ++lane) {
      const int line = lane / 4;
      const int first = lane % 4 * 2;
      const std::uint32_t low = transposed ? elements[first][line] : elements[line][first];
      const std::uint32_t high = transposed ? elements[first + 1][line] : elements[line][first + 1];
      result[lane][matrix] = low | high << 16;
    }
  }
  for (int lane = 0; lane < 32; ++lane) {
    for (int matrix = 0; matrix < count; ++matrix) argument(lane)->fragments[matrix] = result[lane][matrix];
  }
}

}  // namespace

// NOLINTNEXTLINE(readability-non-const-parameter): d is written through the argument
void mma(Mma kind, float* d, const std::uint32_t* a, const std::uint32_t* b, const float* c, Where where) {
  static constexpr char kKinds[5] = {};
  MmaArgument argument{d, a, b, c};
  warp_collective(~0u, &kKinds[static_cast<int>(kind)], "mma", &argument, compute_of(kind), false, where);
}

// NOLINTNEXTLINE(readability-non-const-parameter): as d
void load_matrix(std::uint32_t* fragments, int count, bool transposed, const std::uint16_t (&row)[8],
                 const void* address, Where where) {
  static constexpr char kKinds[2][5] = {};
  if (count != 1 && count != 2 && count != 4) fail(FaultKind::misuse, "ldmatrix of %d matrices", count);
  LoadMatrixArgument argument{fragments, count, transposed, row};
  if (simt::lane() < 8u * static_cast<unsigned>(count)) note_shared_access(address, 16, where);
  warp_collective(~0u, &kKinds[transposed ? 1 : 0][count], "ldmatrix", &argument, compute_load_matrix, false,
                  where);
}

}  // namespace simt
