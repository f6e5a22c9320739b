// From views to rows (t, b): every element is found where the view's own strides have it.
#include "host/layers/rows.hpp"

#include <gtest/gtest.h>

#include <numeric>
#include <vector>

#include "host/layers/weights.hpp"

namespace recur::test {
namespace {

using host::RunSizes;
using host::layers::dense_layout;
using host::layers::rows_at;
using host::layers::rows_of;
using host::layers::state_rows;
using host::layers::timeline_of;

constexpr RunSizes kSizes{3, 2};

std::vector<float> counted(std::size_t count) {
  std::vector<float> values(count);
  std::iota(values.begin(), values.end(), 0.0F);
  return values;
}

TEST(Rows, OfASequenceInBothLayouts) {
  const std::vector<float> values = counted(100);
  // Rows of 5 elements, 6 apart, and a gap of 4 after the inner dimension.
  const ConstTensorView time_major(values.data(), DataType::f32, {3, 2, 5}, {16, 6, 1});
  const ConstTensorView batch_major(values.data(), DataType::f32, {2, 3, 5}, {22, 6, 1});
  for (std::int64_t t = 0; t < kSizes.steps; ++t) {
    for (std::int64_t b = 0; b < kSizes.batch; ++b) {
      EXPECT_EQ(*rows_of<const float>(time_major, Layout::time_major, 2).at(t, b), 16 * t + 6 * b + 2);
      EXPECT_EQ(*rows_of<const float>(batch_major, Layout::batch_major, 2).at(t, b), 22 * b + 6 * t + 2);
    }
  }
  // Where the type is not named, the rows have the view's pointer and the column is counted in its elements.
  EXPECT_EQ(rows_of(time_major, Layout::time_major, 2).data, values.data() + 2);
  EXPECT_FALSE(rows_of(ConstTensorView(), Layout::time_major, 2));
}

TEST(Rows, OfAStateAreTheSameAtEveryStep) {
  const std::vector<float> values = counted(2 * 2 * 2 * 8);
  const ConstTensorView state(values.data(), DataType::f32, {2, 2, 2, 5}, {32, 16, 8, 1});
  for (std::int64_t t = 0; t < kSizes.steps; ++t) {
    EXPECT_EQ(*state_rows<const float>(state, 1, 0).at(t, 1), 32 + 8);
    EXPECT_EQ(*state_rows<const float>(state, 0, 1).at(t, 1), 16 + 8);
  }
  EXPECT_FALSE(state_rows(ConstTensorView(), 1, 1));
}

TEST(Rows, OfADenseTensorOfOurOwn) {
  std::vector<float> values = counted(3 * 2 * 5);
  const auto time_major = rows_at(values.data(), dense_layout(kSizes, Layout::time_major, 5));
  const auto batch_major = rows_at(values.data(), dense_layout(kSizes, Layout::batch_major, 5));
  for (std::int64_t t = 0; t < kSizes.steps; ++t) {
    for (std::int64_t b = 0; b < kSizes.batch; ++b) {
      EXPECT_EQ(*time_major.at(t, b), (t * 2 + b) * 5);
      EXPECT_EQ(*batch_major.at(t, b), (b * 3 + t) * 5);
    }
  }
  EXPECT_FALSE(rows_at<float*>(nullptr, dense_layout(kSizes, Layout::time_major, 5)));
}

TEST(Rows, TimeOfADirectionHasTheStridesOfItsArguments) {
  host::layers::StackSizes g{};
  g.directions = 2;
  g.layout = Layout::batch_major;
  const std::vector<std::int32_t> lengths = {1, 9, 3};
  const std::vector<std::uint8_t> marks = {0, 0, 0, 9, 0, 1, 0};  // rows of three steps, four apart
  ForwardArgs args;
  args.lengths = ConstTensorView(lengths.data(), DataType::i32, {2}, {2});
  args.reset_mask = ConstTensorView(marks.data(), DataType::u8, {2, 3}, {4, 1});
  for (std::int64_t d = 0; d < 2; ++d) {
    const schedule::Timeline timeline = timeline_of(g, kSizes, args, d);
    EXPECT_EQ(timeline.reverse, d == 1);
    EXPECT_EQ(schedule::Sequence(timeline, 0).length(), 1);
    const schedule::Sequence sequence(timeline, 1);
    EXPECT_EQ(sequence.length(), 3);
    // The mark stands between steps 0 and 1.
    for (std::int64_t t = 0; t < 3; ++t) EXPECT_EQ(sequence.starts_episode(t), t == 1 - d) << d << t;
  }
  const schedule::Timeline plain = timeline_of(g, kSizes, ForwardArgs(), 0);
  EXPECT_EQ(plain.lengths, nullptr);
  EXPECT_EQ(plain.marks, nullptr);
}

// One row's stride means nothing, and directions lie as far apart as the view says.
TEST(Rows, OfWeights) {
  const std::vector<float> values = counted(40);
  const ConstTensorView matrix(values.data(), DataType::f32, {2, 3, 4}, {20, 6, 1});
  const ConstTensorView one_row(values.data(), DataType::f32, {2, 1, 4}, {20, 77, 1});
  EXPECT_EQ(host::layers::row_stride(matrix), 6);
  EXPECT_EQ(host::layers::row_stride(one_row), 4);
  EXPECT_EQ(*host::layers::direction_of<float>(matrix, 1), 20);
  EXPECT_EQ(host::layers::direction_of(ConstTensorView(), 1), nullptr);
}

}  // namespace
}  // namespace recur::test
