// Rows of a forest: each path from a root to a node is a sequence, and the oracle knows sequences.
#include "engines/device_test.hpp"
#include "engines/judge.hpp"
#include "support/same_bits.hpp"

namespace recur::test {
namespace {

// A forest whose depths and numbers of children vary, with its paths as sequences: path p is that of leaf p.
struct Paths {
  OrderedForest forest;
  Index longest = 0;
  std::vector<std::vector<Index>> rows;  // [paths][length]

  explicit Paths(std::vector<std::int32_t> parents) : forest(order_forest(parents)) {
    std::vector<bool> has_child(parents.size(), false);
    for (const std::int32_t parent : forest.parents) {
      if (parent >= 0) has_child[static_cast<std::size_t>(parent)] = true;
    }
    for (std::size_t row = 0; row < parents.size(); ++row) {
      if (has_child[row]) continue;
      std::vector<Index>& path = rows.emplace_back();
      for (auto at = static_cast<Index>(row); at >= 0; at = forest.parents[static_cast<std::size_t>(at)])
        path.insert(path.begin(), at);
      longest = std::max(longest, static_cast<Index>(path.size()));
    }
  }
  Index nodes() const { return static_cast<Index>(forest.nodes.size()); }
  Index roots() const { return forest.level_begin[1]; }
  Index count() const { return static_cast<Index>(rows.size()); }
};

// Each node has a parent among the nodes before it, near or far, or none.
std::vector<std::int32_t> random_parents(Index nodes, std::uint64_t seed) {
  Random random(seed, 1);
  std::vector<std::int32_t> parents;
  for (Index node = 0; node < nodes; ++node) {
    const bool root = node == 0 || random.integer(0, 9) == 0;
    const Index nearest = std::max<Index>(0, node - (random.integer(0, 1) == 0 ? 3 : nodes));
    parents.push_back(root ? -1 : static_cast<std::int32_t>(random.integer(nearest, node - 1)));
  }
  return parents;
}

// [T][B][columns] of the paths from [nodes][columns].
template <class T>
std::vector<T> along(const Paths& paths, const std::vector<T>& of_nodes) {
  if (of_nodes.empty()) return {};
  const Index columns = static_cast<Index>(of_nodes.size()) / paths.nodes();
  std::vector<T> result(static_cast<std::size_t>(paths.longest * paths.count() * columns));
  for (Index b = 0; b < paths.count(); ++b) {
    const auto& path = paths.rows[static_cast<std::size_t>(b)];
    for (std::size_t t = 0; t < path.size(); ++t) {
      std::copy_n(of_nodes.begin() + path[t] * columns, columns,
                  result.begin() + (static_cast<Index>(t) * paths.count() + b) * columns);
    }
  }
  return result;
}

// The other way round: of a node the value of the first path through it, or the sum over all of them.
template <class T>
std::vector<T> of_nodes(const Paths& paths, const std::vector<T>& along, bool sum) {
  if (along.empty()) return {};
  const Index columns = static_cast<Index>(along.size()) / (paths.longest * paths.count());
  std::vector<T> result(static_cast<std::size_t>(paths.nodes() * columns));
  std::vector<bool> met(static_cast<std::size_t>(paths.nodes()), false);
  for (Index b = 0; b < paths.count(); ++b) {
    const auto& path = paths.rows[static_cast<std::size_t>(b)];
    for (std::size_t t = 0; t < path.size(); ++t) {
      if (met[static_cast<std::size_t>(path[t])] && !sum) continue;
      met[static_cast<std::size_t>(path[t])] = true;
      const auto from = along.begin() + (static_cast<Index>(t) * paths.count() + b) * columns;
      for (Index j = 0; j < columns; ++j) result[static_cast<std::size_t>(path[t] * columns + j)] += from[j];
    }
  }
  return result;
}

// What is not the first path's through a node.
template <class T>
void keep_first(const Paths& paths, std::vector<T>& along) {
  if (along.empty()) return;
  const Index columns = static_cast<Index>(along.size()) / (paths.longest * paths.count());
  std::vector<bool> met(static_cast<std::size_t>(paths.nodes()), false);
  for (Index b = 0; b < paths.count(); ++b) {
    const auto& path = paths.rows[static_cast<std::size_t>(b)];
    for (std::size_t t = 0; t < path.size(); ++t) {
      if (met[static_cast<std::size_t>(path[t])])
        std::fill_n(along.begin() + (static_cast<Index>(t) * paths.count() + b) * columns, columns, T(0));
      met[static_cast<std::size_t>(path[t])] = true;
    }
  }
}

// [L][paths][columns] from [L][roots][columns], and sums the other way round.
template <class T>
std::vector<T> states_along(const Paths& paths, Index layers, const std::vector<T>& of_roots) {
  const Index columns = static_cast<Index>(of_roots.size()) / (layers * paths.roots());
  std::vector<T> result;
  for (Index l = 0; l < layers; ++l) {
    for (const auto& path : paths.rows) {
      const auto from = of_roots.begin() + (l * paths.roots() + path.front()) * columns;
      result.insert(result.end(), from, from + columns);
    }
  }
  return result;
}
template <class T>
std::vector<T> states_of_roots(const Paths& paths, Index layers, const std::vector<T>& along) {
  const Index columns = static_cast<Index>(along.size()) / (layers * paths.count());
  std::vector<T> result(static_cast<std::size_t>(layers * paths.roots() * columns));
  for (Index l = 0; l < layers; ++l) {
    for (Index b = 0; b < paths.count(); ++b) {
      const Index root = paths.rows[static_cast<std::size_t>(b)].front();
      for (Index j = 0; j < columns; ++j) {
        result[static_cast<std::size_t>((l * paths.roots() + root) * columns + j)] +=
            along[static_cast<std::size_t>((l * paths.count() + b) * columns + j)];
      }
    }
  }
  return result;
}

template <class T>
oracle::Outputs<T> of_nodes(const Paths& paths, const oracle::Outputs<T>& along) {
  return {of_nodes(paths, along.y, false), {}, {}, of_nodes(paths, along.c_sequence, false)};
}
template <class T>
oracle::Gradients<T> of_nodes(const Paths& paths, Index layers, const oracle::Gradients<T>& along) {
  return {of_nodes(paths, along.dx, true), states_of_roots(paths, layers, along.dh0),
          states_of_roots(paths, layers, along.dc0), along.layers};
}

// A layer bound to a forest; the tensors are dense.
template <class T>
class ForestRun {
 public:
  ForestRun(const Paths& paths, const oracle::Problem<T>& of_nodes, Pass pass, const RunOptions& run)
      : forest_(paths.forest.view()),
        problem_(of_nodes),
        spec_(of_nodes.spec),
        nodes_(paths.nodes()),
        roots_(paths.roots()),
        device_(device_for(run)),
        context_(*run.device, device_, run.threads),
        plan_(run.device->plan(spec_, {1, nodes_ + run.spare_batch}, device_, options_for(run, pass))),
        workspace_(plan_.sizes().workspace),
        reserve_(plan_.sizes().reserve),
        x_(problem_.x),
        h0_(problem_.h0),
        c0_(problem_.c0),
        y_(static_cast<std::size_t>(nodes_ * output_size_of(spec_))) {
    for (const auto& layer : problem_.layers) layers_.emplace_back(layer);
    for (Index l = 0; l < spec_.layers; ++l)
      weights_.push_back(layers_[static_cast<std::size_t>(l)].template views<ConstTensorView>(spec_, l));
  }

  const Plan& plan() const { return plan_; }

  oracle::Outputs<T> forward() {
    Aligned<T> c(static_cast<std::size_t>(spec_.cell_sequence ? nodes_ * spec_.hidden_size : 0));
    hN = Aligned<T>(static_cast<std::size_t>(spec_.layers * nodes_ * output_size_of(spec_)));
    ForwardArgs args;
    args.x = sequence(x_, spec_.input_size);
    args.h0 = state(h0_, roots_, output_size_of(spec_));
    args.c0 = state(c0_, roots_, spec_.hidden_size);
    args.forest = &forest_;
    args.y = sequence(y_, output_size_of(spec_));
    args.c_sequence = sequence(c, spec_.hidden_size);
    args.hN = state(hN, nodes_, output_size_of(spec_));
    workspace_.poison();
    reserve_.poison();
    recur::forward(plan_, context_.get(), Stream(), Weights(weights_), args, workspace_.bytes(),
                   reserve_.bytes());
    return {y_.vector(), {}, {}, c.vector()};
  }
  oracle::Gradients<T> backward(const oracle::OutputGradients<T>& upstream) {
    Aligned<T> dy(upstream.dy), dc(upstream.dc_sequence), dx(x_.size()), dh0(h0_.size()), dc0(c0_.size());
    std::vector<LayerTensors<T>> gradients(layers_.size());
    std::vector<LayerGradients> views;
    for (Index l = 0; l < spec_.layers; ++l) {
      auto& layer = gradients[static_cast<std::size_t>(l)] =
          LayerTensors<T>(problem_.layers[static_cast<std::size_t>(l)]);
      views.push_back(layer.template views<TensorView>(spec_, l));
    }
    BackwardArgs args;
    args.x = sequence(x_, spec_.input_size);
    args.h0 = state(h0_, roots_, output_size_of(spec_));
    args.c0 = state(c0_, roots_, spec_.hidden_size);
    args.forest = &forest_;
    args.y = sequence(y_, output_size_of(spec_));
    args.dy = sequence(dy, output_size_of(spec_));
    args.dc_sequence = sequence(dc, spec_.hidden_size);
    args.dx = sequence(dx, spec_.input_size);
    args.dh0 = state(dh0, roots_, output_size_of(spec_));
    args.dc0 = state(dc0, roots_, spec_.hidden_size);
    args.dweights = views;
    Aligned<std::byte> workspace(plan_.sizes().workspace_backward);
    workspace.poison();
    recur::backward(plan_, context_.get(), Stream(), weights_, args, reserve_.bytes(), workspace.bytes());
    oracle::Gradients<T> result{dx.vector(), dh0.vector(), dc0.vector(), {}};
    for (const auto& layer : gradients) result.layers.push_back(layer.dense());
    return result;
  }

  Aligned<T> hN;  // after every row

 private:
  TensorView sequence(Aligned<T>& tensor, Index columns) {
    return tensor.size() == 0 ? TensorView()
                              : TensorView(tensor.data(), storage_type<T>, {1, nodes_, columns});
  }
  TensorView state(Aligned<T>& tensor, Index rows, Index columns) {
    if (tensor.size() == 0) return {};
    return TensorView(tensor.data(), storage_type<T>, {spec_.layers, 1, rows, columns});
  }

  Forest forest_;
  const oracle::Problem<T>& problem_;
  Spec spec_;
  Index nodes_, roots_;
  Device device_;
  RunContext context_;
  Plan plan_;
  Aligned<std::byte> workspace_, reserve_;
  Aligned<T> x_, h0_, c0_, y_;
  std::vector<LayerTensors<T>> layers_;
  std::vector<LayerWeights> weights_;
};

class ForestRows : public DeviceTest {
 protected:
  void SetUp() override {
    DeviceTest::SetUp();
    if (IsSkipped()) return;
    Spec spec = sized({1, 1, 1, 2, ""});
    spec.forest = true;
    if (const std::string reason = refusal(spec); !reason.empty()) GTEST_SKIP() << reason;
  }
};

// A random problem of a forest, as rows and as sequences.
struct ForestProblem {
  Paths paths;
  oracle::Problem<double> rows, sequences;
  oracle::OutputGradients<double> upstream, along;

  ForestProblem(const Spec& spec, Index nodes, std::uint64_t seed)
      : paths(random_parents(nodes, seed)), rows(random_problem(spec, 1, nodes, seed)) {
    const auto cut = [&](std::vector<double>& states) {  // [L][nodes] to [L][roots]
      if (states.empty()) return;
      const std::size_t row = states.size() / static_cast<std::size_t>(spec.layers * nodes);
      states.resize(static_cast<std::size_t>(spec.layers * paths.roots()) * row);
    };
    cut(rows.h0);
    cut(rows.c0);
    sequences = rows;
    sequences.spec.forest = false;
    sequences.spec.variable_lengths = true;
    sequences.T = paths.longest;
    sequences.B = paths.count();
    sequences.x = test::along(paths, rows.x);
    sequences.h0 = states_along(paths, spec.layers, rows.h0);
    if (!rows.c0.empty()) sequences.c0 = states_along(paths, spec.layers, rows.c0);
    for (const auto& path : paths.rows) sequences.lengths.push_back(static_cast<std::int32_t>(path.size()));
    upstream = random_output_gradients(spec, 1, nodes, seed);
    upstream.dhN = upstream.dcN = {};
    along.dy = test::along(paths, upstream.dy);
    along.dc_sequence = test::along(paths, upstream.dc_sequence);
    keep_first(paths, along.dy);
    keep_first(paths, along.dc_sequence);
  }
};

TEST_P(ForestRows, AreThePathsOfTheOracle) {
  typed([&]<class T>() {
    using Judge = typename StorageOf<T>::Judge;
    for (const Index layers : {1, 2}) {
      for (const int threads : {1, device().threads}) {
        Spec spec = sized({1, 1, 7, 21, ""});
        spec.layers = layers;
        spec.forest = true;
        spec.cell_sequence = spec.cell == Cell::lstm;
        SCOPED_TRACE(spec_name(spec) + " threads " + std::to_string(threads));
        ErrorPools pools(spec.dtype);
        for (std::uint64_t seed = 1; !pools.enough(); ++seed) {
          const ForestProblem problem(spec, 47, seed);
          const auto exact_problem = oracle::convert<Judge>(problem.sequences);
          const auto exact = oracle::forward(exact_problem);
          if (!clear_of_kinks(problem.sequences.spec, exact)) continue;
          const Naive<T> naive(problem.sequences);
          const auto typed_problem = oracle::convert<T>(problem.rows);
          ForestRun<T> run(
              problem.paths, typed_problem, Pass::training,
              {.device = &device(), .threads = threads, .spare_batch = static_cast<Index>(seed % 2)});
          const auto y = run.forward();
          const std::string label = "seed " + std::to_string(seed);
          pools.add(of_nodes(problem.paths, exact), of_nodes(problem.paths, naive.outputs), y, label);
          // The states after every row of the last layer are its outputs.
          const auto states = run.hN.vector();
          EXPECT_TRUE(std::equal(y.y.begin(), y.y.end(), states.end() - std::ssize(y.y)));
          const auto gradients =
              oracle::backward(exact_problem, exact, oracle::convert<Judge>(problem.along));
          pools.add(of_nodes(problem.paths, layers, gradients),
                    of_nodes(problem.paths, layers, naive.backward(problem.along)),
                    run.backward(oracle::convert<T>(problem.upstream)), label);
          // Inference keeps other buffers, and gives the same bits.
          ForestRun<T> inference(problem.paths, typed_problem, Pass::inference,
                                 {.device = &device(), .threads = threads});
          const auto again = inference.forward();
          EXPECT_TRUE(again.y == y.y && again.c_sequence == y.c_sequence);
          if (HasFailure() || !kJudges) return;
        }
        EXPECT_TRUE(pools.verdict());
      }
    }
  });
}

// Levels that are narrower and wider than the team, and units that are shared out where rows do not suffice.
TEST_P(ForestRows, BitsAreTheSameWhoeverFormsThem) {
  if (device().threads == 1) GTEST_SKIP() << device().name << " has no threads";
  typed([&]<class T>() {
    for (const Index nodes : {5, 60, 300}) {
      Spec spec = sized({1, 1, 64, 129, ""});
      spec.layers = 2;
      spec.forest = true;
      const ForestProblem problem(spec, nodes, 1);
      const auto typed_problem = oracle::convert<T>(problem.rows);
      const auto upstream = oracle::convert<T>(problem.upstream);
      std::optional<oracle::Outputs<T>> outputs;
      std::optional<oracle::Gradients<T>> gradients;
      for (const int threads : {1, 2, 3}) {
        ForestRun<T> run(problem.paths, typed_problem, Pass::training,
                         {.device = &device(), .threads = threads, .batch_invariant = true});
        if (nodes == 300 && threads == 3) {
          EXPECT_GT(run.plan().threads(), 1) << "too small to be shared";
        }
        auto own_outputs = run.forward();
        auto own_gradients = run.backward(upstream);
        if (outputs) {
          EXPECT_TRUE(same_bits(own_outputs, *outputs)) << threads << " threads, " << nodes << " rows";
          EXPECT_TRUE(same_bits(own_gradients, *gradients)) << threads << " threads, " << nodes << " rows";
        }
        outputs = std::move(own_outputs);
        gradients = std::move(own_gradients);
      }
    }
  });
}

INSTANTIATE_TEST_SUITE_P(Devices, ForestRows, ::testing::ValuesIn(cases(&TestDevice::types)), case_name);

}  // namespace
}  // namespace recur::test
