// Gradients of weights, biases and inputs of one layer, from the gradients of its sums at all steps. Every
// member of the team calls these together; each owns a range of rows of every result, so sums have one order.
#pragma once

#include "host/cpu/buffers.hpp"
#include "host/cpu/gather.hpp"
#include "host/cpu/large_product.hpp"
#include "host/cpu/members.hpp"
#include "host/cpu/sequence.hpp"

namespace recur::host::cpu {

// One direction of one layer, as its gradients need it.
template <class T>
struct GradientInputs {
  const Geometry& g;
  const Kernels<T>& kernels;
  RunSizes sizes;
  std::int64_t layer;
  std::int64_t direction;
  const Sequence& sequence;
  Rows<const T> x;
  PreviousRows<T> h_prev;
  PreviousRows<T> c_prev;  // cells with a cell state
  const T* c;              // likewise, [T][B][H]
  const T* dsums;          // [T][B][sums][H], zero past a sequence's end
  const T* exchange;       // [T][B][H], cells with two phases
  const T* m;              // [T][B][H], where h is a projection of it; zero past a sequence's end
  const T* dh;             // [T][B][P], likewise
};

// Adds to or writes the gradients that `out` names. `gathered_x` and `gathered_h` are shared by the team.
template <class T>
void weight_gradients(const GradientInputs<T>& in, const LayerGradients& out, GradientMode mode,
                      T* gathered_x, T* gathered_h, const Member& member, SpinBarrier& team);

// dx (+)= dsums W over this member's rows; `accumulate` for the second direction.
template <class T>
void input_gradients(const GradientInputs<T>& in, const ConstTensorView& W, const Rows<T>& dx,
                     bool accumulate, T* scratch, const Member& member);

}  // namespace recur::host::cpu
