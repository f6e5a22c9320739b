// The small kernels around the time loops: biases, states before and after, copies of rows, sums of columns.
#pragma once

#include "kernels/device/dropout.cuh"
#include "kernels/gpu_pass/units.cuh"

namespace recur::gpu_pass {

template <class E>
RECUR_DEVICE Compute<E> value_or_zero(const ConstRows& rows, std::int64_t b, std::int64_t unit) {
  return rows ? device::to_compute(*row_of<E>(rows, 0, b, unit)) : Compute<E>(0);
}

template <class E>
RECUR_KERNEL(kThreads)
combine_biases_kernel(CombineBiases a) {
  const std::int64_t column = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (column >= a.columns || threadIdx.y != 0) return;
  Compute<E> sum = device::to_compute(static_cast<const E*>(a.bW)[column]);
  if (a.bR != nullptr && column < a.recurrent) {
    sum += device::to_compute(static_cast<const E*>(a.bR)[column]);
  }
  static_cast<Compute<E>*>(a.to)[column] = sum;
}

template <class E>
RECUR_KERNEL(kThreads)
start_forward_kernel(StartForward a) {
  for_units<1>(a.step, [&](std::int64_t b, std::int64_t unit) {
    const Sequence sequence(a.step.timeline, b);
    const bool clear = sequence.drops_initial();
    const std::int64_t state = b * a.step.hidden + unit;
    if (a.h != nullptr) {
      static_cast<E*>(a.h)[state] =
          device::to_storage<E>(clear ? Compute<E>(0) : value_or_zero<E>(a.h0, b, unit));
    }
    if (a.c != nullptr) {
      static_cast<Compute<E>*>(a.c)[state] = clear ? Compute<E>(0) : value_or_zero<E>(a.c0, b, unit);
    }
  });
}

template <class E>
RECUR_KERNEL(kThreads)
start_backward_kernel(StartBackward a) {
  using A = Compute<E>;
  for_units<1>(a.step, [&](std::int64_t b, std::int64_t unit) {
    const std::int64_t H = a.step.hidden;
    if (a.dh != nullptr) static_cast<A*>(a.dh)[b * H + unit] = value_or_zero<E>(a.dhN, b, unit);
    if (a.dc != nullptr) static_cast<A*>(a.dc)[b * H + unit] = value_or_zero<E>(a.dcN, b, unit);
    if (a.dpeephole != nullptr) {
      for (int p = 0; p < a.peepholes; ++p)
        static_cast<A*>(a.dpeephole)[(b * a.peepholes + p) * H + unit] = 0;
    }
  });
}

template <class E>
RECUR_KERNEL(kThreads)
finish_backward_kernel(FinishBackward a) {
  using A = Compute<E>;
  for_units<1>(a.step, [&](std::int64_t b, std::int64_t unit) {
    const Sequence sequence(a.step.timeline, b);
    const bool drop = sequence.drops_initial();
    const std::int64_t state = b * a.step.hidden + unit;
    if (a.dh0)
      *row_of<E>(a.dh0, 0, b, unit) = device::to_storage<E>(drop ? A(0) : static_cast<const A*>(a.dh)[state]);
    if (a.dc0)
      *row_of<E>(a.dc0, 0, b, unit) = device::to_storage<E>(drop ? A(0) : static_cast<const A*>(a.dc)[state]);
  });
}

// Columns along x, sequences along y, steps along z.
template <class From, class To, int kWidth>
RECUR_KERNEL(kThreads)
copy_rows_kernel(CopyRows a) {
  const std::int64_t column = (std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x) * kWidth;
  if (column >= a.columns) return;
  for (std::int64_t b = std::int64_t{blockIdx.y} * blockDim.y + threadIdx.y; b < a.batch;
       b += std::int64_t{gridDim.y} * blockDim.y) {
    const Sequence sequence(a.timeline, a.first_batch + b);
    for (std::int64_t t = blockIdx.z; t < a.steps; t += gridDim.z) {
      Compute<To> values[kWidth];
      load_or_zero(sequence.valid(a.first_step + t) ? row_of<From>(a.from, t, b, column) : nullptr, values);
      To* const to = row_of<To>(a.to, t, b, column);
      if (a.accumulate) load_added(static_cast<const To*>(to), values);
      store(values, to);
    }
  }
}

template <class From, class To, int kWidth>
void launch_copy_rows(const CopyRows& a, void* stream) {
  auto config = cover((a.columns + kWidth - 1) / kWidth, a.batch, stream);
  constexpr std::int64_t kMostDeep = 65535;
  config.grid.z = static_cast<unsigned>(a.steps < kMostDeep ? a.steps : kMostDeep);
  RECUR_LAUNCH((copy_rows_kernel<From, To, kWidth>), config, a);
}

template <class From, class To>
void copy_rows_between(const CopyRows& a, void* stream) {
  constexpr int kWidth = 16 / static_cast<int>(sizeof(From) > sizeof(To) ? sizeof(From) : sizeof(To));
  Alignment alignment(kWidth);
  alignment.stride(a.columns).template rows<From>(a.from).template rows<To>(a.to);
  if (alignment) {
    launch_copy_rows<From, To, kWidth>(a, stream);
  } else {
    launch_copy_rows<From, To, 1>(a, stream);
  }
}

// As copy_rows_kernel; the columns of a thread are of one group of words.
template <class E, int kWidth>
RECUR_KERNEL(kThreads)
drop_rows_kernel(DropRows a) {
  using A = Compute<E>;
  const std::int64_t column = (std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x) * kWidth;
  if (column >= a.rows.columns) return;
  const std::uint64_t seed = a.kept_seed != nullptr ? *a.kept_seed : a.seed;
  const A factor = static_cast<A>(a.factor);
  const int first = static_cast<int>(column % device::kOutputsPerBlock);
  for (std::int64_t b = std::int64_t{blockIdx.y} * blockDim.y + threadIdx.y; b < a.rows.batch;
       b += std::int64_t{gridDim.y} * blockDim.y) {
    const Sequence sequence(a.rows.timeline, a.rows.first_batch + b);
    for (std::int64_t t = blockIdx.z; t < a.rows.steps; t += gridDim.z) {
      A values[kWidth];
      const bool valid = sequence.valid(a.rows.first_step + t);
      load_or_zero(valid ? row_of<E>(a.rows.from, t, b, column) : nullptr, values);
      const device::PhiloxBlock words = device::dropout_words(
          seed, a.layer, a.rows.first_step + t, a.rows.first_batch + b, column / device::kOutputsPerBlock);
      RECUR_UNROLL
      for (int i = 0; i < kWidth; ++i) {
        // By comparison, since registers have no run-time index.
        std::uint32_t word = 0;
        RECUR_UNROLL
        for (int j = i; j < device::kOutputsPerBlock; j += kWidth) {
          if (j == first + i) word = words.word[j];
        }
        values[i] = word >= a.threshold ? values[i] * factor : A(0);
      }
      store(values, row_of<E>(a.rows.to, t, b, column));
    }
  }
}

template <class E, int kWidth>
void launch_drop_rows(const DropRows& a, void* stream) {
  auto config = cover((a.rows.columns + kWidth - 1) / kWidth, a.rows.batch, stream);
  constexpr std::int64_t kMostDeep = 65535;
  config.grid.z = static_cast<unsigned>(a.rows.steps < kMostDeep ? a.rows.steps : kMostDeep);
  RECUR_LAUNCH((drop_rows_kernel<E, kWidth>), config, a);
}

template <class E>
RECUR_KERNEL(kThreads)
keep_seed_kernel(KeepSeed a) {
  *a.to = a.seed;
}

// Part p has the rows [p * rows / parts, (p + 1) * rows / parts). One thread, one column and part.
template <class From>
RECUR_KERNEL(kThreads)
sum_columns_kernel(SumColumns a) {
  using A = Compute<From>;
  const std::int64_t column = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  const std::int64_t part = std::int64_t{blockIdx.y} * blockDim.y + threadIdx.y;
  if (column >= a.columns || part >= a.parts) return;
  const std::int64_t end = (part + 1) * a.rows / a.parts;
  A sum = 0;
  for (std::int64_t row = part * a.rows / a.parts; row < end; ++row) {
    sum += device::to_compute(static_cast<const From*>(a.from)[row * a.row + column]);
  }
  static_cast<A*>(a.partial)[part * a.columns + column] = sum;
}

template <class E>
RECUR_KERNEL(kThreads)
sum_parts_kernel(SumParts a) {
  using A = Compute<E>;
  const std::int64_t column = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (column >= a.columns || threadIdx.y != 0) return;
  A sum = 0;
  for (std::int64_t part = 0; part < a.parts; ++part)
    sum += static_cast<const A*>(a.partial)[part * a.row + column];
  E* const to = static_cast<E*>(a.to) + column;
  *to = device::to_storage<E>(a.accumulate ? device::to_compute(*to) + sum : sum);
}

template <DataType kType>
void Kernels<kType>::combine_biases(const CombineBiases& a, void* stream) {
  const auto config = cover(a.columns, 1, stream);
  RECUR_LAUNCH(combine_biases_kernel<device::Storage<kType>>, config, a);
}

template <DataType kType>
void Kernels<kType>::start_forward(const StartForward& a, void* stream) {
  const auto config = cover(a.step.hidden, a.step.batch, stream);
  RECUR_LAUNCH(start_forward_kernel<device::Storage<kType>>, config, a);
}

template <DataType kType>
void Kernels<kType>::start_backward(const StartBackward& a, void* stream) {
  const auto config = cover(a.step.hidden, a.step.batch, stream);
  RECUR_LAUNCH(start_backward_kernel<device::Storage<kType>>, config, a);
}

template <DataType kType>
void Kernels<kType>::finish_backward(const FinishBackward& a, void* stream) {
  const auto config = cover(a.step.hidden, a.step.batch, stream);
  RECUR_LAUNCH(finish_backward_kernel<device::Storage<kType>>, config, a);
}

template <DataType kType>
void Kernels<kType>::copy_rows(const CopyRows& a, void* stream) {
  copy_rows_between<device::Storage<kType>, device::Storage<kType>>(a, stream);
}

template <DataType kType>
void Kernels<kType>::store_rows(const CopyRows& a, void* stream) {
  copy_rows_between<Compute<device::Storage<kType>>, device::Storage<kType>>(a, stream);
}

template <DataType kType>
void Kernels<kType>::drop_rows(const DropRows& a, void* stream) {
  using E = device::Storage<kType>;
  constexpr int kWidth = kUnits<E> < device::kOutputsPerBlock ? kUnits<E> : device::kOutputsPerBlock;
  Alignment alignment(kWidth);
  alignment.stride(a.rows.columns).template rows<E>(a.rows.from).template rows<E>(a.rows.to);
  if (alignment) {
    launch_drop_rows<E, kWidth>(a, stream);
  } else {
    launch_drop_rows<E, 1>(a, stream);
  }
}

template <DataType kType>
void Kernels<kType>::keep_seed(const KeepSeed& a, void* stream) {
  RECUR_LAUNCH(keep_seed_kernel<device::Storage<kType>>, device::LaunchConfig{.stream = stream}, a);
}

template <DataType kType>
void Kernels<kType>::sum_columns(const SumColumns& a, void* stream) {
  const auto config = cover(a.columns, a.parts, stream);
  RECUR_LAUNCH(sum_columns_kernel<device::Storage<kType>>, config, a);
}

template <DataType kType>
void Kernels<kType>::sum_columns_of_sums(const SumColumns& a, void* stream) {
  const auto config = cover(a.columns, a.parts, stream);
  RECUR_LAUNCH(sum_columns_kernel<Compute<device::Storage<kType>>>, config, a);
}

template <DataType kType>
void Kernels<kType>::sum_parts(const SumParts& a, void* stream) {
  const auto config = cover(a.columns, 1, stream);
  RECUR_LAUNCH(sum_parts_kernel<device::Storage<kType>>, config, a);
}

}  // namespace recur::gpu_pass
