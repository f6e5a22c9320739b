// Options::batch_invariant: a sequence's bits do not depend on the rest of the batch, on its place there, on
// threads, on the plan's Shape, on prepared weights, or on being run step by step.
#include <gtest/gtest.h>

#include <numeric>

#include "contract/session.hpp"
#include "support/problem.hpp"
#include "support/spec_name.hpp"

namespace recur::test {
namespace {

// Sequences `which` of [outer][B][columns].
template <class T>
std::vector<T> select(const std::vector<T>& tensor, Index batch, Index columns,
                      const std::vector<Index>& which) {
  std::vector<T> result;
  if (tensor.empty()) return result;
  const Index outer = static_cast<Index>(tensor.size()) / (batch * columns);
  for (Index o = 0; o < outer; ++o) {
    for (Index b : which) {
      const auto begin = tensor.begin() + (o * batch + b) * columns;
      result.insert(result.end(), begin, begin + columns);
    }
  }
  return result;
}

template <class T>
oracle::Problem<T> select(const oracle::Problem<T>& problem, const std::vector<Index>& which) {
  oracle::Problem<T> result = problem;
  result.B = static_cast<Index>(which.size());
  result.x = select(problem.x, problem.B, problem.spec.input_size, which);
  result.h0 = select(problem.h0, problem.B, output_size_of(problem.spec), which);
  result.c0 = select(problem.c0, problem.B, problem.spec.hidden_size, which);
  result.lengths = select(problem.lengths, problem.B, 1, which);
  result.reset_mask = select(problem.reset_mask, problem.B, 1, which);
  return result;
}

// Outputs of a run and the gradients that belong to single sequences.
template <class T>
struct Results {
  Spec spec;
  Index B = 0;
  oracle::Outputs<T> outputs;
  std::vector<T> dx, dh0, dc0;

  Results of(const std::vector<Index>& which) const {
    const Index H = spec.hidden_size;
    const Index P = output_size_of(spec);
    const Index D = directions_of(spec);
    return {spec,
            static_cast<Index>(which.size()),
            {select(outputs.y, B, D * P, which), select(outputs.hN, B, P, which),
             select(outputs.cN, B, H, which), select(outputs.c_sequence, B, D * H, which)},
            select(dx, B, spec.input_size, which),
            select(dh0, B, P, which),
            select(dc0, B, H, which)};
  }
};

template <class T>
void expect_same_bits(const Results<T>& a, const Results<T>& b, const std::string& what) {
  EXPECT_TRUE(same_bits(a.outputs.y, b.outputs.y)) << what << ": y";
  EXPECT_TRUE(same_bits(a.outputs.hN, b.outputs.hN)) << what << ": hN";
  EXPECT_TRUE(same_bits(a.outputs.cN, b.outputs.cN)) << what << ": cN";
  EXPECT_TRUE(same_bits(a.outputs.c_sequence, b.outputs.c_sequence)) << what << ": c_sequence";
  EXPECT_TRUE(same_bits(a.dx, b.dx)) << what << ": dx";
  EXPECT_TRUE(same_bits(a.dh0, b.dh0)) << what << ": dh0";
  EXPECT_TRUE(same_bits(a.dc0, b.dc0)) << what << ": dc0";
}

template <class T>
oracle::OutputGradients<T> select(const oracle::OutputGradients<T>& upstream, const Spec& spec, Index batch,
                                  const std::vector<Index>& which) {
  const Index H = spec.hidden_size;
  const Index P = output_size_of(spec);
  const Index D = directions_of(spec);
  return {select(upstream.dy, batch, D * P, which), select(upstream.dhN, batch, P, which),
          select(upstream.dcN, batch, H, which), select(upstream.dc_sequence, batch, D * H, which)};
}

template <class T>
Results<T> run(const oracle::Problem<T>& problem, const oracle::OutputGradients<T>& upstream, int threads,
               const Shape& spare = {0, 0}, int* used = nullptr) {
  Session<T> session(problem, {.pass = Pass::training, .threads = threads, .batch_invariant = true},
                     {problem.T + spare.steps, problem.B + spare.batch});
  if (used != nullptr) *used = session.plan.threads();
  session.set_upstream(upstream);
  session.forward();
  session.backward();
  return {problem.spec,         problem.B,           session.outputs(), session.dx.vector(),
          session.dh0.vector(), session.dc0.vector()};
}

std::vector<Index> all_of(Index batch) {
  std::vector<Index> which(static_cast<std::size_t>(batch));
  std::iota(which.begin(), which.end(), Index(0));
  return which;
}

class Invariance : public ::testing::TestWithParam<Spec> {
 protected:
  Spec sized(const SharedWork& sizes, Direction direction = Direction::forward) const {
    Spec spec = GetParam();
    spec.input_size = 7;  // not a whole vector
    set_hidden(spec, sizes.H);
    spec.direction = direction;
    spec.cell_sequence = spec.cell == Cell::lstm;
    return spec;
  }

  // Alone, in batches of other sizes and at other places, with 1 to 4 threads, under a larger plan.
  template <class T>
  void expect_invariant(Spec spec, const SharedWork& sizes, int most_threads) {
    spec.dtype = storage_type<T>;
    const auto problem = oracle::convert<T>(random_problem(spec, sizes.T, sizes.B, 1));
    const auto upstream = oracle::convert<T>(random_output_gradients(spec, sizes.T, sizes.B, 2));
    const Results<T> whole = run(problem, upstream, 1);
    const auto run_some = [&](const std::vector<Index>& which, int threads, const Shape& spare = {0, 0}) {
      return run(select(problem, which), select(upstream, spec, sizes.B, which), threads, spare);
    };

    int most_used = 1;
    for (int threads = 2; threads <= 4; ++threads) {
      int used = 0;
      expect_same_bits(run(problem, upstream, threads, {0, 0}, &used), whole,
                       "threads " + std::to_string(threads));
      most_used = std::max(most_used, used);
    }
    EXPECT_GE(most_used, most_threads) << "sizes too small to say anything about threads";

    for (Index b = 0; b < sizes.B; ++b) {
      const std::vector<Index> alone = {b};
      expect_same_bits(run_some(alone, 1), whole.of(alone), "alone " + std::to_string(b));
    }
    // Under the plan of the whole batch: the same tiling, other T and B.
    const std::vector<Index> some = {sizes.B - 1, 0, sizes.B / 2};
    expect_same_bits(run_some({0}, 4, {3, sizes.B - 1}), whole.of({0}), "one under a larger plan");
    expect_same_bits(run_some(some, 1, {2, 5}), whole.of(some), "three under a larger plan");
    std::vector<Index> reversed = all_of(sizes.B);
    std::reverse(reversed.begin(), reversed.end());
    expect_same_bits(run_some(reversed, 2), whole.of(reversed), "in another order");
  }
};

// Batch groups: 25 rows are one more than a tile of rows, and do not divide by 2, 3 or 4.
TEST_P(Invariance, ManySequences) {
  const SharedWork sizes = batch_groups(GetParam());
  expect_invariant<float>(sized(sizes), sizes, 2);
}

TEST_P(Invariance, ManySequencesInF64) {
  const SharedWork sizes = batch_groups(GetParam());
  expect_invariant<double>(sized(sizes), sizes, 2);
}

TEST_P(Invariance, ManySequencesInBf16) {
  const SharedWork sizes = batch_groups(GetParam());
  expect_invariant<Bf16>(sized(sizes), sizes, 2);
}

TEST_P(Invariance, UnitGroups) {
  const SharedWork sizes = unit_groups(GetParam());
  expect_invariant<float>(sized(sizes), sizes, 2);
  expect_invariant<double>(sized(sizes), sizes, 2);
  expect_invariant<Bf16>(sized(sizes), sizes, 2);
}

// Sequences of their own lengths with marks, stacked, in both directions.
TEST_P(Invariance, RaggedSequencesInAStack) {
  const SharedWork sizes = all_groups(GetParam());
  Spec spec = sized(sizes, Direction::bidirectional);
  spec.layers = 2;
  spec.variable_lengths = true;
  spec.reset_mask = true;
  expect_invariant<float>(spec, sizes, 4);
  expect_invariant<Bf16>(spec, sizes, 4);
}

// Where tiles end: one unit, one below, at and above a vector of each instruction set, and a batch around
// the heights of tiles.
TEST_P(Invariance, TileEdges) {
  for (Index hidden : {1, 3, 4, 5, 15, 16, 17, 31, 32, 33}) {
    for (Index batch : {2, 9}) {
      SCOPED_TRACE("H=" + std::to_string(hidden) + " B=" + std::to_string(batch));
      const SharedWork sizes{3, batch, hidden};
      expect_invariant<float>(sized(sizes), sizes, 1);
      expect_invariant<double>(sized(sizes), sizes, 1);
      expect_invariant<Bf16>(sized(sizes), sizes, 1);
    }
  }
}

// Fifty steps by calls of one step, through forward and through step(), canonical and prepared.
template <class T>
void expect_streaming(Spec spec, Layout layout) {
  constexpr Index kSteps = 50, kBatch = 3;
  spec.dtype = storage_type<T>;
  spec.layers = 2;
  const auto problem = oracle::convert<T>(random_problem(spec, kSteps, kBatch, 1));
  Session<T> at_once(problem, {.batch_invariant = true});
  at_once.forward();
  const oracle::Outputs<T> expected = at_once.outputs();

  oracle::Problem<T> first = problem;
  first.T = 1;
  const auto row = static_cast<std::ptrdiff_t>(kBatch * spec.input_size);
  first.x.resize(static_cast<std::size_t>(row));
  spec.layout = layout;
  first.spec = spec;
  for (const Shape& shape : {Shape{1, kBatch}, Shape{kSteps, kBatch + 4}}) {
    for (bool prepared : {false, true}) {
      for (bool by_step : {false, true}) {
        if (!by_step && layout == Layout::batch_major) continue;  // Session's views are time-major
        SCOPED_TRACE(std::string(prepared ? "prepared " : "canonical ") + (by_step ? "step" : "forward"));
        Session<T> session(first, {.batch_invariant = true}, shape);
        session.prepare();
        session.forward_args.hN = session.h_state(session.h0);
        session.forward_args.cN = session.c_state(session.c0);
        StepArgs step_args;
        step_args.x = ConstTensorView(session.x.data(), storage_type<T>, {kBatch, spec.input_size});
        step_args.y = TensorView(session.y.data(), storage_type<T>, {kBatch, output_size_of(spec)});
        step_args.h = session.h_state(session.h0);
        step_args.c = session.c_state(session.c0);
        std::vector<T> y, c_sequence;
        for (Index t = 0; t < kSteps; ++t) {
          std::copy_n(problem.x.begin() + t * row, row, session.x.data());
          if (by_step) {
            const Weights weights = prepared ? Weights(session.prepared)
                                             : Weights(std::span<const LayerWeights>(session.weights));
            step(session.plan, session.context, Stream(), weights, step_args, session.workspace.bytes());
          } else if (prepared) {
            session.forward_prepared();
          } else {
            session.forward();
          }
          const std::vector<T> y_t = session.y.vector();
          const std::vector<T> c_t = session.c_sequence.vector();
          y.insert(y.end(), y_t.begin(), y_t.end());
          c_sequence.insert(c_sequence.end(), c_t.begin(), c_t.end());
        }
        EXPECT_TRUE(same_bits(y, expected.y));
        EXPECT_TRUE(same_bits(session.h0.vector(), expected.hN));
        EXPECT_TRUE(same_bits(session.c0.vector(), expected.cN));
        EXPECT_TRUE(by_step || same_bits(c_sequence, expected.c_sequence));
      }
    }
  }
}

TEST_P(Invariance, StreamingIsOneForward) {
  for (Index hidden : {5, 19, 64}) {  // below a vector, ragged, whole panels
    Spec spec = sized({0, 0, hidden});
    spec.cell_sequence = false;
    expect_streaming<float>(spec, Layout::time_major);
    expect_streaming<double>(spec, Layout::batch_major);
    // c is f32 within a call and rounded between calls.
    if (spec.cell != Cell::lstm) expect_streaming<Bf16>(spec, Layout::time_major);
  }
}

// Several calls that hand their states on, some steps each: forward only, for reverse starts at the end.
TEST_P(Invariance, WindowsAreOneForward) {
  const SharedWork sizes = batch_groups(GetParam());
  Spec spec = sized({0, 0, sizes.H});
  const auto problem = oracle::convert<float>(random_problem(spec, 12, 4, 1));
  Session<float> at_once(problem, {.batch_invariant = true});
  at_once.forward();
  oracle::Problem<float> window = problem;
  std::vector<float> y;
  Index begin = 0;
  for (Index steps : {1, 4, 5, 2}) {
    window.T = steps;
    const Index row = problem.B * spec.input_size;
    window.x.assign(problem.x.begin() + begin * row, problem.x.begin() + (begin + steps) * row);
    Session<float> part(window, {.batch_invariant = true});
    part.forward();
    window.h0 = part.hN.vector();
    window.c0 = part.cN.vector();
    const std::vector<float> y_part = part.y.vector();
    y.insert(y.end(), y_part.begin(), y_part.end());
    begin += steps;
  }
  EXPECT_TRUE(same_bits(y, at_once.y.vector()));
  EXPECT_TRUE(same_bits(window.h0, at_once.hN.vector()));
  EXPECT_TRUE(same_bits(window.c0, at_once.cN.vector()));
}

TEST_P(Invariance, PreparedWeightsGiveTheBitsOfCanonicalOnes) {
  const SharedWork sizes = all_groups(GetParam());
  for (int threads : {1, 4}) {
    for (bool batch_invariant : {false, true}) {
      Spec spec = sized(sizes, Direction::bidirectional);
      spec.layers = 2;
      const auto problem = oracle::convert<float>(random_problem(spec, sizes.T, sizes.B, 1));
      Session<float> session(problem, {.threads = threads, .batch_invariant = batch_invariant});
      ASSERT_EQ(session.plan.threads(), threads);
      session.forward();
      const auto canonical = session.outputs();
      session.poison_outputs();
      session.prepare();
      session.forward_prepared();
      EXPECT_TRUE(same_bits(session.outputs(), canonical)) << "threads " << threads;
    }
  }
}

// The CPU engine has one way to form products: a plan that need not keep bits for the batch keeps them too,
// those of single sequences and the sums over all.
template <class T>
void expect_same_without_the_option(Spec spec, const SharedWork& sizes, int threads) {
  spec.dtype = storage_type<T>;
  const auto problem = oracle::convert<T>(random_problem(spec, sizes.T, sizes.B, 1));
  const auto upstream = oracle::convert<T>(random_output_gradients(spec, sizes.T, sizes.B, 2));
  const auto results = [&](bool batch_invariant, int count) {
    Session<T> session(problem,
                       {.pass = Pass::training, .threads = count, .batch_invariant = batch_invariant});
    session.set_upstream(upstream);
    session.forward();
    session.backward();
    return std::pair(session.outputs(), session.all_gradients());
  };
  const auto expected = results(true, 1);
  for (const int count : {1, threads}) {
    const auto got = results(false, count);
    EXPECT_TRUE(same_bits(got.first, expected.first)) << count << " threads";
    EXPECT_TRUE(same_bits(got.second, expected.second)) << count << " threads";
  }
}

TEST_P(Invariance, IsThereWithoutTheOption) {
  SharedWork sizes = all_groups(GetParam());
  sizes.T = 220;  // several chunks of the gradients of weights
  Spec spec = sized(sizes, Direction::bidirectional);
  spec.layers = 2;
  spec.variable_lengths = true;
  spec.reset_mask = true;
  expect_same_without_the_option<float>(spec, sizes, 4);
  expect_same_without_the_option<double>(spec, sizes, 4);
  expect_same_without_the_option<Bf16>(spec, sizes, 4);
}

INSTANTIATE_TEST_SUITE_P(Cpu, Invariance, ::testing::ValuesIn(cells_of_each_kind()),
                         [](const auto& instance) { return camel_case(cell_name(instance.param)); });

}  // namespace
}  // namespace recur::test
