/// @file
/// Which element of a matrix a lane's register holds (PTX ISA 8.5, "Matrix Fragments for mma.m16n8k8" and
/// ".m16n8k16"). tests/simt/fragments_test.cpp checks this against the manual's figures, written as data.
#pragma once

#include "simt/runtime.hpp"

namespace simt {

struct Position {
  int row, column;
};

constexpr int depth_of(Mma kind) { return kind == Mma::m16n8k16_bf16 || kind == Mma::m16n8k16_f16 ? 16 : 8; }

/// Element `index` of the lane's part of A [16][K], in the order of its registers, lower half first.
constexpr Position position_of_a(Mma kind, int lane, int index) {
  const int group = lane / 4;
  const int member = lane % 4;
  if (kind == Mma::m16n8k8_tf32) return {group + index % 2 * 8, member + index / 2 * 4};
  return {group + index / 2 % 2 * 8, member * 2 + index % 2 + index / 4 * 8};
}

/// Of B [K][8].
constexpr Position position_of_b(Mma kind, int lane, int index) {
  const int group = lane / 4;
  const int member = lane % 4;
  if (kind == Mma::m16n8k8_tf32) return {member + index * 4, group};
  return {member * 2 + index % 2 + index / 2 * 8, group};
}

/// Of C and D [16][8], f32.
constexpr Position position_of_c(int lane, int index) {
  return {lane / 4 + index / 2 * 8, lane % 4 * 2 + index % 2};
}

}  // namespace simt
