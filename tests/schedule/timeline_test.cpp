// The one meaning of time against what recur/run.hpp says in words: every length, set of marks and direction of a
// few steps, and every way to cut them into chunks.
#include "kernels/schedule/timeline.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace recur::test {
namespace {

using schedule::Chunks;
using schedule::Predecessor;
using schedule::Sequence;
using schedule::Timeline;
using schedule::VisitOrder;

// Lengths beyond these are cut off like those one beyond; with five steps there is a first one, a last one and
// two neighbours between which nothing is special.
constexpr std::int64_t kMostSteps = 5;

// One sequence among three, each with rows of its own, so that a stride that is not read shows.
struct Case {
  static constexpr std::int64_t kBatch = 3, kRow = 1;

  std::int64_t steps;
  bool reverse;
  std::int32_t given_length;
  unsigned marked;  // bit t: a mark at t

  std::int64_t length() const { return std::clamp<std::int64_t>(given_length, 0, steps); }
  bool mark(std::int64_t t) const { return (marked >> t & 1U) != 0; }

  // Valid steps in the order in which they are visited.
  std::vector<std::int64_t> visits() const {
    std::vector<std::int64_t> all;
    for (std::int64_t t = 0; t < length(); ++t) all.push_back(t);
    if (reverse) std::ranges::reverse(all);
    return all;
  }
  // Whether an episode ends between two neighbours in the order of visits, or before the first one.
  bool separated(std::int64_t before, std::int64_t after) const { return mark(std::max(before, after)); }
  bool cleared_at_first() const { return !reverse && length() > 0 && mark(0); }
};

// Calls f(case, timeline) for all of them, with lengths and marks in memory.
template <class F>
void for_all(F&& f) {
  for (std::int64_t steps = 1; steps <= kMostSteps; ++steps) {
    for (const bool reverse : {false, true}) {
      for (auto length = -1; length <= steps + 1; ++length) {
        for (unsigned marked = 0; marked < 1U << steps; ++marked) {
          const Case one{steps, reverse, length, marked};
          // Lengths two apart; marks batch-major. Those of the others are whatever is wrong.
          std::vector<std::int32_t> lengths(2 * Case::kBatch, 99);
          lengths[2 * Case::kRow] = length;
          std::vector<std::uint8_t> marks(static_cast<std::size_t>(Case::kBatch * steps), 1);
          for (std::int64_t t = 0; t < steps; ++t) {
            marks[static_cast<std::size_t>(Case::kRow * steps + t)] = one.mark(t) ? 7 : 0;
          }
          f(one, Timeline{steps, lengths.data(), 2, marks.data(), 1, steps, reverse});
        }
      }
    }
  }
}

TEST(Timeline, SequencesAreWhatTheirLengthsAndMarksSay) {
  for_all([](const Case& one, const Timeline& timeline) {
    const Sequence sequence(timeline, Case::kRow);
    ASSERT_EQ(sequence.length(), one.length());
    ASSERT_EQ(sequence.empty(), one.length() == 0);
    for (std::int64_t t = 0; t < one.steps; ++t) ASSERT_EQ(sequence.valid(t), t < one.length());

    const std::vector<std::int64_t> visits = one.visits();
    ASSERT_EQ(sequence.drops_initial(), one.cleared_at_first());
    for (std::size_t i = 0; i < visits.size(); ++i) {
      const std::int64_t t = visits[i];
      const bool first = i == 0, last = i + 1 == visits.size();
      if (first) {
        ASSERT_EQ(sequence.first(), t);
      } else {
        ASSERT_EQ(sequence.previous(t), visits[i - 1]);
      }
      const bool starts = first ? one.cleared_at_first() : one.separated(visits[i - 1], t);
      ASSERT_EQ(sequence.starts_episode(t), starts) << t;
      ASSERT_EQ(sequence.ends_episode(t), !last && one.separated(t, visits[i + 1])) << t;
      ASSERT_EQ(sequence.predecessor(t), starts  ? Predecessor::none
                                         : first ? Predecessor::initial
                                                 : Predecessor::step);
    }
  });
}

TEST(Timeline, WithoutLengthsAndMarksAllStepsAreOneEpisode) {
  for (const bool reverse : {false, true}) {
    Timeline timeline;
    timeline.steps = 4;
    timeline.reverse = reverse;
    const Sequence sequence(timeline, 2);
    EXPECT_EQ(sequence.length(), 4);
    EXPECT_FALSE(sequence.drops_initial());
    for (std::int64_t t = 0; t < 4; ++t) {
      EXPECT_TRUE(sequence.valid(t));
      EXPECT_FALSE(sequence.starts_episode(t));
      EXPECT_FALSE(sequence.ends_episode(t));
    }
  }
}

// What a kernel asks that has lengths as ints and reads marks before it needs them.
TEST(Timeline, ItsPartsAreTheWhole) {
  for_all([](const Case& one, const Timeline& timeline) {
    const Sequence sequence(timeline, Case::kRow);
    const VisitOrder order = timeline.order();
    const int length = static_cast<int>(sequence.length());
    ASSERT_EQ(length, one.length());
    for (int t = 0; t < length; ++t) {
      const bool ends = timeline.has_next(length, t) && *timeline.place_of_mark_after(Case::kRow, t) != 0;
      ASSERT_EQ(ends, sequence.ends_episode(t));
      ASSERT_EQ(order.next(order.previous(t)), t);
    }
  });
}

TEST(Timeline, VisitsOfARunThatASequenceHas) {
  constexpr int kSteps = kMostSteps;
  for (const bool reverse : {false, true}) {
    const VisitOrder order{reverse};
    for (int first = 0; first < kSteps; ++first) {
      const int most = reverse ? first + 1 : kSteps - first;
      for (int count = 1; count <= most; ++count) {
        for (int length = 0; length <= kSteps; ++length) {
          const auto visits = order.visits_within(length, first, count);
          for (int i = 0; i < count; ++i) {
            const int t = order.step(first, i);
            ASSERT_EQ(t, reverse ? first - i : first + i);
            ASSERT_EQ(visits.begin <= i && i < visits.end, t < length);
          }
          ASSERT_LE(0, visits.begin);
          ASSERT_LE(visits.end, count);
        }
      }
    }
  }
}

TEST(Timeline, ChunksVisitEachStepOnceInOrder) {
  for (std::int64_t steps = 1; steps <= 2 * kMostSteps; ++steps) {
    for (std::int64_t most = 1; most <= steps + 1; ++most) {
      for (const bool reverse : {false, true}) {
        const Chunks chunks(steps, most);
        std::vector<std::int64_t> visited;
        for (std::int64_t chunk = 0; chunk < chunks.count(); ++chunk) {
          ASSERT_GT(chunks.size(chunk), 0);
          ASSERT_LE(chunks.size(chunk), most);
          std::int64_t first = steps;
          for (std::int64_t i = 0; i < chunks.size(chunk); ++i) {
            visited.push_back(chunks.step(chunk, i, reverse));
            first = std::min(first, visited.back());
          }
          ASSERT_EQ(chunks.first(chunk, reverse), first);
        }
        std::vector<std::int64_t> all;
        for (std::int64_t t = 0; t < steps; ++t) all.push_back(reverse ? steps - 1 - t : t);
        ASSERT_EQ(visited, all) << steps << " steps by " << most;
      }
    }
  }
}

}  // namespace
}  // namespace recur::test
