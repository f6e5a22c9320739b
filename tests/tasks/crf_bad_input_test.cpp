// Every refusal of recur/tasks/crf.hpp, and that a refused call wrote nothing.
#include <gtest/gtest.h>

#include <limits>

#include "bad_input.hpp"
#include "recur/tasks/crf.hpp"
#include "tensor.hpp"

namespace recur::test {
namespace {

constexpr std::int64_t T = 3;
constexpr std::int64_t B = 2;
constexpr std::int64_t N = 4;

// Valid arguments of all three functions. Outputs are poisoned.
struct Fixture {
  Tensor<float> emissions{{T, B, N}, 0.5F};
  Tensor<float> weights{{N + 2, N}, 0.25F};
  Tensor<std::int32_t> labels{{T, B}, 1};
  Tensor<std::int32_t> lengths{{B}, 3};
  Tensor<float> dloss{{B}, 1.0F};
  Tensor<float> log_partition{{B}, 77.0F};
  Tensor<float> marginals{{T, B, N}, 77.0F};
  Tensor<float> loss{{B}, 77.0F};
  Tensor<float> demissions{{T, B, N}, 77.0F};
  Tensor<float> dweights{{N + 2, N}, 77.0F};
  Tensor<std::int32_t> best{{T, B}, 77};
  Tensor<float> scores{{B}, 77.0F};
  Workspace workspace{tasks::crf_loss_workspace(T, N)};
  std::span<std::byte> space = workspace.span();

  tasks::CrfLogPartitionArgs partition_args;
  tasks::CrfLossArgs loss_args;
  tasks::CrfDecodeArgs decode_args;

  Fixture() {
    partition_args = {emissions.view(), weights.view(), lengths.view(), log_partition.view(),
                      marginals.view()};
    loss_args = {emissions.view(), weights.view(), labels.view(),     lengths.view(),
                 dloss.view(),     loss.view(),    demissions.view(), dweights.view()};
    decode_args = {emissions.view(), weights.view(), lengths.view(), best.view(), scores.view()};
    for (std::byte& byte : space) byte = std::byte{0x5A};
  }

  void expect_unwritten(const std::string& label) {
    EXPECT_TRUE(log_partition.untouched(true) && marginals.untouched(true) && loss.untouched(true)) << label;
    EXPECT_TRUE(demissions.untouched(true) && dweights.untouched(true)) << label;
    EXPECT_TRUE(best.untouched(true) && scores.untouched(true)) << label;
    const auto whole = workspace.span();
    for (const std::byte byte : whole) ASSERT_EQ(byte, std::byte{0x5A}) << label;
  }
};

using Cases = BadCases<Fixture>;

template <class Args>
Cases common_cases(Args Fixture::*args, std::size_t bytes) {
  Cases cases;
  const ViewRole defines{.defines_width = true};
  add_view_cases(
      cases, "emissions", defines, [=](Fixture & f) -> auto& { return (f.*args).emissions; });
  add_view_cases(
      cases, "weights", {}, [=](Fixture & f) -> auto& { return (f.*args).weights; });
  add_view_cases(
      cases, "lengths", {.optional = true}, [=](Fixture & f) -> auto& { return (f.*args).lengths; });
  cases.push_back({"emissions of no labels",
                   [=](Fixture& f) {
                     (f.*args).emissions = ConstTensorView(f.emissions.data(), {T, B, 0});
                   },
                   {"emissions", "a last size of at least 1", "[0]"}});
  cases.push_back({"emissions of fewer than no steps",
                   [=](Fixture& f) {
                     (f.*args).emissions = ConstTensorView(f.emissions.data(), {-1, B, N});
                   },
                   {"emissions", "a last size of at least 1", "[-1]"}});
  cases.push_back({"weights without the start and end rows",
                   [=](Fixture& f) {
                     (f.*args).weights = ConstTensorView(f.weights.data(), {N, N});
                   },
                   {"weights", "[N+2=6]", "[4] [4]"}});
  cases.push_back(
      {"another layout", [=](Fixture& f) { (f.*args).layout = Layout::batch_major; }, {"expected"}});
  cases.push_back({"short workspace",
                   [=](Fixture& f) { f.space = f.space.first(bytes - 1); },
                   {"workspace", std::to_string(bytes), std::to_string(bytes - 1)}});
  cases.push_back({"null workspace", [](Fixture& f) { f.space = {}; }, {"workspace", "null"}});
  cases.push_back(
      {"misaligned workspace", [](Fixture& f) { f.space = f.space.subspan(16); }, {"workspace", "64"}});
  add_overlap_case(cases, "workspace", "weights", [=](Fixture& f) {
    (f.*args).weights = ConstTensorView(reinterpret_cast<const float*>(f.space.data()), {N + 2, N});
  });
  return cases;
}

TEST(CrfBadInput, LogPartition) {
  Cases cases = common_cases(&Fixture::partition_args, tasks::crf_log_partition_workspace(T, N));
  add_view_cases(
      cases, "log_partition", {.output = true},
      [](Fixture & f) -> auto& { return f.partition_args.log_partition; });
  add_view_cases(
      cases, "marginals", {.optional = true, .output = true},
      [](Fixture & f) -> auto& { return f.partition_args.marginals; });
  add_overlap_case(cases, "marginals", "emissions",
                   [](Fixture& f) { f.partition_args.marginals = f.emissions.view(); });
  add_overlap_case(cases, "log_partition", "marginals",
                   [](Fixture& f) { f.partition_args.log_partition = TensorView(f.marginals.data(), {B}); });
  expect_refusals(cases, [](Fixture& f) { tasks::crf_log_partition(f.partition_args, f.space); });
}

TEST(CrfBadInput, Loss) {
  Cases cases = common_cases(&Fixture::loss_args, tasks::crf_loss_workspace(T, N));
  const ViewRole gradient{.optional = true, .output = true};
  add_view_cases(
      cases, "labels", {}, [](Fixture & f) -> auto& { return f.loss_args.labels; });
  add_view_cases(
      cases, "dloss", {.optional = true}, [](Fixture & f) -> auto& { return f.loss_args.dloss; });
  add_view_cases(
      cases, "loss", {.output = true}, [](Fixture & f) -> auto& { return f.loss_args.loss; });
  add_view_cases(
      cases, "demissions", gradient, [](Fixture & f) -> auto& { return f.loss_args.demissions; });
  add_view_cases(
      cases, "dweights", gradient, [](Fixture & f) -> auto& { return f.loss_args.dweights; });
  for (const std::int32_t label : {-1, 4, std::numeric_limits<std::int32_t>::min()}) {
    cases.push_back({"label " + std::to_string(label),
                     [=](Fixture& f) { f.labels.at(2, 1) = label; },
                     {"labels", "N=4", std::to_string(label), "step 2", "sequence 1"}});
  }
  add_overlap_case(cases, "dweights", "weights", [](Fixture& f) { f.loss_args.dweights = f.weights.view(); });
  add_overlap_case(cases, "demissions", "emissions",
                   [](Fixture& f) { f.loss_args.demissions = f.emissions.view(); });
  add_overlap_case(cases, "loss", "dloss", [](Fixture& f) { f.loss_args.loss = f.dloss.view(); });
  expect_refusals(cases, [](Fixture& f) { tasks::crf_loss(f.loss_args, f.space); });
}

TEST(CrfBadInput, Decode) {
  Cases cases = common_cases(&Fixture::decode_args, tasks::crf_decode_workspace(T, N));
  add_view_cases(
      cases, "labels", {.output = true}, [](Fixture & f) -> auto& { return f.decode_args.labels; });
  add_view_cases(
      cases, "scores", {.output = true}, [](Fixture & f) -> auto& { return f.decode_args.scores; });
  add_overlap_case(cases, "scores", "labels", [](Fixture& f) {
    f.decode_args.scores = TensorView(reinterpret_cast<float*>(f.best.data()), {B});
  });
  expect_refusals(cases, [](Fixture& f) { tasks::crf_decode(f.decode_args, f.space); });
}

TEST(CrfBadInput, LabelsPastTheEndAreNotRead) {
  Fixture fixture;
  fixture.lengths.at(1) = 2;
  fixture.labels.at(2, 1) = -5;
  EXPECT_NO_THROW(tasks::crf_loss(fixture.loss_args, fixture.space));
}

TEST(CrfBadInput, WorkspaceSizes) {
  using Query = std::size_t (*)(std::int64_t, std::int64_t);
  for (const Query query :
       {tasks::crf_log_partition_workspace, tasks::crf_loss_workspace, tasks::crf_decode_workspace}) {
    for (const std::int64_t bad : {std::int64_t{0}, std::int64_t{-1}}) {
      expect_throws<InvalidArgument>([&] { query(bad, 2); }, {"steps", "at least 1"}, "steps");
      expect_throws<InvalidArgument>([&] { query(2, bad); }, {"labels", "at least 1"}, "labels");
    }
    const std::int64_t huge = std::numeric_limits<std::int64_t>::max();
    expect_throws<InvalidArgument>([&] { query(huge, 2); }, {"workspace"}, "huge T");
    expect_throws<InvalidArgument>([&] { query(2, huge); }, {"workspace"}, "huge N");
    expect_throws<InvalidArgument>([&] { query(huge / 16, 2); }, {"workspace"}, "bytes overflow");
    EXPECT_LE(query(3, 4), query(4, 4));
    EXPECT_LE(query(3, 4), query(3, 5));
  }
}

}  // namespace
}  // namespace recur::test
