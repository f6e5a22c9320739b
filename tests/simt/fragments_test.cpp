// Fragment layouts against the PTX ISA's figures ("Matrix Fragments for mma.m16n8k8", "... mma.m16n8k16"),
// transcribed as data: an emulator that is only compared with itself proves nothing. A line is a row of the
// matrix; "T5:01" are elements 0 and 1 of thread 5's fragment in neighbouring columns.
#include "simt/fragments.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>
#include <sstream>
#include <vector>

#include "simt/array.hpp"
#include "simt/primitives.cuh"

namespace recur::test {
namespace {

using simt::Mma;
using simt::Position;

// clang-format off
constexpr const char* kA16x16[] = {
    "T0:01 T1:01 T2:01 T3:01 T0:45 T1:45 T2:45 T3:45",
    "T4:01 T5:01 T6:01 T7:01 T4:45 T5:45 T6:45 T7:45",
    "T8:01 T9:01 T10:01 T11:01 T8:45 T9:45 T10:45 T11:45",
    "T12:01 T13:01 T14:01 T15:01 T12:45 T13:45 T14:45 T15:45",
    "T16:01 T17:01 T18:01 T19:01 T16:45 T17:45 T18:45 T19:45",
    "T20:01 T21:01 T22:01 T23:01 T20:45 T21:45 T22:45 T23:45",
    "T24:01 T25:01 T26:01 T27:01 T24:45 T25:45 T26:45 T27:45",
    "T28:01 T29:01 T30:01 T31:01 T28:45 T29:45 T30:45 T31:45",
    "T0:23 T1:23 T2:23 T3:23 T0:67 T1:67 T2:67 T3:67",
    "T4:23 T5:23 T6:23 T7:23 T4:67 T5:67 T6:67 T7:67",
    "T8:23 T9:23 T10:23 T11:23 T8:67 T9:67 T10:67 T11:67",
    "T12:23 T13:23 T14:23 T15:23 T12:67 T13:67 T14:67 T15:67",
    "T16:23 T17:23 T18:23 T19:23 T16:67 T17:67 T18:67 T19:67",
    "T20:23 T21:23 T22:23 T23:23 T20:67 T21:67 T22:67 T23:67",
    "T24:23 T25:23 T26:23 T27:23 T24:67 T25:67 T26:67 T27:67",
    "T28:23 T29:23 T30:23 T31:23 T28:67 T29:67 T30:67 T31:67",
};

constexpr const char* kB16x8[] = {
    "T0:0 T4:0 T8:0 T12:0 T16:0 T20:0 T24:0 T28:0",
    "T0:1 T4:1 T8:1 T12:1 T16:1 T20:1 T24:1 T28:1",
    "T1:0 T5:0 T9:0 T13:0 T17:0 T21:0 T25:0 T29:0",
    "T1:1 T5:1 T9:1 T13:1 T17:1 T21:1 T25:1 T29:1",
    "T2:0 T6:0 T10:0 T14:0 T18:0 T22:0 T26:0 T30:0",
    "T2:1 T6:1 T10:1 T14:1 T18:1 T22:1 T26:1 T30:1",
    "T3:0 T7:0 T11:0 T15:0 T19:0 T23:0 T27:0 T31:0",
    "T3:1 T7:1 T11:1 T15:1 T19:1 T23:1 T27:1 T31:1",
    "T0:2 T4:2 T8:2 T12:2 T16:2 T20:2 T24:2 T28:2",
    "T0:3 T4:3 T8:3 T12:3 T16:3 T20:3 T24:3 T28:3",
    "T1:2 T5:2 T9:2 T13:2 T17:2 T21:2 T25:2 T29:2",
    "T1:3 T5:3 T9:3 T13:3 T17:3 T21:3 T25:3 T29:3",
    "T2:2 T6:2 T10:2 T14:2 T18:2 T22:2 T26:2 T30:2",
    "T2:3 T6:3 T10:3 T14:3 T18:3 T22:3 T26:3 T30:3",
    "T3:2 T7:2 T11:2 T15:2 T19:2 T23:2 T27:2 T31:2",
    "T3:3 T7:3 T11:3 T15:3 T19:3 T23:3 T27:3 T31:3",
};

constexpr const char* kA16x8[] = {
    "T0:01 T1:01 T2:01 T3:01",
    "T4:01 T5:01 T6:01 T7:01",
    "T8:01 T9:01 T10:01 T11:01",
    "T12:01 T13:01 T14:01 T15:01",
    "T16:01 T17:01 T18:01 T19:01",
    "T20:01 T21:01 T22:01 T23:01",
    "T24:01 T25:01 T26:01 T27:01",
    "T28:01 T29:01 T30:01 T31:01",
    "T0:23 T1:23 T2:23 T3:23",
    "T4:23 T5:23 T6:23 T7:23",
    "T8:23 T9:23 T10:23 T11:23",
    "T12:23 T13:23 T14:23 T15:23",
    "T16:23 T17:23 T18:23 T19:23",
    "T20:23 T21:23 T22:23 T23:23",
    "T24:23 T25:23 T26:23 T27:23",
    "T28:23 T29:23 T30:23 T31:23",
};

constexpr const char* kB8x8[] = {
    "T0:0 T4:0 T8:0 T12:0 T16:0 T20:0 T24:0 T28:0",
    "T0:1 T4:1 T8:1 T12:1 T16:1 T20:1 T24:1 T28:1",
    "T1:0 T5:0 T9:0 T13:0 T17:0 T21:0 T25:0 T29:0",
    "T1:1 T5:1 T9:1 T13:1 T17:1 T21:1 T25:1 T29:1",
    "T2:0 T6:0 T10:0 T14:0 T18:0 T22:0 T26:0 T30:0",
    "T2:1 T6:1 T10:1 T14:1 T18:1 T22:1 T26:1 T30:1",
    "T3:0 T7:0 T11:0 T15:0 T19:0 T23:0 T27:0 T31:0",
    "T3:1 T7:1 T11:1 T15:1 T19:1 T23:1 T27:1 T31:1",
};

constexpr const char* kC16x8[] = {
    "T0:01 T1:01 T2:01 T3:01",
    "T4:01 T5:01 T6:01 T7:01",
    "T8:01 T9:01 T10:01 T11:01",
    "T12:01 T13:01 T14:01 T15:01",
    "T16:01 T17:01 T18:01 T19:01",
    "T20:01 T21:01 T22:01 T23:01",
    "T24:01 T25:01 T26:01 T27:01",
    "T28:01 T29:01 T30:01 T31:01",
    "T0:23 T1:23 T2:23 T3:23",
    "T4:23 T5:23 T6:23 T7:23",
    "T8:23 T9:23 T10:23 T11:23",
    "T12:23 T13:23 T14:23 T15:23",
    "T16:23 T17:23 T18:23 T19:23",
    "T20:23 T21:23 T22:23 T23:23",
    "T24:23 T25:23 T26:23 T27:23",
    "T28:23 T29:23 T30:23 T31:23",
};

constexpr const char* kTf32A16x8[] = {
    "T0:0 T1:0 T2:0 T3:0 T0:2 T1:2 T2:2 T3:2",
    "T4:0 T5:0 T6:0 T7:0 T4:2 T5:2 T6:2 T7:2",
    "T8:0 T9:0 T10:0 T11:0 T8:2 T9:2 T10:2 T11:2",
    "T12:0 T13:0 T14:0 T15:0 T12:2 T13:2 T14:2 T15:2",
    "T16:0 T17:0 T18:0 T19:0 T16:2 T17:2 T18:2 T19:2",
    "T20:0 T21:0 T22:0 T23:0 T20:2 T21:2 T22:2 T23:2",
    "T24:0 T25:0 T26:0 T27:0 T24:2 T25:2 T26:2 T27:2",
    "T28:0 T29:0 T30:0 T31:0 T28:2 T29:2 T30:2 T31:2",
    "T0:1 T1:1 T2:1 T3:1 T0:3 T1:3 T2:3 T3:3",
    "T4:1 T5:1 T6:1 T7:1 T4:3 T5:3 T6:3 T7:3",
    "T8:1 T9:1 T10:1 T11:1 T8:3 T9:3 T10:3 T11:3",
    "T12:1 T13:1 T14:1 T15:1 T12:3 T13:3 T14:3 T15:3",
    "T16:1 T17:1 T18:1 T19:1 T16:3 T17:3 T18:3 T19:3",
    "T20:1 T21:1 T22:1 T23:1 T20:3 T21:3 T22:3 T23:3",
    "T24:1 T25:1 T26:1 T27:1 T24:3 T25:3 T26:3 T27:3",
    "T28:1 T29:1 T30:1 T31:1 T28:3 T29:3 T30:3 T31:3",
};

constexpr const char* kTf32B8x8[] = {
    "T0:0 T4:0 T8:0 T12:0 T16:0 T20:0 T24:0 T28:0",
    "T1:0 T5:0 T9:0 T13:0 T17:0 T21:0 T25:0 T29:0",
    "T2:0 T6:0 T10:0 T14:0 T18:0 T22:0 T26:0 T30:0",
    "T3:0 T7:0 T11:0 T15:0 T19:0 T23:0 T27:0 T31:0",
    "T0:1 T4:1 T8:1 T12:1 T16:1 T20:1 T24:1 T28:1",
    "T1:1 T5:1 T9:1 T13:1 T17:1 T21:1 T25:1 T29:1",
    "T2:1 T6:1 T10:1 T14:1 T18:1 T22:1 T26:1 T30:1",
    "T3:1 T7:1 T11:1 T15:1 T19:1 T23:1 T27:1 T31:1",
};
// clang-format on

struct Cell {
  int thread, element;
};

// The figure as [row][column].
std::vector<std::vector<Cell>> parse(const char* const* lines, int rows) {
  std::vector<std::vector<Cell>> figure;
  for (int row = 0; row < rows; ++row) {
    std::istringstream line(lines[row]);
    auto& cells = figure.emplace_back();
    for (std::string word; line >> word;) {
      const std::size_t colon = word.find(':');
      for (const char digit : word.substr(colon + 1))
        cells.push_back({std::stoi(word.substr(1, colon)), digit - '0'});
    }
  }
  return figure;
}

template <std::size_t kRows, class PositionOf>
void expect_layout(const char* const (&lines)[kRows], int columns, PositionOf position_of) {
  const auto figure = parse(lines, static_cast<int>(kRows));
  for (int row = 0; row < static_cast<int>(kRows); ++row) {
    ASSERT_EQ(figure[static_cast<std::size_t>(row)].size(), static_cast<std::size_t>(columns));
    for (int column = 0; column < columns; ++column) {
      const Cell cell = figure[static_cast<std::size_t>(row)][static_cast<std::size_t>(column)];
      const Position at = position_of(cell.thread, cell.element);
      EXPECT_EQ(at.row, row) << "T" << cell.thread << " element " << cell.element;
      EXPECT_EQ(at.column, column) << "T" << cell.thread << " element " << cell.element;
    }
  }
}

TEST(Fragments, LieAsTheManualDraws) {
  for (const Mma kind : {Mma::m16n8k16_bf16, Mma::m16n8k16_f16}) {
    expect_layout(kA16x16, 16, [&](int lane, int i) { return simt::position_of_a(kind, lane, i); });
    expect_layout(kB16x8, 8, [&](int lane, int i) { return simt::position_of_b(kind, lane, i); });
  }
  for (const Mma kind : {Mma::m16n8k8_bf16, Mma::m16n8k8_f16}) {
    expect_layout(kA16x8, 8, [&](int lane, int i) { return simt::position_of_a(kind, lane, i); });
    expect_layout(kB8x8, 8, [&](int lane, int i) { return simt::position_of_b(kind, lane, i); });
  }
  expect_layout(kTf32A16x8, 8,
                [](int lane, int i) { return simt::position_of_a(Mma::m16n8k8_tf32, lane, i); });
  expect_layout(kTf32B8x8, 8,
                [](int lane, int i) { return simt::position_of_b(Mma::m16n8k8_tf32, lane, i); });
  expect_layout(kC16x8, 8, [](int lane, int i) { return simt::position_of_c(lane, i); });
}

// Small integers, exact in every operand type.
float small(std::mt19937& random) { return static_cast<float>(static_cast<int>(random() % 9) - 4); }

std::uint32_t bf16_bits(float value) {
  std::uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  return bits >> 16;
}
std::uint32_t f16_bits(float value) {
  if (value == 0) return 0;
  int exponent;
  const float fraction = std::frexp(std::fabs(value), &exponent);  // in [0.5, 1)
  const auto mantissa = static_cast<std::uint32_t>((fraction * 2 - 1) * 1024);
  return (value < 0 ? 0x8000u : 0u) | static_cast<std::uint32_t>(exponent - 1 + 15) << 10 | mantissa;
}

// Random matrices in, the product out, placed and read by the manual's figures alone.
template <int kShape, std::size_t kRowsB>
void expect_product(const char* const (&a_figure)[16], const char* const (&b_figure)[kRowsB], bool tf32,
                    std::uint32_t (*bits)(float)) {
  constexpr int K = static_cast<int>(kRowsB);
  std::mt19937 random(1);
  float a[16][K], b[K][8], c[16][8];
  for (auto& row : a) {
    for (float& value : row) value = small(random);
  }
  for (auto& row : b) {
    for (float& value : row) value = small(random);
  }
  std::vector<std::uint32_t> a_registers(128, 0), b_registers(64, 0);
  std::vector<float> d_registers(128);
  const auto place = [&](std::vector<std::uint32_t>& registers, std::size_t per_lane, Cell cell,
                         float value) {
    const auto element = static_cast<std::size_t>(cell.element);
    const std::size_t lane = static_cast<std::size_t>(cell.thread) * per_lane;
    if (tf32) {
      registers[lane + element] = bits(value);
    } else {
      registers[lane + element / 2] |= bits(value) << (element % 2 * 16);
    }
  };
  const auto a_cells = parse(a_figure, 16);
  const auto b_cells = parse(b_figure, K);
  const auto c_cells = parse(kC16x8, 16);
  for (std::size_t row = 0; row < 16; ++row) {
    for (std::size_t k = 0; k < static_cast<std::size_t>(K); ++k)
      place(a_registers, 4, a_cells[row][k], a[row][k]);
    for (std::size_t column = 0; column < 8; ++column) {
      const Cell cell = c_cells[row][column];
      c[row][column] = small(random);
      const int place_of_c = cell.thread * 4 + cell.element;
      d_registers[static_cast<std::size_t>(place_of_c)] = c[row][column];
    }
  }
  for (std::size_t k = 0; k < static_cast<std::size_t>(K); ++k) {
    for (std::size_t column = 0; column < 8; ++column)
      place(b_registers, 2, b_cells[k][column], b[k][column]);
  }
  simt::Array<std::uint32_t> device_a(a_registers), device_b(b_registers);
  simt::Array<float> device_d(d_registers);
  RECUR_LAUNCH(products<kShape>, device::LaunchConfig{.block = 32}, device_a.data(), device_b.data(),
               device_d.data());
  simt::synchronize();
  for (std::size_t row = 0; row < 16; ++row) {
    for (std::size_t column = 0; column < 8; ++column) {
      float expected = c[row][column];
      for (int k = 0; k < K; ++k) expected += a[row][k] * b[k][column];
      const Cell cell = c_cells[row][column];
      EXPECT_EQ(device_d.data()[cell.thread * 4 + cell.element], expected) << row << " " << column;
    }
  }
}

TEST(Fragments, ProductsAreRight) {
  expect_product<0>(kA16x16, kB16x8, false, bf16_bits);
  expect_product<1>(kA16x16, kB16x8, false, f16_bits);
  expect_product<2>(kA16x8, kB8x8, false, bf16_bits);
  expect_product<3>(kA16x8, kB8x8, false, f16_bits);
  expect_product<4>(kTf32A16x8, kTf32B8x8, true, [](float value) {
    std::uint32_t bits;
    std::memcpy(&bits, &value, sizeof(bits));
    return bits | 0x1fffu;  // what the tensor core does not read
  });
}

}  // namespace
}  // namespace recur::test
