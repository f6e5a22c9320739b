// Products of the fused step kernel: what a warp makes of a chunk of the depth (tile.hpp).
//
// In a warp, lane = 4 group + member. A lane brings 16 bytes of R, elements `member` of the chunk, for unit `group`
// in each gate; of h what load_state asks for. A kind of product has
//
//     E                the storage type of its operands
//     kAhead           chunks of R that a lane holds before it needs them
//     kStates          chunks of h that it loads at once
//     Sums             zero at first
//     State            a chunk of h
//     load_state(row)  calls row(r) for the rows that the lane reads
//     multiply         adds the products of a chunk
//     store            calls to(gate, row, sum) for sums of unit `group`, once for each gate and row over the four
//                      lanes that share the unit
#pragma once

#include "kernels/device/mma.cuh"
#include "kernels/device/vector_io.cuh"
#include "kernels/fused/tile.hpp"

namespace recur::fused {

// 16 bytes of a row.
template <class E>
using Part = device::Pack<E, 16 / static_cast<int>(sizeof(E))>;

template <class E>
RECUR_DEVICE std::uint32_t word_of(const Part<E>& part, int word) {
  std::uint32_t bits;
  memcpy(&bits, part.values + word * (4 / static_cast<int>(sizeof(E))), sizeof(bits));
  return bits;
}

// Sums of pairs of gates: an mma instruction has 16 rows of A, 8 units in two gates.
template <int kGates, int kTiles>
struct MmaSums {
  static constexpr int kPairs = (kGates + 1) / 2;
  float values[kPairs][kTiles][4] = {};

  template <class To>
  RECUR_DEVICE void store(To&& to) const {
    const int member = static_cast<int>(threadIdx.x % 4);
    RECUR_UNROLL
    for (int gate = 0; gate < kGates; ++gate) {
      RECUR_UNROLL
      for (int tile = 0; tile < kTiles; ++tile) {
        RECUR_UNROLL
        for (int i = 0; i < 2; ++i) {
          to(gate, tile * kTileRows + 2 * member + i, values[gate / 2][tile][2 * (gate % 2) + i]);
        }
      }
    }
  }
};

// h of one row of each tile, row `group`.
template <class E, int kTiles>
struct MmaState {
  Part<E> tiles[kTiles];

  template <class Row>
  RECUR_DEVICE void load_state(Row&& row) {
    const int group = static_cast<int>(threadIdx.x % 32 / 4);
    RECUR_UNROLL
    for (int tile = 0; tile < kTiles; ++tile) tiles[tile] = row(tile * kTileRows + group);
  }
};

// What products of tensor cores have in common.
template <class Type>
struct MmaProduct {
  using E = Type;
  static constexpr int kAhead = 4;
  template <int kTiles>
  static constexpr int kStates = kTiles > 2 ? 2 : 4;
  template <int kGates, int kTiles>
  using Sums = MmaSums<kGates, kTiles>;
  template <int kTiles>
  using State = MmaState<E, kTiles>;
};

template <class E, int kOfGates>
RECUR_DEVICE std::uint32_t word_of_gate(const Part<E> (&weights)[kOfGates], int gate, int word) {
  return gate < kOfGates ? word_of<E>(weights[gate < kOfGates ? gate : 0], word) : 0;
}

RECUR_DEVICE void mma_deep(float (&d)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2],
                           __half /*type*/ RECUR_WHERE) {
#if defined(RECUR_SIMT)
  device::mma_16x8x16_f16(d, a, b, where);
#else
  device::mma_16x8x16_f16(d, a, b);
#endif
}
RECUR_DEVICE void mma_deep(float (&d)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2],
                           __nv_bfloat16 /*type*/ RECUR_WHERE) {
#if defined(RECUR_SIMT)
  device::mma_16x8x16_bf16(d, a, b, where);
#else
  device::mma_16x8x16_bf16(d, a, b);
#endif
}

// 16-bit operands. kDeep: by the instructions of sm_80, 16 deep; else by those of sm_75, 8 deep, of f16.
template <class Type, bool kDeep = (RECUR_ARCH >= 80)>
struct HalfProduct : MmaProduct<Type> {
  using E = Type;

  template <int kGates, int kTiles>
  RECUR_DEVICE static void multiply(MmaSums<kGates, kTiles>& sums, const Part<E> (&weights)[kGates],
                                    const MmaState<E, kTiles>& state) {
    RECUR_UNROLL
    for (int word = 0; word < 4; word += kDeep ? 2 : 1) {
      RECUR_UNROLL
      for (int pair = 0; pair < sums.kPairs; ++pair) {
        const auto weight = [&](int gate, int at) { return word_of_gate<E>(weights, 2 * pair + gate, at); };
        RECUR_UNROLL
        for (int tile = 0; tile < kTiles; ++tile) {
          const Part<E>& h = state.tiles[tile];
          if constexpr (kDeep) {
            const std::uint32_t a[4] = {weight(0, word), weight(1, word), weight(0, word + 1),
                                        weight(1, word + 1)};
            const std::uint32_t b[2] = {word_of<E>(h, word), word_of<E>(h, word + 1)};
            mma_deep(sums.values[pair][tile], a, b, E());
          } else {
            const std::uint32_t a[2] = {weight(0, word), weight(1, word)};
            const std::uint32_t b[1] = {word_of<E>(h, word)};
            device::mma_16x8x8_f16(sums.values[pair][tile], a, b);
          }
        }
      }
    }
  }
};

// f32 that is rounded to tf32. sm_80.
struct Tf32Product : MmaProduct<float> {
  template <int kGates, int kTiles>
  RECUR_DEVICE static void multiply(Sums<kGates, kTiles>& sums, const Part<E> (&weights)[kGates],
                                    const State<kTiles>& state) {
    RECUR_UNROLL
    for (int i = 0; i < 4; i += 2) {
      std::uint32_t b[kTiles][2];
      RECUR_UNROLL
      for (int tile = 0; tile < kTiles; ++tile) {
        b[tile][0] = device::to_tf32(state.tiles[tile].values[i]);
        b[tile][1] = device::to_tf32(state.tiles[tile].values[i + 1]);
      }
      RECUR_UNROLL
      for (int pair = 0; pair < sums.kPairs; ++pair) {
        const int second = 2 * pair + 1 < kGates ? 2 * pair + 1 : 2 * pair;
        const auto& above = weights[2 * pair].values;
        const auto& below = weights[second].values;
        const bool both = second != 2 * pair;
        const std::uint32_t a[4] = {device::to_tf32(above[i]), both ? device::to_tf32(below[i]) : 0,
                                    device::to_tf32(above[i + 1]), both ? device::to_tf32(below[i + 1]) : 0};
        RECUR_UNROLL
        for (int tile = 0; tile < kTiles; ++tile)
          device::mma_16x8x8_tf32(sums.values[pair][tile], a, b[tile]);
      }
    }
  }
};

// By the arithmetic units, with the error of f32. Each lane has sums of all rows over its own part of the depth.
struct ScalarProduct {
  using E = float;
  static constexpr int kAhead = 2;
  template <int kTiles>
  static constexpr int kStates = 1;
  template <int kTiles>
  struct State {
    Part<E> rows[kTiles * kTileRows];

    template <class Row>
    RECUR_DEVICE void load_state(Row&& row) {
      RECUR_UNROLL
      for (int r = 0; r < kTiles * kTileRows; ++r) rows[r] = row(r);
    }
  };
  template <int kGates, int kTiles>
  struct Sums {
    static constexpr int kRows = kTiles * kTileRows;
    float values[kGates][kRows] = {};

    // Lanes of a unit halve the rows between them twice, and add what the other has of theirs.
    template <class To>
    RECUR_DEVICE void store(To&& to) const {
      const bool odd = threadIdx.x % 2 != 0, upper = threadIdx.x % 4 >= 2;
      constexpr int kHalf = kRows / 2, kQuarter = kRows / 4;
      RECUR_UNROLL
      for (int gate = 0; gate < kGates; ++gate) {
        float halves[kHalf];
        RECUR_UNROLL
        for (int i = 0; i < kHalf; ++i) {
          const float sent = odd ? values[gate][i] : values[gate][i + kHalf];
          const float kept = odd ? values[gate][i + kHalf] : values[gate][i];
          halves[i] = kept + __shfl_xor_sync(~0u, sent, 1);
        }
        RECUR_UNROLL
        for (int i = 0; i < kQuarter; ++i) {
          const float sent = upper ? halves[i] : halves[i + kQuarter];
          const float kept = upper ? halves[i + kQuarter] : halves[i];
          to(gate, (odd ? kHalf : 0) + (upper ? kQuarter : 0) + i, kept + __shfl_xor_sync(~0u, sent, 2));
        }
      }
    }
  };

  template <int kGates, int kTiles>
  RECUR_DEVICE static void multiply(Sums<kGates, kTiles>& sums, const Part<E> (&weights)[kGates],
                                    const State<kTiles>& state) {
    RECUR_UNROLL
    for (int row = 0; row < kTiles * kTileRows; ++row) {
      RECUR_UNROLL
      for (int gate = 0; gate < kGates; ++gate) {
        RECUR_UNROLL
        for (int i = 0; i < 4; ++i)
          sums.values[gate][row] += weights[gate].values[i] * state.rows[row].values[i];
      }
    }
  }
};

template <Operands kOperands>
struct ProductOf;
template <>
struct ProductOf<Operands::f32> {
  using Type = ScalarProduct;
};
template <>
struct ProductOf<Operands::tf32> {
  using Type = Tf32Product;
};
template <>
struct ProductOf<Operands::bf16> {
  using Type = HalfProduct<__nv_bfloat16>;
};
template <>
struct ProductOf<Operands::f16> {
  using Type = HalfProduct<__half>;
};

}  // namespace recur::fused
