// What a call costs, counted from the kernels and products that the pass and its steppers put on their streams. A
// pure function over the rates of a GPU.
#pragma once

#include <optional>

#include "host/gpu_pass/stepper.hpp"
#include "recur/rates.hpp"

namespace recur::host::gpu_pass {

// Seconds of single kernels and products of a call.
struct CostModel {
  const Geometry& g;
  const Rates& rates;
  const double operations;  // a second
  const double steps;
  const double batch;
  const Chunks chunks;  // of forward
  const double hidden;
  const double h_size;
  const double gate_columns;

  CostModel(const Geometry& geometry, const RunSizes& sizes, const Rates& measured);

  // Whether the rate of the products was measured.
  bool known() const { return operations > 0; }

  // Bytes of so many stored values, and of sums.
  double stored(double count) const { return count * static_cast<double>(size_of(g.type)); }
  double summed(double count) const { return count * static_cast<double>(size_of(g.sums)); }

  // A kernel that moves so many bytes.
  double kernel(double bytes) const;
  // A product of stored operands, whose result has `result_bytes`.
  double product(double M, double N, double K, double result_bytes) const;
};

// Seconds of one `forward`: with prepared weights, or in training with canonical ones. Every sequence has all
// steps. A kernel takes at least a launch, and streams are not taken to hide each other's work: the host puts
// their kernels there one after the other. Empty where the rate of the products was not measured.
std::optional<double> forward_seconds(const PassPlan& plan, const RunSizes& sizes, bool training,
                                      const Rates& rates);

// Seconds of one `backward` that computes all gradients.
std::optional<double> backward_seconds(const PassPlan& plan, const RunSizes& sizes, const Rates& rates);

}  // namespace recur::host::gpu_pass
