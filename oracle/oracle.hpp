/// @file
/// The judge of every engine: a forward pass written straight from docs/equations.md.
///
/// The arithmetic type is a template parameter:
///
///     double       judges fp32 and 16-bit engines
///     long double  judges fp64 engines
///     float128     judges the oracle itself: gradients against differences of the forward pass
///     float        (double beside fp64 engines) is the naive run that an engine's error is measured against:
///                  sequential sums, h rounded to storage at each step by the policy `Round`
///
/// With a rounding policy, what an engine stores or feeds to a 16-bit product is rounded: h, r * h_prev of a
/// gru with reset before, what is projected, what dropout leaves, the final states and c_sequence. Gate sums
/// and the running c are not. W, R and x are taken as they are: in storage, or what a product takes already.
///
/// This header and its neighbours share no code with host/ and kernels/; only the Spec is theirs.
#pragma once

#include <algorithm>
#include <limits>

#include "oracle/activations.hpp"
#include "oracle/cells.hpp"
#include "oracle/float128.hpp"
#include "oracle/problem.hpp"
#include "oracle/rounding.hpp"
#include "oracle/sequence.hpp"

namespace recur::oracle {

/// Everything one direction of one layer computed; steps past a sequence's end are zero.
template <class Real>
struct Trace {
  Trace(const Spec& spec, Index T, Index B)
      : B_(B), H_(spec.hidden_size), P_(output_size_of(spec)), G_(gates_of(spec)) {
    const Index states = T * B * H_;
    resize(h_prev, T * B * P_);
    resize(c_prev, states);
    resize(gates, states * G_);
    resize(sums, states * G_);
    resize(linear, states);
    resize(c, states);
    resize(m, states);
  }

  Step<Real> at(Index t, Index b) { return step_of<Real>(*this, t * B_ + b); }
  Step<const Real> at(Index t, Index b) const { return step_of<const Real>(*this, t * B_ + b); }

  std::vector<Real> h_prev;  ///< [T][B][P]
  std::vector<Real> c_prev;  ///< [T][B][H], zeros unless lstm
  std::vector<Real> gates;   ///< [T][B][G*H]
  std::vector<Real> sums;    ///< [T][B][G*H]
  std::vector<Real> linear;  ///< [T][B][H], see Step
  std::vector<Real> c;       ///< [T][B][H], zeros unless lstm
  std::vector<Real> m;       ///< [T][B][H], zeros unless lstm: o * tanh(c)

 private:
  template <class Element, class Self>
  static Step<Element> step_of(Self& self, Index row) {
    const Index unit = row * self.H_;
    return {self.h_prev.data() + row * self.P_,
            self.c_prev.data() + unit,
            self.gates.data() + unit * self.G_,
            self.sums.data() + unit * self.G_,
            self.linear.data() + unit,
            self.c.data() + unit,
            self.m.data() + unit};
  }

  Index B_, H_, P_, G_;
};

/// Outputs, and what backward needs.
template <class Real>
struct Result : Outputs<Real> {
  std::vector<std::vector<Real>> layer_inputs;  ///< [L] of [T][B][J]
  std::vector<Trace<Real>> traces;              ///< [L*D]
};

namespace detail {

/// Direction d of one layer over one sequence.
///
/// @param x, J    layer input [T][B][J]
/// @param h, c    in: initial state [P], [H], out: final state
/// @param y       [T][B][y_stride]: where this direction's P outputs go, already offset to its half
template <class Real, class Round>
void run_sequence(const Problem<Real>& problem, Index d, const DirectionParameters<const Real>& parameters,
                  const Sequence& sequence, Index b, const Real* x, Index J, Trace<Real>& trace, Real* h,
                  Real* c, Real* y, Index y_stride, Round round) {
  const Spec spec = of_direction(problem.spec, d);
  const Index H = spec.hidden_size;
  const Index P = output_size_of(spec);
  const Index rows = gates_of(spec) * H;
  std::vector<Real> input(static_cast<std::size_t>(rows));

  for (Index n = 0; n < sequence.length(); ++n) {
    const Index t = sequence.time(n);
    const Step<Real> step = trace.at(t, b);
    if (sequence.starts_afresh(t)) {
      std::fill_n(h, P, Real(0));
      std::fill_n(c, H, Real(0));
    }
    std::copy_n(h, P, step.h_prev);
    std::copy_n(c, H, step.c_prev);

    multiply(parameters.W, rows, J, operands(x + (t * problem.B + b) * J, J, round).data(), input.data());
    if (parameters.bW != nullptr) add(parameters.bW, rows, input.data());
    cell_step(spec, parameters, input.data(), step, h, round);
    if (has_cell_state(spec)) std::copy_n(step.c, H, c);
    std::copy_n(h, P, y + (t * problem.B + b) * y_stride);
  }
}

/// Drops from a [T][B][D*P] tensor what does not pass between layer l and the one above, and divides the rest
/// by the probability of passing. Forward these are outputs, backward their gradients.
template <class Real, class Round>
void drop(const Problem<Real>& problem, Index l, std::vector<Real>& tensor, Round round) {
  if (problem.dropout_masks.empty()) return;
  const std::vector<std::uint8_t>& mask = problem.dropout_masks[static_cast<std::size_t>(l)];
  const Real factor = Real(1) / (Real(1) - static_cast<Real>(problem.spec.dropout));
  for (std::size_t k = 0; k < tensor.size(); ++k)
    tensor[k] = mask[k] != 0 ? round(tensor[k] * factor) : Real(0);
}

}  // namespace detail

/// Runs all layers. Throws std::invalid_argument when a tensor has the wrong size.
template <class Real, class Round = RoundNothing>
Result<Real> forward(const Problem<Real>& problem, Round round = {}) {
  validate(problem);
  const Spec& spec = problem.spec;
  const Sizes sizes(spec, problem.T, problem.B);
  const Index T = problem.T;
  const Index B = problem.B;
  const Index H = spec.hidden_size;
  const Index P = output_size_of(spec);
  const Index D = directions_of(spec);

  Result<Real> result;
  result.hN = problem.h0;
  result.cN = problem.c0;
  resize(result.hN, sizes.h);
  resize(result.cN, sizes.c);
  std::vector<Real> c(static_cast<std::size_t>(H));

  std::vector<Real> x = problem.x;
  for (Index l = 0; l < spec.layers; ++l) {
    const Index J = layer_input_size(spec, l);
    std::vector<Real> y;
    resize(y, sizes.y);
    for (Index d = 0; d < D; ++d) {
      const auto parameters = direction_of<const Real>(problem.layers[static_cast<std::size_t>(l)], d, D);
      Trace<Real>& trace = result.traces.emplace_back(spec, T, B);
      for (Index b = 0; b < B; ++b) {
        const Index state = (l * D + d) * B + b;
        Real* h = result.hN.data() + state * P;
        Real* cN = result.cN.data() + state * H;
        if (has_cell_state(spec)) std::copy_n(cN, H, c.data());
        detail::run_sequence(problem, d, parameters, Sequence(problem, b, reads_in_reverse(spec, d)), b,
                             x.data(), J, trace, h, c.data(), y.data() + d * P, D * P, round);
        if (has_cell_state(spec)) {
          for (Index j = 0; j < H; ++j) cN[j] = round(c.data()[j]);
        }
      }
    }
    result.layer_inputs.push_back(std::move(x));
    x = std::move(y);
    if (l + 1 < spec.layers) detail::drop(problem, l, x, round);
  }
  result.y = std::move(x);

  resize(result.c_sequence, sizes.c_sequence);
  if (!result.c_sequence.empty()) {
    for (Index d = 0; d < D; ++d) {
      const Trace<Real>& trace = result.traces[static_cast<std::size_t>((spec.layers - 1) * D + d)];
      for (Index row = 0; row < T * B; ++row) {
        for (Index j = 0; j < H; ++j) {
          result.c_sequence[static_cast<std::size_t>((row * D + d) * H + j)] =
              round(trace.c[static_cast<std::size_t>(row * H + j)]);
        }
      }
    }
  }
  return result;
}

/// How near any argument of a gate's function came to a kink of it. An argument of exactly 0 is a step that
/// was not run.
template <class Real>
double distance_from_kinks(const Spec& spec, const Result<Real>& result) {
  double nearest = std::numeric_limits<double>::infinity();
  const auto look = [&](const std::vector<double>& kinks, Real argument) {
    if (argument == Real(0)) return;
    for (const double kink : kinks) {
      nearest = std::min(nearest, static_cast<double>(absolute(argument - static_cast<Real>(kink))));
    }
  };
  const std::vector<double> of_gates = kinks_of(function_in(spec, 0));
  const std::vector<double> of_candidates = kinks_of(function_in(spec, 1));
  const std::vector<double> of_outputs = kinks_of(function_in(spec, 2));
  const Index gates = gates_of(spec);
  const Index candidate = candidate_of(spec);
  for (const Trace<Real>& trace : result.traces) {
    for (std::size_t k = 0; k < trace.sums.size(); ++k) {
      const Index gate = static_cast<Index>(k) / spec.hidden_size % gates;
      look(gate == candidate ? of_candidates : of_gates, trace.sums[k]);
    }
    if (has_cell_state(spec)) {
      for (const Real& c : trace.c) look(of_outputs, c);
    }
  }
  return nearest;
}

// In instances.cpp: no test compiles them again.
extern template Result<double> forward(const Problem<double>&, RoundNothing);
extern template Result<long double> forward(const Problem<long double>&, RoundNothing);
extern template Result<float128> forward(const Problem<float128>&, RoundNothing);
extern template Result<float> forward(const Problem<float>&, RoundNothing);
extern template Result<float> forward(const Problem<float>&, RoundOperandsToTf32);
extern template Result<float> forward(const Problem<float>&, RoundToBf16);
extern template Result<float> forward(const Problem<float>&, RoundToF16);

}  // namespace recur::oracle
