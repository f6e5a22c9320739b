/// @file
/// Back-propagation through time, written straight from docs/equations.md and proved against finite
/// differences of `forward` by gradient_test.cpp.
///
/// With a rounding policy, this is what a plain engine with 16-bit storage does. What is stored in 16 bit,
/// and nothing else, is rounded:
///
/// - Gate gradients, where they enter a product (with R, W, x or h): tensor cores take 16-bit operands, as
///   they take h. The product of two such operands is exact in f32 and the sums are f32, so that nothing else
///   is lost there.
/// - r * h_prev of a gru with reset before and what an lstm projects, operands again, as is the gradient of a
///   projected h; the h that backward reads is the rounded one.
/// - The gradient that a layer hands to the one below: a tensor of activations, in storage like all of those;
///   again after dropout.
/// - Results, once, when they are complete.
///
/// Gate gradients are not rounded where they are added to the gradients of biases and peepholes: no product
/// is in the way, so an engine has them in f32. The running dh and dc, and the sums of dW, dR and the biases
/// over time, stay in f32 too: rounded at every step they would lose what a long sequence adds last.
#pragma once

#include "oracle/oracle.hpp"

namespace recur::oracle {

namespace detail {

template <class Real>
void validate(const Problem<Real>& problem, const OutputGradients<Real>& upstream) {
  const Sizes sizes(problem.spec, problem.T, problem.B);
  expect_size(upstream.dy, sizes.y, "dy", true);
  expect_size(upstream.dhN, sizes.h, "dhN", true);
  expect_size(upstream.dcN, sizes.c, "dcN", true);
  expect_size(upstream.dc_sequence, sizes.c_sequence, "dc_sequence", true);
}

template <class Real>
Gradients<Real> zero_gradients(const Problem<Real>& problem) {
  const Sizes sizes(problem.spec, problem.T, problem.B);
  Gradients<Real> gradients;
  resize(gradients.dx, sizes.x);
  resize(gradients.dh0, sizes.h);
  resize(gradients.dc0, sizes.c);
  for (Index l = 0; l < problem.spec.layers; ++l) {
    gradients.layers.push_back(zero_parameters<Real>(problem.spec, l));
  }
  return gradients;
}

template <class Real, class Round>
void round_all(std::vector<Real>& tensor, Round round) {
  for (Real& value : tensor) value = round(value);
}

/// Direction d of one layer over one sequence, last processed step first.
///
/// @param x, J            layer input [T][B][J]; dx, shaped alike, is added to
/// @param dh, dc          in: gradients of the final state [P], [H], out: of the initial state
/// @param dy              [T][B][D*P], already offset to this direction's half
/// @param dc_sequence     [T][B][D*H], offset likewise, or null
template <class Real, class Round>
void run_sequence_backward(const Problem<Real>& problem, Index d,
                           const DirectionParameters<const Real>& parameters,
                           const DirectionParameters<Real>& gradients, const Sequence& sequence, Index b,
                           const Real* x, Index J, const Trace<Real>& trace, Real* dh, Real* dc,
                           const Real* dy, const Real* dc_sequence, Real* dx, Round round) {
  const Spec spec = of_direction(problem.spec, d);
  const Index H = spec.hidden_size;
  const Index P = output_size_of(spec);
  const Index D = directions_of(spec);
  const Index rows = gates_of(spec) * H;
  std::vector<Real> d_input(static_cast<std::size_t>(rows));
  std::vector<Real> dh_prev(static_cast<std::size_t>(P));
  std::vector<Real> dc_prev(static_cast<std::size_t>(H));

  for (Index n = sequence.length(); n-- > 0;) {
    const Index t = sequence.time(n);
    const Index row = t * problem.B + b;
    const Step<const Real> step = trace.at(t, b);
    add(dy + row * D * P, P, dh);
    if (dc_sequence != nullptr) add(dc_sequence + row * D * H, H, dc);

    std::fill(dh_prev.begin(), dh_prev.end(), Real(0));
    std::fill(dc_prev.begin(), dc_prev.end(), Real(0));
    cell_step_backward(spec, parameters, gradients, step, dh, dc, d_input.data(), dh_prev.data(),
                       dc_prev.data(), round);
    const std::vector<Real> operand = operands(d_input.data(), rows, round);
    add_transposed_product(parameters.W, rows, J, operand.data(), dx + row * J);
    add_outer_product(operand.data(), rows, operands(x + row * J, J, round).data(), J, gradients.W);
    if (gradients.bW != nullptr) add(d_input.data(), rows, gradients.bW);

    // A step that started from a cleared state has no past: nothing flows further back.
    if (sequence.starts_afresh(t)) {
      std::fill(dh_prev.begin(), dh_prev.end(), Real(0));
      std::fill(dc_prev.begin(), dc_prev.end(), Real(0));
    }
    std::copy(dh_prev.begin(), dh_prev.end(), dh);
    std::copy(dc_prev.begin(), dc_prev.end(), dc);
  }
}

}  // namespace detail

/// Gradients of a loss whose gradients with respect to the outputs are `upstream`.
///
/// @param result  what `forward` gave for the same problem
template <class Real, class Round = RoundNothing>
Gradients<Real> backward(const Problem<Real>& problem, const Result<Real>& result,
                         const OutputGradients<Real>& upstream, Round round = {}) {
  validate(problem);
  detail::validate(problem, upstream);
  const Spec& spec = problem.spec;
  const Sizes sizes(spec, problem.T, problem.B);
  const Index H = spec.hidden_size;
  const Index P = output_size_of(spec);
  const Index D = directions_of(spec);

  Gradients<Real> gradients = detail::zero_gradients(problem);
  if (!upstream.dhN.empty()) gradients.dh0 = upstream.dhN;
  if (!upstream.dcN.empty()) gradients.dc0 = upstream.dcN;
  std::vector<Real> dy = upstream.dy;
  resize(dy, sizes.y);
  std::vector<Real> dc(static_cast<std::size_t>(H));

  for (Index l = spec.layers; l-- > 0;) {
    const Index J = layer_input_size(spec, l);
    const bool last = l == spec.layers - 1;
    const Real* dc_sequence = last && !upstream.dc_sequence.empty() ? upstream.dc_sequence.data() : nullptr;
    const std::vector<Real>& x = result.layer_inputs[static_cast<std::size_t>(l)];
    std::vector<Real> dx(x.size(), Real(0));
    for (Index d = 0; d < D; ++d) {
      const auto parameters = direction_of<const Real>(problem.layers[static_cast<std::size_t>(l)], d, D);
      const auto layer_gradients = direction_of<Real>(gradients.layers[static_cast<std::size_t>(l)], d, D);
      const Trace<Real>& trace = result.traces[static_cast<std::size_t>(l * D + d)];
      for (Index b = 0; b < problem.B; ++b) {
        const Index state = (l * D + d) * problem.B + b;
        Real* dc0 = gradients.dc0.data() + state * H;
        if (has_cell_state(spec)) std::copy_n(dc0, H, dc.data());
        detail::run_sequence_backward(
            problem, d, parameters, layer_gradients, Sequence(problem, b, reads_in_reverse(spec, d)), b,
            x.data(), J, trace, gradients.dh0.data() + state * P, dc.data(), dy.data() + d * P,
            dc_sequence == nullptr ? nullptr : dc_sequence + d * H, dx.data(), round);
        if (has_cell_state(spec)) std::copy_n(dc.data(), H, dc0);
      }
    }
    detail::round_all(dx, round);
    if (l > 0) detail::drop(problem, l - 1, dx, round);
    dy = std::move(dx);
  }
  gradients.dx = std::move(dy);

  detail::round_all(gradients.dh0, round);
  detail::round_all(gradients.dc0, round);
  for (auto& layer : gradients.layers) {
    detail::round_all(layer.W, round);
    detail::round_all(layer.R, round);
    detail::round_all(layer.bW, round);
    detail::round_all(layer.bR, round);
    detail::round_all(layer.peephole, round);
    detail::round_all(layer.projection, round);
  }
  return gradients;
}

// In instances.cpp.
extern template Gradients<double> backward(const Problem<double>&, const Result<double>&,
                                           const OutputGradients<double>&, RoundNothing);
extern template Gradients<long double> backward(const Problem<long double>&, const Result<long double>&,
                                                const OutputGradients<long double>&, RoundNothing);
extern template Gradients<float128> backward(const Problem<float128>&, const Result<float128>&,
                                             const OutputGradients<float128>&, RoundNothing);
extern template Gradients<float> backward(const Problem<float>&, const Result<float>&,
                                          const OutputGradients<float>&, RoundNothing);
extern template Gradients<float> backward(const Problem<float>&, const Result<float>&,
                                          const OutputGradients<float>&, RoundOperandsToTf32);
extern template Gradients<float> backward(const Problem<float>&, const Result<float>&,
                                          const OutputGradients<float>&, RoundToBf16);
extern template Gradients<float> backward(const Problem<float>&, const Result<float>&,
                                          const OutputGradients<float>&, RoundToF16);

/// What `gradients` are when those of the weights are added to what was there before, `start`.
template <class Real, class Start, class Round = RoundNothing>
Gradients<Real> added(Gradients<Real> gradients, const std::vector<LayerParameters<Start>>& start,
                      Round round = {}) {
  const auto add_to = [&](std::vector<Real>& tensor, const std::vector<Start>& before) {
    for (std::size_t k = 0; k < tensor.size(); ++k)
      tensor[k] = round(tensor[k] + static_cast<Real>(before[k]));
  };
  for (std::size_t l = 0; l < start.size(); ++l) {
    add_to(gradients.layers[l].W, start[l].W);
    add_to(gradients.layers[l].R, start[l].R);
    add_to(gradients.layers[l].bW, start[l].bW);
    add_to(gradients.layers[l].bR, start[l].bR);
    add_to(gradients.layers[l].peephole, start[l].peephole);
    add_to(gradients.layers[l].projection, start[l].projection);
  }
  return gradients;
}

}  // namespace recur::oracle
