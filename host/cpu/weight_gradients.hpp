// Gradients of weights, biases and inputs of one layer, from the gradients of its sums at all steps. Every
// member of the team calls these together; each owns a range of rows of every result, so sums have one order.
#pragma once

#include <optional>

#include "host/cpu/buffers.hpp"
#include "host/cpu/dropout.hpp"
#include "host/cpu/gather.hpp"
#include "host/cpu/large_product.hpp"
#include "host/cpu/members.hpp"
#include "host/cpu/rows.hpp"

namespace recur::host::cpu {

// One direction of one layer, as its gradients need it.
template <class E>
struct GradientInputs {
  using A = Arithmetic<E>;

  const Geometry& g;
  const Kernels<E>& kernels;
  RunSizes sizes;
  std::int64_t layer;
  std::int64_t direction;
  const Timeline& timeline;
  Rows<const E> x;
  PreviousRows<E> h_prev;
  PreviousRows<A> c_prev;  // cells with a cell state
  const A* c;              // likewise, [T][B][H]
  const E* dgates;         // [T][B][sums][H]; what lies past a sequence's end is not read, here and below
  const E* exchange;       // [T][B][H], cells with two phases
  const E* m;              // [T][B][H], where h is a projection of it
  const E* dh;             // [T][B][P], likewise
  const std::optional<Dropout<E>>& dropout;  // of x; empty where all of it is read
};

// Adds to or writes the gradients that `out` names. `scratch` is shared by the team.
template <class E>
void weight_gradients(const GradientInputs<E>& in, const LayerGradients& out, GradientMode mode,
                      const GradientScratch<E>& scratch, const Member& member, SpinBarrier& team);

// dx = the sum over directions of dgates W, with W in panels, over this member's rows; zeros past a sequence's
// end.
template <class E>
struct InputGradients {
  const Geometry& g;
  const Kernels<E>& kernels;
  RunSizes sizes;
  std::int64_t layer;
  const Timeline& timeline;
  const E* const (&dgates)[2];   // per direction
  const Unit<E>* const (&W)[2];  // likewise
  Rows<E> dx;
  const std::optional<Dropout<E>>& dropout;  // of what the layer below gave; empty where all of it was read
};
template <class E>
void input_gradients(const InputGradients<E>& in, const GradientScratch<E>& scratch, const Member& member);

}  // namespace recur::host::cpu
