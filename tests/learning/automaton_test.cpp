// Finite-state machines as Elman layers with weights set by hand, right to the last bit over long strings.
//
// One hidden unit (q, a) per transition: on exactly when the machine was in state q and reads symbol a
// (Minsky 1967, Computation: Finite and Infinite Machines, chapter 3). The machine is in state q when one
// of the units whose transition leads to q is on. A layer that starts an episode has no unit on at all, which
// must mean the start state. So no input and no unit marks a start: the weights tell "none is on" from every
// other state.
//
// relu, units are 0 or 1. I_q is the set of units that lead to q, x_a is 1 where the symbol is a:
//
//     q is the start:  a = x_a - sum of the units outside I_q
//     any other q:     a = x_a + sum of the units in I_q - 1
//
// tanh, units are -1 or 1, and 0 at a start. With N units and n = N - |I_q|, the sum
//
//     s_q = n * sum of I_q - |I_q| * sum of the others
//
// is 2n in state q, 0 at a start and -2|I_q| in every other state. A threshold halfway decides, the symbol
// outvotes the state, and the factor makes tanh exactly -1 or 1:
//
//     a = 32 * (s_q - threshold_q + 4N (x_a - 1)),    threshold_q = -|I_q| where q is the start, else n
//
// Every argument is a small whole number, so each sum is exact in any order and any error is an engine's.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <ostream>
#include <string>
#include <tuple>
#include <vector>

#include "engines/engine_run.hpp"
#include "engines/simd_names.hpp"
#include "support/random.hpp"
#include "support/spec_name.hpp"

namespace recur::test {
namespace {

using String = std::vector<int>;

// States and symbols count from 0, state 0 is the start.
struct Machine {
  std::string name;
  int states;
  int symbols;
  std::function<int(int state, int symbol)> next;
  std::function<int(const String&)> meaning;  // the state after a string, without the machine

  int units() const { return states * symbols; }
  int unit(int state, int symbol) const { return state * symbols + symbol; }
  int target(int unit) const { return next(unit / symbols, unit % symbols); }
  int predecessors(int state) const {
    int count = 0;
    for (int u = 0; u < units(); ++u) count += target(u) == state;
    return count;
  }
};

// GoogleTest would print the bytes.
void PrintTo(const Machine& machine, std::ostream* out) { *out << machine.name; }

Machine parity() {
  return {"parity", 2, 2, [](int state, int bit) { return state ^ bit; },
          [](const String& bits) { return static_cast<int>(std::count(bits.begin(), bits.end(), 1) % 2); }};
}

// A binary number, most significant digit first.
Machine remainder_of_7() {
  return {"remainder_of_7", 7, 2, [](int state, int bit) { return (2 * state + bit) % 7; },
          [](const String& bits) {
            std::uint64_t number = 0;
            for (int bit : bits) number = 2 * number + static_cast<std::uint64_t>(bit);
            return static_cast<int>(number % 7);
          }};
}

// How much of "abacab" has just been read (Knuth, Morris & Pratt 1977), letters 0 1 2.
Machine matcher() {
  static const String kPattern = {0, 1, 0, 2, 0, 1};
  const int length = static_cast<int>(kPattern.size());
  String border(kPattern.size() + 1, 0);  // of each prefix: its longest proper prefix that is its suffix
  for (int end = 2; end <= length; ++end) {
    int k = border[end - 1];
    while (k > 0 && kPattern[k] != kPattern[end - 1]) k = border[k];
    border[end] = k + (kPattern[k] == kPattern[end - 1]);
  }
  return {"matcher", length + 1, 3,
          [=](int state, int letter) {
            if (state == length) state = border[state];
            while (state > 0 && kPattern[state] != letter) state = border[state];
            return state + (kPattern[state] == letter);
          },
          [](const String& text) {
            for (std::size_t k = std::min(kPattern.size(), text.size()); k > 0; --k) {
              if (std::equal(text.end() - static_cast<Index>(k), text.end(), kPattern.begin())) {
                return static_cast<int>(k);
              }
            }
            return 0;
          }};
}

// Symbols: 0 counts, 1 waits, 2 starts over.
Machine counter() {
  return {"counter", 5, 3,
          [](int state, int symbol) { return symbol == 2 ? 0 : (state + (symbol == 0)) % 5; },
          [](const String& symbols) {
            const auto since = std::find(symbols.rbegin(), symbols.rend(), 2);
            return static_cast<int>(std::count(symbols.rbegin(), since, 0) % 5);
          }};
}

std::vector<Machine> machines() { return {parity(), remainder_of_7(), matcher(), counter()}; }

TEST(Machines, DoWhatTheirNamesSay) {
  for (const Machine& machine : machines()) {
    const int length = machine.symbols == 2 ? 12 : 8;
    for (int code = 1; code > 0; ++code) {
      String text;  // the digits of `code` after the first one, so that leading zeros count
      for (int rest = code; rest >= machine.symbols; rest /= machine.symbols) {
        text.push_back(rest % machine.symbols);
      }
      if (static_cast<int>(text.size()) > length) break;
      int state = 0;
      for (int symbol : text) state = machine.next(state, symbol);
      ASSERT_EQ(state, machine.meaning(text)) << machine.name << ", string " << code;
    }
  }
}

// One direction of W, R and bW.
template <class Real>
oracle::LayerParameters<Real> layer_of(const Machine& machine, RnnActivation activation, Index directions) {
  const int units = machine.units();
  oracle::LayerParameters<Real> layer;
  for (Index d = 0; d < directions; ++d) {
    for (int u = 0; u < units; ++u) {
      const int state = u / machine.symbols;
      const int inside = machine.predecessors(state);
      const int outside = units - inside;
      const bool relu = activation == RnnActivation::relu;
      const bool start = state == 0;
      const int symbol_weight = relu ? 1 : 32 * 4 * units;
      for (int symbol = 0; symbol < machine.symbols; ++symbol) {
        layer.W.push_back(static_cast<Real>(symbol == u % machine.symbols ? symbol_weight : 0));
      }
      for (int from = 0; from < units; ++from) {
        const bool leads_here = machine.target(from) == state;
        const int relu_weight = start ? (leads_here ? 0 : -1) : (leads_here ? 1 : 0);
        const int tanh_weight = 32 * (leads_here ? outside : -inside);
        layer.R.push_back(static_cast<Real>(relu ? relu_weight : tanh_weight));
      }
      const int threshold = start ? -inside : outside;
      layer.bW.push_back(static_cast<Real>(relu ? (start ? 0 : -1) : -32 * threshold - symbol_weight));
    }
  }
  return layer;
}

constexpr Index kSteps = 10'007;

// The machine's way over one sequence of one direction.
struct Way {
  std::vector<int> units;   // [T], the one that is on; -1 past the end
  std::vector<int> states;  // [T], after the step; -1 past the end
  int last_unit;            // after the last step visited; -1 where none is on
};

// What a problem says in the machine's words; the problem itself is made from it.
struct Script {
  const Machine& machine;
  std::vector<std::int32_t> lengths = {kSteps, 0, kSteps - 1, 1, 5'003, kSteps};
  Index B = static_cast<Index>(lengths.size());
  String symbols = {};                  // [T][B]
  std::vector<std::uint8_t> mask = {};  // [T][B]
  String first_units = {};              // [D][B], what h0 has on; -1: h0 is zero

  Script(const Machine& of, Index directions, Random random) : machine(of) {
    for (Index i = 0; i < kSteps * B; ++i) {
      symbols.push_back(static_cast<int>(random.integer(0, machine.symbols - 1)));
      const bool marked = random.integer(0, i < B ? 1 : 199) == 0;
      mask.push_back(static_cast<std::uint8_t>(marked ? random.integer(1, 255) : 0));
    }
    for (Index i = 0; i < directions * B; ++i) {
      first_units.push_back(static_cast<int>(random.integer(-1, machine.units() - 1)));
    }
  }

  Way way(Index b, bool reverse, Index d) const {
    const Index n = lengths[static_cast<std::size_t>(b)];
    Way result{String(kSteps, -1), String(kSteps, -1), first_units[static_cast<std::size_t>(d * B + b)]};
    int state = result.last_unit < 0 ? 0 : machine.target(result.last_unit);
    for (Index visited = 0; visited < n; ++visited) {
      const Index t = reverse ? n - 1 - visited : visited;
      // An episode of forward starts where the mark is, one of reverse at the step before the next mark.
      const Index mark = reverse ? t + 1 : t;
      if (mark < n && mask[static_cast<std::size_t>(mark * B + b)] != 0) state = 0;
      const int symbol = symbols[static_cast<std::size_t>(t * B + b)];
      result.last_unit = machine.unit(state, symbol);
      state = machine.next(state, symbol);
      result.units[static_cast<std::size_t>(t)] = result.last_unit;
      result.states[static_cast<std::size_t>(t)] = state;
    }
    return result;
  }
};

// Values of the units when `on` is on and, with -1, when none is.
template <class Real>
void append_units(std::vector<Real>& to, int on, int units, Real off) {
  for (int u = 0; u < units; ++u) to.push_back(on < 0 ? Real(0) : u == on ? Real(1) : off);
}

template <class Real>
oracle::Problem<Real> problem_of(const Script& script, const Spec& base, Real off) {
  const Machine& machine = script.machine;
  oracle::Problem<Real> problem;
  problem.spec = base;
  problem.spec.dtype = data_type_of<Real>;
  problem.T = kSteps;
  problem.B = script.B;
  for (int symbol : script.symbols) append_units(problem.x, symbol, machine.symbols, Real(0));
  for (int unit : script.first_units) append_units(problem.h0, unit, machine.units(), off);
  problem.layers.push_back(layer_of<Real>(machine, base.activation, directions_of(base)));
  problem.lengths = script.lengths;
  problem.reset_mask = script.mask;
  return problem;
}

template <class Real>
::testing::AssertionResult simulates(const Script& script, const Spec& spec, const RunOptions& run) {
  const Machine& machine = script.machine;
  const int units = machine.units();
  const Real off = spec.activation == RnnActivation::relu ? Real(0) : Real(-1);
  const oracle::Problem<Real> problem = problem_of<Real>(script, spec, off);
  const oracle::Outputs<Real> out = EngineRun<Real>(problem, Pass::inference, run).forward();

  std::vector<Real> row;
  const Index D = directions_of(spec);
  for (Index d = 0; d < D; ++d) {
    for (Index b = 0; b < script.B; ++b) {
      const Way way = script.way(b, spec.direction == Direction::reverse || d == 1, d);
      const auto place = [&] { return "direction " + std::to_string(d) + ", sequence " + std::to_string(b); };
      for (Index t = 0; t < kSteps; ++t) {
        const auto step = static_cast<std::size_t>(t);
        row.clear();
        append_units(row, way.units[step], units, off);
        const Real* y = out.y.data() + ((t * script.B + b) * D + d) * units;
        if (!std::equal(row.begin(), row.end(), y)) {
          return ::testing::AssertionFailure() << place() << ", step " << t << ": wrong units";
        }
        const Real* on = std::find(y, y + units, Real(1));
        const int state = on == y + units ? -1 : machine.target(static_cast<int>(on - y));
        if (state != way.states[step]) {
          return ::testing::AssertionFailure()
                 << place() << ", step " << t << ": state " << state << ", machine " << way.states[step];
        }
      }
      row.clear();
      append_units(row, way.last_unit, units, off);
      if (!std::equal(row.begin(), row.end(), out.hN.data() + (d * script.B + b) * units)) {
        return ::testing::AssertionFailure() << place() << ": wrong hN";
      }
    }
  }
  return ::testing::AssertionSuccess();
}

using Case = std::tuple<Machine, RnnActivation, Direction>;

class Automaton : public ::testing::TestWithParam<Case> {
 protected:
  template <class Real>
  void run_all() {
    const auto& [machine, activation, direction] = GetParam();
    const Spec spec{.cell = Cell::rnn,
                    .activation = activation,
                    .input_size = machine.symbols,
                    .hidden_size = machine.units(),
                    .direction = direction,
                    .bias = Bias::single,
                    .variable_lengths = true,
                    .reset_mask = true};
    const Script script(machine, directions_of(spec), Random(1));
    std::vector<RunOptions> runs = {{.threads = 2}, {.prepared = true, .layout = Layout::batch_major}};
    for (const std::string& simd : simd_names(spec.dtype)) runs.push_back({.simd = simd});
    for (const RunOptions& run : runs) {
      EXPECT_TRUE(simulates<Real>(script, spec, run))
          << "simd '" << run.simd << "', threads " << run.threads << ", prepared " << run.prepared;
    }
  }
};

TEST_P(Automaton, F32) { run_all<float>(); }
TEST_P(Automaton, F64) { run_all<double>(); }

std::string case_name(const ::testing::TestParamInfo<Case>& instance) {
  const auto& [machine, activation, direction] = instance.param;
  return camel_case(machine.name + "_" + std::string(name_of(activation)) + "_" + direction_name(direction));
}

INSTANTIATE_TEST_SUITE_P(Cpu, Automaton,
                         ::testing::Combine(::testing::ValuesIn(machines()),
                                            ::testing::Values(RnnActivation::relu, RnnActivation::tanh),
                                            ::testing::Values(Direction::forward, Direction::reverse,
                                                              Direction::bidirectional)),
                         case_name);

}  // namespace
}  // namespace recur::test
