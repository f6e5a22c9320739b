// What a job cannot do without, whoever does it: operations, bytes, and steps that wait for each other.
#pragma once

#include <cstdint>
#include <span>

#include "perf/shape.hpp"

namespace recur::perf {

struct Work {
  double operations = 0;            // of the products; a multiplication and an addition are two
  double recurrent_operations = 0;  // of those, what stands between one step and the next
  double stream_bytes = 0;          // inputs and outputs, each once
  double weight_bytes = 0;          // W, R and biases, once; in backward their gradients as well
  double recurrent_bytes = 0;       // R of one direction of one layer
  double recurrent_reads = 0;       // how often all of one such R takes part, in all layers and directions
  double chain = 0;                 // products with R that wait for each other
};

// Of one call. `lengths` [B] of the sequences, or empty: all have T steps.
//
// Operations are those of valid steps. Backward is twice forward: gradients of what was multiplied, and of
// the weights; only the former is recurrent. Every tensor moves once; what engines keep between the passes
// could be computed again, and does not count. Directions run side by side, layers as a wavefront, and a gru
// with its reset before the product has two products a step.
Work work_of(const Shape& shape, Precision precision, Timed pass, std::span<const std::int32_t> lengths);

}  // namespace recur::perf
