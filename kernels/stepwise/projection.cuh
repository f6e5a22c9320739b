// The kernels around the products of a projection: h from its sums, and the gradient of h before it goes back
// through them. One thread handles a few neighbouring elements of h of one row.
#pragma once

#include "kernels/stepwise/gates.cuh"

namespace recur::stepwise {

template <class T, int kWidth>
RECUR_KERNEL(kThreads)
store_projection_kernel(StoreProjection a) {
  using A = Compute<T>;
  for_units<kWidth>(a.step, [&](std::int64_t b, std::int64_t unit) {
    const Sequence sequence(a.step.timeline, b);
    const std::int64_t t = a.step.t;
    T* const h = static_cast<T*>(a.h) + b * a.step.hidden + unit;
    T* const y = row_of<T>(a.y, t, b, unit);
    A values[kWidth];
    if (!sequence.valid(t)) {
      store_zeros<kWidth>(y);
    } else {
      load(static_cast<const A*>(a.projected) + b * a.step.hidden + unit, values);
      store(values, y);
      if (sequence.ends_episode(t)) {
        store_zeros<kWidth>(h);
      } else {
        store(values, h);
      }
    }
    // At the last step visited nothing is cleared any more: the state is the final one.
    if (a.hN) {
      load(static_cast<const T*>(h), values);
      store(values, row_of<T>(a.hN, 0, b, unit));
    }
  });
}

template <class T, int kWidth>
RECUR_KERNEL(kThreads)
collect_gradient_kernel(CollectGradient a) {
  using A = Compute<T>;
  for_units<kWidth>(a.step, [&](std::int64_t b, std::int64_t unit) {
    const Sequence sequence(a.step.timeline, b);
    const std::int64_t t = a.step.t;
    T* const whole = row_of<T>(a.whole, t, b, unit);
    T* const h_prev = row_of<T>(a.h_prev, t, b, unit);
    if (!sequence.valid(t)) {
      store_zeros<kWidth>(whole);
      store_zeros<kWidth>(h_prev);
      return;
    }
    A* const dh = static_cast<A*>(a.dh) + b * a.step.hidden + unit;
    A values[kWidth];
    load_or_zero(sequence.ends_episode(t) ? nullptr : dh, values);
    if (a.dy) load_added(row_of<T>(a.dy, t, b, unit), values);
    store(values, whole);
    store_zeros<kWidth>(dh);
    load_previous<T, T>(sequence, a.y, a.h0, t, b, unit, values);
    store(values, h_prev);
  });
}

template <class T, int kWidth>
void launch_store(const StoreProjection& a, void* stream) {
  const auto config = cover((a.step.hidden + kWidth - 1) / kWidth, a.step.batch, stream);
  RECUR_LAUNCH((store_projection_kernel<T, kWidth>), config, a);
}
template <class T, int kWidth>
void launch_collect(const CollectGradient& a, void* stream) {
  const auto config = cover((a.step.hidden + kWidth - 1) / kWidth, a.step.batch, stream);
  RECUR_LAUNCH((collect_gradient_kernel<T, kWidth>), config, a);
}

template <DataType kType>
void Kernels<kType>::store_projection(const StoreProjection& a, void* stream) {
  using T = device::Storage<kType>;
  Alignment alignment(kUnits<T>);
  alignment.stride(a.step.hidden)
      .template pointer<Compute<T>>(a.projected)
      .template pointer<T>(a.h)
      .template rows<T>(a.y)
      .template rows<T>(a.hN);
  if (alignment) {
    launch_store<T, kUnits<T>>(a, stream);
  } else {
    launch_store<T, 1>(a, stream);
  }
}

template <DataType kType>
void Kernels<kType>::collect_gradient(const CollectGradient& a, void* stream) {
  using T = device::Storage<kType>;
  Alignment alignment(kUnits<T>);
  alignment.stride(a.step.hidden)
      .template rows<T>(a.y)
      .template rows<T>(a.h0)
      .template rows<T>(a.dy)
      .template pointer<Compute<T>>(a.dh)
      .template rows<T>(a.whole)
      .template rows<T>(a.h_prev);
  if (alignment) {
    launch_collect<T, kUnits<T>>(a, stream);
  } else {
    launch_collect<T, 1>(a, stream);
  }
}

}  // namespace recur::stepwise
