#include "perf/job.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace recur::perf {
namespace {

bool uses_prepared(Timed pass) { return pass == Timed::inference || pass == Timed::step; }

std::size_t workspace_bytes(const Plan& plan, Timed pass) {
  const BufferSizes& sizes = plan.sizes();
  if (uses_prepared(pass)) return sizes.workspace_prepared;
  return pass == Timed::backward ? std::max(sizes.workspace, sizes.workspace_backward) : sizes.workspace;
}

}  // namespace

std::size_t Job::bytes_per_set(const Plan& plan, Timed pass) {
  return uses_prepared(pass) ? plan.sizes().prepared_weights : plan.sizes().reserve;
}

Job::Job(Backend& backend, Context& context, Plan plan, Timed pass, const std::vector<TensorSet>& sets)
    : backend_(backend),
      context_(context),
      plan_(std::move(plan)),
      pass_(pass),
      sets_(sets),
      workspace_(backend, workspace_bytes(plan_, pass)) {
  for (std::size_t set = 0; set < sets_.size(); ++set) {
    kept_.emplace_back(backend_, bytes_per_set(plan_, pass_));
    if (uses_prepared(pass_)) {
      prepared_.push_back(
          prepare_weights(plan_, context_, backend_.stream(), sets_[set].weights(), kept_[set].span()));
    } else {
      forward(set);
    }
  }
  backend_.synchronize();
}

void Job::forward(std::size_t set) {
  recur::forward(plan_, context_, backend_.stream(), sets_[set].weights(), sets_[set].forward_args(),
                 workspace_.span(), kept_[set].span());
}

void Job::run(std::size_t set) {
  switch (pass_) {
    case Timed::inference:
      recur::forward(plan_, context_, backend_.stream(), prepared_[set], sets_[set].forward_args(),
                     workspace_.span());
      return;
    case Timed::forward: forward(set); return;
    case Timed::backward:
      recur::backward(plan_, context_, backend_.stream(), sets_[set].weights(), sets_[set].backward_args(),
                      kept_[set].span(), workspace_.span());
      return;
    case Timed::step:
      recur::step(plan_, context_, backend_.stream(), prepared_[set], sets_[set].step_args(),
                  workspace_.span());
      return;
  }
}

void Job::record_graph() {
  const TensorSet& set = sets_.front();
  if (pass_ == Timed::backward) {
    graph_ = GraphRun::backward(plan_, context_, set.weights(), set.backward_args(), kept_.front().span(),
                                workspace_.span());
  } else if (uses_prepared(pass_)) {
    graph_ = GraphRun::forward(plan_, context_, prepared_.front(), set.forward_args(), workspace_.span());
  } else {
    graph_ = GraphRun::forward(plan_, context_, set.weights(), set.forward_args(), workspace_.span(),
                               kept_.front().span());
  }
}

void Job::launch_graph() { graph_->launch(backend_.stream()); }

double relative_difference(const std::vector<double>& first, const std::vector<double>& second) {
  if (first.size() != second.size()) return std::numeric_limits<double>::infinity();
  double difference = 0, square = 0;
  for (std::size_t i = 0; i < first.size(); ++i) {
    difference += (second[i] - first[i]) * (second[i] - first[i]);
    square += first[i] * first[i];
  }
  return difference == 0 ? 0 : std::sqrt(difference / square);
}

double allowed_difference(Precision precision) {
  switch (precision) {
    case Precision::f64: return 1e-9;
    case Precision::f32: return 1e-3;
    case Precision::tf32: return 1e-2;
    case Precision::f16: return 2e-2;
    case Precision::bf16: break;
  }
  return 1e-1;
}

}  // namespace recur::perf
