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
  using A = Arithmetic<T>;

  const Geometry& g;
  const Kernels<T>& kernels;
  RunSizes sizes;
  std::int64_t layer;
  std::int64_t direction;
  const Sequence& sequence;
  Rows<const T> x;
  PreviousRows<T> h_prev;
  PreviousRows<A> c_prev;  // cells with a cell state
  const A* c;              // likewise, [T][B][H]
  const A* dsums;          // [T][B][sums][H], zero past a sequence's end
  const A* exchange;       // [T][B][H], cells with two phases
  const T* m;              // [T][B][H], where h is a projection of it; zero past a sequence's end
  const A* dh;             // [T][B][P], likewise
};

// Adds to or writes the gradients that `out` names. `scratch` is shared by the team.
template <class T>
void weight_gradients(const GradientInputs<T>& in, const LayerGradients& out, GradientMode mode,
                      const GradientScratch<T>& scratch, const Member& member, SpinBarrier& team);

// What one direction adds to the gradients of a layer's inputs: dsums W.
template <class A>
struct InputGradientPart {
  const A* dsums;
  const A* W;
  std::int64_t W_row;
};

// dx = the sum of the parts of all directions, over this member's rows.
template <class T>
void input_gradients(const Geometry& g, const Kernels<T>& kernels, const RunSizes& sizes, std::int64_t layer,
                     const InputGradientPart<Arithmetic<T>> (&parts)[2], const Rows<T>& dx,
                     Arithmetic<T>* scratch, const Member& member);

}  // namespace recur::host::cpu
