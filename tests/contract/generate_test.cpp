// generate(): layers that are fed their own output. On every device.
#include <cmath>
#include <optional>

#include "contract/session.hpp"
#include "engines/device_test.hpp"
#include "engines/judge.hpp"
#include "recur/graph.hpp"
#include "support/problem.hpp"

namespace recur::test {
namespace {

// Layers that run step by step, and all memory that a run of T steps needs. x and the states hold random
// values, y is poison.
template <class T>
class Fed {
 public:
  Fed(const TestDevice& device, const Spec& spec, Index steps, Index batch, std::uint64_t seed = 1)
      : session(oracle::convert<T>(problem_for(device, spec, 1, batch, seed)), {}, {1, batch}, device),
        y(static_cast<std::size_t>(steps * batch * row_of(device, spec))) {
    const Index P = output_size_of(spec), row = row_of(device, spec);
    y.poison();
    args.x = TensorView(session.x.data(), storage_type<T>, {batch, spec.input_size});
    args.y = spec.layout == Layout::time_major
                 ? TensorView(y.data(), storage_type<T>, {steps, batch, P}, {batch * row, row, 1})
                 : TensorView(y.data(), storage_type<T>, {batch, steps, P}, {steps * row, row, 1});
    args.h = session.h_state(session.h0);
    args.c = session.c_state(session.c0);
    session.prepare();
  }

  Weights weights(bool prepared = false) const {
    return prepared ? Weights(session.prepared) : Weights(std::span<const LayerWeights>(session.weights));
  }
  void generate(bool prepared = false) { generate(args, prepared); }
  void generate(const GenerateArgs& with, bool prepared = false) {
    session.workspace.poison();
    recur::generate(session.plan, session.context, Stream(), weights(prepared), with,
                    session.workspace.bytes());
    session.device.synchronize();
  }
  // The same by step() and a feed of the test's own.
  template <class MakeNext>
  void by_steps(bool prepared, MakeNext&& make_next) {
    StepArgs step{args.x, {}, args.h, args.c};
    for (Index t = 0; t < steps(); ++t) {
      step.y = y_at(t);
      session.workspace.poison();
      recur::step(session.plan, session.context, Stream(), weights(prepared), step,
                  session.workspace.bytes());
      session.device.synchronize();
      if (t + 1 < steps()) make_next(t, step);
    }
  }
  void by_steps(bool prepared) {
    by_steps(prepared, [&](Index t, const StepArgs&) { copy_to_x(y_at(t)); });
  }
  // Makes the next input of a step's output by hand.
  void copy_to_x(const TensorView& step_y) {
    for (Index b = 0; b < step_y.size(0); ++b) {
      const T* const row = static_cast<const T*>(step_y.data()) + b * step_y.stride(0);
      std::copy_n(row, step_y.size(1), session.x.data() + b * step_y.size(1));
    }
  }

  bool time_major() const { return session.spec.layout == Layout::time_major; }
  Index steps() const { return args.y.size(time_major() ? 0 : 1); }
  // [B][P]
  TensorView y_at(Index t) {
    const int time = time_major() ? 0 : 1;
    return {y.data() + t * args.y.stride(time),
            storage_type<T>,
            {args.y.size(1 - time), args.y.size(2)},
            {args.y.stride(1 - time), 1}};
  }
  // `count` steps from step t on.
  TensorView y_from(Index t, Index count) {
    const TensorView& all = args.y;
    const int time = time_major() ? 0 : 1;
    return {y.data() + t * all.stride(time),
            storage_type<T>,
            {time == 0 ? count : all.size(0), time == 0 ? all.size(1) : count, all.size(2)},
            {all.stride(0), all.stride(1), 1}};
  }
  // In the order [T][B][P], without the gaps.
  std::vector<T> outputs() {
    std::vector<T> result;
    for (Index t = 0; t < steps(); ++t) {
      const TensorView at = y_at(t);
      for (Index b = 0; b < at.size(0); ++b) {
        const T* const row = static_cast<const T*>(at.data()) + b * at.stride(0);
        result.insert(result.end(), row, row + at.size(1));
      }
    }
    return result;
  }

  Session<T> session;
  Aligned<T> y;
  GenerateArgs args;

 private:
  // Rows of y at multiples of 16 bytes, as GPUs want the steps of a batch-major y; dense for cuDNN.
  static Index row_of(const TestDevice& device, const Spec& spec) {
    constexpr Index kUnit = 16 / sizeof(T);
    const Index P = output_size_of(spec);
    return device.gaps ? (P + kUnit - 1) / kUnit * kUnit : P;
  }
};

template <class T>
void expect_same(Fed<T>& a, Fed<T>& b) {
  EXPECT_TRUE(same_bits(a.outputs(), b.outputs())) << "y";
  EXPECT_TRUE(same_bits(a.session.h0.vector(), b.session.h0.vector())) << "h";
  EXPECT_TRUE(same_bits(a.session.c0.vector(), b.session.c0.vector())) << "c";
}

// The largest of the scores of a sequence as a vector of one 1: scores are an affine function of y.
template <class T>
void pick_largest(const TestDevice& device, const ConstTensorView& y, const TensorView& x) {
  device.synchronize();
  for (Index b = 0; b < x.size(0); ++b) {
    const T* const from = static_cast<const T*>(y.data()) + b * y.stride(0);
    T* const to = static_cast<T*>(x.data()) + b * x.stride(0);
    Index best = 0;
    double most = -1e30;
    for (Index i = 0; i < x.size(1); ++i) {
      double score = 0.01 * static_cast<double>(i);
      for (Index p = 0; p < y.size(1); ++p) {
        score += std::sin(static_cast<double>(7 * i + 3 * p)) * static_cast<double>(from[p]);
      }
      if (score > most) most = score, best = i;
    }
    for (Index i = 0; i < x.size(1); ++i) to[i] = T(i == best ? 1 : 0);
  }
}

// What a feed is called with.
struct Seen {
  const TestDevice* device;
  std::vector<Index> steps;
  std::vector<ConstTensorView> y;
  std::vector<TensorView> x;
  std::vector<void*> streams;
};
template <class T>
void see_and_pick(void* user, Stream stream, std::int64_t t, const ConstTensorView& y, const TensorView& x) {
  Seen& seen = *static_cast<Seen*>(user);
  seen.steps.push_back(t);
  seen.y.push_back(y);
  seen.x.push_back(x);
  seen.streams.push_back(stream.native());
  pick_largest<T>(*seen.device, y, x);
}

void expect_same_view(const ConstTensorView& a, const ConstTensorView& b) {
  EXPECT_EQ(a.data(), b.data());
  EXPECT_EQ(a.type(), b.type());
  ASSERT_EQ(a.rank(), b.rank());
  for (int d = 0; d < a.rank(); ++d) {
    EXPECT_EQ(a.size(d), b.size(d));
    EXPECT_EQ(a.stride(d), b.stride(d));
  }
}

class Generate : public DeviceTest {
 protected:
  // A batch whose dense steps of y lie at multiples of 16 bytes in every type.
  static constexpr Index kT = 3, kB = 8;

  // Two layers whose outputs are as wide as their inputs.
  static Spec fed_spec(Layout layout = Layout::time_major) {
    Spec spec = sized(device().option_sizes[0]);
    spec.input_size = output_size_of(spec);
    spec.layers = 2;
    spec.layout = layout;
    return spec;
  }
  // Two layers whose inputs a feed makes.
  static Spec picked_spec(Layout layout = Layout::time_major) {
    Spec spec = fed_spec(layout);
    spec.input_size = 5;
    return spec;
  }
  static std::vector<Layout> layouts() {
    if (!device().gaps) return {Layout::time_major};  // a step of a batch-major y has gaps
    return {Layout::time_major, Layout::batch_major};
  }
};

TEST_P(Generate, IsALoopOfSteps) {
  typed([&]<class T>() {
    for (const Layout layout : layouts()) {
      const bool prepared = layout == layouts().back();
      SCOPED_TRACE(std::string(name_of(layout)) + (prepared ? " prepared" : " canonical"));
      Fed<T> fed(device(), fed_spec(layout), kT, kB), steps(device(), fed_spec(layout), kT, kB);
      const std::vector<T> x = fed.session.x.vector();
      fed.generate(prepared);
      steps.by_steps(prepared);
      expect_same(fed, steps);
      EXPECT_TRUE(same_bits(fed.session.x.vector(), x)) << "x was written without a feed";
    }
  });
}

TEST_P(Generate, WithAFeedIsALoopOfStepsToo) {
  typed([&]<class T>() {
    for (const Layout layout : layouts()) {
      SCOPED_TRACE(name_of(layout));
      Fed<T> fed(device(), picked_spec(layout), kT, kB), steps(device(), picked_spec(layout), kT, kB);
      Seen seen{&device(), {}, {}, {}, {}};
      fed.args.feed = see_and_pick<T>;
      fed.args.user = &seen;
      fed.generate();
      steps.by_steps(false,
                     [&](Index, const StepArgs& step) { pick_largest<T>(device(), step.y, steps.args.x); });
      expect_same(fed, steps);
      EXPECT_TRUE(same_bits(fed.session.x.vector(), steps.session.x.vector())) << "x";

      ASSERT_EQ(seen.steps, (std::vector<Index>{0, 1}));
      for (std::size_t t = 0; t < seen.steps.size(); ++t) {
        SCOPED_TRACE("t=" + std::to_string(t));
        expect_same_view(seen.y[t], fed.y_at(static_cast<Index>(t)));
        expect_same_view(seen.x[t], fed.args.x);
        EXPECT_EQ(seen.streams[t], Stream().native());
      }
    }
  });
}

// One call after the other, the next x made from the last y.
TEST_P(Generate, CallsFollowEachOther) {
  typed([&]<class T>() {
    Fed<T> whole(device(), fed_spec(), kT, kB), parts(device(), fed_spec(), kT, kB);
    whole.generate();
    GenerateArgs part = parts.args;
    part.y = parts.y_from(0, 1);
    parts.generate(part);
    parts.copy_to_x(parts.y_at(0));
    part.y = parts.y_from(1, kT - 1);
    parts.generate(part);
    expect_same(parts, whole);
  });
}

TEST_P(Generate, NothingToDo) {
  typed([&]<class T>() {
    for (const Layout layout : layouts()) {
      SCOPED_TRACE(name_of(layout));
      const Spec spec = picked_spec(layout);
      const Index P = output_size_of(spec);
      const bool time_major = layout == Layout::time_major;
      Fed<T> fed(device(), spec, kT, kB);
      Seen seen{&device(), {}, {}, {}, {}};
      fed.args.feed = see_and_pick<T>;
      fed.args.user = &seen;
      const std::vector<T> x = fed.session.x.vector(), h = fed.session.h0.vector(),
                           c = fed.session.c0.vector();
      GenerateArgs none = fed.args;
      none.y = TensorView(nullptr, storage_type<T>, {time_major ? 0 : kB, time_major ? kB : 0, P});
      fed.generate(none);
      none.x = TensorView(nullptr, storage_type<T>, {0, spec.input_size});
      none.y = TensorView(nullptr, storage_type<T>, {time_major ? kT : 0, time_major ? 0 : kT, P});
      none.h = TensorView(nullptr, storage_type<T>, {2, 1, 0, P});
      if (has_cell_state(spec)) none.c = TensorView(nullptr, storage_type<T>, {2, 1, 0, spec.hidden_size});
      fed.generate(none);
      EXPECT_TRUE(seen.steps.empty()) << "the feed was called";
      EXPECT_TRUE(same_bits(fed.session.x.vector(), x));
      EXPECT_TRUE(same_bits(fed.session.h0.vector(), h));
      EXPECT_TRUE(same_bits(fed.session.c0.vector(), c));
    }
  });
}

// The steps of y that GPUs cannot take.
TEST_P(Generate, StepsOffTheAlignmentAreRefused) {
  const bool on_gpu = device().device.props().kind == DeviceKind::cuda;
  if (!on_gpu || !device().gaps) GTEST_SKIP() << "takes any step of y, or none with gaps";
  typed([&]<class T>() {
    Fed<T> fed(device(), fed_spec(), 2, 1);
    const Index P = output_size_of(fed.session.spec), step = (P + 15) / 16 * 16 + 1;
    Aligned<T> y(static_cast<std::size_t>(2 * step));
    y.poison();
    fed.args.y = TensorView(y.data(), storage_type<T>, {2, 1, P}, {step, step, 1});
    try {
      fed.generate();
      ADD_FAILURE() << "accepted";
    } catch (const InvalidArgument& error) {
      EXPECT_NE(std::string(error.what()).find("y: expected steps that begin at multiples of 16 bytes"),
                std::string::npos)
          << error.what();
    }
    EXPECT_TRUE(std::isnan(static_cast<double>(y[0]))) << "written before it was refused";
  });
}

// A second stack makes the next input, on the stream, in the same context: the decoder's other half.
template <class T>
struct SecondStack {
  SecondStack(const TestDevice& device, const Spec& outputs_of, Index batch) {
    Spec spec = outputs_of;
    spec.input_size = output_size_of(outputs_of);
    spec.layers = 1;
    spec.projection_size = 0;
    spec.hidden_size = outputs_of.input_size;
    stack.emplace(device, spec, 1, batch, 7);
  }
  static void feed(void* user, Stream stream, std::int64_t, const ConstTensorView& y, const TensorView& x) {
    auto& [self, context] = *static_cast<std::pair<SecondStack*, Context*>*>(user);
    Fed<T>& of = *self->stack;
    const StepArgs args{y, x, of.args.h, of.args.c};
    recur::step(of.session.plan, *context, stream, of.weights(), args, of.session.workspace.bytes());
  }
  std::optional<Fed<T>> stack;
};

TEST_P(Generate, AFeedMayCallInTheSameContextAndBeRecorded) {
  const Spec spec = picked_spec();
  if (is_projected(spec)) GTEST_SKIP() << "the second stack is not projected";
  typed([&]<class T>() {
    Fed<T> fed(device(), spec, kT, kB), steps(device(), spec, kT, kB);
    SecondStack<T> fed_stack(device(), spec, kB), steps_stack(device(), spec, kB);
    std::pair<SecondStack<T>*, Context*> in_fed(&fed_stack, &fed.session.context);
    std::pair<SecondStack<T>*, Context*> in_steps(&steps_stack, &steps.session.context);
    fed.args.feed = SecondStack<T>::feed;
    fed.args.user = &in_fed;
    if (device().device.props().kind == DeviceKind::cuda) {
      fed.session.workspace.poison();
      GraphRun graph = GraphRun::generate(fed.session.plan, fed.session.context, fed.weights(), fed.args,
                                          fed.session.workspace.bytes());
      device().synchronize();
      EXPECT_TRUE(std::isnan(static_cast<double>(fed.y[0]))) << "making a graph ran it";
      fed.args.user = nullptr;  // launches do not call the feed
      graph.launch(Stream());
      device().synchronize();
    } else {
      fed.generate();
    }
    steps.by_steps(false, [&](Index t, const StepArgs& step) {
      SecondStack<T>::feed(&in_steps, Stream(), t, step.y, steps.args.x);
    });
    expect_same(fed, steps);
  });
}

// Closed loops are right by the rule of docs/design.md: their oracle feeds itself its own exact outputs, and
// the naive run its own rounded ones.
template <class Real, class... Round>
oracle::Outputs<Real> closed_loop(oracle::Problem<Real> problem, Index steps, Round... round) {
  oracle::Outputs<Real> result;
  for (Index t = 0; t < steps; ++t) {
    // NOLINTNEXTLINE(cppcoreguidelines-slicing)
    const oracle::Outputs<Real> step = oracle::forward(problem, round...);
    result.y.insert(result.y.end(), step.y.begin(), step.y.end());
    problem.x = step.y;
    problem.h0 = result.hN = step.hN;
    problem.c0 = result.cN = step.cN;
  }
  return result;
}

TEST_P(Generate, ClosedLoopsAreRight) {
  const Spec spec = fed_spec();
  typed([&]<class T>() {
    constexpr Index kSteps = 3;
    ErrorPools pools(spec.dtype);
    for (std::uint64_t seed = 1; !pools.enough(); ++seed) {
      const auto problem = problem_for(device(), spec, 1, kB, seed);
      const auto exact = closed_loop(oracle::convert<typename StorageOf<T>::Judge>(problem), kSteps);
      const auto naive = closed_loop(oracle::convert<typename StorageOf<T>::Arithmetic>(problem), kSteps,
                                     typename StorageOf<T>::Round{});
      Fed<T> fed(device(), spec, kSteps, kB, seed);
      fed.generate();
      const oracle::Outputs<T> outputs{fed.outputs(), fed.session.h0.vector(), fed.session.c0.vector(), {}};
      pools.add(exact, naive, outputs, "seed " + std::to_string(seed));
      if (!kJudges) return;
    }
    EXPECT_TRUE(pools.verdict());
  });
}

INSTANTIATE_TEST_SUITE_P(Devices, Generate,
                         ::testing::ValuesIn(cases(&TestDevice::types, cells_of_each_kind())), case_name);

}  // namespace
}  // namespace recur::test
