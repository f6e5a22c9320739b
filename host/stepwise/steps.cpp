#include "host/stepwise/steps.hpp"

#include "host/gpu_pass/cost.hpp"

namespace recur::host::stepwise {
namespace {

using gpu_pass::CostModel;
using gpu_pass::Geometry;
using gpu_pass::Stepper;

// Of all steps of a layer, given the seconds of one step of one direction.
double all_steps(const CostModel& cost, double step) {
  return static_cast<double>(cost.g.directions) * cost.steps * step;
}

class Forward final : public gpu_pass::ForwardSteps {
 public:
  Stepper stepper() const override { return Stepper::step_by_step; }

  std::string describe(const Geometry& g, const RunSizes& planned) const override {
    const std::string phases = g.traits.phases == 1 ? "" : std::to_string(g.traits.phases) + " x ";
    const std::string projection = g.projected() ? ", a product and a kernel to project" : "";
    const std::string product = g.traits.recurrent ? "product and " : "";
    return phases + product + "gate kernel a step" + projection + describe_products(g, planned) + ", " +
           std::to_string(g.forward_slots) + (g.forward_slots == 1 ? " stream" : " streams") +
           describe_dropout(g);
  }

  double seconds(const CostModel& cost, bool training) const override {
    const Geometry& g = cost.g;
    const double states = cost.stored(cost.batch * cost.h_size) +
                          (g.traits.cell_state ? cost.summed(cost.batch * cost.hidden) : 0);
    double step = 0;
    for (int phase = 0; phase < g.traits.phases; ++phase) {
      const double sums = g.traits.gates_of_phase(phase) * cost.hidden;
      const int sums_read = g.traits.recurrent ? 2 : 1;
      if (g.traits.recurrent)
        step += cost.product(cost.batch, sums, cost.h_size, cost.summed(cost.batch * sums));
      // W x is read, and R h where there is R; y is written, and what training keeps.
      double bytes =
          cost.summed(sums_read * cost.batch * sums) + 2 * states + cost.stored(cost.batch * cost.hidden);
      if (training) bytes += cost.stored(cost.batch * static_cast<double>(g.saved_columns())) + states;
      step += cost.kernel(bytes);
    }
    if (g.projected()) {
      const double outputs = cost.batch * cost.h_size;
      step += cost.product(cost.batch, cost.h_size, cost.hidden, cost.summed(outputs)) +
              cost.kernel(cost.summed(outputs) + cost.stored(2 * outputs));
    }
    return all_steps(cost, step);
  }
};

class Backward final : public gpu_pass::BackwardSteps {
 public:
  Stepper stepper() const override { return Stepper::step_by_step; }

  double seconds(const CostModel& cost) const override {
    const Geometry& g = cost.g;
    const double states = cost.summed(cost.batch * cost.h_size) +
                          (g.traits.cell_state ? cost.summed(cost.batch * cost.hidden) : 0);
    double step = 0;
    for (int phase = 0; phase < g.traits.phases; ++phase) {
      const double sums = g.traits.gates_of_phase(phase) * cost.hidden;
      const double kept = static_cast<double>(g.saved_columns() + g.sum_columns()) + 3 * cost.hidden;
      step += cost.kernel(cost.stored(cost.batch * kept) + 2 * states);
      if (g.traits.recurrent)
        step += cost.product(cost.batch, cost.h_size, sums, 2 * cost.summed(cost.batch * cost.h_size));
    }
    if (g.projected()) {
      const double outputs = cost.batch * cost.h_size;
      step += cost.kernel(cost.summed(2 * outputs) + cost.stored(4 * outputs)) +
              cost.product(cost.batch, cost.hidden, cost.h_size, cost.summed(cost.batch * cost.hidden));
    }
    return all_steps(cost, step);
  }
};

}  // namespace

std::shared_ptr<const gpu_pass::ForwardSteps> forward_steps() { return std::make_shared<const Forward>(); }
std::shared_ptr<const gpu_pass::BackwardSteps> backward_steps() { return std::make_shared<const Backward>(); }

}  // namespace recur::host::stepwise
