// The C interface gives what the C++ one gives.
#include <cmath>

#include "c/interface.hpp"

namespace recur::test {
namespace {

TEST_F(CInterface, GivesWhatTheCppInterfaceGives) {
  plan();
  ASSERT_EQ(forward(), RECUR_SUCCESS) << error_.message;
  ASSERT_EQ(backward(), RECUR_SUCCESS) << error_.message;

  const Device device = Device::cpu();
  const Plan plan = make_plan(cpp_spec_, {kT, kB}, device, {.pass = Pass::training});
  EXPECT_EQ(recur_plan_fingerprint(plan_), plan.fingerprint());
  EXPECT_EQ(recur_plan_layout_id(plan_), plan.layout_id());
  EXPECT_EQ(recur_plan_engine(plan_), RECUR_ENGINE_CPU);
  EXPECT_EQ(recur_plan_threads(plan_), plan.threads());
  EXPECT_EQ(recur_plan_resident_fraction(plan_), plan.resident_fraction());
  EXPECT_TRUE(std::isnan(recur_plan_predicted_seconds(plan_))) << "without rates";
  EXPECT_TRUE(std::isnan(recur_plan_predicted_backward_seconds(plan_)));
  std::string text(recur_plan_explain(plan_, nullptr, 0) + 1, '?');
  EXPECT_EQ(recur_plan_explain(plan_, text.data(), text.size()), plan.explain().size());
  EXPECT_STREQ(text.c_str(), plan.explain().c_str());
  char cut[8];
  EXPECT_EQ(recur_plan_explain(plan_, cut, sizeof(cut)), plan.explain().size());
  EXPECT_EQ(cut, plan.explain().substr(0, 7));

  Context context(device);
  Aligned<float> y(y_.size()), dx(dx_.size());
  std::vector<LayerWeights> weights;
  std::vector<Aligned<float>> dW;
  std::vector<LayerGradients> gradients;
  for (std::size_t l = 0; l < 2; ++l) {
    const std::int64_t J = l == 0 ? kI : 2 * kH;
    weights.push_back({{W_[l].data(), {2, 4 * kH, J}},
                       {R_[l].data(), {2, 4 * kH, kH}},
                       {bW_[l].data(), {2, 4 * kH}},
                       {bR_[l].data(), {2, 4 * kH}},
                       {},
                       {}});
    dW.emplace_back(W_[l].size());
    gradients.push_back({{dW[l].data(), {2, 4 * kH, J}}, {}, {}, {}, {}, {}});
  }
  ForwardArgs args;
  args.x = {x_.data(), {kT, kB, kI}};
  args.y = {y.data(), {kT, kB, 2 * kH}};
  recur::forward(plan, context, Stream(), std::span<const LayerWeights>(weights), args, workspace_.bytes(),
                 reserve_.bytes());
  BackwardArgs back;
  back.x = args.x;
  back.y = args.y;
  back.dy = {dy_.data(), {kT, kB, 2 * kH}};
  back.dx = {dx.data(), {kT, kB, kI}};
  back.dweights = gradients;
  recur::backward(plan, context, Stream(), weights, back, reserve_.bytes(), workspace_.bytes());
  EXPECT_EQ(y_.vector(), y.vector());
  EXPECT_EQ(dx_.vector(), dx.vector());
  for (std::size_t l = 0; l < 2; ++l) EXPECT_EQ(dW_[l].vector(), dW[l].vector());
}

TEST_F(CInterface, FunctionsAndClip) {
  spec_.clip = cpp_spec_.clip = 0.75;
  spec_.activations[0] = {RECUR_ACTIVATION_HARD_SIGMOID, 0.25, 0.5};
  spec_.activations[2] = {RECUR_ACTIVATION_SOFTPLUS, 0, 0};
  cpp_spec_.activations = {{{Activation::hard_sigmoid, 0.25, 0.5}, {}, {Activation::softplus}}};
  plan();
  EXPECT_EQ(recur_plan_fingerprint(plan_),
            make_plan(cpp_spec_, {kT, kB}, Device::cpu(), {.pass = Pass::training}).fingerprint());
  ASSERT_EQ(forward(), RECUR_SUCCESS) << error_.message;
  ASSERT_EQ(backward(), RECUR_SUCCESS) << error_.message;
}

TEST_F(CInterface, FunctionsByDirection) {
  spec_.activations[1] = {RECUR_ACTIVATION_SOFTSIGN, 0, 0};
  spec_.has_reverse_activations = 1;
  spec_.reverse_activations[0] = {RECUR_ACTIVATION_HARD_SIGMOID, 0.25, 0.5};
  cpp_spec_.activations[1].function = Activation::softsign;
  cpp_spec_.reverse_activations = {{{Activation::hard_sigmoid, 0.25, 0.5}, {}, {}}};
  plan();
  const auto fingerprint = [&] {
    return make_plan(cpp_spec_, {kT, kB}, Device::cpu(), {.pass = Pass::training}).fingerprint();
  };
  EXPECT_EQ(recur_plan_fingerprint(plan_), fingerprint());
  ASSERT_EQ(forward(), RECUR_SUCCESS) << error_.message;
  ASSERT_EQ(backward(), RECUR_SUCCESS) << error_.message;
  cpp_spec_.reverse_activations.reset();
  EXPECT_NE(recur_plan_fingerprint(plan_), fingerprint());
}

// A chain of kT rows a sequence, in an order of its own, is the sequence.
TEST_F(CInterface, RowsOfAForest) {
  spec_.direction = RECUR_FORWARD;
  spec_.layers = 1;
  spec_.forest = 1;
  constexpr std::int64_t kRows = kT * kB;
  ASSERT_EQ(recur_plan_create(&spec_, 1, kRows, device_, &options_, &plan_.handle, &error_), RECUR_SUCCESS)
      << error_.message;
  ASSERT_EQ(recur_context_create(device_, nullptr, &context_.handle, &error_), RECUR_SUCCESS);
  const recur_buffer_sizes sizes = recur_plan_sizes(plan_);
  workspace_ = Aligned<std::byte>(std::max(sizes.workspace, sizes.workspace_backward));
  reserve_ = Aligned<std::byte>(sizes.reserve);

  // Node t + b*kT follows node t-1 + b*kT.
  std::int32_t parents[kRows], row_parents[kRows], nodes[kRows];
  for (std::int64_t node = 0; node < kRows; ++node)
    parents[node] = node % kT == 0 ? -1 : static_cast<std::int32_t>(node - 1);
  std::int64_t level_begin[kRows + 1], levels = -1;
  ASSERT_EQ(recur_order_forest(parents, kRows, level_begin, &levels, row_parents, nodes, &error_),
            RECUR_SUCCESS)
      << error_.message;
  ASSERT_EQ(levels, kT);
  for (std::int64_t row = 0; row < kRows; ++row) EXPECT_EQ(nodes[row], row / kB + row % kB * kT);
  const recur_forest forest = {level_begin, levels, row_parents, kRows};
  recur_layer_weights layer = {};
  layer.W = tensor(W_[0], {1, 4 * kH, kI});
  layer.R = tensor(R_[0], {1, 4 * kH, kH});
  layer.bW = tensor(bW_[0], {1, 4 * kH});
  layer.bR = tensor(bR_[0], {1, 4 * kH});
  weights_ = {&layer, 1, {}};
  args_.x = tensor(x_, {1, kRows, kI});
  args_.y = tensor(y_, {1, kRows, kH});
  args_.forest = &forest;
  ASSERT_EQ(forward(), RECUR_SUCCESS) << error_.message;

  oracle::Problem<double> sequences = problem_;
  sequences.spec.direction = Direction::forward;
  sequences.spec.layers = 1;
  sequences.layers.resize(1);
  sequences.h0 = sequences.c0 = {};
  auto& only = sequences.layers[0];
  for (auto* tensor : {&only.W, &only.R, &only.bW, &only.bR}) tensor->resize(tensor->size() / 2);
  const auto expected = oracle::forward(sequences);
  for (std::size_t k = 0; k < expected.y.size(); ++k) EXPECT_NEAR(y_[k], expected.y[k], 1e-6) << k;

  back_.x = args_.x;
  back_.y = args_.y;
  back_.dy = tensor(dy_, {1, kRows, kH});
  back_.dx = tensor(dx_, {1, kRows, kI});
  back_.dweights = nullptr;
  back_.dweights_count = 0;
  back_.forest = &forest;
  const auto run_backward = [&] {
    return recur_backward(plan_, context_, nullptr, &layer, 1, &back_, reserve_.data(), reserve_.size(),
                          workspace_.data(), workspace_.size(), &error_);
  };
  EXPECT_EQ(run_backward(), RECUR_SUCCESS) << error_.message;
  back_.forest = nullptr;
  expect(run_backward(), RECUR_INVALID_ARGUMENT, "forest: expected one");
  args_.forest = nullptr;
  expect(forward(), RECUR_INVALID_ARGUMENT, "forest: expected one");
  const recur_forest bad[] = {{nullptr, levels, row_parents, kRows},
                              {level_begin, -2, row_parents, kRows},
                              {level_begin, INT64_MAX, row_parents, kRows},
                              {level_begin, levels, nullptr, kRows},
                              {level_begin, levels, row_parents, -1}};
  for (const recur_forest& one : bad) {
    args_.forest = &one;
    expect(forward(), RECUR_INVALID_ARGUMENT, "forest.");
  }
  parents[0] = 1;
  levels = -1;
  expect(recur_order_forest(parents, kRows, level_begin, &levels, row_parents, nodes, &error_),
         RECUR_INVALID_ARGUMENT, "lead to no root");
  EXPECT_EQ(levels, -1);
  for (int missing = 0; missing < 5; ++missing) {
    expect(recur_order_forest(missing == 0 ? nullptr : parents, kRows, missing == 1 ? nullptr : level_begin,
                              missing == 2 ? nullptr : &levels, missing == 3 ? nullptr : row_parents,
                              missing == 4 ? nullptr : nodes, &error_),
           RECUR_INVALID_ARGUMENT, "got null");
  }
}

TEST_F(CInterface, PreparedWeightsAndSteps) {
  options_.pass = RECUR_INFERENCE;
  spec_.direction = RECUR_FORWARD;
  spec_.layers = 1;
  plan();
  const recur_buffer_sizes sizes = recur_plan_sizes(plan_);
  recur_layer_weights layer = {};
  layer.W = tensor(W_[0], {1, 4 * kH, kI});
  layer.R = tensor(R_[0], {1, 4 * kH, kH});
  layer.bW = tensor(bW_[0], {1, 4 * kH});
  layer.bR = tensor(bR_[0], {1, 4 * kH});
  Aligned<std::byte> prepared(sizes.prepared_weights), workspace(sizes.workspace_prepared);
  recur_weights weights = {};
  ASSERT_EQ(recur_prepare_weights(plan_, context_, nullptr, &layer, 1, prepared.data(), prepared.size(),
                                  &weights.prepared, &error_),
            RECUR_SUCCESS)
      << error_.message;
  Aligned<float> y(kT * kB * kH), h(std::vector<float>(kB * kH)), c(std::vector<float>(kB * kH)),
      out(kB * kH);
  args_.y = tensor(y, {kT, kB, kH});
  ASSERT_EQ(recur_forward(plan_, context_, nullptr, &weights, &args_, workspace.data(), workspace.size(),
                          nullptr, 0, &error_),
            RECUR_SUCCESS)
      << error_.message;
  recur_step_args step;
  recur_step_args_init(&step);
  Aligned<float> x(std::vector<float>(x_.data(), x_.data() + kB * kI));
  step.x = tensor(x, {kB, kI});
  step.y = tensor(out, {kB, kH});
  step.h = tensor(h, {1, 1, kB, kH});
  step.c = tensor(c, {1, 1, kB, kH});
  ASSERT_EQ(
      recur_step(plan_, context_, nullptr, &weights, &step, workspace.data(), workspace.size(), &error_),
      RECUR_SUCCESS)
      << error_.message;
  for (std::size_t i = 0; i < kB * kH; ++i) EXPECT_NEAR(out[i], y[i], 1e-6);
}

TEST_F(CInterface, Generate) {
  options_.pass = RECUR_INFERENCE;
  spec_.direction = RECUR_FORWARD;
  spec_.layers = 1;
  plan();
  Aligned<std::byte> workspace(recur_plan_sizes(plan_).workspace);
  recur_layer_weights layer = {};
  layer.W = tensor(W_[0], {1, 4 * kH, kI});
  layer.R = tensor(R_[0], {1, 4 * kH, kH});
  layer.bW = tensor(bW_[0], {1, 4 * kH});
  layer.bR = tensor(bR_[0], {1, 4 * kH});
  const recur_weights weights = {&layer, 1, {}};

  const std::vector<float> zeros(kB * kH);
  Aligned<float> x(std::vector<float>(x_.data(), x_.data() + kB * kI)), h(zeros), c(zeros), y(3 * kB * kH);
  recur_generate_args args;
  recur_generate_args_init(&args);
  args.x = tensor(x, {kB, kI});
  args.y = tensor(y, {3, kB, kH});
  args.h = tensor(h, {1, 1, kB, kH});
  args.c = tensor(c, {1, 1, kB, kH});
  // The next x is half of the first columns of y.
  struct Halves {
    std::vector<std::int64_t> steps;
    const recur_generate_args* args;
  } halves{{}, &args};
  args.feed = [](void* user, void* stream, std::int64_t t, const recur_tensor* from, const recur_tensor* to) {
    auto& seen = *static_cast<Halves*>(user);
    seen.steps.push_back(t);
    EXPECT_EQ(stream, nullptr);
    EXPECT_EQ(to->data, seen.args->x.data);
    EXPECT_EQ(from->data, static_cast<float*>(seen.args->y.data) + t * kB * kH);
    for (std::int64_t b = 0; b < kB; ++b) {
      for (std::int64_t i = 0; i < kI; ++i) {
        static_cast<float*>(to->data)[b * to->strides[0] + i] =
            static_cast<const float*>(from->data)[b * from->strides[0] + i] / 2;
      }
    }
  };
  args.user = &halves;
  ASSERT_EQ(
      recur_generate(plan_, context_, nullptr, &weights, &args, workspace.data(), workspace.size(), &error_),
      RECUR_SUCCESS)
      << error_.message;
  EXPECT_EQ(halves.steps, (std::vector<std::int64_t>{0, 1}));

  // The same by steps.
  Aligned<float> x_now(std::vector<float>(x_.data(), x_.data() + kB * kI)), h_now(zeros), c_now(zeros),
      out(kB * kH);
  recur_step_args step;
  recur_step_args_init(&step);
  step.x = tensor(x_now, {kB, kI});
  step.y = tensor(out, {kB, kH});
  step.h = tensor(h_now, {1, 1, kB, kH});
  step.c = tensor(c_now, {1, 1, kB, kH});
  for (std::size_t t = 0; t < 3; ++t) {
    ASSERT_EQ(
        recur_step(plan_, context_, nullptr, &weights, &step, workspace.data(), workspace.size(), &error_),
        RECUR_SUCCESS)
        << error_.message;
    for (std::size_t i = 0; i < kB * kH; ++i) EXPECT_EQ(y[t * kB * kH + i], out[i]) << t << " " << i;
    for (std::size_t i = 0; i < kB * kI; ++i) x_now[i] = out[i / kI * kH + i % kI] / 2;
  }
  EXPECT_EQ(h.vector(), h_now.vector());
  EXPECT_EQ(c.vector(), c_now.vector());

  const recur_feed feed = args.feed;
  args.feed = nullptr;
  expect(
      recur_generate(plan_, context_, nullptr, &weights, &args, workspace.data(), workspace.size(), &error_),
      RECUR_INVALID_ARGUMENT, "expected a feed, or a plan with I = H");
  recur_graph* graph = nullptr;
  args.feed = feed;
  expect(recur_graph_generate(plan_, context_, &weights, &args, workspace.data(), workspace.size(), &graph,
                              &error_),
         RECUR_UNSUPPORTED, "graph: expected a plan on a CUDA device");
  EXPECT_EQ(graph, nullptr);
}

TEST_F(CInterface, SurveyAndLog) {
  std::vector<std::string> seen;
  const auto collect = [](void* user, std::int32_t engine, const char* reason) {
    static_cast<std::vector<std::string>*>(user)->push_back(std::string(recur_engine_name(engine)) + ":" +
                                                            reason);
  };
  ASSERT_EQ(recur_survey_engines(&spec_, kT, kB, device_, nullptr, collect, &seen, &error_), RECUR_SUCCESS);
  EXPECT_NE(std::find(seen.begin(), seen.end(), "cpu:"), seen.end());
  std::string log;
  options_.log = [](void* user, const char* line) { *static_cast<std::string*>(user) += line; };
  options_.log_user = &log;
  plan();
  EXPECT_NE(log.find("engine: cpu"), std::string::npos) << log;
  EXPECT_STREQ(recur_engine_name(99), "unknown engine");
  EXPECT_STREQ(recur_engine_name(RECUR_ENGINE_CLUSTER_RESIDENT), "cluster-resident");
  EXPECT_STREQ(recur_status_name(RECUR_FORMAT_ERROR), "format_error");
  EXPECT_STREQ(recur_status_name(-5), "unknown status");
  EXPECT_EQ(recur_version(), RECUR_VERSION);
}

}  // namespace
}  // namespace recur::test
