// Views that cannot be made, and what a view keeps of what it was made of.
#include <gtest/gtest.h>

#include "recur/recur.hpp"

namespace recur::test {
namespace {

float kFloats[4] = {};

template <class F>
std::string refusal(F&& f) {
  try {
    f();
  } catch (const InvalidArgument& error) {
    return error.what();
  }
  return "accepted";
}

TEST(BadTensorView, Ranks) {
  const std::string five = "tensor view: expected 1 to 4 dimensions, got 5";
  const std::string none = "tensor view: expected 1 to 4 dimensions, got 0";
  EXPECT_EQ(refusal([] { TensorView(kFloats, DataType::f32, {1, 1, 1, 1, 1}); }), five);
  EXPECT_EQ(refusal([] { TensorView(kFloats, {1, 1, 1, 1, 1}); }), five);
  EXPECT_EQ(refusal([] { ConstTensorView(kFloats, DataType::f32, {1, 1, 1, 1, 1}, {1, 1, 1, 1, 1}); }), five);
  const std::initializer_list<std::int64_t> empty = {};
  EXPECT_EQ(refusal([&] { TensorView(kFloats, DataType::f32, empty); }), none);
  EXPECT_EQ(refusal([&] { ConstTensorView(kFloats, DataType::f32, empty, empty); }), none);
}

TEST(BadTensorView, StrideCounts) {
  const std::string message = "tensor view: expected one stride per dimension";
  EXPECT_EQ(refusal([] { TensorView(kFloats, DataType::f32, {2, 2}, {1}); }), message);
  EXPECT_EQ(refusal([] { TensorView(kFloats, DataType::f32, {4}, {1, 1}); }), message);
}

// Absurd sizes are kept as they are (validation refuses them) and wrap nothing that is undefined.
TEST(BadTensorView, SizesAreNotJudged) {
  constexpr std::int64_t kHuge = std::int64_t(1) << 62;
  const TensorView view(kFloats, DataType::f32, {kHuge, kHuge, -3});
  EXPECT_EQ(view.size(0), kHuge);
  EXPECT_EQ(view.size(2), -3);
  EXPECT_EQ(view.stride(2), 1);
  EXPECT_EQ(view.stride(1), -3);
}

TEST(TensorView, GivenMeansNamed) {
  EXPECT_FALSE(TensorView().given());
  EXPECT_FALSE(ConstTensorView(TensorView()).given());
  const TensorView null(static_cast<float*>(nullptr), {2});
  EXPECT_TRUE(null.given()) << "a shape without memory is given, and refused where it is used";
}

TEST(TensorView, TypesAndStridesOfMemory) {
  const double doubles[6] = {};
  const ConstTensorView view(doubles, {2, 3});
  EXPECT_EQ(view.type(), DataType::f64);
  EXPECT_EQ(view.rank(), 2);
  EXPECT_EQ(view.stride(0), 3);
  EXPECT_EQ(view.stride(1), 1);
  const ConstTensorView copy(TensorView(kFloats, DataType::f32, {1, 2}, {7, 1}));
  EXPECT_EQ(copy.data(), kFloats);
  EXPECT_EQ(copy.stride(0), 7);
  EXPECT_EQ(copy.rank(), 2);
}

}  // namespace
}  // namespace recur::test
