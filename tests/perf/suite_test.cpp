// The suite itself on the smallest shapes: what it runs, keeps apart and leaves out. No time is judged.
#include "perf/suite.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "perf/number.hpp"
#include "support/storage.hpp"
#include "tests/perf/perf_device.hpp"

namespace recur::perf {
namespace {

constexpr const char* kSmall = R"({"shapes": [
  {"name": "everything", "stands_for": "a test", "worth": 2, "cell": "lstm-peephole", "T": 3, "B": 2, "I": 3, "H": 5, "L": 2,
   "direction": "bidirectional", "lengths": {"quantiles": [1, 3], "source": "none"}, "mean_episode": 3,
   "dtypes": ["f32", "f64"], "passes": ["inference", "forward", "backward"]},
  {"name": "stream", "stands_for": "a test", "worth": 1, "cell": "gru", "T": 3, "B": 1, "I": 3, "H": 4,
   "dtypes": ["f32"], "passes": ["step"]}]})";

Request small_request(Backend& backend) {
  Request request;
  request.shapes = parse_shapes(kSmall);
  request.contenders = all_contenders(backend.device());
  request.rule = {.fewest = 2, .most = 3, .least_seconds = 0, .most_seconds = 0};
  request.floors = false;
  return request;
}

TEST(Suite, TimesEveryCase) {
  const std::unique_ptr<Backend> backend = test_backend();
  Progress progress(false);
  const Request request = small_request(*backend);
  const Result result = run_suite(*backend, request, progress);
  const bool is_cuda = backend->device().props().kind == DeviceKind::cuda;
  unsigned ours = 0;
  for (const Row& row : result.rows) {
    EXPECT_GE(row.seconds.samples, 2u);
    EXPECT_GT(row.seconds.median, 0);
    if (row.engine != (is_cuda ? "stepwise" : "cpu")) continue;  // a reference of the build
    ++ours;
    if (is_cuda && row.job.precision == Precision::f32) {
      EXPECT_LT(row.difference, 1e-7) << "beside fused, which adds up in another order";
    } else {
      EXPECT_EQ(row.difference, 0) << "the first contender";
    }
  }
  // Warm, cold, and on a GPU the graph, of three passes in two precisions and the step.
  EXPECT_EQ(ours, (3u * 2 + 1) * (is_cuda ? 3 : 2));
  // Engines of the other device, where the build has any, once a case.
  const bool has_others = std::ranges::any_of(request.contenders, [&](const Contender& one) {
    return one.options.engine == (is_cuda ? EngineId::cpu : EngineId::stepwise);
  });
  EXPECT_GE(result.refused.size(), has_others ? 7u : 0u);
  for (const Refused& refused : result.refused) EXPECT_EQ(refused.reason.find('\n'), std::string::npos);
  EXPECT_TRUE(result.left_out.empty());
}

TEST(Suite, EveryShapeComesBeforeTheNextPrecision) {
  const std::unique_ptr<Backend> backend = test_backend();
  const std::vector<Case> cases = cases_of(small_request(*backend), DeviceKind::cpu);
  ASSERT_EQ(cases.size(), 7u);
  EXPECT_EQ(cases[2].precision, Precision::f32);
  EXPECT_EQ(cases[3].shape.name, "stream");
  EXPECT_EQ(cases[4].precision, Precision::f64);
}

TEST(Suite, CpuHasNoTf32) {
  Request request;
  request.shapes = parse_shapes(kSmall);
  request.shapes[0].precisions = {Precision::tf32, Precision::f32};
  EXPECT_EQ(cases_of(request, DeviceKind::cuda).size(), 7u);
  EXPECT_EQ(cases_of(request, DeviceKind::cpu).size(), 4u);
}

TEST(Suite, OutOfTimeSaysWhatWasLeftOut) {
  const std::unique_ptr<Backend> backend = test_backend();
  Progress progress(false);
  Request request = small_request(*backend);
  request.seconds = 0;
  const Result result = run_suite(*backend, request, progress);
  EXPECT_TRUE(result.rows.empty());
  ASSERT_EQ(result.left_out.size(), 7u);
  EXPECT_EQ(result.left_out[0].shape.name, "everything");
}

TEST(Suite, ContendersAreChosenByName) {
  Contender a{"cudnn standard", true, {}}, b{"cudnn persist-static", true, {}}, c{"cpu", false, {}};
  a.options.engine = b.options.engine = EngineId::cudnn;
  c.options.engine = EngineId::cpu;
  const std::vector<Contender> all = {a, b, c};
  EXPECT_EQ(choose_contenders(all, {"cudnn"}).size(), 2u);
  ASSERT_EQ(choose_contenders(all, {"cpu", "cudnn standard"}).size(), 2u);
  EXPECT_EQ(choose_contenders(all, {"cpu", "cudnn standard"})[1].name, "cudnn standard");
  EXPECT_THROW(choose_contenders(all, {"gpu"}), InvalidArgument);
}

// cuDNN's best algorithm is what counts, so each is a contender on a GPU; elsewhere one refusal is enough.
TEST(Suite, CudnnTakesPartWithEachAlgorithm) {
  DeviceProps props;
  props.kind = DeviceKind::cuda;
  const Device gpu = Device::from_props(props);
  const auto cudnns = [](const Device& device) {
    std::set<std::string> names;
    for (const Contender& one : all_contenders(device)) {
      if (one.options.engine == EngineId::cudnn) names.insert(one.name);
    }
    return names;
  };
  bool has_cudnn = false;
  for (const PassedOver& one : survey_engines({.input_size = 1, .hidden_size = 1}, {}, gpu)) {
    has_cudnn |= one.engine == EngineId::cudnn;
  }
  EXPECT_EQ(cudnns(gpu).size(), has_cudnn ? 4u : 0u);
  EXPECT_EQ(cudnns(gpu).count("cudnn persist-static"), has_cudnn ? 1u : 0u);
  EXPECT_EQ(cudnns(Device::cpu()).size(), has_cudnn ? 1u : 0u);
}

TEST(Suite, WrongResultsAreNoRivals) {
  EXPECT_EQ(relative_difference({1, 2}, {1, 2}), 0);
  EXPECT_DOUBLE_EQ(relative_difference({3, 4}, {3, 4.5}), 0.1);
  EXPECT_FALSE(relative_difference({1, 2}, {1}) <= allowed_difference(Precision::bf16));
  EXPECT_FALSE(relative_difference({1, 2}, {1, std::nan("")}) <= allowed_difference(Precision::bf16));
}

TEST(Suite, NumbersAreThoseOfTheStorageTypes) {
  const auto check = [](DataType type, auto zero, double value) {
    using T = decltype(zero);
    T stored{};
    store_number(type, value, &stored);
    EXPECT_EQ(static_cast<double>(stored), value) << recur::name_of(type);
    EXPECT_EQ(load_number(type, &stored), value) << recur::name_of(type);
  };
  for (const double value : {0.0, 1.0, -1.0, 63.0, -37.0 / 64, 1.0 / 16384, -127.0 / 16384}) {
    check(DataType::f32, float{}, value);
    check(DataType::f64, double{}, value);
    check(DataType::bf16, test::Bf16(0), value);
    check(DataType::f16, test::F16(0), value);
  }
  const auto infinite = test::F16(1e9);
  EXPECT_EQ(load_number(DataType::f16, &infinite), HUGE_VAL);
  const auto small = test::F16(0x3p-24);
  EXPECT_EQ(load_number(DataType::f16, &small), 0x3p-24) << "a subnormal number";
}

}  // namespace
}  // namespace recur::perf
