// The reference engine onednn beside its numbers: what is loaded, whose threads it uses, what its plans say,
// and the copies between the caller's tensors and its own.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "contract/session.hpp"
#include "engines/judge.hpp"
#include "host/onednn/buffers.hpp"
#include "host/onednn/library.hpp"
#include "host/onednn/rows.hpp"
#include "support/problem.hpp"
#include "support/random.hpp"
#include "support/storage.hpp"

namespace recur::test {
namespace {

namespace onednn = host::onednn;

const TestDevice& onednn_device() {
  static const TestDevice device{.name = "onednn", .engine = EngineId::onednn, .device = Device::cpu()};
  return device;
}

Spec layer_of(Cell cell, std::int64_t I, std::int64_t H) {
  Spec spec;
  spec.cell = cell;
  spec.input_size = I;
  spec.hidden_size = H;
  return spec;
}

Spec lstm() {
  Spec spec = layer_of(Cell::lstm, 3, 5);
  spec.layers = 2;
  return spec;
}

TEST(OneDnnLibrary, IsNotWhatIsAbsentOrAnother) {
  EXPECT_EQ(onednn::load("libdnnl-that-is-nowhere.so.3"), nullptr);
  EXPECT_EQ(onednn::load("libm.so.6"), nullptr);
}

class OneDnn : public ::testing::Test {
 protected:
  void SetUp() override {
    if (onednn::library() == nullptr) GTEST_SKIP() << "no oneDNN";
  }
};

TEST_F(OneDnn, IsLoadedOnce) {
  EXPECT_EQ(onednn::library(), onednn::library());
  EXPECT_EQ(onednn::library()->version_name.substr(0, 2), "3.");
}

TEST_F(OneDnn, ErrorsAreTyped) {
  EXPECT_NO_THROW(onednn::check(dnnl_success, "call"));
  EXPECT_THROW(onednn::check(dnnl_out_of_memory, "call"), OutOfMemory);
  try {
    onednn::check(dnnl_invalid_arguments, "the call");
    ADD_FAILURE() << "no error";
  } catch (const DeviceError& error) {
    EXPECT_STREQ(error.what(), "oneDNN: the call: status 2");
  }
}

TEST_F(OneDnn, PlansSayWhatRunsThem) {
  const Plan plan = make_plan(lstm(), {4, 6}, Device::cpu(),
                              {.engine = EngineId::onednn, .pass = Pass::training, .threads = 2});
  EXPECT_NE(plan.explain().find("engine: onednn on "), std::string::npos);
  EXPECT_EQ(plan.tile().find("oneDNN " + onednn::library()->version_name + ", "), 0u) << plan.tile();
  if (onednn::library()->omp_set_num_threads != nullptr) {
    EXPECT_EQ(plan.threads(), 2);
    EXPECT_NE(plan.tile().find("2 threads of OpenMP"), std::string::npos) << plan.tile();
  }
}

// The calling thread's OpenMP is the caller's.
TEST_F(OneDnn, CallsLeaveTheNumberOfThreadsAsItWas) {
  const onednn::Library& library = *onednn::library();
  if (library.omp_set_num_threads == nullptr) GTEST_SKIP() << "this oneDNN has no OpenMP";
  library.omp_set_num_threads(7);
  {
    const onednn::ThreadsOfCalls threads(2);
    EXPECT_EQ(library.omp_get_max_threads(), 2);
  }
  EXPECT_EQ(library.omp_get_max_threads(), 7);
  const auto problem = oracle::convert<float>(random_problem(lstm(), 4, 6, 1));
  Session<float> session(problem, {.pass = Pass::training, .threads = 2}, onednn_device());
  session.set_upstream(oracle::convert<float>(random_output_gradients(lstm(), 4, 6, 2)));
  session.forward();
  session.backward();
  EXPECT_EQ(library.omp_get_max_threads(), 7);
}

TEST_F(OneDnn, BuffersOfOthersAreRefused) {
  const auto problem = oracle::convert<float>(random_problem(lstm(), 4, 6, 1));
  Session<float> training(problem, {.pass = Pass::training}, onednn_device());
  training.set_upstream(oracle::convert<float>(random_output_gradients(lstm(), 4, 6, 2)));
  EXPECT_THROW(training.backward(), InvalidArgument) << "no forward has run";
  training.forward();
  EXPECT_NO_THROW(training.backward());

  Session<float> inference(problem, {}, onednn_device());
  inference.prepare();
  std::fill_n(inference.prepared_buffer.data(), 64, std::byte(0));
  EXPECT_THROW(inference.forward_prepared(), InvalidArgument);
}

// What a row of each type holds, in the arithmetic of the tests.
template <class To, class From>
void compare_copies(bool adding) {
  constexpr std::int64_t kOuter = 2, kInner = 3, kColumns = 50, kGap = 5;
  constexpr std::int64_t kRow = kColumns + kGap;
  Random random(1, 1);
  std::vector<From> from(kOuter * kInner * kRow);
  std::vector<To> to(from.size());
  for (std::size_t k = 0; k < from.size(); ++k) {
    from[k] = static_cast<From>(random.symmetric(2));
    to[k] = static_cast<To>(random.symmetric(2));
  }
  from[0] = static_cast<From>(std::numeric_limits<float>::infinity());
  from[1] = static_cast<From>(std::numeric_limits<float>::quiet_NaN());
  const std::vector<To> before = to;
  const onednn::ConstRows source{from.data(), storage_type<From>, kOuter, kInner,
                                 kColumns,    kInner * kRow,      kRow};
  const onednn::Rows target{to.data(), storage_type<To>, kOuter, kInner, kColumns, kInner * kRow, kRow};
  if (adding) {
    onednn::add(target, source);
  } else {
    onednn::copy(target, source);
  }
  for (std::size_t k = 0; k < to.size(); ++k) {
    const float sum = static_cast<float>(from[k]) + (adding ? static_cast<float>(before[k]) : 0.0f);
    const To expected = k % kRow < kColumns ? static_cast<To>(sum) : before[k];
    const auto value = static_cast<float>(to[k]);
    ASSERT_TRUE(value == static_cast<float>(expected) ||
                (std::isnan(value) && std::isnan(static_cast<float>(expected))))
        << k << ": " << value;
  }
}

TEST(OneDnnRows, AreCopiedAndAddedInEveryType) {
  for (bool adding : {false, true}) {
    compare_copies<float, float>(adding);
    compare_copies<float, Bf16>(adding);
    compare_copies<Bf16, float>(adding);
    compare_copies<Bf16, Bf16>(adding);
  }
}

TEST(OneDnnRows, KnowWhetherTheyAreDense) {
  float data = 0;
  const onednn::Rows dense = onednn::dense_rows<void*>(&data, DataType::f32, 2, 3, 4);
  EXPECT_TRUE(dense.dense());
  onednn::Rows rows = dense;
  rows.inner_stride = 5;
  EXPECT_FALSE(rows.dense());
  rows.inner = 1;  // and then its stride says nothing
  EXPECT_FALSE(rows.dense());
  rows.outer_stride = 4;
  EXPECT_TRUE(rows.dense());
}

// For few rows oneDNN chooses a packed format of a gru's weights that other sizes may not take: refused
// before anything is written, if so, and right otherwise.
TEST_F(OneDnn, SmallerCallsOnPreparedWeightsAreRunOrRefused) {
  Spec spec = layer_of(Cell::gru, 1, 3);
  spec.gru_reset = GruReset::before;
  const auto problem = oracle::convert<float>(random_problem(spec, 1, 12, 1));
  Session<float> session(problem, {.threads = 2}, {21, 19}, onednn_device());
  session.prepare();
  session.poison_outputs();
  const std::vector<float> before = session.y.vector();
  try {
    session.forward_prepared();
    EXPECT_FALSE(std::isnan(session.y[0]));
  } catch (const Unsupported& error) {
    EXPECT_NE(std::string(error.what()).find("for T=1, B=12"), std::string::npos) << error.what();
    EXPECT_TRUE(same_bits(session.y.vector(), before));
  }
}

// The rule of host/onednn/threads.hpp is about products beyond a cache. These tests lower that limit to 1
// KiB, so that it speaks of layers which oneDNN, whose caches are larger, runs with any number of threads.
onednn::Geometry with_a_small_cache(const Spec& spec, Pass pass, const Shape& shape) {
  onednn::Geometry geometry = onednn::geometry_of(
      {spec, shape, Device::cpu().props(), {.engine = EngineId::onednn, .pass = pass, .threads = 2}});
  geometry.small_bytes = 1 << 10;
  return geometry;
}

struct CutUp {
  Cell cell;
  Pass pass;
  std::int64_t I, H, B;
  int threads;  // of 2
};

constexpr CutUp kCutUp[] = {
    {Cell::rnn, Pass::inference, 40, 65, 7, 1},   // three blocks of columns for two threads, and no block of
                                                  // rows
    {Cell::rnn, Pass::inference, 40, 65, 15, 1},  // blocks of 5 rows are too low
    {Cell::rnn, Pass::inference, 40, 65, 16, 2},  // two blocks of 8 rows
    {Cell::rnn, Pass::inference, 40, 64, 7, 2},   // as many blocks of columns for each
    {Cell::rnn, Pass::inference, 40, 31, 7, 2},   // fewer than threads
    {Cell::rnn, Pass::inference, 8, 65, 3, 2},    // small
    {Cell::rnn, Pass::training, 65, 40, 7, 1},
    {Cell::lstm, Pass::inference, 40, 65, 7, 2},
    {Cell::lstm, Pass::training, 65, 40, 7, 1},
    {Cell::gru, Pass::training, 40, 65, 7, 2},
};

TEST_F(OneDnn, ThreadsAreFewerWhereItFindsNoBlockOfRows) {
  if (onednn::library()->omp_set_num_threads == nullptr) GTEST_SKIP() << "this oneDNN has no OpenMP";
  for (const CutUp& one : kCutUp) {
    SCOPED_TRACE(std::string(name_of(one.cell)) + " I" + std::to_string(one.I) + " H" +
                 std::to_string(one.H) + " B" + std::to_string(one.B) +
                 (one.pass == Pass::training ? " training" : ""));
    const Spec spec = layer_of(one.cell, one.I, one.H);
    const onednn::Geometry geometry = with_a_small_cache(spec, one.pass, {2, one.B});
    EXPECT_EQ(onednn::Stack(geometry, {2, one.B}).threads, one.threads);
    // With the caches of real machines none of them is in the way.
    const Plan plan = make_plan(spec, {2, one.B}, Device::cpu(),
                                {.engine = EngineId::onednn, .pass = one.pass, .threads = 2});
    EXPECT_EQ(plan.threads(), 2);
  }
}

// Planned for a batch that is cut up for two threads, called with one that is not, in the plan's formats.
TEST_F(OneDnn, SmallerCallsHaveTheirOwnThreads) {
  if (onednn::library()->omp_set_num_threads == nullptr) GTEST_SKIP() << "this oneDNN has no OpenMP";
  const onednn::Geometry geometry =
      with_a_small_cache(layer_of(Cell::rnn, 40, 65), Pass::inference, {10, 16});
  const onednn::Stack planned(geometry, {10, 16});
  EXPECT_EQ(planned.threads, 2);
  EXPECT_EQ(onednn::Stack(geometry, {10, 7}, &planned).threads, 1);

  const oracle::Problem<double> problem = random_problem(layer_of(Cell::rnn, 40, 65), 10, 7, 1);
  Session<float> session(oracle::convert<float>(problem), {.threads = 2}, {10, 16}, onednn_device());
  session.poison_outputs();
  session.forward();
  ErrorPool pool(DataType::f32);
  pool.add(oracle::forward(problem).y, Naive<float>(problem).outputs.y, session.y.vector(), "y");
  EXPECT_TRUE(pool.verdict());
}

}  // namespace
}  // namespace recur::test
