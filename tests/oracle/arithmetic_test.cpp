// The oracle's own arithmetic: float128 functions against 36-digit values (mpmath, 60 digits), and rounding
// to the 16-bit storage types.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>

#include "oracle/math.hpp"
#include "oracle/rounding.hpp"

namespace recur::oracle {
namespace {

/// "-0.34", "4.2e-18": to within two units in the last place (10^48 is the largest exact power of ten).
float128 parse(const std::string& text) {
  float128 digits = 0;
  int exponent = 0;
  bool fraction = false;
  std::size_t k = text[0] == '-' ? 1 : 0;
  for (; k < text.size() && text[k] != 'e'; ++k) {
    if (text[k] == '.') {
      fraction = true;
      continue;
    }
    digits = digits * 10 + (text[k] - '0');
    if (fraction) --exponent;
  }
  if (k < text.size()) exponent += std::stoi(text.substr(k + 1));
  float128 power = 1;
  for (int n = 0; n < std::abs(exponent); ++n) power *= 10;
  const float128 magnitude = exponent < 0 ? digits / power : digits * power;
  return text[0] == '-' ? -magnitude : magnitude;
}

/// |value - expected| in units of epsilon * |expected|.
double relative_error(float128 value, float128 expected) {
  return static_cast<double>(absolute(value - expected) / (kFloat128Epsilon * absolute(expected)));
}

struct KnownValue {
  const char* argument;
  const char* exponential;
  const char* tanh;
};

// Both sides of the argument reduction's first edge (ln(2)/2 = 0.3466 for exp, half that for tanh), tiny
// arguments, where tanh must keep its relative accuracy, and large ones.
constexpr KnownValue kKnownValues[] = {
    {"1e-20", "1.00000000000000000001", "1.0e-20"},
    {"0.001", "1.00100050016670834166805575399305831", "0.000999999666666799999946031767901225705"},
    {"-0.34", "0.711770322762609715079953510756987735", "-0.327477394808705341883148268819635553"},
    {"-0.36", "0.69767632607103105720912926383816033", "-0.345214034135520893474084675885762556"},
    {"0.5", "1.64872127070012814684865078781416357", "0.462117157260009758502318483643672549"},
    {"1", "2.7182818284590452353602874713526625", "0.76159415595576488811945828260479359"},
    {"-1", "0.367879441171442321595523770161460867", "-0.76159415595576488811945828260479359"},
    {"10", "22026.4657948067165169579006452842444", "0.999999995877692763619592837138275741"},
    {"-40", "4.24835425529158899532923478285865802e-18", "-0.999999999999999999999999999999999964"},
    {"100", "2.68811714181613544841262555158001359e+43", "1.0"},
};

TEST(Float128, MatchesKnownValues) {
  // Parsing costs up to 3 units, the functions a few more.
  for (const KnownValue& known : kKnownValues) {
    const float128 argument = parse(known.argument);
    EXPECT_LT(relative_error(exponential(argument), parse(known.exponential)), 8) << known.argument;
    EXPECT_LT(relative_error(hyperbolic_tangent(argument), parse(known.tanh)), 8) << known.argument;
  }
}

TEST(Float128, ExponentialHoldsOverTheWholeRange) {
  // exp(x) = exp(x/2)^2, from the smallest normal result to the largest; x/2 is exact.
  for (const double x : {-11300.0, -1000.5, -3.25, 0.75, 700.0, 1000.5, 11300.0}) {
    const float128 half = exponential(static_cast<float128>(x / 2));
    EXPECT_LT(relative_error(exponential(static_cast<float128>(x)), half * half), 8) << x;
  }
  EXPECT_TRUE(exponential(static_cast<float128>(-12000)) == 0);
  EXPECT_TRUE(exponential(static_cast<float128>(12000)) ==
              static_cast<float128>(std::numeric_limits<double>::infinity()));
}

TEST(Float128, NanPassesThrough) {
  const float128 nan = std::numeric_limits<double>::quiet_NaN();
  for (const float128 value : {exponential(nan), hyperbolic_tangent(nan), sigmoid(nan), rectified(nan)}) {
    EXPECT_TRUE(value != value);
  }
}

TEST(Math, TypesAgree) {
  // Double against float128, float against double: each within 4 units of the narrower type.
  for (double x = -20; x <= 20; x += 0.37) {
    const auto wide = static_cast<float128>(x);
    EXPECT_LT(std::fabs(sigmoid(x) - static_cast<double>(sigmoid(wide))), 4 * 0x1p-52 * sigmoid(x));
    EXPECT_LT(std::fabs(hyperbolic_tangent(x) - static_cast<double>(hyperbolic_tangent(wide))), 4 * 0x1p-52);
    const auto narrow = static_cast<float>(x);
    const auto same = static_cast<double>(narrow);
    EXPECT_LT(std::fabs(static_cast<double>(sigmoid(narrow)) - sigmoid(same)), 4 * 0x1p-23 * sigmoid(same));
    EXPECT_LT(std::fabs(static_cast<double>(hyperbolic_tangent(narrow)) - hyperbolic_tangent(same)),
              4 * 0x1p-23);
  }
}

TEST(Math, RectifiedIsZeroForNegatives) {
  EXPECT_EQ(rectified(-1.5), 0.0);
  EXPECT_EQ(rectified(0.0), 0.0);
  EXPECT_EQ(rectified(1.5), 1.5);
  EXPECT_TRUE(std::isnan(rectified(std::nan(""))));
}

TEST(Rounding, Bf16RoundsToNearestEven) {
  const RoundToBf16 round;
  const float ulp = 0x1p-7f;  // of [1, 2)
  EXPECT_EQ(round(1.0f), 1.0f);
  EXPECT_EQ(round(1.0f + 0.25f * ulp), 1.0f);
  EXPECT_EQ(round(1.0f + 0.75f * ulp), 1.0f + ulp);
  EXPECT_EQ(round(1.0f + 0.5f * ulp), 1.0f) << "tie, 1 is even";
  EXPECT_EQ(round(1.0f + 1.5f * ulp), 1.0f + 2 * ulp) << "tie, 1 + ulp is odd";
  EXPECT_EQ(round(-1.0f - 1.5f * ulp), -1.0f - 2 * ulp);
  EXPECT_TRUE(std::signbit(round(-0.0f)));
  EXPECT_TRUE(std::isinf(round(std::numeric_limits<float>::max())));
  EXPECT_TRUE(std::isinf(round(-INFINITY)));
  EXPECT_TRUE(std::isnan(round(NAN)));
}

TEST(Rounding, OperandsInTf32RoundTiesAway) {
  const RoundOperandsToTf32 round;
  const float ulp = 0x1p-10f;  // of [1, 2)
  EXPECT_EQ(round(1.0f + 0x1p-23f), 1.0f + 0x1p-23f) << "storage is float";
  EXPECT_EQ(round.operand(1.0f + 0.25f * ulp), 1.0f);
  EXPECT_EQ(round.operand(1.0f + 0.75f * ulp), 1.0f + ulp);
  EXPECT_EQ(round.operand(1.0f + 0.5f * ulp), 1.0f + ulp);
  EXPECT_EQ(round.operand(-1.0f - 0.5f * ulp), -1.0f - ulp);
  EXPECT_EQ(round.operand(0x1p-126f), 0x1p-126f) << "the exponents of float";
  EXPECT_TRUE(std::isinf(round.operand(INFINITY)));
  EXPECT_TRUE(std::isnan(round.operand(NAN)));
}

TEST(Rounding, F16RoundsToNearestEven) {
  const RoundToF16 round;
  const float ulp = 0x1p-10f;  // of [1, 2)
  EXPECT_EQ(round(1.0f + 0.25f * ulp), 1.0f);
  EXPECT_EQ(round(1.0f + 0.75f * ulp), 1.0f + ulp);
  EXPECT_EQ(round(1.0f + 0.5f * ulp), 1.0f) << "tie, 1 is even";
  EXPECT_EQ(round(1.0f + 1.5f * ulp), 1.0f + 2 * ulp) << "tie, 1 + ulp is odd";
  // Subnormals are 2^-24 apart.
  EXPECT_EQ(round(0x1p-24f), 0x1p-24f);
  EXPECT_EQ(round(-1.25f * 0x1p-24f), -0x1p-24f);
  EXPECT_EQ(round(0x1p-25f), 0.0f) << "tie, 0 is even";
  EXPECT_EQ(round(1.5f * 0x1p-24f), 0x1p-23f) << "tie, 1 unit is odd";
  EXPECT_EQ(round(0x1p-14f - 0x1p-26f), 0x1p-14f) << "up into the normal numbers";
  // The largest value, and the tie above it.
  EXPECT_EQ(round(65504.0f), 65504.0f);
  EXPECT_EQ(round(65519.0f), 65504.0f);
  EXPECT_TRUE(std::isinf(round(65520.0f)));
  EXPECT_TRUE(std::isinf(round(-INFINITY)) && std::signbit(round(-INFINITY)));
  EXPECT_TRUE(std::signbit(round(-0.0f)));
  EXPECT_TRUE(std::isnan(round(NAN)));
}

}  // namespace
}  // namespace recur::oracle
