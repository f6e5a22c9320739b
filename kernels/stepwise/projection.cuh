// The kernels around the products of a projection: h from its sums, and the gradient of h before it goes back
// through them. One thread handles a few neighbouring elements of h of one row.
#pragma once

#include "kernels/stepwise/gates.cuh"

namespace recur::stepwise {

template <class E, int kWidth>
RECUR_KERNEL(kThreads)
store_projection_kernel(StoreProjection a) {
  using A = Compute<E>;
  for_units<kWidth>(a.step, [&](std::int64_t b, std::int64_t unit) {
    const Sequence sequence(a.step.timeline, b);
    const std::int64_t t = a.step.t;
    E* const h = static_cast<E*>(a.h) + b * a.step.hidden + unit;
    E* const y = row_of<E>(a.y, t, b, unit);
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
      load(static_cast<const E*>(h), values);
      store(values, row_of<E>(a.hN, 0, b, unit));
    }
  });
}

template <class E, int kWidth>
RECUR_KERNEL(kThreads)
collect_gradient_kernel(CollectGradient a) {
  using A = Compute<E>;
  for_units<kWidth>(a.step, [&](std::int64_t b, std::int64_t unit) {
    const Sequence sequence(a.step.timeline, b);
    const std::int64_t t = a.step.t;
    E* const whole = row_of<E>(a.whole, t, b, unit);
    E* const h_prev = row_of<E>(a.h_prev, t, b, unit);
    if (!sequence.valid(t)) {
      store_zeros<kWidth>(whole);
      store_zeros<kWidth>(h_prev);
      return;
    }
    A* const dh = static_cast<A*>(a.dh) + b * a.step.hidden + unit;
    A values[kWidth];
    load_or_zero(sequence.ends_episode(t) ? nullptr : dh, values);
    if (a.dy) load_added(row_of<E>(a.dy, t, b, unit), values);
    store(values, whole);
    store_zeros<kWidth>(dh);
    load_previous<E, E>(sequence, a.y, a.h0, t, b, unit, values);
    store(values, h_prev);
  });
}

template <class E, int kWidth>
void launch_store(const StoreProjection& a, void* stream) {
  const auto config = cover((a.step.hidden + kWidth - 1) / kWidth, a.step.batch, stream);
  RECUR_LAUNCH((store_projection_kernel<E, kWidth>), config, a);
}
template <class E, int kWidth>
void launch_collect(const CollectGradient& a, void* stream) {
  const auto config = cover((a.step.hidden + kWidth - 1) / kWidth, a.step.batch, stream);
  RECUR_LAUNCH((collect_gradient_kernel<E, kWidth>), config, a);
}

template <DataType kType>
void Kernels<kType>::store_projection(const StoreProjection& a, void* stream) {
  using E = device::Storage<kType>;
  Alignment alignment(kUnits<E>);
  alignment.stride(a.step.hidden)
      .template pointer<Compute<E>>(a.projected)
      .template pointer<E>(a.h)
      .template rows<E>(a.y)
      .template rows<E>(a.hN);
  if (alignment) {
    launch_store<E, kUnits<E>>(a, stream);
  } else {
    launch_store<E, 1>(a, stream);
  }
}

template <DataType kType>
void Kernels<kType>::collect_gradient(const CollectGradient& a, void* stream) {
  using E = device::Storage<kType>;
  Alignment alignment(kUnits<E>);
  alignment.stride(a.step.hidden)
      .template rows<E>(a.y)
      .template rows<E>(a.h0)
      .template rows<E>(a.dy)
      .template pointer<Compute<E>>(a.dh)
      .template rows<E>(a.whole)
      .template rows<E>(a.h_prev);
  if (alignment) {
    launch_collect<E, kUnits<E>>(a, stream);
  } else {
    launch_collect<E, 1>(a, stream);
  }
}

}  // namespace recur::stepwise
