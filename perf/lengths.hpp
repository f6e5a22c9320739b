// Lengths of sequences and places of resets, as a shape describes them. Both are the same in every run.
#pragma once

#include <cstdint>
#include <vector>

namespace recur::perf {

// B lengths in [1, T] whose distribution has these quantiles: values of the quantile function, in steps, at
// equal distances from the shortest to the longest; linear between them, clamped to T. The batch has
// quantiles at equal distances itself, so that even a small one has the distribution's mean, in a shuffled
// order. Throws InvalidArgument unless the quantiles are at least two and ascend.
std::vector<std::int32_t> lengths_of(const std::vector<double>& quantiles, std::int64_t T, std::int64_t B);

// Reset marks [T][B] of episodes that end at each step with probability 1 / mean_episode. Throws
// InvalidArgument for a mean below 1.
std::vector<std::uint8_t> reset_marks(double mean_episode, std::int64_t T, std::int64_t B);

}  // namespace recur::perf
