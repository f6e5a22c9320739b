// What a warp makes of a block's product: its chunks of the depth, weights ahead of the kernel before, states behind it.
#pragma once

#include "kernels/fused/product.cuh"

namespace recur::fused {

// Elements [0, left) of a part; zeros past them.
template <bool kVectors, class E>
RECUR_DEVICE Part<E> load_part(const E* from, int left) {
  Part<E> part = {};
  if constexpr (kVectors) {
    if (left > 0) part = *reinterpret_cast<const Part<E>*>(from);
  } else {
    RECUR_UNROLL
    for (int i = 0; i < static_cast<int>(sizeof(part) / sizeof(E)); ++i) {
      if (i < left) part.values[i] = from[i];
    }
  }
  return part;
}

// Operands of a product as a lane finds them: rows of weights, of which it has one in each set of 8, and rows of states.
// Set, Stride: types of distances, as short as they can be.
template <class E, class Set, class Stride>
struct ProductOperands {
  int depth;         // K
  int rows;          // of states
  Set set;           // elements from the lane's row in a set to that in the next one
  Stride state_row;  // elements from a row of states to the next
  const E* weights;  // the lane's row in the first set
  const E* states;
};

// This warp's chunks of the block's product, from the first on. kAhead: chunks of weights that a lane holds before it
// needs them. kKeepsStride: whether a register has what the size of a block says, too. Kernels of which two fit beside each
// other have none left: what spills in one way does not in the other.
template <bool kVectors, class Product, int kSets, int kTiles, int kAheadOfVectors, bool kKeepsStride,
          class Set, class Stride>
class WarpProduct {
 public:
  using E = typename Product::E;
  using Sums = typename Product::template Sums<kSets, kTiles>;

  RECUR_DEVICE explicit WarpProduct(const ProductOperands<E, Set, Stride>& of)
      : depth_(of.depth), rows_(of.rows), set_(of.set), state_row_(of.state_row) {
    const int warp = static_cast<int>(threadIdx.x / 32), warps = static_cast<int>(blockDim.x / 32);
    const int chunks = (depth_ + kChunk - 1) / kChunk;
    count_ = (chunks - warp + warps - 1) / warps;
    stride_ = warps * kChunk;
    k_ = warp * kChunk + static_cast<int>(threadIdx.x % 4) * kPart;
    from_weights_ = of.weights + k_;
    from_states_ = of.states + k_;
  }

  // The first chunks of weights, which the kernel before does not write.
  RECUR_DEVICE void load_first_weights() {
    RECUR_UNROLL
    for (int i = 0; i < kAhead; ++i) load_weights(i, weights_[i]);
  }

  RECUR_DEVICE void multiply() {
    for (int first = 0; first < count_; first += kAhead) {
      RECUR_UNROLL
      for (int i = 0; i < kAhead; i += kStates) {
        State states[kStates];
        RECUR_UNROLL
        for (int j = 0; j < kStates; ++j) {
          states[j].load_state([&](int row) {
            const int left = row < rows_ ? depth_ - k_of(first + i + j) : 0;
            return load_part<kVectors>(
                from_states_ + std::int64_t{row} * state_row_ + (first + i + j) * stride(), left);
          });
        }
        RECUR_UNROLL
        for (int j = 0; j < kStates; ++j) {
          if (first + i + j >= count_) break;
          Product::template multiply<kSets, kTiles>(sums_, weights_[i + j], states[j]);
          load_weights(first + i + j + kAhead, weights_[i + j]);
        }
      }
    }
  }

  RECUR_DEVICE const Sums& sums() const { return sums_; }

 private:
  static constexpr int kPart = 16 / static_cast<int>(sizeof(E));
  static constexpr int kChunk = 4 * kPart;
  static constexpr int kAhead = kVectors ? kAheadOfVectors : 1;
  static constexpr int kStates = kVectors ? Product::template kStates<kTiles> : 1;
  using State = typename Product::template State<kTiles>;

  // From one of this warp's chunks to the next.
  RECUR_DEVICE int stride() const {
    if constexpr (kKeepsStride) {
      return stride_;
    } else {
      return static_cast<int>(blockDim.x / 32) * kChunk;
    }
  }
  RECUR_DEVICE int k_of(int chunk) const { return k_ + chunk * stride(); }
  RECUR_DEVICE void load_weights(int chunk, Part<E> (&to)[kSets]) const {
    RECUR_UNROLL
    for (int set = 0; set < kSets; ++set) {
      to[set] = load_part<kVectors>(from_weights_ + set * set_ + chunk * stride(), depth_ - k_of(chunk));
    }
  }

  const int depth_;
  const int rows_;
  const Set set_;
  const Stride state_row_;
  int count_;   // of this warp's chunks
  int stride_;  // if it is kept
  int k_;       // of this lane's part of the first
  const E* from_weights_;
  const E* from_states_;
  Part<E> weights_[kAhead][kSets];
  Sums sums_;
};

}  // namespace recur::fused
