/// @file
/// How wrong an engine may be, measured and never guessed (docs/design.md, "How right is right"):
///
///     max |candidate - oracle|  <=  2 max |naive - oracle|  +  2 eps max |oracle|
///     rms (candidate - oracle)  <=  2 rms (naive - oracle)  +  2 eps rms (oracle)
///
/// where naive is the oracle's code run in the engine's own precision and eps is the storage type's distance
/// from 1 to the next value. Errors are pooled over fixed seeds until a tensor has at least 1024 values, so
/// that neither luck nor a chosen seed decides:
///
///     ErrorPools pools(DataType::f32);
///     for (std::uint64_t seed = 1; !pools.enough(); ++seed) {
///       ... run oracle, naive and candidate on random_problem(spec, T, B, seed) ...
///       pools.add("y", oracle.y, naive.y, candidate.y, "seed " + std::to_string(seed));
///     }
///     EXPECT_TRUE(pools.verdict());
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "oracle/math.hpp"
#include "oracle/problem.hpp"

namespace recur::test {

/// Values a pool needs before it may judge. An rms of so many is known to 3 %, and a bound is twice what is
/// measured. The smallest tensor, a bias or a peephole, says how many seeds a case runs, so that the time of
/// the engines' tests is in proportion to this number.
inline constexpr std::size_t kPooledValues = 1024;

/// Distance from 1 to the next value of a storage type.
inline double epsilon_of(DataType type) {
  switch (type) {
    case DataType::f64: return 0x1p-52;
    case DataType::f32: return 0x1p-23;
    case DataType::f16: return 0x1p-10;
    case DataType::bf16: return 0x1p-7;
    default: throw std::invalid_argument("epsilon_of: not a floating-point type");
  }
}

/// Errors of one tensor over several runs.
class ErrorPool {
 public:
  explicit ErrorPool(DataType storage) : epsilon_(epsilon_of(storage)) {}

  /// Adds one run's values. `Oracle`, `Naive` and `Candidate` are vectors or spans of equal size; differences
  /// are taken in the oracle's type. A candidate must be NaN or infinite exactly where the oracle is.
  ///
  /// @param label  names the run in a failure message, e.g. "seed 3"
  template <class Oracle, class Naive, class Candidate>
  void add(const Oracle& oracle, const Naive& naive, const Candidate& candidate,
           const std::string& label = {}) {
    using Real = std::remove_cvref_t<decltype(oracle[0])>;
    if (oracle.size() != naive.size() || oracle.size() != candidate.size()) {
      std::ostringstream text;
      text << "sizes differ: oracle " << oracle.size() << ", naive " << naive.size() << ", candidate "
           << candidate.size();
      complain(text.str(), label);
      return;
    }
    for (std::size_t k = 0; k < oracle.size(); ++k) {
      const Real naive_value = static_cast<Real>(naive[k]);
      const Real value = static_cast<Real>(candidate[k]);
      if (!finite(oracle[k])) {
        const bool same = oracle[k] == value || (oracle[k] != oracle[k] && value != value);
        if (!same) complain(describe(k, oracle[k], naive_value, value) + ": should not be finite", label);
        continue;
      }
      if (!finite(value)) {
        complain(describe(k, oracle[k], naive_value, value) + ": candidate is not finite", label);
        continue;
      }
      if (!finite(naive_value)) {
        // It would excuse anything.
        complain(describe(k, oracle[k], naive_value, value) + ": naive run is not finite, unfit data", label);
        continue;
      }
      const double error = static_cast<double>(oracle::absolute(Real(value - oracle[k])));
      magnitude_.add(static_cast<double>(oracle::absolute(Real(oracle[k]))));
      naive_.add(static_cast<double>(oracle::absolute(Real(naive_value - oracle[k]))));
      if (candidate_.add(error)) worst_ = describe(k, oracle[k], naive_value, value) + in(label);
    }
    values_ += oracle.size();
  }

  std::size_t values() const { return values_; }
  bool enough(std::size_t values = kPooledValues) const { return values_ >= values; }

  /// Success, or what is wrong and where. Fewer values than `kPooledValues` are a failure too.
  ::testing::AssertionResult verdict() const {
    if (!complaint_.empty()) {
      return ::testing::AssertionFailure()
             << complaint_ << " (" << complaints_ << " such in " << values_ << " values)";
    }
    if (!enough()) {
      return ::testing::AssertionFailure()
             << "only " << values_ << " values pooled, " << kPooledValues << " are needed: run more seeds";
    }
    const double max_bound = 2 * naive_.max + 2 * epsilon_ * magnitude_.max;
    const double rms_bound = 2 * naive_.rms() + 2 * epsilon_ * magnitude_.rms();
    // Written so that a NaN fails.
    const bool max_passes = candidate_.max <= max_bound;
    const bool rms_passes = candidate_.rms() <= rms_bound;
    if (max_passes && rms_passes) return ::testing::AssertionSuccess();

    auto failure = ::testing::AssertionFailure();
    failure.operator<<(values_) << " values pooled\n";
    failure << line("max", candidate_.max, naive_.max, magnitude_.max, max_bound);
    failure << line("rms", candidate_.rms(), naive_.rms(), magnitude_.rms(), rms_bound);
    return failure << "  worst: " << worst_;
  }

  /// Error over bound, the larger of max and rms: 1 is the most that passes. For reports.
  double ratio() const {
    const double max_bound = 2 * naive_.max + 2 * epsilon_ * magnitude_.max;
    const double rms_bound = 2 * naive_.rms() + 2 * epsilon_ * magnitude_.rms();
    return std::fmax(quotient(candidate_.max, max_bound), quotient(candidate_.rms(), rms_bound));
  }

 private:
  struct Norms {
    double max = 0;
    double sum_of_squares = 0;
    std::size_t count = 0;
    /// True when the value is a new maximum.
    bool add(double value) {
      ++count;
      sum_of_squares += value * value;
      if (value <= max) return false;
      max = value;
      return true;
    }
    double rms() const { return count == 0 ? 0 : std::sqrt(sum_of_squares / static_cast<double>(count)); }
  };

  template <class Real>
  static bool finite(Real value) {
    return value - value == Real(0);
  }

  static double quotient(double error, double bound) { return error == 0 ? 0 : error / bound; }

  static std::string in(const std::string& label) { return label.empty() ? "" : " (" + label + ")"; }

  template <class Real>
  static std::string describe(std::size_t k, Real oracle, Real naive, Real candidate) {
    std::ostringstream text;
    text.precision(17);
    text << "element " << k << ": oracle " << static_cast<double>(oracle) << ", naive "
         << static_cast<double>(naive) << ", candidate " << static_cast<double>(candidate);
    return text.str();
  }

  std::string line(const char* norm, double error, double naive, double magnitude, double bound) const {
    std::ostringstream text;
    text.precision(3);
    text << "  " << norm << " error " << error << (error <= bound ? " <= " : " > ") << bound
         << " = 2 * naive " << naive << " + 2 * eps " << epsilon_ << " * |oracle| " << magnitude << "; "
         << quotient(error, naive) << " times naive\n";
    return text.str();
  }

  void complain(const std::string& text, const std::string& label) {
    if (complaints_++ == 0) complaint_ = text + in(label);
  }

  double epsilon_;
  Norms magnitude_, naive_, candidate_;
  std::size_t values_ = 0;
  std::string worst_;
  std::string complaint_;
  std::size_t complaints_ = 0;
};

/// One pool per tensor, by name.
class ErrorPools {
 public:
  explicit ErrorPools(DataType storage) : storage_(storage) {}

  /// As ErrorPool::add. A tensor that is empty everywhere (the Spec has none) is left out.
  template <class Oracle, class Naive, class Candidate>
  void add(const std::string& tensor, const Oracle& oracle, const Naive& naive, const Candidate& candidate,
           const std::string& label = {}) {
    if (oracle.size() == 0 && naive.size() == 0 && candidate.size() == 0) return;
    pool(tensor).add(oracle, naive, candidate, label);
  }

  /// All outputs of a forward pass.
  template <class Oracle, class Naive, class Candidate>
  void add(const oracle::Outputs<Oracle>& oracle, const oracle::Outputs<Naive>& naive,
           const oracle::Outputs<Candidate>& candidate, const std::string& label = {}) {
    add("y", oracle.y, naive.y, candidate.y, label);
    add("hN", oracle.hN, naive.hN, candidate.hN, label);
    add("cN", oracle.cN, naive.cN, candidate.cN, label);
    add("c_sequence", oracle.c_sequence, naive.c_sequence, candidate.c_sequence, label);
  }

  /// All gradients of a backward pass; each layer's parameters have pools of their own.
  template <class Oracle, class Naive, class Candidate>
  void add(const oracle::Gradients<Oracle>& oracle, const oracle::Gradients<Naive>& naive,
           const oracle::Gradients<Candidate>& candidate, const std::string& label = {}) {
    add("dx", oracle.dx, naive.dx, candidate.dx, label);
    add("dh0", oracle.dh0, naive.dh0, candidate.dh0, label);
    add("dc0", oracle.dc0, naive.dc0, candidate.dc0, label);
    for (std::size_t l = 0; l < oracle.layers.size(); ++l) {
      const auto& o = oracle.layers[l];
      const auto& n = naive.layers.at(l);
      const auto& c = candidate.layers.at(l);
      const std::string of = "[" + std::to_string(l) + "]";
      add("dW" + of, o.W, n.W, c.W, label);
      add("dR" + of, o.R, n.R, c.R, label);
      add("dbW" + of, o.bW, n.bW, c.bW, label);
      add("dbR" + of, o.bR, n.bR, c.bR, label);
      add("dpeephole" + of, o.peephole, n.peephole, c.peephole, label);
      add("dprojection" + of, o.projection, n.projection, c.projection, label);
    }
  }

  /// True when every tensor seen so far has enough values, and there is one.
  bool enough(std::size_t values = kPooledValues) const {
    for (const auto& [name, errors] : pools_) {
      if (!errors.enough(values)) return false;
    }
    return !pools_.empty();
  }

  /// Success when every tensor passes; else the verdicts of those that do not.
  ::testing::AssertionResult verdict() const {
    if (pools_.empty()) return ::testing::AssertionFailure() << "nothing was compared";
    std::string failures;
    for (const auto& [name, errors] : pools_) {
      const auto result = errors.verdict();
      if (!result) failures += "\n" + name + ": " + result.message();
    }
    if (failures.empty()) return ::testing::AssertionSuccess();
    return ::testing::AssertionFailure() << failures;
  }

  /// The largest ErrorPool::ratio and its tensor. For reports.
  std::pair<double, std::string> worst_ratio() const {
    std::pair<double, std::string> worst{0, ""};
    for (const auto& [name, errors] : pools_) {
      if (errors.ratio() >= worst.first) worst = {errors.ratio(), name};
    }
    return worst;
  }

 private:
  ErrorPool& pool(const std::string& tensor) {
    for (auto& [name, errors] : pools_) {
      if (name == tensor) return errors;
    }
    return pools_.emplace_back(tensor, ErrorPool(storage_)).second;
  }

  DataType storage_;
  std::vector<std::pair<std::string, ErrorPool>> pools_;  // in the order of the first add
};

}  // namespace recur::test
