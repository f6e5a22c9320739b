// Many threads and many plans at once, through both interfaces: each thread plans jobs of its own, the same
// and others than its neighbours, runs them on plans and prepared weights that all share and on its own, and
// plans for GPUs that are not there. What threads bring themselves is contexts, teams and buffers. Every
// result has the bits of one thread alone. threads_test.cpp has one plan, and callers that share nothing.
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <thread>

#include "contract/session.hpp"
#include "planning/chips.hpp"
#include "recur/recur.h"
#include "support/problem.hpp"
#include "support/spec_name.hpp"

namespace recur::test {
namespace {

constexpr Index kSteps = 3, kBatch = 7;

struct Results {
  oracle::Outputs<float> trained;
  oracle::Gradients<float> gradients;
  oracle::Outputs<float> inferred;
  std::vector<float> stepped;  ///< h after two steps

  bool operator==(const Results& other) const {
    return same_bits(trained, other.trained) && same_bits(gradients, other.gradients) &&
           same_bits(inferred, other.inferred) && same_bits(stepped, other.stepped);
  }
};

// One job: what all threads share of it, and what one thread alone makes of it.
struct SharedJob {
  explicit SharedJob(Spec cell, bool with_team) {
    cell.input_size = 4;
    // Without a team small; with one above what the engine shares out among two threads.
    set_hidden(cell, with_team ? unit_groups(cell).H : 9);
    threads = with_team ? 2 : 1;
    problem = oracle::convert<float>(random_problem(cell, kSteps, kBatch, 1));
    upstream = oracle::convert<float>(random_output_gradients(cell, kSteps, kBatch, 2));
    training = std::make_unique<Session<float>>(problem, options(Pass::training));
    inference = std::make_unique<Session<float>>(problem, options(Pass::inference));
    inference->prepare();
  }
  Options options(Pass pass) const { return {.pass = pass, .threads = threads}; }

  int threads = 1;
  oracle::Problem<float> problem;
  oracle::OutputGradients<float> upstream;
  std::unique_ptr<Session<float>> training, inference;  ///< plans and prepared weights are shared, no more
  Results alone;
};

// What a thread runs a job with. Plans are its own, or the shared ones.
Results run_with_plans(const SharedJob& job, bool shared) {
  Results results;
  Session<float> training(job.problem, job.options(Pass::training));
  Session<float> inference(job.problem, job.options(Pass::inference));
  if (shared) {
    training.plan = job.training->plan;
    inference.plan = job.inference->plan;
    inference.prepared = job.inference->prepared;
  } else {
    inference.prepare();
  }
  training.set_upstream(job.upstream);
  training.forward();
  training.backward();
  results.trained = training.outputs();
  results.gradients = training.all_gradients();
  inference.forward_prepared();
  results.inferred = inference.outputs();

  Aligned<float> x(
      std::vector<float>(job.problem.x.begin(), job.problem.x.begin() + kBatch * inference.spec.input_size));
  Aligned<float> y(static_cast<std::size_t>(kBatch * inference.outputs_width()));
  StepArgs step_args;
  step_args.x = TensorView(x.data(), DataType::f32, {kBatch, inference.spec.input_size});
  step_args.y = TensorView(y.data(), DataType::f32, {kBatch, inference.outputs_width()});
  step_args.h = inference.h_state(inference.h0);
  step_args.c = inference.c_state(inference.c0);
  for (int i = 0; i < 2; ++i)
    step(inference.plan, inference.context, Stream(), inference.prepared, step_args,
         inference.workspace.bytes());
  results.stepped = inference.h0.vector();
  return results;
}

// The same through the C interface, by handles of this thread's or the shared plan's; inference alone.
recur_tensor c_tensor(const ConstTensorView& view) {
  recur_tensor tensor = {};
  if (!view.given()) return tensor;
  tensor.data = const_cast<void*>(view.data());  // only read
  tensor.dtype = RECUR_F32;
  tensor.rank = view.rank();
  for (int d = 0; d < view.rank(); ++d) {
    tensor.shape[d] = view.size(d);
    tensor.strides[d] = view.stride(d);
  }
  return tensor;
}

struct CPlan {
  CPlan(const Spec& spec, int threads) {
    recur_spec c_spec;
    recur_spec_init(&c_spec);
    c_spec.cell = static_cast<int>(spec.cell);
    c_spec.activation = static_cast<int>(spec.activation);
    c_spec.residual = spec.residual ? 1 : 0;
    c_spec.gru_reset = static_cast<int>(spec.gru_reset);
    c_spec.peepholes = spec.peepholes ? 1 : 0;
    c_spec.coupled_input_forget = spec.coupled_input_forget ? 1 : 0;
    c_spec.input_size = spec.input_size;
    c_spec.hidden_size = spec.hidden_size;
    c_spec.projection_size = spec.projection_size;
    recur_options options;
    recur_options_init(&options);
    options.threads = threads;
    recur_device_cpu(&device, nullptr);
    recur_plan_create(&c_spec, kSteps, kBatch, device, &options, &plan, nullptr);
  }
  CPlan(const CPlan&) = delete;
  CPlan& operator=(const CPlan&) = delete;
  ~CPlan() {
    recur_plan_free(plan);
    recur_device_free(device);
  }
  recur_device* device = nullptr;
  recur_plan* plan = nullptr;
};

std::vector<float> run_in_c(const SharedJob& job, const CPlan& c) {
  Session<float> memory(job.problem, job.options(Pass::inference));
  recur_thread_team* team = nullptr;
  recur_context* context = nullptr;
  recur_error error = {};
  recur_thread_team_create(job.threads, &team, &error);
  recur_context_create(c.device, team, &context, &error);
  const auto layer = memory.layers[0].views<ConstTensorView>(memory.spec, 0);
  const recur_layer_weights layers = {c_tensor(layer.W),        c_tensor(layer.R),
                                      c_tensor(layer.bW),       c_tensor(layer.bR),
                                      c_tensor(layer.peephole), c_tensor(layer.projection)};
  recur_weights weights = {};
  recur_forward_args args;
  recur_forward_args_init(&args);
  args.x = c_tensor(memory.forward_args.x);
  args.h0 = c_tensor(memory.forward_args.h0);
  args.c0 = c_tensor(memory.forward_args.c0);
  args.y = c_tensor(memory.forward_args.y);
  const recur_buffer_sizes sizes = recur_plan_sizes(c.plan);
  if (recur_prepare_weights(c.plan, context, nullptr, &layers, 1, memory.prepared_buffer.data(),
                            sizes.prepared_weights, &weights.prepared, &error) != RECUR_SUCCESS ||
      recur_forward(c.plan, context, nullptr, &weights, &args, memory.workspace.data(),
                    sizes.workspace_prepared, nullptr, 0, &error) != RECUR_SUCCESS)
    memory.y.poison();  // unlike any result
  recur_context_free(context);
  recur_thread_team_free(team);
  return memory.y.vector();
}

// Everything that only reads: of shared plans, and of what is planned for devices that are not there.
std::string described(const SharedJob& job, std::size_t chip) {
  std::string text = job.training->plan.explain() + job.inference->plan.explain();
  DeviceProps gpu = props_of(kChips[chip % std::size(kChips)]);
  for (DataType type : {DataType::f32, DataType::bf16}) {
    Spec spec = job.problem.spec;
    spec.dtype = type;
    for (const DeviceProps& props : {gpu, Device::cpu().props()}) {
      for (const PassedOver& one : survey_engines(spec, {kSteps, kBatch}, Device::from_props(props)))
        text += one.reason;
      try {
        text += make_plan(spec, {kSteps, kBatch}, Device::from_props(props)).explain();
      } catch (const Unsupported& error) {
        text += error.what();
      }
    }
  }
  return text;
}

class SharedPlans : public ::testing::Test {
 protected:
  SharedPlans() {
    for (const Spec& cell : all_cells_and_projections()) jobs_.emplace_back(cell, false);
    Spec wide;
    wide.cell = Cell::rnn;
    jobs_.emplace_back(wide, true);
    for (SharedJob& job : jobs_) job.alone = run_with_plans(job, false);
  }

  // task(thread, round) from all threads at once; how often it came out wrong.
  static int wrong_of(int threads, const std::function<bool(std::size_t thread)>& task) {
    std::atomic<int> waiting = threads, wrong = 0;
    std::vector<std::thread> callers;
    callers.reserve(static_cast<std::size_t>(threads));
    for (int thread = 0; thread < threads; ++thread) {
      callers.emplace_back([&, thread] {
        --waiting;
        while (waiting != 0) std::this_thread::yield();
        if (!task(static_cast<std::size_t>(thread))) ++wrong;
      });
    }
    for (std::thread& caller : callers) caller.join();
    return wrong;
  }
  // The job that a thread is at: in the first half of the rounds all are at one, then each at another.
  const SharedJob& job_at(std::size_t thread, std::size_t round) const {
    return jobs_[(round < jobs_.size() ? round : round + 3 * thread) % jobs_.size()];
  }

  std::vector<SharedJob> jobs_;
};

constexpr int kThreads = 4;

TEST_F(SharedPlans, GiveTheBitsOfOneThread) {
  ASSERT_EQ(jobs_.back().inference->plan.threads(), 2) << "no team at work";
  EXPECT_EQ(wrong_of(kThreads,
                     [&](std::size_t thread) {
                       bool right = true;
                       for (std::size_t round = 0; round < 12 * jobs_.size(); ++round) {
                         const SharedJob& job = job_at(thread, round);
                         right = run_with_plans(job, (thread + round) % 2 == 0) == job.alone && right;
                       }
                       return right;
                     }),
            0);
}

TEST_F(SharedPlans, GiveTheBitsOfOneThreadInC) {
  std::vector<std::unique_ptr<CPlan>> shared;
  for (const SharedJob& job : jobs_) shared.push_back(std::make_unique<CPlan>(job.problem.spec, job.threads));
  EXPECT_EQ(wrong_of(kThreads,
                     [&](std::size_t thread) {
                       bool right = true;
                       for (std::size_t round = 0; round < 12 * jobs_.size(); ++round) {
                         const SharedJob& job = job_at(thread, round);
                         const CPlan own(job.problem.spec, job.threads);
                         const CPlan& of_all = *shared[static_cast<std::size_t>(&job - jobs_.data())];
                         right = recur_plan_fingerprint(own.plan) == recur_plan_fingerprint(of_all.plan) &&
                                 same_bits(run_in_c(job, (thread + round) % 2 == 0 ? of_all : own),
                                           job.alone.inferred.y) &&
                                 right;
                       }
                       return right;
                     }),
            0);
}

TEST_F(SharedPlans, AreDescribedAndMadeForAbsentDevicesWhileOthersRun) {
  std::vector<std::string> expected;
  for (std::size_t job = 0; job < jobs_.size(); ++job) expected.push_back(described(jobs_[job], job));
  EXPECT_EQ(wrong_of(kThreads,
                     [&](std::size_t thread) {
                       bool right = true;
                       for (std::size_t round = 0; round < 4 * jobs_.size(); ++round) {
                         const std::size_t job = (round + thread) % jobs_.size();
                         right = described(jobs_[job], job) == expected[job] &&
                                 (thread % 2 == 0 || run_with_plans(jobs_[job], true) == jobs_[job].alone) &&
                                 right;
                       }
                       return right;
                     }),
            0);
}

}  // namespace
}  // namespace recur::test
