// A team shares the work of recur::tasks and changes no bits: every call on one to three threads, at sizes
// that are cut within panels of columns, blocks of rows and rows of tensors.
#include <gtest/gtest.h>

#include <array>
#include <functional>

#include "recur/context.hpp"
#include "recur/error.hpp"
#include "recur/tasks/adam.hpp"
#include "recur/tasks/affine.hpp"
#include "recur/tasks/loss.hpp"
#include "recur/tasks/optimizer.hpp"
#include "tensor.hpp"

namespace recur::test {
namespace {

template <class T>
class TasksTeam : public ::testing::Test {};
using Types = ::testing::Types<float, double>;
TYPED_TEST_SUITE(TasksTeam, Types);

// Runs `call` without a team and with teams, and compares what `values` then gives.
template <class T>
void expect_same_bits(const std::function<void(ThreadTeam*)>& call,
                      const std::function<std::vector<T>()>& values) {
  call(nullptr);
  const std::vector<T> expected = values();
  for (const int threads : {1, 2, 3}) {
    ThreadTeam team(threads);
    call(&team);
    EXPECT_EQ(values(), expected) << threads << " threads";
  }
}

template <class T>
std::vector<T> joined(std::initializer_list<Tensor<T>*> tensors) {
  std::vector<T> all;
  for (Tensor<T>* tensor : tensors) {
    const std::vector<T> values = tensor->values();
    all.insert(all.end(), values.begin(), values.end());
  }
  return all;
}

// Tall: rows are cut. Wide: columns are. 300 inputs are more than one block of the depth of a product.
struct Sizes {
  std::int64_t rows, inputs, outputs;
};
TYPED_TEST(TasksTeam, Affine) {
  using T = TypeParam;
  for (const Sizes& s : {Sizes{301, 300, 5}, Sizes{7, 300, 1003}, Sizes{50, 97, 65}}) {
    Tensor<T> x({s.rows, s.inputs}, T{0}, 3), W({s.outputs, s.inputs}, T{0}, 1), b({s.outputs}, T{0}),
        dy({s.rows, s.outputs}, T{0}, 2);
    x.randomise(Random(1, 1), 1);
    W.randomise(Random(1, 2), 1);
    b.randomise(Random(1, 3), 1);
    dy.randomise(Random(1, 4), 1);
    Tensor<T> y({s.rows, s.outputs}, T{77}, 2), dx({s.rows, s.inputs}, T{77}, 1),
        dW({s.outputs, s.inputs}, T{77}, 2), db({s.outputs}, T{77});
    expect_same_bits<T>(
        [&](ThreadTeam* team) {
          tasks::affine({x.view(), W.view(), b.view(), y.view(), team});
        },
        [&] { return y.values(); });
    for (const GradientMode mode : {GradientMode::overwrite, GradientMode::accumulate}) {
      expect_same_bits<T>(
          [&](ThreadTeam* team) {
            dW = Tensor<T>({s.outputs, s.inputs}, T{2}, 2);
            db = Tensor<T>({s.outputs}, T{3});
            tasks::affine_backward(
                {x.view(), W.view(), dy.view(), dx.view(), dW.view(), db.view(), mode, team});
          },
          [&] {
            return joined<T>({&dx, &dW, &db});
          });
    }
    EXPECT_TRUE(y.untouched() && dx.untouched());
  }
}

TYPED_TEST(TasksTeam, Losses) {
  using T = TypeParam;
  const std::int64_t steps = 19, batch = 7, classes = 601;
  Tensor<T> logits({steps, batch, classes}, T{0}, 1), dlogits({steps, batch, classes}, T{77}, 3);
  logits.randomise(Random(2, 1), 4);
  Tensor<std::int32_t> labels({steps, batch}, 5), lengths({batch}, 11);
  lengths.at(3) = 0;
  double loss = 0;
  expect_same_bits<T>(
      [&](ThreadTeam* team) {
        tasks::CrossEntropyArgs args{logits.view(), labels.view(), lengths.view(), dlogits.view()};
        args.team = team;
        loss = tasks::softmax_cross_entropy(args);
      },
      [&] {
        std::vector<T> values = dlogits.values();
        values.push_back(static_cast<T>(loss));
        return values;
      });

  Tensor<T> prediction({301, 300}, T{0}, 1), target({301, 300}, T{0}, 2), gradient({301, 300}, T{77}, 3);
  prediction.randomise(Random(2, 2), 1);
  target.randomise(Random(2, 3), 1);
  std::vector<double> losses;
  expect_same_bits<T>(
      [&](ThreadTeam* team) {
        losses.push_back(tasks::mean_squared_error(prediction.view(), target.view(), gradient.view(), team));
      },
      [&] { return gradient.values(); });
  EXPECT_EQ(losses, std::vector<double>(losses.size(), losses.front()));
}

TYPED_TEST(TasksTeam, Optimisers) {
  using T = TypeParam;
  Tensor<T> start({5, 91, 301}, T{0}), gradient({5, 91, 301}, T{0}, 1), p({5, 91, 301}, T{0}, 2),
      m({5, 91, 301}, T{0}, 3), v({5, 91, 301}, T{0});
  start.randomise(Random(3, 1), 1);
  gradient.randomise(Random(3, 2), 1);
  const auto reset = [&] {
    p.assign(start.values());
    m = Tensor<T>({5, 91, 301}, T{0}, 3);
    v = Tensor<T>({5, 91, 301}, T{0});
  };
  const auto all = [&] { return joined<T>({&p, &m, &v}); };
  expect_same_bits<T>(
      [&](ThreadTeam* team) {
        reset();
        for (int step : {1, 2})
          tasks::adam_step({}, step, p.view(), gradient.view(), m.view(), v.view(), team);
      },
      all);
  expect_same_bits<T>(
      [&](ThreadTeam* team) {
        reset();
        tasks::sgd_step({0.1, 0.5}, p.view(), gradient.view(), v.view(), team);
        tasks::sgd_step({0.1, 0}, p.view(), gradient.view(), {}, team);
      },
      all);
  std::vector<double> norms;
  expect_same_bits<T>(
      [&](ThreadTeam* team) {
        reset();
        norms.push_back(tasks::clip_global_norm(std::array{TensorView(p.view())}, 0.5, team));
      },
      all);
  EXPECT_EQ(norms, std::vector<double>(norms.size(), norms.front()));
  EXPECT_GT(norms.front(), 0.5);
}

// A team serves one call at a time: a call from within one of its own is refused before anything is written.
TEST(TasksTeamBadInput, ATeamThatIsBusy) {
  Tensor<float> x({300, 300}, 1), W({10, 300}, 1), y({300, 10}, 77);
  ThreadTeam team(2);
  struct Call {
    Tensor<float>&x, &W, &y;
    ThreadTeam& team;
    std::string message;
  } call{x, W, y, team, ""};
  team.run(
      1,
      [](void* user, int) {
        auto& c = *static_cast<Call*>(user);
        try {
          tasks::affine({c.x.view(), c.W.view(), {}, c.y.view(), &c.team});
        } catch (const InvalidArgument& error) {
          c.message = error.what();
        }
      },
      &call);
  EXPECT_EQ(call.message, "thread team: already running a call");
  EXPECT_TRUE(y.untouched(true));
}

TEST(AdamState, IsAdamStepForEachTensor) {
  ::recur::Tensor a({3, 5}), b({4}, DataType::f64), da({3, 5}), db({4}, DataType::f64);
  ::recur::Tensor a2({3, 5}), b2({4}, DataType::f64), ma({3, 5}), va({3, 5}), mb({4}, DataType::f64),
      vb({4}, DataType::f64);
  for (::recur::Tensor* tensor : {&a, &b, &da, &db, &a2, &b2}) fill_uniform(tensor->view(), 1, 1);
  tasks::AdamOptions options{.learning_rate = 0.1};
  tasks::Adam adam(options);
  adam.add(a.view(), da.view());
  adam.add(b.view(), db.view());
  for (std::int64_t step = 1; step <= 3; ++step) {
    if (step == 3) adam.set_learning_rate(options.learning_rate = 0.01);
    adam.step();
    tasks::adam_step(options, step, a2.view(), da.view(), ma.view(), va.view());
    tasks::adam_step(options, step, b2.view(), db.view(), mb.view(), vb.view());
    EXPECT_EQ(adam.steps(), step);
    EXPECT_TRUE(std::ranges::equal(a.values<float>(), a2.values<float>()));
    EXPECT_TRUE(std::ranges::equal(b.values<double>(), b2.values<double>()));
  }
  EXPECT_THROW(adam.add(a.view(), da.view()), InvalidArgument)
      << "its steps would be counted from another one";
  tasks::Adam other;
  EXPECT_THROW(other.add(a.view(), db.view()), InvalidArgument);
  EXPECT_THROW(other.add(a.view(), ::recur::Tensor({5, 3}).view()), InvalidArgument);
  EXPECT_THROW(other.add({}, {}), InvalidArgument);
}

}  // namespace
}  // namespace recur::test
