#include "perf/lengths.hpp"

#include <algorithm>
#include <cmath>

#include "perf/random.hpp"
#include "perf/statistics.hpp"
#include "recur/error.hpp"

namespace recur::perf {

std::vector<std::int32_t> lengths_of(const std::vector<double>& quantiles, std::int64_t T, std::int64_t B) {
  if (quantiles.size() < 2 || !std::ranges::is_sorted(quantiles)) {
    throw InvalidArgument("lengths: expected at least two ascending quantiles");
  }
  std::vector<std::int32_t> lengths;
  for (std::int64_t b = 0; b < B; ++b) {
    const double length = quantile(quantiles, (static_cast<double>(b) + 0.5) / static_cast<double>(B));
    lengths.push_back(
        static_cast<std::int32_t>(std::clamp(std::llround(length), 1LL, static_cast<long long>(T))));
  }
  Random random(7);
  for (std::size_t i = lengths.size(); i > 1; --i) std::swap(lengths[i - 1], lengths[random.below(i)]);
  return lengths;
}

std::vector<std::uint8_t> reset_marks(double mean_episode, std::int64_t T, std::int64_t B) {
  if (!(mean_episode >= 1)) throw InvalidArgument("resets: expected a mean episode of at least one step");
  constexpr std::uint64_t kOnes = std::uint64_t{1} << 32;
  Random random(11);
  std::vector<std::uint8_t> marks(static_cast<std::size_t>(T * B));
  for (std::uint8_t& mark : marks) {
    mark = static_cast<double>(random.below(kOnes)) * mean_episode < static_cast<double>(kOnes) ? 1 : 0;
  }
  return marks;
}

}  // namespace recur::perf
