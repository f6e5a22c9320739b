// The rows of R that belong to the units of a block, resident as operands of mma: a warp has those of its
// group and its part of K, the first K-blocks of it in registers and the others in shared memory.
//
// A warp visits K from the units that its own block gives, on to the next block's and round: what is there
// first is multiplied first.
#pragma once

#include "kernels/device/mma.cuh"
#include "kernels/resident/exchange.cuh"

namespace recur::resident {

template <class E>
RECUR_DEVICE void multiply_add(float (&d)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2]) {
  if constexpr (std::is_same_v<E, __half>) {
    device::mma_16x8x16_f16(d, a, b);
  } else {
    device::mma_16x8x16_bf16(d, a, b);
  }
}

// Four registers of a lane.
struct alignas(16) Fragment {
  std::uint32_t words[4];
};

template <class E, Tile kTile, int kGates>
class RecurrentWeights {
 public:
  RECUR_DEVICE RecurrentWeights(unsigned char* shared, const SharedLayout& layout, const Place& place,
                                int rank)
      : shared_(reinterpret_cast<Fragment*>(shared + layout.weights) +
                (place.group * kTile.splits + place.split) * layout.shared_blocks * kGates * 32 + place.lane),
        blocks_(layout.state_blocks),
        first_(rank * kTile.groups + place.split * layout.warp_blocks),
        count_(layout.state_blocks - place.split * layout.warp_blocks) {
    if (first_ >= blocks_) first_ -= blocks_;
    if (count_ > layout.warp_blocks) count_ = layout.warp_blocks;
    if (count_ < 0) count_ = 0;
  }

  // Reads R; zeros beyond H, in units and in K.
  RECUR_DEVICE void load(const E* R, std::int64_t R_row, int hidden, int first_unit, const Place& place) {
    const Source source{R,
                        R_row,
                        hidden,
                        first_unit + place.lane / 4,
                        place.lane % 4 * 2,
                        R_row % 2 == 0 && reinterpret_cast<std::uintptr_t>(R) % 4 == 0};
    RECUR_UNROLL
    for (int i = 0; i < kRegisterBlocks; ++i) {
      RECUR_UNROLL
      for (int gate = 0; gate < kGates; ++gate) {
        const Fragment fragment = i < count_ ? source.fragment(gate, after(i)) : Fragment{};
        RECUR_UNROLL
        for (int word = 0; word < 4; ++word) registers_[i][gate][word] = fragment.words[word];
      }
    }
    for (int i = kRegisterBlocks; i < count_; ++i) {
      for (int gate = 0; gate < kGates; ++gate) *shared_fragment(i, gate) = source.fragment(gate, after(i));
    }
  }

  // products[gate] = R h of gates [kFirst, kEnd), this warp's part.
  template <int kFirst, int kEnd>
  RECUR_DEVICE void multiply(Exchange<kTile>& exchange, int e, int batch_tile, int lane,
                             float (&products)[kEnd - kFirst][4]) {
    RECUR_UNROLL
    for (int gate = 0; gate < kEnd - kFirst; ++gate) {
      RECUR_UNROLL
      for (int i = 0; i < 4; ++i) products[gate][i] = 0;
    }
    if (count_ <= 0) return;
    typename Exchange<kTile>::Reader reader(exchange, e, batch_tile, first_, lane);
    RECUR_UNROLL
    for (int i = 0; i < kRegisterBlocks; i += kAtOnce) {
      if (i >= count_) return;
      if (i + kAtOnce <= kRegisterBlocks && i + kAtOnce <= count_) {
        // All of h first, then products back to back: a branch between them would wait for each.
        std::uint32_t h[kAtOnce][2];
        RECUR_UNROLL
        for (int k = 0; k < kAtOnce; ++k) device::load_matrix<2, false>(h[k], reader.next(i + k));
        RECUR_UNROLL
        for (int k = 0; k < kAtOnce; ++k) {
          multiply_block<kFirst, kEnd>(registers_[i + k], h[k], products);
        }
        continue;
      }
      RECUR_UNROLL
      for (int k = 0; k < kAtOnce; ++k) {
        if (i + k >= kRegisterBlocks) break;
        if (i + k >= count_) return;
        std::uint32_t h[2];
        device::load_matrix<2, false>(h, reader.next(i + k));
        multiply_block<kFirst, kEnd>(registers_[i + k], h, products);
      }
    }
    for (int i = kRegisterBlocks; i < count_; ++i) {
      // Fragments in shared memory wait for nobody.
      Fragment fragments[kEnd - kFirst];
      RECUR_UNROLL
      for (int gate = kFirst; gate < kEnd; ++gate) {
        fragments[gate - kFirst] = *device::noted(shared_fragment(i, gate));
      }
      std::uint32_t h[2];
      device::load_matrix<2, false>(h, reader.next(i));
      RECUR_UNROLL
      for (int gate = kFirst; gate < kEnd; ++gate) {
        multiply_add<E>(products[gate - kFirst], fragments[gate - kFirst].words, h);
      }
    }
  }

 private:
  static constexpr int kRegisterBlocks = kTile.register_blocks(kGates);
  // K-blocks that are multiplied without a branch between them. A tile of twelve warps has no registers for the
  // h of more than one; what binds it is R in shared memory.
  static constexpr int kAtOnce = kTile.register_limit() < 200 ? 1 : 4;

  // One K-block of the gates [kFirst, kEnd).
  template <int kFirst, int kEnd>
  RECUR_DEVICE static void multiply_block(const std::uint32_t (&fragments)[kGates][4],
                                          const std::uint32_t (&h)[2], float (&products)[kEnd - kFirst][4]) {
    RECUR_UNROLL
    for (int gate = kFirst; gate < kEnd; ++gate) {
      multiply_add<E>(products[gate - kFirst], fragments[gate], h);
    }
  }

  // A lane's place in R: rows `unit` and `unit` + 8 of a gate, columns `column` and the next of a K-block,
  // + 8.
  struct Source {
    const E* R;
    std::int64_t row;
    int hidden;
    int unit;
    int column;
    bool in_pairs;  // neighbouring columns lie in one aligned word

    RECUR_DEVICE Fragment fragment(int gate, int block) const {
      Fragment result;
      RECUR_UNROLL
      for (int word = 0; word < 4; ++word) {
        result.words[word] = pair(gate, unit + word % 2 * 8, block * kBlockUnits + column + word / 2 * 8);
      }
      return result;
    }
    RECUR_DEVICE std::uint32_t pair(int gate, int of_unit, int k) const {
      if (of_unit >= hidden || k >= hidden) return 0;
      const E* const from = R + (std::int64_t{gate} * hidden + of_unit) * row + k;
      if (k + 1 < hidden && in_pairs) return *reinterpret_cast<const std::uint32_t*>(from);
      const auto* const bits = reinterpret_cast<const std::uint16_t*>(from);
      return bits[0] | (k + 1 < hidden ? std::uint32_t{bits[1]} << 16 : 0u);
    }
  };

  // The i-th K-block that this warp visits.
  RECUR_DEVICE int after(int i) const {
    const int block = first_ + i;
    return block < blocks_ ? block : block - blocks_;
  }
  RECUR_DEVICE Fragment* shared_fragment(int i, int gate) const {
    return shared_ + ((i - kRegisterBlocks) * kGates + gate) * 32;
  }

  std::uint32_t registers_[kRegisterBlocks][kGates][4];
  Fragment* shared_;
  int blocks_;
  int first_;
  int count_;
};

}  // namespace recur::resident
