/// @file
/// Adam for a whole model. It owns the moments of the model's tensors and counts the updates.
#pragma once

#include <cstdint>
#include <vector>

#include "recur/context.hpp"
#include "recur/error.hpp"
#include "recur/owned.hpp"
#include "recur/tasks/optimizer.hpp"
#include "recur/tensor.hpp"

namespace recur::tasks {

/// Calls `adam_step` for each tensor that was added. Tensors lie in host memory.
///
///     Adam adam({.learning_rate = 1e-3});
///     adam.add(weights.flat(), gradients.flat());
///     while (...) {          // forward, backward
///       adam.step();
///     }
class Adam {
 public:
  /// Makes an optimiser without tensors. The first `step` checks the options.
  ///
  /// @param options  as `adam_step` takes them
  explicit Adam(const AdamOptions& options = {}) : options_(options) {}

  /// Adds a tensor and allocates its moments, dense zeros. Add all tensors before the first step, so that all
  /// count the same updates.
  ///
  /// @param parameter  the tensor, which every step updates; it must outlive this object
  /// @param gradient   where its gradient lies whenever `step` is called; likewise
  /// @throws InvalidArgument  after a step, and for a gradient of another shape or dtype
  /// @throws OutOfMemory      where the system has no memory for the moments
  void add(const TensorView& parameter, const ConstTensorView& gradient) {
    if (steps_ != 0) throw InvalidArgument("add: expected a call before the first step");
    const TensorShape shape = shape_of(parameter);
    if (shape_of(gradient) != shape || gradient.type() != parameter.type()) {
      throw InvalidArgument("gradient: expected the shape and dtype of its parameter");
    }
    entries_.push_back(
        {parameter, gradient, Tensor(shape, parameter.type()), Tensor(shape, parameter.type())});
  }

  /// Updates all tensors once, in the order in which they were added.
  ///
  /// @param team  as in `adam_step`
  /// @throws InvalidArgument  as `adam_step`
  void step(ThreadTeam* team = nullptr) {
    ++steps_;
    for (Entry& entry : entries_) {
      adam_step(options_, steps_, entry.parameter, entry.gradient, entry.m.view(), entry.v.view(), team);
    }
  }

  std::int64_t steps() const { return steps_; }  ///< updates so far
  /// Changes the learning rate from the next step on.
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
