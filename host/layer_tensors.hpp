// The tensors of one layer and their shapes, for whoever checks them.
#pragma once

#include "host/check.hpp"
#include "recur/spec.hpp"
#include "recur/weights.hpp"

namespace recur::host {

// The size of h, by its letter.
inline Dim output_dim(const Spec& spec) { return {is_projected(spec) ? "P" : "H", output_size_of(spec)}; }

// f(name, view, wanted, why not wanted, dims) for each tensor of a layer of weights or gradients.
template <class Tensors, class F>
void each_tensor(const Spec& spec, std::int64_t layer, Tensors& tensors, F&& f) {
  const std::int64_t D = directions_of(spec);
  const std::int64_t rows = gates_of(spec) * spec.hidden_size;
  const std::int64_t columns = layer_input_size(spec, layer);
  const std::string_view column_letters = layer == 0 ? "I" : is_projected(spec) ? "D*P" : "D*H";
  const std::int64_t peepholes = peepholes_of(spec);
  const bool recurrent = has_recurrent_weights(spec);
  constexpr std::string_view kNoR = "no gate of the cell reads the state";
  const auto check_bias = [&](std::string_view name, auto& view, bool wanted, std::string_view why_not) {
    f(name, view, wanted, why_not, {Dim{"D", D}, Dim{"G*H", rows}});
  };
  f("W", tensors.W, true, "", {Dim{"D", D}, Dim{"G*H", rows}, Dim{column_letters, columns}});
  f("R", tensors.R, recurrent, kNoR, {Dim{"D", D}, Dim{"G*H", rows}, output_dim(spec)});
  constexpr std::string_view kNoBias = "Spec::bias has none";
  check_bias("bW", tensors.bW, spec.bias != Bias::none, kNoBias);
  check_bias("bR", tensors.bR, recurrent && spec.bias == Bias::both, recurrent ? kNoBias : kNoR);
  f("peephole", tensors.peephole, peepholes > 0, "Spec::peepholes is off",
    {Dim{"D", D}, Dim{peepholes == 2 ? "2*H" : "3*H", peepholes * spec.hidden_size}});
  f("projection", tensors.projection, is_projected(spec), "Spec::projection_size is 0",
    {Dim{"D", D}, Dim{"P", spec.projection_size}, Dim{"H", spec.hidden_size}});
}

}  // namespace recur::host
