// A chunk of the fused step kernel's product by every kind of instruction, those of sm_75 too, which no engine in simt
// takes: against sums of the same terms. Small integers, so that sums are exact.
#include "kernels/fused/product.cuh"

#include <gtest/gtest.h>

#include "kernels/device/launch.cuh"
#include "simt/array.hpp"

namespace recur::test {
namespace {

using fused::kTileRows;
using fused::kUnits;
using fused::Part;

// R [kGates][8][depth of a chunk], h [rows][depth] -> sums [kGates][rows][8], by one warp.
template <class Product, int kGates, int kTiles>
RECUR_KERNEL(32)
chunk_kernel(const typename Product::E* R, const typename Product::E* h, float* sums) {
  using E = typename Product::E;
  constexpr int kPart = 16 / static_cast<int>(sizeof(E)), kDepth = 4 * kPart;
  const int group = static_cast<int>(threadIdx.x / 4), k = static_cast<int>(threadIdx.x % 4) * kPart;
  Part<E> weights[kGates];
  for (int gate = 0; gate < kGates; ++gate)
    weights[gate] = *reinterpret_cast<const Part<E>*>(R + (gate * kUnits + group) * kDepth + k);
  typename Product::template State<kTiles> state;
  state.load_state([&](int row) { return *reinterpret_cast<const Part<E>*>(h + row * kDepth + k); });
  typename Product::template Sums<kGates, kTiles> of_lane;
  Product::template multiply<kGates, kTiles>(of_lane, weights, state);
  of_lane.store(
      [&](int gate, int row, float sum) { sums[(gate * kTiles * kTileRows + row) * kUnits + group] = sum; });
}

template <class Product, int kGates, int kTiles>
void expect_sums() {
  using E = typename Product::E;
  constexpr int kDepth = 64 / static_cast<int>(sizeof(E)), kRows = kTiles * kTileRows;
  std::vector<E> R, h;
  for (int i = 0; i < kGates * kUnits * kDepth; ++i) R.push_back(E(static_cast<float>(i * 7 % 11 - 5)));
  for (int i = 0; i < kRows * kDepth; ++i) h.push_back(E(static_cast<float>(i * 5 % 13 - 6)));
  simt::Array<E> device_R(R), device_h(h);
  simt::Array<float> sums(kGates * kRows * kUnits);
  RECUR_LAUNCH((chunk_kernel<Product, kGates, kTiles>), (device::LaunchConfig{.block = 32}), device_R.data(),
               device_h.data(), sums.data());
  simt::synchronize();
  for (int gate = 0; gate < kGates; ++gate) {
    for (int row = 0; row < kRows; ++row) {
      for (int unit = 0; unit < kUnits; ++unit) {
        float expected = 0;
        for (int k = 0; k < kDepth; ++k) {
          const int of_R = (gate * kUnits + unit) * kDepth + k, of_h = row * kDepth + k;
          expected += static_cast<float>(R[static_cast<std::size_t>(of_R)]) *
                      static_cast<float>(h[static_cast<std::size_t>(of_h)]);
        }
        ASSERT_EQ(sums.data()[(gate * kRows + row) * kUnits + unit], expected)
            << "gate " << gate << " row " << row << " unit " << unit;
      }
    }
  }
}

template <class Product>
void expect_sums_of_all() {
  expect_sums<Product, 1, 1>();
  expect_sums<Product, 4, 2>();
  expect_sums<Product, 3, 2>();
}

TEST(FusedProduct, OfF16On75) { expect_sums_of_all<fused::HalfProduct<__half, false>>(); }
TEST(FusedProduct, OfF16) { expect_sums_of_all<fused::HalfProduct<__half, true>>(); }
TEST(FusedProduct, OfBf16) { expect_sums_of_all<fused::HalfProduct<__nv_bfloat16, true>>(); }
TEST(FusedProduct, OfTf32) { expect_sums_of_all<fused::Tf32Product>(); }
TEST(FusedProduct, OfF32) { expect_sums_of_all<fused::ScalarProduct>(); }

}  // namespace
}  // namespace recur::test
