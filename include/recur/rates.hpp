/// @file
/// What a machine can do, as `recur-perf` measured it there. Plans predict times from these rates.
#pragma once

#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "recur/export.hpp"
#include "recur/types.hpp"

namespace recur {

/// A rate for each precision; 0 where it was not measured.
struct PrecisionRates {
  double f32 = 0;
  double tf32 = 0;  ///< f32 whose operands are rounded to TF32
  double f64 = 0;
  double bf16 = 0;
  double f16 = 0;

  /// The rate of numbers that are stored as `type`; 0 for integers.
  ///
  /// @param type             the storage type
  /// @param rounded_to_tf32  for f32: whether operands are rounded to TF32
  constexpr double of(DataType type, bool rounded_to_tf32 = false) const {
    switch (type) {
      case DataType::f32: return rounded_to_tf32 ? tf32 : f32;
      case DataType::f64: return f64;
      case DataType::bf16: return bf16;
      case DataType::f16: return f16;
      case DataType::i32:
      case DataType::u8: break;
    }
    return 0;
  }
};

/// A level of memory as the threads or multiprocessors in use see it together.
struct MemoryLevel {
  std::string name;                                        ///< such as "L2"
  double bytes = std::numeric_limits<double>::infinity();  ///< what it holds
  double bytes_per_second = 0;                             ///< above 0
};

/// A way in which the blocks that form a recurrent step on a GPU can tell each other their results.
struct Hop {
  std::string name;                                              ///< such as "cluster of 8"
  double holds_bytes = std::numeric_limits<double>::infinity();  ///< bytes of R that all its blocks hold
  double seconds = 0;                                            ///< from one block's result to the others
};

/// Rates of one machine, of all its multiprocessors or of `threads` threads together. Times are seconds.
struct Rates {
  int threads = 1;  ///< CPU: how many were at work

  /// CUDA: of large products. CPU: of multiply-adds whose operands stay in registers. A multiplication and an
  /// addition are two operations.
  PrecisionRates operations_per_second;
  /// Smallest first, at least one; the last one is taken for whatever fits none.
  std::vector<MemoryLevel> levels;

  /// CPU: values of sigmoid and tanh a second, operands in the first level of memory.
  PrecisionRates activations_per_second;
  double call_seconds = 0;     ///< CPU: handing a task to all threads and waiting for its end
  double barrier_seconds = 0;  ///< CPU: one barrier of all threads

  double launch_seconds = 0;  ///< CUDA: from one kernel on a stream to the next
  double resident_bytes = 0;  ///< CUDA: what registers and shared memory of all multiprocessors hold
  std::vector<Hop> hops;      ///< CUDA
};

/// The rates that `recur-perf --json FILE` measured.
///
/// @param json     the text of FILE
/// @param threads  the number of CPU threads whose rates are wanted, or 0 for the rates of the CUDA device
/// @throws FormatError      where the text is no result of recur-perf, or a result of another version
/// @throws InvalidArgument  where the result has no rates for so many threads; the message has those that it
///         has
RECUR_API Rates read_rates(std::string_view json, int threads);

}  // namespace recur
