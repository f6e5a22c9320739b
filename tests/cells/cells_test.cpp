// The cells alone, as plain scalar functions: each backward is held against finite differences of its own
// forward. One hidden unit, so that the products with R are numbers: sum += r_gate * operand.
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <string>
#include <vector>

#include "kernels/cells/scalar_math.cuh"
#include "kernels/cells/variants.cuh"
#include "support/random.hpp"

namespace recur::cells {
namespace {

constexpr int kMaxSums = 4;
constexpr int kMaxGates = 4;

// Everything the result of one step depends on, in one array: input sums, recurrent weights, peepholes, h',
// c'.
struct Inputs {
  static constexpr int kCount = kMaxSums + kMaxGates + kMaxPeepholes + 2;
  std::array<double, kCount> values;

  double& sum(int i) { return values[static_cast<std::size_t>(i)]; }
  double& weight(int gate) { return sum(kMaxSums + gate); }
  double& peephole(int i) { return sum(kMaxSums + kMaxGates + i); }
  double& h_prev() { return values[kCount - 2]; }
  double& c_prev() { return values[kCount - 1]; }
};

// What an engine does: products of the phase's gates, then the cell.
template <class Cell, int kPhase>
void run_phase(ForwardUnit<Cell, double>& unit, Inputs& in, double operand) {
  for (int gate = Cell::phase_gate(kPhase); gate < Cell::phase_gate(kPhase + 1); ++gate) {
    if (Cell::gate_reads(gate) == Reads::input) continue;
    const int sum = gate == Cell::kSplitGate ? Cell::kGates : gate;
    unit.sums[sum] += in.weight(gate) * operand;
  }
  Cell::template forward<kPhase, ScalarMath>(unit);
}

template <class Cell>
ForwardUnit<Cell, double> forward(Inputs in) {
  ForwardUnit<Cell, double> unit{};
  for (int i = 0; i < Cell::kSums; ++i) unit.sums[i] = in.sum(i);
  for (int i = 0; i < Cell::kPeepholes; ++i) unit.peephole[i] = in.peephole(i);
  unit.h_prev = in.h_prev();
  unit.c_prev = in.c_prev();
  run_phase<Cell, 0>(unit, in, in.h_prev());
  if constexpr (Cell::kPhases > 1) run_phase<Cell, 1>(unit, in, unit.exchange);
  return unit;
}

// Gradient of dh * h + dc * c with respect to all inputs.
template <class Cell>
Inputs backward(Inputs in, double dh, double dc) {
  const ForwardUnit<Cell, double> forward_unit = forward<Cell>(in);
  BackwardUnit<Cell, double> unit{};
  for (int i = 0; i < Cell::kSaved; ++i) unit.saved[i] = forward_unit.saved[i];
  for (int i = 0; i < Cell::kPeepholes; ++i) unit.peephole[i] = in.peephole(i);
  unit.h_prev = in.h_prev();
  unit.c_prev = in.c_prev();
  unit.c = forward_unit.c;
  unit.dh = dh;
  unit.dc = dc;
  const auto recurrent = [&](int gate) {
    return unit.dgates[gate == Cell::kSplitGate ? Cell::kGates : gate];
  };

  Cell::template backward<0, ScalarMath>(unit);
  int first_phase_gates = Cell::kGates;
  double exchanged = in.h_prev();
  if constexpr (Cell::kPhases > 1) {
    first_phase_gates = Cell::phase_gate(1);
    exchanged = unit.exchange;
    for (int gate = first_phase_gates; gate < Cell::kGates; ++gate)
      unit.d_exchange += in.weight(gate) * recurrent(gate);  // these gates have rows in R
    Cell::template backward<1, ScalarMath>(unit);
  }

  Inputs d{};
  for (int i = 0; i < Cell::kSums; ++i) d.sum(i) = unit.dgates[i];
  d.h_prev() = unit.dh_prev;
  d.c_prev() = unit.dc_prev;
  for (int gate = 0; gate < Cell::kGates; ++gate) {
    if (Cell::gate_reads(gate) == Reads::input) continue;
    const bool first_phase = gate < first_phase_gates;
    d.weight(gate) = recurrent(gate) * (first_phase ? in.h_prev() : exchanged);
    if (first_phase) d.h_prev() += in.weight(gate) * recurrent(gate);
  }
  for (int i = 0; i < Cell::kPeepholes; ++i) {
    const bool sees_current = i + 1 == Cell::kPeepholes;
    d.peephole(i) = unit.dgates[Cell::peephole_gate(i)] * (sees_current ? forward_unit.c : in.c_prev());
  }
  return d;
}

class Cells : public ::testing::TestWithParam<int> {
 protected:
  Variant variant() const { return static_cast<Variant>(GetParam()); }
};

template <class Cell>
void expect_derivatives() {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    test::Random random(seed, 1);
    Inputs in{};
    for (double& value : in.values) value = random.symmetric(1.5);
    const double dh = random.symmetric(1.0);
    const double dc = Cell::kCellState ? random.symmetric(1.0) : 0.0;
    const auto loss = [&](const Inputs& at) {
      const auto unit = forward<Cell>(at);
      return dh * unit.h + dc * unit.c;
    };
    const Inputs gradient = backward<Cell>(in, dh, dc);
    for (std::size_t i = 0; i < in.values.size(); ++i) {
      // Truncation is about step^2 = 1e-10, rounding about 2^-52 / step = 2e-11; values are of order one.
      constexpr double kStep = 1e-5;
      constexpr double kTolerance = 2e-9;
      Inputs up = in;
      Inputs down = in;
      up.values[i] += kStep;
      down.values[i] -= kStep;
      EXPECT_NEAR((loss(up) - loss(down)) / (2 * kStep), gradient.values[i], kTolerance)
          << "seed " << seed << " input " << i;
    }
  }
}

TEST_P(Cells, BackwardIsTheDerivativeOfForward) {
  visit(variant(), []<class Cell>() { expect_derivatives<Cell>(); });
}

// Sines of another frequency in each place: nothing about their slopes can be had from their values.
struct Sines {
  static constexpr bool kSlopes = true;
  template <class V>
  struct Choice {};
  template <class Role>
  static constexpr double kFrequency = 1.0 - 0.2 * Role::kPlace;

  template <class Role, class Math, class Unit, class V>
  static V value(Unit& u, int gate, V sum) {
    u.saved[Unit::Kind::kValues + gate] = kFrequency<Role> * std::cos(kFrequency<Role> * sum);
    return u.saved[gate] = std::sin(kFrequency<Role> * sum);
  }
  template <class Role, class Math, class Unit, class V>
  static V times_slope(const Unit& u, int gate, V gradient) {
    return gradient * u.saved[Unit::Kind::kValues + gate];
  }
  template <class Math, class Unit, class V>
  static V output(const Unit&, V c) {
    return std::sin(kFrequency<OutputRole> * c);
  }
  template <class Math, class Unit, class V>
  static V output(const Unit& u, V c, V& gradient) {
    gradient *= kFrequency<OutputRole> * std::cos(kFrequency<OutputRole> * c);
    return output<Math>(u, c);
  }
};

TEST_P(Cells, BackwardIsTheDerivativeOfForwardWithOtherFunctions) {
  visit(variant(), []<class Cell>() { expect_derivatives<typename Cell::template With<Sines>>(); });
}

TEST_P(Cells, TraitsAgreeWithTheCell) {
  const Traits traits = traits_of(variant());
  EXPECT_EQ(traits.sums, traits.gates + (traits.split_gate >= 0 ? 1 : 0));
  EXPECT_EQ(traits.phase_gate[0], 0);
  EXPECT_EQ(traits.phase_gate[traits.phases], traits.gates);
  for (int i = 0; i < traits.peepholes; ++i) EXPECT_LT(traits.peephole_gate[i], traits.gates);
  EXPECT_EQ(traits.recurrent_gates(), traits.recurrent ? traits.gates : 0);
  EXPECT_GE(traits.activations, 1);
  EXPECT_LE(traits.activations, 3);
  EXPECT_LE(traits.slopes, traits.gates);
  EXPECT_LE(traits.nonlinearities, traits.gates + 1);
}

// What kNonlinearities counts.
struct CountingMath {
  static inline int count = 0;
  static double sigmoid(double x) {
    ++count;
    return ScalarMath::sigmoid(x);
  }
  static double tanh(double x) {
    ++count;
    return ScalarMath::tanh(x);
  }
  static double relu(double x) { return ScalarMath::relu(x); }
};

TEST_P(Cells, NonlinearitiesAreCounted) {
  visit(variant(), []<class Cell>() {
    ForwardUnit<Cell, double> unit{};
    CountingMath::count = 0;
    Cell::template forward<0, CountingMath>(unit);
    if constexpr (Cell::kPhases > 1) Cell::template forward<1, CountingMath>(unit);
    EXPECT_EQ(CountingMath::count, Cell::kNonlinearities);
  });
}

// Wrong in every sigmoid as the hardware's tanh makes it, but for a share of a state that is kept.
struct CoarseMath {
  static double sigmoid(double x) { return ScalarMath::sigmoid(x) + 0x1p-12; }
  static double share_kept(double x) { return ScalarMath::sigmoid(x); }
  static double tanh(double x) { return ScalarMath::tanh(x); }
  static double relu(double x) { return ScalarMath::relu(x); }
};

// What a step of a cell without R and peepholes keeps of its state, where all sums have one value.
template <class Cell, class Math>
double share_kept(double sum) {
  const auto state_after = [&](double state) {
    ForwardUnit<Cell, double> unit{};
    for (double& one : unit.sums) one = sum;
    unit.h_prev = unit.c_prev = state;
    Cell::template forward<0, Math>(unit);
    if constexpr (Cell::kPhases > 1) Cell::template forward<1, Math>(unit);
    return Cell::kCellState ? unit.c : unit.h;
  };
  return state_after(1) - state_after(0);
}

// Where a step keeps nearly all of the state, an error that is small beside the share kept is not small beside the
// rest. So the gate that decides says so, whether it is the share or the rest.
TEST_P(Cells, AStateThatIsKeptHasNoErrorOfOtherGates) {
  visit(variant(), []<class Cell>() {
    for (const double sum : {-8.0, 8.0}) {
      const double exact = share_kept<Cell, ScalarMath>(sum);
      if (exact < 0.5) continue;
      // A few roundings of values below 2; 1 - sigmoid(8) is 3e-4.
      EXPECT_NEAR((share_kept<Cell, CoarseMath>(sum)), exact, 1e-15) << sum;
    }
  });
}

// A cell says that it is linear in its state if and only if it is: the values of h at three states in a row lie on
// a line, but for rounding.
TEST_P(Cells, LinearIsWhatIsLinearInTheState) {
  visit(variant(), []<class Cell>() {
    bool linear = !Cell::kCellState;
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
      test::Random random(seed, 2);
      Inputs in{};
      for (double& value : in.values) value = random.symmetric(1.5);
      double h[3];
      for (int i = 0; i < 3; ++i) {
        in.h_prev() = i - 1.0;
        h[i] = forward<Cell>(in).h;
      }
      // A dozen roundings of values below 4.
      linear = linear && std::fabs(h[2] - 2 * h[1] + h[0]) < 1e-14;
    }
    EXPECT_EQ(linear, Cell::kLinear);
  });
}

// The coefficients of a step applied to the state are the cell's own step, bit by bit, from the first step of a
// sequence to the last. They are asked for before the state is known.
template <class Cell>
void expect_coefficients() {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    test::Random random(seed, 3);
    double h = random.symmetric(1.0), scanned = h;
    for (int t = 0; t < 16; ++t) {
      Inputs in{};
      for (double& value : in.values) value = random.symmetric(3.0);
      ForwardUnit<Cell, double> unit{};
      for (int i = 0; i < Cell::kSums; ++i) unit.sums[i] = in.sum(i);
      unit.h_prev = NAN;
      double a = NAN, b = NAN;
      Cell::template coefficients<ScalarMath>(unit, a, b);
      scanned = a * scanned + b;

      in.h_prev() = h;
      const ForwardUnit<Cell, double> stepped = forward<Cell>(in);
      h = stepped.h;
      ASSERT_EQ(scanned, h) << "seed " << seed << " step " << t;
      for (int i = 0; i < Cell::kSaved; ++i) ASSERT_EQ(unit.saved[i], stepped.saved[i]) << i;
    }
  }
}

TEST(LinearCells, CoefficientsGiveTheForwardStep) {
  int linear = 0;
  for (int variant = 0; variant < kVariantCount; ++variant) {
    visit(static_cast<Variant>(variant), [&]<class Cell>() {
      if constexpr (Cell::kLinear) {
        ++linear;
        expect_coefficients<Cell>();
        expect_coefficients<typename Cell::template With<Sines>>();
      }
    });
  }
  EXPECT_GE(linear, 1);
}

TEST_P(Cells, NanPassesThrough) {
  visit(variant(), []<class Cell>() {
    for (int sum = 0; sum < Cell::kSums; ++sum) {
      Inputs in{};
      in.h_prev() = 0.5;
      in.c_prev() = 0.25;
      in.weight(Cell::kGates - 1) = 1;
      in.sum(sum) = NAN;
      EXPECT_TRUE(std::isnan(forward<Cell>(in).h)) << "sum " << sum;
    }
  });
}

INSTANTIATE_TEST_SUITE_P(All, Cells, ::testing::Range(0, kVariantCount));

}  // namespace
}  // namespace recur::cells
