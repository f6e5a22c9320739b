// Which sums of a batch tile end in which thread. The products of a group leave them as an mma does; where
// several warps share the K of a group, their parts meet in shared memory and are added in the order of K.
#pragma once

#include "kernels/device/sync.cuh"
#include "kernels/resident/tile.hpp"

namespace recur::resident {

// Place of a thread in its block.
struct Place {
  int lane;
  int group;  // of 16 units
  int split;  // which part of K

  template <Tile kTile>
  RECUR_DEVICE static Place of_thread(int thread) {
    const int warp = thread / 32;
    return {thread % 32, warp / kTile.splits, warp % kTile.splits};
  }
};

// Value i of a thread: a unit of its group and a row of the batch tile.
template <Tile kTile>
struct Values {
  static constexpr int kCount = kTile.values();
  static_assert(kTile.splits == 1 || kTile.splits == 2 || kTile.splits == 4);

  RECUR_DEVICE static int unit(const Place& place, int i) {
    return (kTile.splits == 1 ? place.lane / 4 : place.lane % kBlockUnits) + units_on(i);
  }
  RECUR_DEVICE static int row(const Place& place, int i) {
    return (kTile.splits == 1 ? place.lane % 4 * 2 : place.split * kCount * 2 + place.lane / kBlockUnits) +
           rows_on(i);
  }
  // How far value i is from value 0, in any thread.
  RECUR_DEVICE static constexpr int units_on(int i) { return kTile.splits == 1 ? i / 2 * 8 : 0; }
  RECUR_DEVICE static constexpr int rows_on(int i) { return kTile.splits == 1 ? i % 2 : 2 * i; }
};

// Element (unit, row) of a part: rows are exchanged in pairs so that neither the writers, who have 8 units by
// 4 pairs of rows, nor the readers, who have 16 units by 2 rows, meet in a bank.
RECUR_DEVICE int place_in_part(int unit, int row) { return unit * kTileRows + (row ^ (unit / 4 * 2)); }

// sums[value][gate] from the products of all warps of the group. `partial` is the block's; it may be written
// again once the whole block has passed a barrier after this.
template <Tile kTile, int kGates>
RECUR_DEVICE void gather_sums(const float (&products)[kGates][4], const Place& place, float* partial,
                              float (&sums)[kTile.values()][kGates]) {
  if constexpr (kTile.splits == 1) {
    RECUR_UNROLL
    for (int i = 0; i < kTile.values(); ++i) {
      RECUR_UNROLL
      for (int gate = 0; gate < kGates; ++gate) sums[i][gate] = products[gate][i];
    }
  } else {
    constexpr int kPart = kBlockUnits * kTileRows;
    float* const of_group = partial + place.group * kTile.splits * kGates * kPart;
    float* const own = of_group + place.split * kGates * kPart;
    RECUR_UNROLL
    for (int gate = 0; gate < kGates; ++gate) {
      RECUR_UNROLL
      for (int half = 0; half < 2; ++half) {
        const int at = place_in_part(place.lane / 4 + half * 8, place.lane % 4 * 2);
        *device::noted(reinterpret_cast<float2*>(own + gate * kPart + at)) =
            make_float2(products[gate][2 * half], products[gate][2 * half + 1]);
      }
    }
    device::named_barrier(1 + place.group, kTile.splits * 32);
    RECUR_UNROLL
    for (int i = 0; i < kTile.values(); ++i) {
      const int at = place_in_part(Values<kTile>::unit(place, i), Values<kTile>::row(place, i));
      RECUR_UNROLL
      for (int gate = 0; gate < kGates; ++gate) {
        float sum = *device::noted(of_group + gate * kPart + at);
        RECUR_UNROLL
        for (int split = 1; split < kTile.splits; ++split) {
          sum += of_group[(split * kGates + gate) * kPart + at];
        }
        sums[i][gate] = sum;
      }
    }
  }
}

}  // namespace recur::resident
