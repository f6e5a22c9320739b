/// @file
/// Results compared bit by bit.
#pragma once

#include <cstring>
#include <vector>

#include "oracle/problem.hpp"

namespace recur::test {

/// The bits of a vector, so that NaN equals NaN and -0 differs from 0.
template <class T>
bool same_bits(const std::vector<T>& a, const std::vector<T>& b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0);
}
template <class T>
bool same_bits(const oracle::Outputs<T>& a, const oracle::Outputs<T>& b) {
  return same_bits(a.y, b.y) && same_bits(a.hN, b.hN) && same_bits(a.cN, b.cN) &&
         same_bits(a.c_sequence, b.c_sequence);
}
template <class T>
bool same_bits(const oracle::LayerParameters<T>& a, const oracle::LayerParameters<T>& b) {
  return same_bits(a.W, b.W) && same_bits(a.R, b.R) && same_bits(a.bW, b.bW) && same_bits(a.bR, b.bR) &&
         same_bits(a.peephole, b.peephole) && same_bits(a.projection, b.projection);
}
template <class T>
bool same_bits(const oracle::Gradients<T>& a, const oracle::Gradients<T>& b) {
  bool same = same_bits(a.dx, b.dx) && same_bits(a.dh0, b.dh0) && same_bits(a.dc0, b.dc0) &&
              a.layers.size() == b.layers.size();
  for (std::size_t l = 0; same && l < a.layers.size(); ++l) same = same_bits(a.layers[l], b.layers[l]);
  return same;
}

}  // namespace recur::test
