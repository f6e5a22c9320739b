#include "host/validate_run.hpp"

#include <string>
#include <type_traits>

#include "host/check.hpp"
#include "host/context_state.hpp"
#include "host/layer_tensors.hpp"
#include "host/plan_state.hpp"

namespace recur::host {
namespace {

// Names and sizes every check of one call speaks in.
struct Letters {
  const Spec& spec;
  std::int64_t T;
  std::int64_t B;
  std::int64_t roots = B;  // rows of h0 and c0: the first level of a forest, else all
  std::int64_t D = directions_of(spec);
  std::int64_t outputs = D * output_size_of(spec);
  std::int64_t units = D * spec.hidden_size;

  bool time_major() const { return spec.layout == Layout::time_major; }
  // "[T][B] or "[B][T]".
  std::string_view order() const { return time_major() ? "[T][B]" : "[B][T]"; }
  std::int64_t outer() const { return time_major() ? T : B; }
  std::int64_t inner() const { return time_major() ? B : T; }
};

// Runs a check, and where T and B seem to have been exchanged says so as well.
template <class F>
void check_sizes(const Letters& s, std::string_view what, bool look_exchanged, F&& check) {
  if (!look_exchanged) return check();
  try {
    check();
  } catch (const InvalidArgument& error) {
    throw InvalidArgument(std::string(error.what()) + "; T and B of " + std::string(what) +
                          " look exchanged: by Spec::layout it is " + std::string(s.order()));
  }
}

using Check = void (*)(std::string_view, const ConstTensorView&, DataType, std::initializer_list<Dim>);

// A [T][B][columns] tensor in the layout of the Spec.
void check_sequence(Check check, const Letters& s, std::string_view name, const ConstTensorView& view,
                    std::string_view letters, std::int64_t columns) {
  const bool look_exchanged =
      view.rank() == 3 && s.outer() != s.inner() && view.size(0) == s.inner() && view.size(1) == s.outer();
  check_sizes(s, name, look_exchanged, [&] {
    if (s.time_major()) {
      check(name, view, s.spec.dtype, {{"T", s.T}, {"B", s.B}, {letters, columns}});
    } else {
      check(name, view, s.spec.dtype, {{"B", s.B}, {"T", s.T}, {letters, columns}});
    }
  });
}

// A [T][B][D*H] or, projected, [T][B][D*P] tensor of h.
void check_outputs(Check check, const Letters& s, std::string_view name, const ConstTensorView& view) {
  check_sequence(check, s, name, view, is_projected(s.spec) ? "D*P" : "D*H", s.outputs);
}

void check_state(Check check, const Letters& s, std::string_view name, const ConstTensorView& view, Dim rows,
                 Dim size) {
  // x gives T and B, so that it is x which has them the wrong way round where a state has T sequences.
  const bool look_exchanged = view.rank() == 4 && s.T != s.B && view.size(2) == s.T && !s.spec.forest;
  check_sizes(s, "x", look_exchanged, [&] {
    check(name, view, s.spec.dtype, {{"L", s.spec.layers}, {"D", s.D}, rows, size});
  });
}
Dim initial_rows(const Letters& s) { return s.spec.forest ? Dim{"roots", s.roots} : Dim{"B", s.B}; }
// The state that a call begins with, or its gradient.
void check_h0(Check check, const Letters& s, std::string_view name, const ConstTensorView& view) {
  check_state(check, s, name, view, initial_rows(s), output_dim(s.spec));
}
void check_c0(Check check, const Letters& s, std::string_view name, const ConstTensorView& view) {
  check_state(check, s, name, view, initial_rows(s), {"H", s.spec.hidden_size});
}
// The state that a call ends with, or its gradient.
void check_hN(Check check, const Letters& s, std::string_view name, const ConstTensorView& view) {
  check_state(check, s, name, view, {"B", s.B}, output_dim(s.spec));
}
void check_cN(Check check, const Letters& s, std::string_view name, const ConstTensorView& view) {
  check_state(check, s, name, view, {"B", s.B}, {"H", s.spec.hidden_size});
}

// An optional tensor that only some Specs know.
template <class F>
void check_optional(std::string_view name, const ConstTensorView& view, bool known, std::string_view why_not,
                    F&& check) {
  if (!view.given()) return;
  if (!known) check_not_given(name, view, why_not);
  check();
}

constexpr std::string_view kNoCellState = "the cell has no cell state";

// A final state that would take the place of an initial one which backward reads. Other overlaps with it are
// refused as all are.
void check_kept(std::string_view name, const ConstTensorView& final_state, std::string_view initial_name,
                const ConstTensorView& initial_state) {
  if (!final_state.given() || !initial_state.given() || final_state.data() != initial_state.data()) return;
  if (final_state.size(2) == 0) return;  // B: there is no memory to share
  throw InvalidArgument(std::string(name) +
                        ": expected memory of its own in a training plan, whose backward reads " +
                        std::string(initial_name) + ", got memory shared with " + std::string(initial_name));
}

// Reads T and B off x and holds them against the plan's maxima.
RunSizes sizes_from(const Job& job, const ConstTensorView& x) {
  const bool time_major = job.spec.layout == Layout::time_major;
  if (!x.given() || x.rank() != 3) {
    throw InvalidArgument(std::string("x: expected ") + (time_major ? "[T] [B] [I]" : "[B] [T] [I]") +
                          ", got " + describe(x));
  }
  const RunSizes sizes{x.size(time_major ? 0 : 1), x.size(time_major ? 1 : 0)};
  const auto within = [&](std::string_view letter, std::int64_t value, std::int64_t most) {
    if (value >= 0 && value <= most) return;
    const bool look_exchanged = sizes.steps >= 0 && sizes.steps <= job.shape.batch && sizes.batch >= 0 &&
                                sizes.batch <= job.shape.steps;
    check_sizes({job.spec, sizes.steps, sizes.batch}, "x", look_exchanged, [&] {
      throw InvalidArgument("x: expected 0 <= " + std::string(letter) + " <= " + std::to_string(most) +
                            " as planned, got " + describe(x));
    });
  };
  within("T", sizes.steps, job.shape.steps);
  within("B", sizes.batch, job.shape.batch);
  return sizes;
}

void check_masks(const Letters& s, const ConstTensorView& lengths, const ConstTensorView& reset_mask) {
  if (s.spec.variable_lengths) {
    const bool look_exchanged = lengths.rank() == 1 && s.T != s.B && lengths.size(0) == s.T;
    check_sizes(s, "x", look_exchanged, [&] { check_view("lengths", lengths, DataType::i32, {{"B", s.B}}); });
  } else {
    check_not_given("lengths", lengths, "Spec::variable_lengths is off");
  }
  if (!s.spec.reset_mask) {
    check_not_given("reset_mask", reset_mask, "Spec::reset_mask is off");
  } else if (s.time_major()) {
    check_view("reset_mask", reset_mask, DataType::u8, {{"T", s.T}, {"B", s.B}});
  } else {
    check_view("reset_mask", reset_mask, DataType::u8, {{"B", s.B}, {"T", s.T}});
  }
}

// The parents of the rows of one level, which begins at `first`; those of the first level are -1.
void check_parents(std::span<const std::int32_t> parents, std::int64_t first, std::int64_t before,
                   std::int64_t level) {
  std::int64_t least = level == 0 ? -1 : before;
  const std::int64_t most = level == 0 ? -1 : first - 1;
  for (std::size_t i = 0; i < parents.size(); ++i) {
    if (parents[i] >= least && parents[i] <= most) {
      least = parents[i];
      continue;
    }
    const std::int64_t row = first + static_cast<std::int64_t>(i);
    throw InvalidArgument("forest: expected " +
                          (level == 0
                               ? std::string("-1")
                               : "a parent from " + std::to_string(least) + " to " + std::to_string(most) +
                                     ", in the level before and not before its neighbour's") +
                          " for row " + std::to_string(row) + " of level " + std::to_string(level) +
                          ", got " + std::to_string(parents[i]));
  }
}

// What the rows of a call continue. Gives the number of roots, or B where rows are sequences.
std::int64_t check_forest(const Spec& spec, const Forest* forest, std::int64_t batch) {
  if (!spec.forest) {
    if (forest != nullptr) throw InvalidArgument("forest: expected nothing, Spec::forest is off, got one");
    return batch;
  }
  if (forest == nullptr) throw InvalidArgument("forest: expected one, since Spec::forest is on, got nothing");
  const auto& begin = forest->level_begin;
  const auto rows = [](std::int64_t count) { return "B=" + std::to_string(count) + " rows"; };
  if (static_cast<std::int64_t>(forest->parents.size()) != batch) {
    throw InvalidArgument("forest: expected parents of " + rows(batch) + ", got " +
                          std::to_string(forest->parents.size()));
  }
  if (begin.empty() || begin.front() != 0 || begin.back() != batch) {
    throw InvalidArgument(
        "forest: expected level_begin from 0 to " + rows(batch) + ", got " +
        (begin.empty() ? "nothing" : std::to_string(begin.front()) + " to " + std::to_string(begin.back())));
  }
  for (std::size_t k = 0; k + 1 < begin.size(); ++k) {
    if (begin[k] < begin[k + 1] && begin[k + 1] <= batch) continue;
    throw InvalidArgument("forest: expected level_begin to rise to B=" + std::to_string(batch) + ", got " +
                          std::to_string(begin[k]) + " and then " + std::to_string(begin[k + 1]));
  }
  for (std::size_t k = 0; k + 1 < begin.size(); ++k) {
    const auto first = static_cast<std::size_t>(begin[k]);
    check_parents(forest->parents.subspan(first, static_cast<std::size_t>(begin[k + 1]) - first), begin[k],
                  k == 0 ? -1 : begin[k - 1], static_cast<std::int64_t>(k));
  }
  return begin.size() > 1 ? begin[1] : 0;
}

// The values of lengths, where the host can read them.
void check_length_values(const Job& job, const Letters& s, const ForwardArgs& args) {
  if (!args.check_lengths || !s.spec.variable_lengths) return;
  const bool on_host = job.device.kind == DeviceKind::cpu;
  const auto* const lengths =
      on_host ? static_cast<const std::int32_t*>(args.lengths.data()) : args.host_lengths;
  if (lengths == nullptr) return;
  const std::int64_t stride = on_host ? args.lengths.stride(0) : 1;
  for (std::int64_t b = 0; b < s.B; ++b) {
    const std::int32_t length = lengths[b * stride];
    if (length >= 0 && length <= s.T) continue;
    throw InvalidArgument(std::string(on_host ? "lengths" : "host_lengths") +
                          ": expected values from 0 to T=" + std::to_string(s.T) + ", got " +
                          std::to_string(length) + " for sequence " + std::to_string(b));
  }
}

void check_inputs(const Letters& s, const ConstTensorView& x, const ConstTensorView& h0,
                  const ConstTensorView& c0) {
  check_sequence(check_view, s, "x", x, "I", s.spec.input_size);
  if (h0.given()) check_h0(check_view, s, "h0", h0);
  check_optional("c0", c0, has_cell_state(s.spec), kNoCellState, [&] { check_c0(check_view, s, "c0", c0); });
}

// Adds the layer to a message that is about one of its tensors.
template <class F>
void for_layer(std::string_view what, std::int64_t layer, F&& check) {
  try {
    check();
  } catch (const InvalidArgument& error) {
    throw InvalidArgument(std::string(what) + " of layer " + std::to_string(layer) + ": " + error.what());
  }
}

void check_layer_count(std::string_view what, const Spec& spec, std::size_t count) {
  if (count != static_cast<std::size_t>(spec.layers)) {
    throw InvalidArgument(std::string(what) + ": expected L=" + std::to_string(spec.layers) +
                          " layers, got " + std::to_string(count));
  }
}

void check_prepared(const Plan& plan, const PreparedWeights& prepared) {
  if (plan.options().pass == Pass::training) {
    throw InvalidArgument("weights: expected canonical ones for a training plan, got prepared ones");
  }
  if (prepared.layout_id != plan.layout_id()) {
    throw InvalidArgument("weights: expected ones prepared for layout " + std::to_string(plan.layout_id()) +
                          ", got layout " + std::to_string(prepared.layout_id));
  }
  check_buffer("prepared weights", prepared.data, prepared.bytes, plan.sizes().prepared_weights);
}

void check_context(const Plan& plan, const Context& context) {
  if (plan.device().kind != context.device().kind) {
    throw InvalidArgument("context: expected one on the plan's device " + plan.device().name +
                          ", got one on " + context.device().name);
  }
}

// f(name, view) of every tensor of a call. What it writes is a TensorView, what it only reads is not.
template <class F>
void each_view(const ForwardArgs& args, F&& f) {
  f("x", args.x);
  f("h0", args.h0);
  f("c0", args.c0);
  f("lengths", args.lengths);
  f("reset_mask", args.reset_mask);
  f("y", args.y);
  f("hN", args.hN);
  f("cN", args.cN);
  f("c_sequence", args.c_sequence);
}
template <class F>
void each_view(std::span<const LayerWeights> weights, F&& f) {
  for (const LayerWeights& layer : weights) {
    f("W", layer.W);
    f("R", layer.R);
    f("bW", layer.bW);
    f("bR", layer.bR);
    f("peephole", layer.peephole);
    f("projection", layer.projection);
  }
}
template <class F>
void each_view(const BackwardArgs& args, F&& f) {
  f("x", args.x);
  f("h0", args.h0);
  f("c0", args.c0);
  f("lengths", args.lengths);
  f("reset_mask", args.reset_mask);
  f("y", args.y);
  f("dy", args.dy);
  f("dhN", args.dhN);
  f("dcN", args.dcN);
  f("dc_sequence", args.dc_sequence);
  f("dx", args.dx);
  f("dh0", args.dh0);
  f("dc0", args.dc0);
  for (const LayerGradients& layer : args.dweights) {
    f("dW", layer.W);
    f("dR", layer.R);
    f("dbW", layer.bW);
    f("dbR", layer.bR);
    f("dpeephole", layer.peephole);
    f("dprojection", layer.projection);
  }
}

// Checks their alignment and notes their memory.
template <class Arguments>
void add_views(const Plan& plan, const Arguments& arguments, OverlapCheck& overlap) {
  each_view(arguments, [&](std::string_view name, const auto& view) {
    validate_alignment(plan, name, view);
    if constexpr (std::is_same_v<decltype(view), const TensorView&>) {
      overlap.output(name, view);
    } else {
      overlap.input(name, view);
    }
  });
}

void check_weights(const Plan& plan, const Weights& weights) {
  if (weights.is_prepared()) {
    check_prepared(plan, weights.prepared());
  } else {
    validate_weights(plan.state().job(), weights.canonical());
  }
}

void check_forward_workspace(const Plan& plan, const Weights& weights, std::span<std::byte> workspace) {
  const BufferSizes& bytes = plan.sizes();
  check_buffer("workspace", workspace.data(), workspace.size(),
               weights.is_prepared() ? bytes.workspace_prepared : bytes.workspace);
}

void validate_gradients(const Spec& spec, std::span<const LayerGradients> gradients) {
  if (gradients.empty()) return;
  check_layer_count("dweights", spec, gradients.size());
  for (std::int64_t layer = 0; layer < spec.layers; ++layer) {
    for_layer("dweights", layer, [&] {
      each_tensor(spec, layer, gradients[static_cast<std::size_t>(layer)],
                  [&](std::string_view name, const ConstTensorView& view, bool known,
                      std::string_view why_not, std::initializer_list<Dim> dims) {
                    check_optional(name, view, known, why_not,
                                   [&] { check_output(name, view, spec.dtype, dims); });
                  });
    });
  }
}

}  // namespace

void validate_alignment(const Plan& plan, std::string_view name, const ConstTensorView& view) {
  check_alignment(name, view, plan.state().facts().tensor_alignment, name_of(plan.engine()));
}

void validate_weights(const Job& job, std::span<const LayerWeights> weights) {
  check_layer_count("weights", job.spec, weights.size());
  for (std::int64_t layer = 0; layer < job.spec.layers; ++layer) {
    for_layer("weights", layer, [&] {
      each_tensor(job.spec, layer, weights[static_cast<std::size_t>(layer)],
                  [&](std::string_view name, const ConstTensorView& view, bool known,
                      std::string_view why_not, std::initializer_list<Dim> dims) {
                    if (known) {
                      check_view(name, view, job.spec.dtype, dims);
                    } else {
                      check_not_given(name, view, why_not);
                    }
                  });
    });
  }
}

void validate_inference(const Plan& plan, const Context& context, const Weights& weights,
                        std::span<std::byte> workspace) {
  check_context(plan, context);
  check_weights(plan, weights);
  check_forward_workspace(plan, weights, workspace);
}

void add_weights(const Plan& plan, const Weights& weights, OverlapCheck& overlap) {
  if (weights.is_prepared()) {
    overlap.input("prepared weights", weights.prepared().data, weights.prepared().bytes);
  } else {
    add_views(plan, weights.canonical(), overlap);
  }
}

void validate_prepare(const Plan& plan, const Context& context, std::span<const LayerWeights> weights,
                      std::span<std::byte> buffer) {
  check_context(plan, context);
  if (plan.options().pass == Pass::training) {
    throw InvalidArgument("prepare_weights: expected an inference plan; training takes canonical weights");
  }
  validate_weights(plan.state().job(), weights);
  check_buffer("prepared weights", buffer.data(), buffer.size(), plan.sizes().prepared_weights);
  OverlapCheck overlap;
  add_views(plan, weights, overlap);
  overlap.output("prepared weights", buffer.data(), buffer.size());
  overlap.check();
}

RunSizes validate_forward(const Plan& plan, const Context& context, const Weights& weights,
                          const ForwardArgs& args, std::span<std::byte> workspace,
                          std::span<std::byte> reserve) {
  const Job& job = plan.state().job();
  const bool training = job.options.pass == Pass::training;
  check_context(plan, context);
  check_weights(plan, weights);

  const RunSizes sizes = sizes_from(job, args.x);
  const Letters s{job.spec, sizes.steps, sizes.batch, check_forest(job.spec, args.forest, sizes.batch)};
  const bool cell_state = has_cell_state(job.spec);
  check_inputs(s, args.x, args.h0, args.c0);
  check_masks(s, args.lengths, args.reset_mask);
  check_length_values(job, s, args);

  check_outputs(check_output, s, "y", args.y);
  if (args.hN.given()) check_hN(check_output, s, "hN", args.hN);
  check_optional("cN", args.cN, cell_state, kNoCellState, [&] { check_cN(check_output, s, "cN", args.cN); });
  if (job.spec.cell_sequence) {
    check_sequence(check_output, s, "c_sequence", args.c_sequence, "D*H", s.units);
  } else {
    check_not_given("c_sequence", args.c_sequence, "Spec::cell_sequence is off");
  }

  check_forward_workspace(plan, weights, workspace);
  if (training) check_buffer("reserve", reserve.data(), reserve.size(), plan.sizes().reserve);

  OverlapCheck overlap;
  add_views(plan, args, overlap);
  add_weights(plan, weights, overlap);
  overlap.output("workspace", workspace.data(), workspace.size());
  if (training) overlap.output("reserve", reserve.data(), reserve.size());
  if (training) {
    check_kept("hN", args.hN, "h0", args.h0);
    check_kept("cN", args.cN, "c0", args.c0);
  } else {
    overlap.allow_same("hN", args.hN, "h0", args.h0);
    overlap.allow_same("cN", args.cN, "c0", args.c0);
  }
  overlap.check();
  return sizes;
}

RunSizes validate_backward(const Plan& plan, const Context& context, std::span<const LayerWeights> weights,
                           const BackwardArgs& args, std::span<const std::byte> reserve,
                           std::span<std::byte> workspace) {
  const Job& job = plan.state().job();
  check_context(plan, context);
  if (job.options.pass != Pass::training) {
    throw InvalidArgument("backward: expected a training plan, got one for inference");
  }
  validate_weights(job, weights);

  const RunSizes sizes = sizes_from(job, args.x);
  const Letters s{job.spec, sizes.steps, sizes.batch, check_forest(job.spec, args.forest, sizes.batch)};
  const bool cell_state = has_cell_state(job.spec);
  check_inputs(s, args.x, args.h0, args.c0);
  check_masks(s, args.lengths, args.reset_mask);
  check_outputs(check_view, s, "y", args.y);

  if (args.dy.given()) check_outputs(check_view, s, "dy", args.dy);
  if (args.dhN.given()) check_hN(check_view, s, "dhN", args.dhN);
  check_optional("dcN", args.dcN, cell_state, kNoCellState,
                 [&] { check_cN(check_view, s, "dcN", args.dcN); });
  check_optional("dc_sequence", args.dc_sequence, job.spec.cell_sequence, "Spec::cell_sequence is off",
                 [&] { check_sequence(check_view, s, "dc_sequence", args.dc_sequence, "D*H", s.units); });
  if (!args.dy.given() && !args.dhN.given() && !args.dcN.given() && !args.dc_sequence.given()) {
    throw InvalidArgument("backward: expected at least one of dy, dhN, dcN and dc_sequence, got none");
  }

  if (args.dx.given()) check_sequence(check_output, s, "dx", args.dx, "I", s.spec.input_size);
  if (args.dh0.given()) check_h0(check_output, s, "dh0", args.dh0);
  check_optional("dc0", args.dc0, cell_state, kNoCellState,
                 [&] { check_c0(check_output, s, "dc0", args.dc0); });
  validate_gradients(job.spec, args.dweights);
  check_buffer("workspace", workspace.data(), workspace.size(), plan.sizes().workspace_backward);
  check_buffer("reserve", reserve.data(), reserve.size(), plan.sizes().reserve);

  OverlapCheck overlap;
  add_views(plan, args, overlap);
  add_views(plan, weights, overlap);
  overlap.input("reserve", reserve.data(), reserve.size());
  overlap.output("workspace", workspace.data(), workspace.size());
  overlap.allow_same("dh0", args.dh0, "dhN", args.dhN);
  overlap.allow_same("dc0", args.dc0, "dcN", args.dcN);
  overlap.check();
  return sizes;
}

}  // namespace recur::host
