// The error bounds that host/cpu/simd/vector.hpp states, over the whole range of floats and doubles, on every
// instruction set of the machine.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <utility>

#include "engines/simd_names.hpp"
#include "oracle/activations.hpp"
#include "oracle/float128.hpp"
#include "oracle/math.hpp"
#include "support/functions.hpp"
#include "support/random.hpp"

namespace recur::test {
namespace {

using oracle::float128;

// What judges: double for floats (its error is 2^-29 of a float's unit), __float128 for doubles.
template <class T>
struct Reference;
template <>
struct Reference<float> {
  using Real = double;
};
template <>
struct Reference<double> {
  using Real = float128;
};

template <class Real>
Real exact_sigmoid(Real x) {
  return oracle::sigmoid(x);
}
template <class Real>
Real exact_tanh(Real x) {
  return oracle::hyperbolic_tangent(x);
}

// Distance of neighbouring values of T around `value`, that of subnormals at the bottom.
template <class T>
double unit_at(double value) {
  const double magnitude = std::max(std::abs(value), static_cast<double>(std::numeric_limits<T>::min()));
  int exponent = 0;
  std::frexp(magnitude, &exponent);  // magnitude in [2^(e-1), 2^e)
  return std::ldexp(1.0, exponent - std::numeric_limits<T>::digits);
}

struct Worst {
  double ulps = 0;
  double at = 0;
};

template <class T, class Exact>
Worst worst_of(const std::vector<T>& x, const std::vector<T>& y, Exact&& exact) {
  using Real = typename Reference<T>::Real;
  Worst worst;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const Real expected = exact(static_cast<Real>(x[i]));
    const double error = static_cast<double>(oracle::absolute(Real(static_cast<Real>(y[i]) - expected)));
    const double ulps = error / unit_at<T>(static_cast<double>(expected));
    if (!(ulps <= worst.ulps)) worst = {ulps, static_cast<double>(x[i])};
  }
  return worst;
}

// Every exponent of both signs with random mantissas, as many for each so that `count` come together, and as
// many again over the range in which the functions bend.
template <class T>
std::vector<T> sweep(std::int64_t count) {
  using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
  constexpr int kMantissa = std::numeric_limits<T>::digits - 1;
  constexpr std::int64_t kExponents = sizeof(T) == 4 ? 255 : 2047;  // all but that of Inf and NaN
  Random random(17);
  std::vector<T> values;
  const std::int64_t each = count / 2 / (2 * kExponents) + 1;
  for (std::int64_t exponent = 0; exponent < kExponents; ++exponent) {
    for (Bits sign : {0, 1}) {
      for (std::int64_t i = 0; i < each; ++i) {
        Bits mantissa = static_cast<Bits>(random.next()) & ((Bits(1) << kMantissa) - 1);
        if (i == 0) mantissa = 0;                           // the power of two itself
        if (i == 1) mantissa = (Bits(1) << kMantissa) - 1;  // the last before the next
        values.push_back(std::bit_cast<T>((sign << (sizeof(T) * 8 - 1)) |
                                          (static_cast<Bits>(exponent) << kMantissa) | mantissa));
      }
    }
  }
  const double most = sizeof(T) == 4 ? 110 : 760;  // past where sigmoid is 0
  for (std::int64_t i = 0; i < count / 4; ++i) values.push_back(static_cast<T>(random.symmetric(most)));
  for (std::int64_t i = 0; i < count / 4; ++i) values.push_back(static_cast<T>(random.symmetric(10)));
  return values;
}

constexpr double kMostUlps = 3;
// Below -kZeroBelow sigmoid is 0, where it is less than kStillNothing (vector.hpp).
template <class T>
constexpr double kZeroBelow = sizeof(T) == 4 ? 88.0 : 709.0;
template <class T>
constexpr double kStillNothing = sizeof(T) == 4 ? 6.1e-39 : 1.3e-308;

// Below this, softplus is 0 where e^x is (vector.hpp).
template <class T>
constexpr double kStillNothingOfExp = sizeof(T) == 4 ? 1.7e-38 : 3.4e-308;

class Activations : public ::testing::TestWithParam<std::string> {
 protected:
  template <class T>
  const host::cpu::Kernels<T>& kernels() const {
    return host::cpu::kernels_of<T>(*host::cpu::find_target(GetParam()));
  }
  template <class T>
  std::vector<T> map(typename host::cpu::Kernels<T>::Map f, const std::vector<T>& x) const {
    std::vector<T> y(x.size(), std::numeric_limits<T>::quiet_NaN());
    f(x.data(), y.data(), static_cast<std::int64_t>(x.size()));
    return y;
  }

  template <class T>
  void check_range(std::int64_t count) {
    using Real = typename Reference<T>::Real;
    const std::vector<T> x = sweep<T>(count);
    const Worst tanh = worst_of<T>(x, map<T>(kernels<T>().tanh, x), [](Real v) { return exact_tanh(v); });
    EXPECT_LE(tanh.ulps, kMostUlps) << "tanh(" << tanh.at << ")";

    std::vector<T> large, small;
    for (T value : x) (static_cast<double>(value) < -kZeroBelow<T> ? small : large).push_back(value);
    const Worst sigmoid =
        worst_of<T>(large, map<T>(kernels<T>().sigmoid, large), [](Real v) { return exact_sigmoid(v); });
    EXPECT_LE(sigmoid.ulps, kMostUlps) << "sigmoid(" << sigmoid.at << ")";
    const std::vector<T> zeros = map<T>(kernels<T>().sigmoid, small);
    for (std::size_t i = 0; i < zeros.size(); ++i) {
      ASSERT_EQ(zeros[i], T(0)) << "sigmoid(" << small[i] << ")";
      ASSERT_LT(static_cast<double>(exact_sigmoid(static_cast<Real>(small[i]))), kStillNothing<T>)
          << small[i];
    }
    const std::string type = sizeof(T) == 4 ? "f32" : "f64";
    RecordProperty(type + "_tanh_ulps", std::to_string(tanh.ulps));
    RecordProperty(type + "_sigmoid_ulps", std::to_string(sigmoid.ulps));
    std::printf("%s %s: tanh %.3f ulp at %.9g, sigmoid %.3f ulp at %.9g, %zu values\n", GetParam().c_str(),
                type.c_str(), tanh.ulps, tanh.at, sigmoid.ulps, sigmoid.at, x.size());
  }

  template <class T>
  void check_special_values() {
    constexpr T kInf = std::numeric_limits<T>::infinity();
    constexpr T kNan = std::numeric_limits<T>::quiet_NaN();
    constexpr T kMax = std::numeric_limits<T>::max();
    constexpr T kTiny = std::numeric_limits<T>::denorm_min();
    const T below = static_cast<T>(-kZeroBelow<T>);
    const T just_below = std::nextafter(below, -kInf);
    const std::vector<T> x = {0, -T(0), kInf, -kInf, kMax, -kMax, kTiny, -kTiny, below, just_below};
    const std::vector<T> tanh = map<T>(kernels<T>().tanh, x);
    const std::vector<T> expected_tanh = {0, 0, 1, -1, 1, -1, kTiny, -kTiny, -1, -1};
    EXPECT_EQ(tanh, expected_tanh);
    const std::vector<T> sigmoid = map<T>(kernels<T>().sigmoid, x);
    const T half = T(0.5);
    EXPECT_EQ(sigmoid[0], half);
    EXPECT_EQ(sigmoid[1], half);
    EXPECT_EQ(sigmoid[2], T(1));
    EXPECT_EQ(sigmoid[3], T(0));
    EXPECT_EQ(sigmoid[4], T(1));
    EXPECT_EQ(sigmoid[5], T(0));
    EXPECT_EQ(sigmoid[6], half);
    EXPECT_EQ(sigmoid[7], half);
    EXPECT_GT(sigmoid[8], T(0)) << "not zero yet";
    EXPECT_EQ(sigmoid[9], T(0)) << "zero from here on";

    // A NaN in each lane: in that one and no other.
    for (std::size_t lane = 0; lane < 33; ++lane) {
      std::vector<T> values(33, T(0.25));
      values[lane] = lane % 2 == 0 ? kNan : -kNan;
      for (const auto& y : {map<T>(kernels<T>().tanh, values), map<T>(kernels<T>().sigmoid, values)}) {
        for (std::size_t i = 0; i < y.size(); ++i) EXPECT_EQ(std::isnan(y[i]), i == lane);
      }
    }
  }

  // Value and slope of a function of gates.
  template <class T>
  std::pair<std::vector<T>, std::vector<T>> function(const GateActivation& gate,
                                                     const std::vector<T>& x) const {
    std::vector<T> value(x.size(), T(42)), slope(x.size(), T(42));
    const host::cpu::TypedActivation<T> f{gate.function, static_cast<T>(gate.alpha),
                                          static_cast<T>(gate.beta)};
    kernels<T>().function(f, x.data(), value.data(), slope.data(), static_cast<std::int64_t>(x.size()));
    return {value, slope};
  }

  template <class T>
  void check_functions(std::int64_t count) {
    using Real = typename Reference<T>::Real;
    const std::vector<T> x = sweep<T>(count);
    for (const auto& [name, gate] : all_activations()) {
      SCOPED_TRACE(name);
      const oracle::ClippedActivation exact{gate.function, gate.alpha, gate.beta, 0};
      const auto [value, slope] = function(gate, x);
      Worst worst;
      double worst_slope = 0;
      for (std::size_t i = 0; i < x.size(); ++i) {
        const Real at = static_cast<Real>(x[i]);
        const Real expected = oracle::function_of(exact, at);
        const auto error = [&](T got, Real right) {
          return static_cast<double>(oracle::absolute(Real(static_cast<Real>(got) - right)));
        };
        const bool is_nothing = oracle::absolute(expected) < Real(kStillNothingOfExp<T>);
        // Where alpha x and beta cancel, their own unit counts.
        const bool line = gate.function == Activation::affine || gate.function == Activation::hard_sigmoid;
        const double size = std::max(std::abs(static_cast<double>(expected)), line ? gate.beta : 0);
        const double ulps = error(value[i], expected) / unit_at<T>(size);
        if (value[i] == T(0) && is_nothing) continue;
        if (!(ulps <= worst.ulps)) worst = {ulps, static_cast<double>(x[i])};
        worst_slope = std::max(worst_slope, error(slope[i], oracle::slope_of(exact, at)));
      }
      // scaled_tanh: the arguments and results of tanh are rounded once more.
      const double more = gate.function == Activation::scaled_tanh ? 1.5 : 0;
      EXPECT_LE(worst.ulps, kMostUlps + more) << "at " << worst.at;
      EXPECT_LE(worst_slope, 4 * static_cast<double>(std::numeric_limits<T>::epsilon()));
      std::printf("%s f%zu %s: %.3f ulp at %.9g, slope %.3g eps\n", GetParam().c_str(), 8 * sizeof(T),
                  name.c_str(), worst.ulps, worst.at,
                  worst_slope / static_cast<double>(std::numeric_limits<T>::epsilon()));
    }
  }

  template <class T>
  void check_special_values_of_functions() {
    constexpr T kInf = std::numeric_limits<T>::infinity();
    constexpr T kNan = std::numeric_limits<T>::quiet_NaN();
    constexpr T kMax = std::numeric_limits<T>::max();
    struct Limits {
      T low, high, slope_low, slope_high;
    };
    const auto limits_of = [](Activation f) -> Limits {
      switch (f) {
        case Activation::sigmoid: return {0, 1, 0, 0};
        case Activation::tanh: return {-1, 1, 0, 0};
        case Activation::relu:
        case Activation::thresholded_relu: return {0, kInf, 0, 1};
        case Activation::affine: return {-kInf, kInf, T(0.375), T(0.375)};
        case Activation::leaky_relu: return {-kInf, kInf, T(0.125), 1};
        case Activation::scaled_tanh: return {T(-0.75), T(0.75), 0, 0};
        case Activation::hard_sigmoid: return {0, 1, 0, 0};
        case Activation::elu: return {T(-0.5), kInf, 0, 1};
        case Activation::softsign: return {-1, 1, 0, 0};
        case Activation::softplus: return {0, kInf, 0, 1};
        default: return {};
      }
    };
    for (const auto& [name, gate] : all_activations()) {
      SCOPED_TRACE(name);
      const Limits limits = limits_of(gate.function);
      const auto [value, slope] = function<T>(gate, {-kInf, kInf, -kMax, kMax});
      EXPECT_EQ(value[0], limits.low);
      EXPECT_EQ(value[1], limits.high);
      EXPECT_EQ(slope[0], limits.slope_low);
      EXPECT_EQ(slope[1], limits.slope_high);
      for (const std::size_t i : {2u, 3u}) EXPECT_FALSE(std::isnan(value[i]) || std::isnan(slope[i])) << i;
      for (std::size_t lane = 0; lane < 33; ++lane) {
        std::vector<T> values(33, T(0.25));
        values[lane] = lane % 2 == 0 ? kNan : -kNan;
        const std::vector<T> y = function(gate, values).first;
        for (std::size_t i = 0; i < y.size(); ++i) EXPECT_EQ(std::isnan(y[i]), i == lane);
      }
    }
  }

  // Every count up to several vectors: the lanes of the last, ragged one as any other, nothing written past
  // it.
  template <class T>
  void check_counts() {
    Random random(3);
    std::vector<T> x(70);
    for (T& value : x) value = static_cast<T>(random.symmetric(3));
    for (const auto f : {kernels<T>().tanh, kernels<T>().sigmoid}) {
      const std::vector<T> whole = map<T>(f, x);
      for (std::size_t count = 0; count <= x.size(); ++count) {
        std::vector<T> in(x.begin(), x.begin() + static_cast<std::ptrdiff_t>(count));
        std::vector<T> out(count + 1, T(42));
        f(in.data(), out.data(), static_cast<std::int64_t>(count));
        for (std::size_t i = 0; i < count; ++i) ASSERT_EQ(out[i], whole[i]) << i << " of " << count;
        ASSERT_EQ(out[count], T(42));
      }
    }
  }
};

TEST_P(Activations, F32WithinTheBound) { check_range<float>(1'000'000); }
TEST_P(Activations, F64WithinTheBound) { check_range<double>(200'000); }
TEST_P(Activations, F32SpecialValues) { check_special_values<float>(); }
TEST_P(Activations, F64SpecialValues) { check_special_values<double>(); }
TEST_P(Activations, F32FunctionsWithinTheBound) { check_functions<float>(200'000); }
TEST_P(Activations, F64FunctionsWithinTheBound) { check_functions<double>(50'000); }
TEST_P(Activations, SpecialValuesOfFunctions) {
  check_special_values_of_functions<float>();
  check_special_values_of_functions<double>();
}
TEST_P(Activations, EveryCount) {
  check_counts<float>();
  check_counts<double>();
}

// Monotone at the places where a branch begins: clamps and the change to zero make no step back.
TEST_P(Activations, NoStepBackAtTheClamps) {
  std::vector<float> x;
  for (float centre : {-88.0f, -87.0f, 87.0f, -10.0f, 10.0f}) {
    float value = centre;
    for (int i = 0; i < 50; ++i) value = std::nextafter(value, -1000.0f);
    for (int i = 0; i < 100; ++i) x.push_back(value = std::nextafter(value, 1000.0f));
    const std::vector<float> tanh = map<float>(kernels<float>().tanh, x);
    const std::vector<float> sigmoid = map<float>(kernels<float>().sigmoid, x);
    for (std::size_t i = 1; i < x.size(); ++i) {
      // Within the bound of either, which may wiggle.
      EXPECT_GE(tanh[i], tanh[i - 1] - 6 * static_cast<float>(unit_at<float>(1.0))) << x[i];
      EXPECT_GE(sigmoid[i],
                sigmoid[i - 1] - 6 * static_cast<float>(unit_at<float>(static_cast<double>(sigmoid[i]))))
          << x[i];
    }
    x.clear();
  }
}

INSTANTIATE_TEST_SUITE_P(Simd, Activations, ::testing::ValuesIn(simd_names(DataType::f32)),
                         [](const auto& instance) { return instance.param; });

}  // namespace
}  // namespace recur::test
