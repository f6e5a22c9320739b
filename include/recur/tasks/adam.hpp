/// @file
/// Adam for a whole model: owns the moments of its tensors and counts the updates.
#pragma once

#include <cstdint>
#include <vector>

#include "recur/context.hpp"
#include "recur/error.hpp"
#include "recur/owned.hpp"
#include "recur/tasks/optimizer.hpp"
#include "recur/tensor.hpp"

namespace recur::tasks {

/// Calls `adam_step` for each tensor that was added. Host memory.
///
///     Adam adam({.learning_rate = 1e-3});
///     adam.add(weights.flat(), gradients.flat());
///     while (...) {          // forward, backward
///       adam.step();
///     }
class Adam {
 public:
  /// @throws InvalidArgument at the first step for options that `adam_step` refuses.
  explicit Adam(const AdamOptions& options = {}) : options_(options) {}

  /// A tensor to update, and where its gradient is whenever `step` is called. Both outlive this. Allocates
  /// the moments, zeros, dense. Before the first step only, so that all tensors count the same updates.
  /// @throws InvalidArgument after a step, and for shapes or dtypes that differ.
  void add(const TensorView& parameter, const ConstTensorView& gradient) {
    if (steps_ != 0) throw InvalidArgument("add: expected a call before the first step");
    const TensorShape shape = shape_of(parameter);
    if (shape_of(gradient) != shape || gradient.type() != parameter.type()) {
      throw InvalidArgument("gradient: expected the shape and dtype of its parameter");
    }
    entries_.push_back(
        {parameter, gradient, Tensor(shape, parameter.type()), Tensor(shape, parameter.type())});
  }

  /// One update of all tensors, in the order they were added; `team` as in `adam_step`. @throws as that.
  void step(ThreadTeam* team = nullptr) {
    ++steps_;
    for (Entry& entry : entries_) {
      adam_step(options_, steps_, entry.parameter, entry.gradient, entry.m.view(), entry.v.view(), team);
    }
  }

  std::int64_t steps() const { return steps_; }  ///< updates so far
  /// Holds from the next step on: for learning rates that change.
  void set_learning_rate(double rate) { options_.learning_rate = rate; }

 private:
  struct Entry {
    TensorView parameter;
    ConstTensorView gradient;
    Tensor m;
    Tensor v;
  };
  AdamOptions options_;
  std::vector<Entry> entries_;
  std::int64_t steps_ = 0;
};

}  // namespace recur::tasks
