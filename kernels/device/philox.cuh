// Philox 4x32-10, a generator without a state: a block of four words is a function of a counter and a key, so
// that any number of a sequence is found without those before it, by whoever needs it.
//
// Salmon, Moraes, Dror, Shaw 2011: "Parallel random numbers: as easy as 1, 2, 3". For hosts and devices.
#pragma once

#include <cstdint>

#include "kernels/cells/unit.cuh"  // RECUR_HD

namespace recur::device {

struct PhiloxBlock {
  std::uint32_t word[4];
};

// Ten rounds: in each the first and the third word of the counter are multiplied, and the halves of the
// products change places with the other words, with the key between them.
RECUR_HD PhiloxBlock philox(PhiloxBlock counter, std::uint32_t key0, std::uint32_t key1) {
  constexpr std::uint64_t kFirst = 0xd2511f53, kThird = 0xcd9e8d57;
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t first = kFirst * counter.word[0];
    const std::uint64_t third = kThird * counter.word[2];
    counter = {{static_cast<std::uint32_t>(third >> 32) ^ counter.word[1] ^ key0,
                static_cast<std::uint32_t>(third),
                static_cast<std::uint32_t>(first >> 32) ^ counter.word[3] ^ key1,
                static_cast<std::uint32_t>(first)}};
    key0 += 0x9e3779b9;
    key1 += 0xbb67ae85;
  }
  return counter;
}

}  // namespace recur::device
