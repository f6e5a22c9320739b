// What kernels over rows and hidden units share: how threads cover them, and how values move between memory and
// the records of a few neighbouring units.
#pragma once

#include "kernels/cells/variants.cuh"
#include "kernels/device/launch.cuh"
#include "kernels/device/vector_io.cuh"
#include "kernels/gpu_pass/launch.hpp"

namespace recur::gpu_pass {

using device::Compute;
using device::load;
using device::store;
using device::store_zeros;
using schedule::Sequence;

// Threads of a block. Small, so that a step of a small batch still spreads over many multiprocessors.
constexpr int kThreads = 128;

// Units of one thread where alignment allows: 16 bytes of sums. Sums are most of the traffic, and with more
// units a thread a step of a small batch has too few threads to hide latency.
template <class E>
constexpr int kUnits = 16 / static_cast<int>(sizeof(Compute<E>));

// Declarations of a cell that are functions, as constants: device code cannot call those.
template <class Cell, int kPhase>
struct PhaseOf {
  static constexpr int kFirst = Cell::phase_gate(kPhase);
  static constexpr int kEnd = Cell::phase_gate(kPhase + 1);
  static constexpr bool kLast = kPhase + 1 == Cell::kPhases;
  static constexpr bool kReadsState = Cell::gate_reads(kFirst) != cells::Reads::input;  // as all of its gates
};
template <class Cell>
struct PeepholesOf {
  static constexpr int kGate0 = Cell::peephole_gate(0);
  static constexpr int kGate1 = Cell::peephole_gate(1);
  static constexpr int kGate2 = Cell::peephole_gate(2);
  RECUR_DEVICE static int gate(int peephole) {
    return peephole == 0 ? kGate0 : (peephole == 1 ? kGate1 : kGate2);
  }
};

// Element (t, b), column `column`, of rows of type E.
template <class E>
RECUR_DEVICE const E* row_of(const ConstRows& rows, std::int64_t t, std::int64_t b, std::int64_t column) {
  return static_cast<const E*>(rows.data) + t * rows.step + b * rows.batch + column;
}
template <class E>
RECUR_DEVICE E* row_of(const Rows& rows, std::int64_t t, std::int64_t b, std::int64_t column) {
  return static_cast<E*>(rows.data) + t * rows.step + b * rows.batch + column;
}

template <int kWidth, class E>
RECUR_DEVICE void load_or_zero(const E* from, Compute<E> (&to)[kWidth]) {
  if (from != nullptr) {
    load(from, to);
  } else {
    RECUR_UNROLL
    for (int i = 0; i < kWidth; ++i) to[i] = 0;
  }
}

// to += from
template <int kWidth, class E>
RECUR_DEVICE void load_added(const E* from, Compute<E> (&to)[kWidth]) {
  Compute<E> values[kWidth];
  load(from, values);
  RECUR_UNROLL
  for (int i = 0; i < kWidth; ++i) to[i] += values[i];
}

// The state that the valid step t reads: `of` has the states after each step, `initial` the one that the call
// began with.
template <class E, class Initial, int kWidth>
RECUR_DEVICE void load_previous(const Sequence& sequence, const ConstRows& of, const ConstRows& initial,
                                std::int64_t t, std::int64_t b, std::int64_t unit, Compute<E> (&to)[kWidth]) {
  const schedule::Predecessor predecessor = sequence.predecessor(t);
  if (predecessor == schedule::Predecessor::none) {
    load_or_zero<kWidth>(static_cast<const E*>(nullptr), to);
  } else if (predecessor == schedule::Predecessor::step) {
    load(row_of<E>(of, sequence.previous(t), b, unit), to);
  } else {
    load_or_zero(initial ? row_of<Initial>(initial, 0, b, unit) : nullptr, to);
  }
}

// Calls f(b, first unit) for every row and group of kWidth units that are this thread's: units along x, rows
// along y.
template <int kWidth, class F>
RECUR_DEVICE void for_units(const Step& step, F&& f) {
  const std::int64_t unit = (std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x) * kWidth;
  if (unit >= step.hidden) return;
  const std::int64_t rows = std::int64_t{gridDim.y} * blockDim.y;
  for (std::int64_t b = std::int64_t{blockIdx.y} * blockDim.y + threadIdx.y; b < step.batch; b += rows)
    f(b, unit);
}

// The launch that covers `groups` columns and `rows`. Fewer rows than a block of few columns could have make it
// smaller: one sequence alone would leave most of its threads without work.
inline device::LaunchConfig cover(std::int64_t groups, std::int64_t rows, void* stream) {
  unsigned wide = 1;
  while (wide < kThreads && wide < groups) wide *= 2;
  unsigned high = kThreads / wide;
  while (high > 1 && high / 2 >= rows) high /= 2;
  constexpr std::int64_t kMostHigh = 65535;
  const std::int64_t blocks_high = (rows + high - 1) / high;
  device::LaunchConfig config;
  config.block = dim3(wide, high);
  config.grid = dim3(static_cast<unsigned>((groups + wide - 1) / wide),
                     static_cast<unsigned>(blocks_high < kMostHigh ? blocks_high : kMostHigh));
  config.stream = stream;
  return config;
}

// Whether memory allows groups of `width` elements throughout. Null pointers do.
class Alignment {
 public:
  explicit Alignment(int width) : width_(width) {}
  template <class E>
  Alignment& pointer(const void* data) {
    aligned_ = aligned_ &&
               reinterpret_cast<std::uintptr_t>(data) % (sizeof(E) * static_cast<std::size_t>(width_)) == 0;
    return *this;
  }
  template <class E, class Pointer>
  Alignment& rows(const BasicRows<Pointer>& rows) {
    if (!rows) return *this;
    pointer<E>(rows.data);
    return stride(rows.step).stride(rows.batch);
  }
  Alignment& stride(std::int64_t elements) {
    aligned_ = aligned_ && elements % width_ == 0;
    return *this;
  }
  explicit operator bool() const { return aligned_; }

 private:
  int width_;
  bool aligned_ = true;
};

}  // namespace recur::gpu_pass
