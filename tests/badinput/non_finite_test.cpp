// NaN and infinities pass through: they reach what the equations say and nothing else. The oracle says what
// they reach; everything else must have the bits of a run on clean data.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>

#include "engines/engine_run.hpp"
#include "oracle/backward.hpp"
#include "oracle/oracle.hpp"
#include "support/problem.hpp"
#include "support/same_bits.hpp"
#include "support/spec_name.hpp"

namespace recur::test {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInf = std::numeric_limits<float>::infinity();

// Several rows in one tile of the product, a ragged vector, steps before and after the spoilt one.
constexpr Index kT = 6;
constexpr Index kB = 5;
constexpr Index kI = 3;
constexpr Index kH = 19;

Spec sized(Spec spec, Direction direction = Direction::forward, Index layers = 1) {
  spec.input_size = kI;
  set_hidden(spec, kH);
  spec.direction = direction;
  spec.layers = layers;
  spec.cell_sequence = spec.cell == Cell::lstm;
  return spec;
}

std::string kind(double value) {
  return std::isnan(value) ? "NaN" : std::isinf(value) ? (value > 0 ? "+Inf" : "-Inf") : "finite";
}

// To the bit, of numbers that are not NaN.
template <class T>
bool same(T a, T b) {
  return a == b && std::signbit(a) == std::signbit(b);
}

// docs/equations.md gives relu no slope at NaN: the oracle takes 0, the engine 1 (kernels/cells/unit.cuh).
bool has_slope_at_nan(const Spec& spec) {
  return spec.cell != Cell::rnn || spec.activation != RnnActivation::relu;
}

// Where the oracle's value is not finite the engine's is the same; where the oracle gives what it gives for
// clean data, so does the engine, bit for bit.
template <class T>
void expect_same_reach(const char* name, const std::vector<double>& oracle,
                       const std::vector<double>& clean_oracle, const std::vector<T>& engine,
                       const std::vector<T>& clean_engine) {
  ASSERT_EQ(oracle.size(), engine.size()) << name;
  int wrong = 0;
  for (std::size_t i = 0; i < oracle.size() && wrong < 5; ++i) {
    if (kind(oracle[i]) != kind(static_cast<double>(engine[i]))) {
      ADD_FAILURE() << name << "[" << i << "]: oracle " << oracle[i] << ", engine " << engine[i];
      ++wrong;
    } else if (oracle[i] == clean_oracle[i] && !same(engine[i], clean_engine[i])) {
      ADD_FAILURE() << name << "[" << i << "]: " << engine[i] << ", on clean data " << clean_engine[i];
      ++wrong;
    }
  }
}

template <class T>
void expect_same_reach(const oracle::Outputs<double>& oracle, const oracle::Outputs<double>& clean_oracle,
                       const oracle::Outputs<T>& engine, const oracle::Outputs<T>& clean_engine) {
  expect_same_reach("y", oracle.y, clean_oracle.y, engine.y, clean_engine.y);
  expect_same_reach("hN", oracle.hN, clean_oracle.hN, engine.hN, clean_engine.hN);
  expect_same_reach("cN", oracle.cN, clean_oracle.cN, engine.cN, clean_engine.cN);
  expect_same_reach("c_sequence", oracle.c_sequence, clean_oracle.c_sequence, engine.c_sequence,
                    clean_engine.c_sequence);
}

template <class T>
void expect_same_reach(const oracle::Gradients<double>& oracle, const oracle::Gradients<double>& clean_oracle,
                       const oracle::Gradients<T>& engine, const oracle::Gradients<T>& clean_engine) {
  expect_same_reach("dx", oracle.dx, clean_oracle.dx, engine.dx, clean_engine.dx);
  expect_same_reach("dh0", oracle.dh0, clean_oracle.dh0, engine.dh0, clean_engine.dh0);
  expect_same_reach("dc0", oracle.dc0, clean_oracle.dc0, engine.dc0, clean_engine.dc0);
  for (std::size_t l = 0; l < oracle.layers.size(); ++l) {
    const auto& o = oracle.layers[l];
    const auto& co = clean_oracle.layers[l];
    const auto& e = engine.layers[l];
    const auto& ce = clean_engine.layers[l];
    expect_same_reach("dW", o.W, co.W, e.W, ce.W);
    expect_same_reach("dR", o.R, co.R, e.R, ce.R);
    expect_same_reach("dbW", o.bW, co.bW, e.bW, ce.bW);
    expect_same_reach("dbR", o.bR, co.bR, e.bR, ce.bR);
    expect_same_reach("dpeephole", o.peephole, co.peephole, e.peephole, ce.peephole);
    expect_same_reach("dprojection", o.projection, co.projection, e.projection, ce.projection);
  }
}

// Runs a problem clean and spoilt, on the engine and on the oracle.
template <class T>
class Spoilt {
 public:
  Spoilt(const Spec& spec, Pass pass, const RunOptions& run)
      : clean_(typed(spec)), problem_(clean_), pass_(pass), run_(run) {}
  oracle::Problem<T>& problem() { return problem_; }

  void expect_reach(bool gradients = false) {
    const auto exact_clean = oracle::convert<double>(clean_);
    const auto exact = oracle::convert<double>(problem_);
    const auto oracle_clean = oracle::forward(exact_clean);
    const auto oracle = oracle::forward(exact);
    EngineRun<T> engine_clean(clean_, pass_, run_);
    EngineRun<T> engine(problem_, pass_, run_);
    expect_same_reach(oracle, oracle_clean, engine.forward(), engine_clean.forward());
    if (!gradients) return;
    const auto upstream = random_output_gradients(problem_.spec, problem_.T, problem_.B, 7);
    const auto typed_upstream = oracle::convert<T>(upstream);
    expect_same_reach(oracle::backward(exact, oracle, upstream),
                      oracle::backward(exact_clean, oracle_clean, upstream), engine.backward(typed_upstream),
                      engine_clean.backward(typed_upstream));
  }

 private:
  static oracle::Problem<T> typed(Spec spec) {
    spec.dtype = data_type_of<T>;
    return oracle::convert<T>(random_problem(spec, kT, kB, 3));
  }

  oracle::Problem<T> clean_;
  oracle::Problem<T> problem_;
  Pass pass_;
  RunOptions run_;
};

class NonFinite : public ::testing::TestWithParam<Spec> {
 protected:
  // With the option that promises bits, and without.
  template <class F>
  void each_run(F&& f) {
    for (bool batch_invariant : {false, true}) {
      SCOPED_TRACE(batch_invariant ? "batch invariant" : "plain");
      f(RunOptions{.batch_invariant = batch_invariant});
    }
  }
};

TEST_P(NonFinite, OneInputReachesItsSequenceFromItsStepOn) {
  each_run([](const RunOptions& run) {
    for (Direction direction : {Direction::forward, Direction::reverse, Direction::bidirectional}) {
      for (float value : {kNan, kInf, -kInf}) {
        SCOPED_TRACE(kind(value) + " " + direction_name(direction));
        Spoilt<float> spoilt(sized(GetParam(), direction), Pass::inference, run);
        spoilt.problem().x[static_cast<std::size_t>((2 * kB + 3) * kI + 1)] = value;
        spoilt.expect_reach();
      }
    }
  });
}

// The same said without the oracle, so that both cannot be wrong together.
TEST_P(NonFinite, OtherSequencesAndEarlierStepsKeepTheirBits) {
  each_run([](const RunOptions& run) {
    Spec spec = sized(GetParam());
    spec.dtype = DataType::f32;
    const Index P = output_size_of(spec);
    const auto clean = oracle::convert<float>(random_problem(spec, kT, kB, 3));
    auto problem = clean;
    problem.x[static_cast<std::size_t>((2 * kB + 3) * kI + 1)] = kNan;
    const auto expected = EngineRun<float>(clean, Pass::inference, run).forward();
    const auto got = EngineRun<float>(problem, Pass::inference, run).forward();
    for (Index t = 0; t < kT; ++t) {
      for (Index b = 0; b < kB; ++b) {
        for (Index j = 0; j < P; ++j) {
          const auto i = static_cast<std::size_t>((t * kB + b) * P + j);
          if (b == 3 && t >= 2) {
            EXPECT_TRUE(std::isnan(got.y[i])) << t << " " << j;
          } else {
            EXPECT_EQ(got.y[i], expected.y[i]) << t << " " << b << " " << j;
          }
        }
      }
    }
  });
}

TEST_P(NonFinite, DoublePrecision) {
  each_run([](const RunOptions& run) {
    Spoilt<double> spoilt(sized(GetParam(), Direction::bidirectional), Pass::training, run);
    spoilt.problem().x[static_cast<std::size_t>((2 * kB + 3) * kI + 1)] = static_cast<double>(kNan);
    spoilt.expect_reach(has_slope_at_nan(GetParam()));
  });
}

TEST_P(NonFinite, InitialStates) {
  each_run([](const RunOptions& run) {
    for (float value : {kNan, kInf}) {
      SCOPED_TRACE(kind(value));
      Spoilt<float> h0(sized(GetParam(), Direction::forward, 2), Pass::inference, run);
      const Index P = output_size_of(h0.problem().spec);
      h0.problem().h0[static_cast<std::size_t>((1 * kB + 3) * P - 1)] = value;  // layer 1, the last element
      h0.expect_reach();
      if (!has_cell_state(GetParam())) continue;
      Spoilt<float> c0(sized(GetParam(), Direction::forward, 2), Pass::inference, run);
      c0.problem().c0[static_cast<std::size_t>((0 * kB + 4) * kH)] = value;  // layer 0, the first unit
      c0.expect_reach();
    }
  });
}

TEST_P(NonFinite, Weights) {
  each_run([](const RunOptions& run) {
    for (float value : {kNan, kInf}) {
      for (const char* which : {"W", "R", "bW", "bR", "peephole"}) {
        SCOPED_TRACE(kind(value) + " in " + which);
        Spoilt<float> spoilt(sized(GetParam()), Pass::inference, run);
        auto& layer = spoilt.problem().layers[0];
        const std::string name = which;
        auto& tensor = name == "W"    ? layer.W
                       : name == "R"  ? layer.R
                       : name == "bW" ? layer.bW
                       : name == "bR" ? layer.bR
                                      : layer.peephole;
        if (tensor.empty()) continue;
        tensor[tensor.size() / 2] = value;
        spoilt.expect_reach();
      }
    }
  });
}

// A mark lets the sequence begin anew, so the step before it is forgotten, whatever it was.
TEST_P(NonFinite, AnEpisodeForgetsWhatWasBefore) {
  each_run([](const RunOptions& run) {
    for (Direction direction : {Direction::forward, Direction::reverse}) {
      Spec spec = sized(GetParam(), direction);
      spec.reset_mask = true;
      Spoilt<float> spoilt(spec, Pass::training, run);
      spoilt.problem().reset_mask.assign(static_cast<std::size_t>(kT * kB), 0);
      spoilt.problem().reset_mask[static_cast<std::size_t>(4 * kB + 3)] = 1;
      Spoilt<float> marked(spec, Pass::training, run);
      marked.problem() = spoilt.problem();
      const Index t = direction == Direction::forward ? 3 : 4;
      spoilt.problem().x[static_cast<std::size_t>((t * kB + 3) * kI)] = kNan;

      const auto clean = EngineRun<float>(marked.problem(), Pass::training, run).forward();
      const auto got = EngineRun<float>(spoilt.problem(), Pass::training, run).forward();
      const auto oracle = oracle::forward(oracle::convert<double>(spoilt.problem()));
      const auto oracle_clean = oracle::forward(oracle::convert<double>(marked.problem()));
      expect_same_reach(oracle, oracle_clean, got, clean);
      const Index P = output_size_of(spec);
      for (Index j = 0; j < P; ++j) {
        const auto i = static_cast<std::size_t>(((direction == Direction::forward ? 4 : 3) * kB + 3) * P + j);
        EXPECT_EQ(got.y[i], clean.y[i]) << "the new episode saw the old one";
      }
    }
  });
}

// f(first element, columns) of every row past the end of a tensor [T][B][columns].
template <class T, class F>
void each_row_past_the_end(const oracle::Problem<T>& problem, std::vector<T>& tensor, F&& f) {
  const Index columns = static_cast<Index>(tensor.size()) / (problem.T * problem.B);
  for (Index t = 0; t < problem.T; ++t) {
    for (Index b = 0; b < problem.B; ++b) {
      if (t < problem.lengths[static_cast<std::size_t>(b)]) continue;
      f(std::span(tensor).subspan(static_cast<std::size_t>((t * problem.B + b) * columns),
                                  static_cast<std::size_t>(columns)),
        b);
    }
  }
}

template <class T>
void expect_same_outputs(const oracle::Outputs<T>& got, const oracle::Outputs<T>& expected) {
  EXPECT_TRUE(same_bits(got.y, expected.y)) << "y";
  EXPECT_TRUE(same_bits(got.hN, expected.hN)) << "hN";
  EXPECT_TRUE(same_bits(got.cN, expected.cN)) << "cN";
  EXPECT_TRUE(same_bits(got.c_sequence, expected.c_sequence)) << "c_sequence";
}

template <class T>
void expect_same_finite_weight_gradients(const oracle::Gradients<T>& got,
                                         const oracle::Gradients<T>& expected) {
  for (std::size_t l = 0; l < got.layers.size(); ++l) {
    SCOPED_TRACE("layer " + std::to_string(l));
    EXPECT_TRUE(same_bits(got.layers[l].W, expected.layers[l].W)) << "dW";
    EXPECT_TRUE(same_bits(got.layers[l].R, expected.layers[l].R)) << "dR";
    EXPECT_TRUE(same_bits(got.layers[l].bW, expected.layers[l].bW)) << "dbW";
    EXPECT_TRUE(same_bits(got.layers[l].bR, expected.layers[l].bR)) << "dbR";
    EXPECT_TRUE(same_bits(got.layers[l].peephole, expected.layers[l].peephole)) << "dpeephole";
    EXPECT_TRUE(same_bits(got.layers[l].projection, expected.layers[l].projection)) << "dprojection";
    const auto& layer = got.layers[l];
    for (const auto* tensor :
         {&layer.W, &layer.R, &layer.bW, &layer.bR, &layer.peephole, &layer.projection}) {
      for (const T value : *tensor) ASSERT_TRUE(std::isfinite(static_cast<double>(value)));
    }
  }
}

// Several rows of W x in one chunk of time, and several blocks of dx and chunks of the gradients of weights.
constexpr Index kLongT = 90;
constexpr Index kLongB = 7;

template <class T>
oracle::Problem<T> problem_with_ends(Spec spec, Index steps, Index batch) {
  spec.variable_lengths = true;
  spec.dtype = storage_type<T>;
  auto problem = oracle::convert<T>(random_problem(spec, steps, batch, 5));
  for (Index b = 0; b < batch; ++b) {
    // All there are, most, none, one.
    const std::int64_t lengths[] = {steps, steps - 2, 0, 1, steps / 2};
    problem.lengths[static_cast<std::size_t>(b)] = static_cast<std::int32_t>(lengths[(b + 1) % 5]);
  }
  return problem;
}

// Whatever stands past a sequence's end in x and in the gradients of outputs influences nothing: no output,
// no gradient, dW included. What passes between layers and passes there is ours, and as poisoned as any
// memory.
template <class T>
void expect_nothing_is_read_past_the_end(const Spec& spec, const RunOptions& run, Index steps, Index batch) {
  const auto clean = problem_with_ends<T>(spec, steps, batch);
  const auto upstream = oracle::convert<T>(random_output_gradients(clean.spec, steps, batch, 6));
  auto problem = clean;
  auto spoilt_upstream = upstream;
  each_row_past_the_end(clean, problem.x, [](std::span<T> row, Index b) {
    std::ranges::fill(row, T(b % 2 == 0 ? kNan : kInf));
  });
  for (std::vector<T>* tensor : {&spoilt_upstream.dy, &spoilt_upstream.dc_sequence})
    each_row_past_the_end(clean, *tensor, [](std::span<T> row, Index) { std::ranges::fill(row, T(kNan)); });
  EngineRun<T> engine_clean(clean, Pass::training, run);
  EngineRun<T> engine(problem, Pass::training, run);
  expect_same_outputs(engine.forward(), engine_clean.forward());
  const auto expected = engine_clean.backward(upstream);
  auto gradients = engine.backward(spoilt_upstream);
  EXPECT_TRUE(same_bits(gradients.dx, expected.dx)) << "dx";
  EXPECT_TRUE(same_bits(gradients.dh0, expected.dh0)) << "dh0";
  EXPECT_TRUE(same_bits(gradients.dc0, expected.dc0)) << "dc0";
  expect_same_finite_weight_gradients(gradients, expected);
  for (const T value : gradients.dh0) ASSERT_TRUE(std::isfinite(static_cast<double>(value))) << "dh0";
  each_row_past_the_end(clean, gradients.dx, [](std::span<T> row, Index) {
    for (const T value : row) ASSERT_EQ(value, T(0)) << "dx past the end";
  });
}

template <class F>
void each_ending_run(const Spec& cell, const RunOptions& given, F&& f) {
  for (Direction direction : {Direction::forward, Direction::reverse, Direction::bidirectional}) {
    for (Layout layout : {Layout::time_major, Layout::batch_major}) {
      SCOPED_TRACE(direction_name(direction) + " " + std::string(name_of(layout)));
      RunOptions run = given;
      run.layout = layout;
      f(sized(cell, direction, 2), run);
    }
  }
}

TEST_P(NonFinite, PastTheEndNothingIsRead) {
  each_run([](const RunOptions& given) {
    each_ending_run(GetParam(), given, [](const Spec& spec, const RunOptions& run) {
      expect_nothing_is_read_past_the_end<float>(spec, run, kT, kB);
      expect_nothing_is_read_past_the_end<double>(spec, run, kT, kB);
      expect_nothing_is_read_past_the_end<Bf16>(spec, run, kT, kB);
    });
  });
}

TEST_P(NonFinite, PastTheEndOfLongSequencesNothingIsRead) {
  each_ending_run(GetParam(), {.threads = 2}, [](const Spec& spec, const RunOptions& run) {
    expect_nothing_is_read_past_the_end<float>(spec, run, kLongT, kLongB);
    expect_nothing_is_read_past_the_end<double>(spec, run, kLongT, kLongB);
    expect_nothing_is_read_past_the_end<Bf16>(spec, run, kLongT, kLongB);
  });
}

// The state of a sequence without a step goes through, whatever it is, and takes part in no sum.
template <class T>
void expect_empty_sequences_stand_apart(const Spec& spec, const RunOptions& run) {
  const auto clean = problem_with_ends<T>(spec, kT, kB);
  const auto upstream = oracle::convert<T>(random_output_gradients(clean.spec, kT, kB, 6));
  auto problem = clean;
  auto spoilt_upstream = upstream;
  const Index P = output_size_of(clean.spec);
  const auto is_empty = [&](Index b) { return clean.lengths[static_cast<std::size_t>(b)] == 0; };
  const auto spoil = [&](std::vector<T>& states, Index columns) {  // [L][D][B][columns]
    for (std::size_t i = 0; i < states.size(); ++i) {
      if (is_empty(static_cast<Index>(i) / columns % kB)) states[i] = T(kNan);
    }
  };
  spoil(problem.h0, P);
  spoil(problem.c0, kH);
  spoil(spoilt_upstream.dhN, P);
  spoil(spoilt_upstream.dcN, kH);
  EngineRun<T> engine_clean(clean, Pass::training, run);
  EngineRun<T> engine(problem, Pass::training, run);
  const auto expected = engine_clean.forward();
  const auto got = engine.forward();
  const auto expected_gradients = engine_clean.backward(upstream);
  const auto gradients = engine.backward(spoilt_upstream);
  EXPECT_TRUE(same_bits(got.y, expected.y)) << "y";
  EXPECT_TRUE(same_bits(got.c_sequence, expected.c_sequence)) << "c_sequence";
  EXPECT_TRUE(same_bits(gradients.dx, expected_gradients.dx)) << "dx";
  expect_same_finite_weight_gradients(gradients, expected_gradients);
  const auto expect_states = [&](const char* name, const std::vector<T>& a, const std::vector<T>& b,
                                 Index columns) {
    for (std::size_t i = 0; i < a.size(); ++i) {
      if (is_empty(static_cast<Index>(i) / columns % kB)) {
        EXPECT_TRUE(std::isnan(static_cast<double>(a[i]))) << name << " " << i;
      } else {
        EXPECT_EQ(a[i], b[i]) << name << " " << i;
      }
    }
  };
  expect_states("hN", got.hN, expected.hN, P);
  expect_states("cN", got.cN, expected.cN, kH);
  expect_states("dh0", gradients.dh0, expected_gradients.dh0, P);
  expect_states("dc0", gradients.dc0, expected_gradients.dc0, kH);
}

TEST_P(NonFinite, EmptySequencesStandApart) {
  each_ending_run(GetParam(), {}, [](const Spec& spec, const RunOptions& run) {
    expect_empty_sequences_stand_apart<float>(spec, run);
    expect_empty_sequences_stand_apart<double>(spec, run);
    expect_empty_sequences_stand_apart<Bf16>(spec, run);
  });
}

// Gradients of a spoilt run: the sequence's own, and the sums over sequences that take part in it.
TEST_P(NonFinite, Gradients) {
  each_run([](const RunOptions& run) {
    Spoilt<float> spoilt(sized(GetParam(), Direction::forward, 2), Pass::training, run);
    spoilt.problem().x[static_cast<std::size_t>((2 * kB + 3) * kI + 1)] = kNan;
    spoilt.expect_reach(has_slope_at_nan(GetParam()));
  });
}

// Said without the oracle: what belongs to one sequence alone.
TEST_P(NonFinite, GradientsOfOtherSequencesKeepTheirBits) {
  each_run([](const RunOptions& run) {
    Spec spec = sized(GetParam());
    spec.dtype = DataType::f32;
    const auto clean = oracle::convert<float>(random_problem(spec, kT, kB, 3));
    const auto upstream = oracle::convert<float>(random_output_gradients(spec, kT, kB, 7));
    auto problem = clean;
    problem.x[static_cast<std::size_t>((2 * kB + 3) * kI + 1)] = kNan;
    EngineRun<float> engine_clean(clean, Pass::training, run);
    EngineRun<float> engine(problem, Pass::training, run);
    engine_clean.forward();
    engine.forward();
    const auto expected = engine_clean.backward(upstream);
    const auto got = engine.backward(upstream);
    const auto compare = [&](const char* name, const std::vector<float>& a, const std::vector<float>& b,
                             Index columns) {
      for (std::size_t i = 0; i < a.size(); ++i) {
        if (static_cast<Index>(i) / columns % kB == 3) continue;
        EXPECT_EQ(a[i], b[i]) << name << " " << i;
      }
    };
    compare("dx", got.dx, expected.dx, kI);
    compare("dh0", got.dh0, expected.dh0, output_size_of(spec));
    compare("dc0", got.dc0, expected.dc0, kH);
  });
}

INSTANTIATE_TEST_SUITE_P(Cpu, NonFinite, ::testing::ValuesIn(all_cells_and_projections()),
                         [](const auto& instance) { return camel_case(cell_name(instance.param)); });

}  // namespace
}  // namespace recur::test
