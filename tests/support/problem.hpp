/// @file
/// Random problems for the oracle and for engines: a Spec, T, B and a seed give all inputs.
///
/// Values are made in double and rounded to `Spec::dtype`, so that converting a problem to the storage type
/// of an engine is exact: oracle, naive run and engine see the same numbers.
#pragma once

#include <cmath>
#include <vector>

#include "oracle/problem.hpp"
#include "support/random.hpp"
#include "support/storage.hpp"

namespace recur::test {

using oracle::Index;

/// `value` rounded to what `type` can hold.
inline double round_to(DataType type, double value) {
  return with_storage(type, [&]<class T>() { return static_cast<double>(static_cast<T>(value)); });
}

/// Uniform in [-bound, bound), rounded to `type`.
inline std::vector<double> random_tensor(DataType type, Index elements, double bound, Random random) {
  std::vector<double> tensor(static_cast<std::size_t>(elements));
  for (double& value : tensor) value = round_to(type, random.symmetric(bound));
  return tensor;
}

/// Lengths in random order with 0 and T among them (B = 1: T; B = 2: both), the others in [1, T].
inline std::vector<std::int32_t> random_lengths(Index T, Index B, Random random) {
  std::vector<std::int32_t> lengths(static_cast<std::size_t>(B));
  for (auto& length : lengths) length = static_cast<std::int32_t>(random.integer(1, T));
  const Index full = random.integer(0, B - 1);
  lengths[static_cast<std::size_t>(full)] = static_cast<std::int32_t>(T);
  if (B > 1) lengths[static_cast<std::size_t>((full + random.integer(1, B - 1)) % B)] = 0;
  return lengths;
}

/// One mark in four on average, as random non-zero bytes; at least one at t = 0, and one past it when T > 1.
inline std::vector<std::uint8_t> random_reset_mask(Index T, Index B, Random random) {
  std::vector<std::uint8_t> mask(static_cast<std::size_t>(T * B));
  for (auto& mark : mask) {
    const bool marked = random.integer(0, 3) == 0;
    mark = static_cast<std::uint8_t>(marked ? random.integer(1, 255) : 0);
  }
  mask[static_cast<std::size_t>(random.integer(0, B - 1))] = 1;
  if (T > 1) mask[static_cast<std::size_t>(random.integer(1, T - 1) * B + random.integer(0, B - 1))] = 1;
  return mask;
}

/// Whether the data of `random_problem` keeps all terms of a sum at one sign.
///
/// A relu whose argument is within rounding of its kink has no right slope, and with arithmetic in f32 few
/// seeds have one. In 16 bit every seed would: h alone is rounded by 2^-9, which moves the arguments of the
/// next step as far. So there every unit has a sign, half of them minus: its weights and biases have that
/// sign, x and h0 none, so that no rounding whatever decides a slope. A unit's slope is then the same at all
/// steps; f32 is what tests slopes that change.
inline bool has_one_signed_sums(const Spec& spec) {
  return spec.cell == Cell::rnn && spec.activation == RnnActivation::relu && size_of(spec.dtype) == 2;
}

namespace detail {

inline void make_positive(std::vector<double>& tensor) {
  for (double& value : tensor) value = std::fabs(value);
}

/// Gives the rows of a layer the signs of their units. The first unit of a direction is plus, so that the
/// layer above reads something other than zeros.
inline void make_one_signed(const Spec& spec, oracle::LayerParameters<double>& layer, Random random) {
  const Index units = directions_of(spec) * spec.hidden_size;
  for (Index unit = 0; unit < units; ++unit) {
    const bool plus = unit % spec.hidden_size == 0 || random.integer(0, 1) == 0;
    for (std::vector<double>* tensor : {&layer.W, &layer.R, &layer.bW, &layer.bR}) {
      const Index columns = static_cast<Index>(tensor->size()) / units;
      for (Index k = unit * columns; k < (unit + 1) * columns; ++k) {
        double& value = (*tensor)[static_cast<std::size_t>(k)];
        value = plus ? std::fabs(value) : -std::fabs(value);
      }
    }
  }
}

/// Takes the identity from every direction's R [H][H].
inline void subtract_identity(const Spec& spec, std::vector<double>& R) {
  const Index H = spec.hidden_size;
  for (Index k = 0; k < directions_of(spec) * H; ++k) {
    double& value = R[static_cast<std::size_t>(k * H + k % H)];
    value = round_to(spec.dtype, value - 1);
  }
}

}  // namespace detail

/// Whether a state of `random_problem` never decreases: it is then not forgotten, and with one-signed sums it
/// has no bound.
inline bool has_growing_state(const Spec& spec) {
  return spec.residual && spec.activation == RnnActivation::relu;
}

/// All inputs of a forward pass. Data is contractive, so that a long T neither blows up nor saturates: W is
/// uniform in +-1/sqrt(K) and R in +-1/sqrt(P), which gives R a spectral radius of about 0.58 (with
/// one-signed sums, where nothing cancels, 1/P and 0.25); a projection in +-1/sqrt(H). Peepholes are small: a
/// forget gate that sees much of c opens further the larger c is, and c then grows for as long as there are
/// steps. A residual rnn has R - I for R, so that what its sums take from the state is what they add to it;
/// with one-signed sums, where nothing can be taken, little is added: W is in +-1/K and R in +-1/(16 P). Each
/// tensor has its own stream: the same seed with another T keeps the weights.
inline oracle::Problem<double> random_problem(const Spec& spec, Index T, Index B, std::uint64_t seed) {
  const oracle::Sizes sizes(spec, T, B);
  const auto tensor = [&](Index elements, double bound, std::uint64_t stream) {
    return random_tensor(spec.dtype, elements, bound, Random(seed, stream));
  };
  oracle::Problem<double> problem;
  problem.spec = spec;
  problem.T = T;
  problem.B = B;
  problem.x = tensor(sizes.x, 1.0, 1);
  problem.h0 = tensor(sizes.h, 1.0, 2);
  problem.c0 = tensor(sizes.c, 1.0, 3);
  if (spec.variable_lengths) problem.lengths = random_lengths(T, B, Random(seed, 4));
  if (spec.reset_mask) problem.reset_mask = random_reset_mask(T, B, Random(seed, 5));

  const bool one_signed = has_one_signed_sums(spec);
  const auto P = static_cast<double>(output_size_of(spec));
  const bool growing = one_signed && spec.residual;
  const double recurrent_bound = 1.0 / (growing ? 16 * P : one_signed ? P : std::sqrt(P));
  const double projection_bound = 1.0 / std::sqrt(static_cast<double>(spec.hidden_size));
  for (Index l = 0; l < spec.layers; ++l) {
    const auto K = static_cast<double>(layer_input_size(spec, l));
    const double input_bound = 1.0 / (growing ? K : std::sqrt(K));
    const std::uint64_t stream = 100 + 10 * static_cast<std::uint64_t>(l);
    problem.layers.push_back({tensor(oracle::Sizes::W(spec, l), input_bound, stream),
                              tensor(sizes.R, recurrent_bound, stream + 1), tensor(sizes.bW, 0.5, stream + 2),
                              tensor(sizes.bR, 0.5, stream + 3), tensor(sizes.peephole, 0.25, stream + 4),
                              tensor(sizes.projection, projection_bound, stream + 6)});
    if (spec.residual && !one_signed) detail::subtract_identity(spec, problem.layers.back().R);
    if (one_signed) detail::make_one_signed(spec, problem.layers.back(), Random(seed, stream + 5));
  }
  if (one_signed) {
    detail::make_positive(problem.x);
    detail::make_positive(problem.h0);
  }
  return problem;
}

/// Random gradients with respect to every output; with `Outputs` as weights of a linear loss they are its
/// coefficients.
inline oracle::OutputGradients<double> random_output_gradients(const Spec& spec, Index T, Index B,
                                                               std::uint64_t seed) {
  const oracle::Sizes sizes(spec, T, B);
  const auto tensor = [&](Index elements, std::uint64_t stream) {
    return random_tensor(spec.dtype, elements, 1.0, Random(seed, stream));
  };
  return {tensor(sizes.y, 11), tensor(sizes.h, 12), tensor(sizes.c, 13), tensor(sizes.c_sequence, 14)};
}

}  // namespace recur::test
