/// @file
/// Draws layers and ways of running them. Sizes are mostly edges: 1, and those around the vectors, panels and
/// tiles that the engines' own sizes name (devices_*.cpp).
#pragma once

#include <algorithm>
#include <initializer_list>
#include <string>

#include "engines/enumerators.hpp"
#include "engines/judge.hpp"
#include "support/functions.hpp"
#include "support/random.hpp"
#include "support/spec_name.hpp"

namespace recur::test {

struct SoakCase {
  Spec spec;
  Index T = 1, B = 1;
  Pass pass = Pass::inference;
  RunOptions run;
};

/// What a device has time for.
struct SoakLimits {
  std::uint64_t cases;
  Index most_units;
  double most_work;       ///< multiply-adds of all runs of one case
  int most_threads = 64;  ///< those of oneDNN's OpenMP spin
};

inline SoakLimits soak_limits(const TestDevice& device) {
#ifdef RECUR_INSTRUMENTED
  constexpr std::uint64_t kShare = 10;  // one run each, without a verdict
#else
  constexpr std::uint64_t kShare = 1;
#endif
  if (device.engine == EngineId::cpu) return {400 / kShare, 130, 1e7};
  if (device.engine == EngineId::onednn) return {40 / kShare, 70, 2e6, 1};  // each run makes primitives
  return {60 / kShare, 40, 3e6};                                            // emulated
}

class Draw {
 public:
  Draw(std::uint64_t seed, std::uint64_t number) : random_(seed, number) {}

  /// True once in `n`.
  bool once_in(std::int64_t n) { return random_.integer(1, n) == 1; }
  bool coin() { return once_in(2); }
  template <class T>
  T one_of(std::initializer_list<T> values) {
    return values.begin()[random_.integer(0, static_cast<std::int64_t>(values.size()) - 1)];
  }
  template <class T>
  const T& one_of(const std::vector<T>& values) {
    return values[static_cast<std::size_t>(random_.integer(0, static_cast<std::int64_t>(values.size()) - 1))];
  }
  Index between(Index first, Index last) { return random_.integer(first, last); }
  /// An edge, or one time in four anything up to `most`.
  Index size(std::initializer_list<Index> edges, Index most) {
    return std::min(once_in(4) ? between(1, most) : one_of(edges), most);
  }

 private:
  Random random_;
};

/// Elements of the smallest tensor that is judged: a pool of it says how many runs a case is.
inline Index least_elements(const SoakCase& drawn) {
  const Spec& spec = drawn.spec;
  const oracle::Sizes sizes(spec, drawn.T, drawn.B);
  Index least = std::min({sizes.y, sizes.h, sizes.x});
  for (const Index elements : {sizes.c, sizes.bW, sizes.bR, sizes.peephole, sizes.projection, sizes.R}) {
    if (elements != 0) least = std::min(least, elements);
  }
  return std::min(least, oracle::Sizes::W(spec, 0));
}

/// Multiply-adds of all runs of a case, f64 weighted by what its judge takes longer, and each call by what it
/// costs beside them.
inline double work_of(const SoakCase& drawn) {
  const Spec& spec = drawn.spec;
  double steps = 0;
  for (Index l = 0; l < spec.layers; ++l) {
    steps += static_cast<double>(oracle::Sizes::W(spec, l) + oracle::Sizes(spec, 1, 1).R +
                                 oracle::Sizes(spec, 1, 1).projection);
  }
  // More values than are pooled, so that what is drawn does not change with kPooledValues.
  const double runs = 1.0 + 4096.0 / static_cast<double>(least_elements(drawn));
  const double judge = spec.dtype == DataType::f64 ? 30 : 1;
  return runs * (judge * static_cast<double>(drawn.T * drawn.B) * steps + 1000);
}

/// One field that makes the Spec impossible, or that few engines have.
inline void draw_oddity(Draw& draw, SoakCase& drawn) {
  Spec& spec = drawn.spec;
  const double probability = draw.one_of({0.25, 0.5});
  switch (draw.between(0, 11)) {
    case 0: spec.recurrent_dropout = probability; break;
    case 1: spec.zoneout = probability; break;
    case 2: spec.layer_norm = true; break;
    case 3: drawn.run.checkpoint_interval = draw.between(1, 3); break;
    case 4: drawn.run.truncation_window = draw.between(1, 3); break;
    case 5: spec.dropout = probability; break;
    case 6: spec.peepholes = spec.coupled_input_forget = true; break;
    case 7: spec.cell_sequence = !drawn.run.by_steps; break;
    case 8: spec.projection_size = spec.hidden_size + draw.between(0, 1); break;
    case 9: spec.gru_reset = GruReset::before; break;
    case 10: spec.dtype = draw.one_of({DataType::i32, DataType::u8}); break;
    default: spec.layers = 0; break;
  }
}

/// Other functions than the cell's, and a clip of what they are given. Some have no bound: few steps, then.
/// In 16 bits hardly a seed is clear of their kinks, nor in a stack without biases whose outputs are zero or
/// almost.
inline void draw_functions(Draw& draw, SoakCase& drawn) {
  Spec& spec = drawn.spec;
  if (size_of(spec.dtype) < 4) return;
  drawn.T = std::min(drawn.T, draw.between(1, 4));
  if (spec.bias == Bias::none) spec.bias = Bias::both;
  if (draw.coin()) spec.clip = draw.one_of({0.5, 2.0});
  for (int gate = 0; gate < places_of(spec.cell); ++gate) {
    if (draw.coin())
      spec.activations[static_cast<std::size_t>(gate)] = gate_of(draw.one_of(enumerators<Activation>(0)));
  }
  if (spec.direction == Direction::bidirectional && draw.coin())
    spec.reverse_activations.emplace()[0] = gate_of(draw.one_of(enumerators<Activation>(0)));
}

/// Whether any gate has another function than the cell's.
inline bool has_other_functions(const Spec& spec) {
  return spec.reverse_activations || std::ranges::any_of(spec.activations, [](const GateActivation& gate) {
           return gate.function != Activation::standard;
         });
}

/// Whether too many seeds of a case would be left out, since an argument of a function is near its kink
/// (clear_of_kinks).
inline bool is_near_kinks(const SoakCase& drawn) {
  const Spec& spec = drawn.spec;
  const bool relu = spec.cell == Cell::rnn && spec.activation == RnnActivation::relu;
  if (has_one_signed_sums(spec) || !(relu || has_other_functions(spec) || spec.clip != 0)) return false;
  const Index sums =
      drawn.T * drawn.B * spec.layers * directions_of(spec) * gates_of(spec) * spec.hidden_size;
  return 64 * epsilon_of(spec.dtype) * static_cast<double>(sums) > 0.125;
}

/// Any case, taken or not.
inline SoakCase draw_any(Draw& draw, const TestDevice& device, const SoakLimits& limits) {
  SoakCase drawn;
  Spec& spec = drawn.spec = draw.one_of(all_cells_and_projections());
  spec.dtype = draw.one_of({DataType::f32, DataType::f32, DataType::f64, DataType::bf16, DataType::f16});
  spec.input_size = draw.size({1, 2, 3, 5, 8, 15, 16, 17, 33}, 70);
  set_hidden(spec, draw.size({1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 129}, limits.most_units));
  if (is_projected(spec))
    spec.projection_size = draw.one_of({spec.projection_size, Index{1}, draw.between(1, spec.hidden_size)});
  spec.layers = draw.one_of({1, 1, 1, 2, 3});
  spec.direction = draw.one_of({Direction::forward, Direction::reverse, Direction::bidirectional});
  spec.bias = draw.one_of({Bias::both, Bias::single, Bias::none});
  spec.variable_lengths = draw.coin();
  spec.reset_mask = draw.coin();
  spec.cell_sequence = spec.cell == Cell::lstm && draw.coin();
  drawn.T = draw.size({1, 1, 2, 3, 4, 7, 16, 40}, 50);
  drawn.B = draw.size({1, 1, 2, 3, 5, 8, 9, 16, 23, 25, 33}, 40);

  RunOptions& run = drawn.run;
  run.device = &device;
  run.simd = draw.one_of(device.simd(spec.dtype));
  run.threads = static_cast<int>(draw.between(1, std::min(device.threads, limits.most_threads)));
  run.batch_invariant = draw.coin();
  run.layout = draw.one_of({Layout::time_major, Layout::batch_major});
  run.row_gap = device.gaps ? draw.one_of({Index{0}, Index{0}, Index{1}, Index{3}, Index{4}, Index{16}}) : 0;
  run.spare_steps = draw.one_of({0, 0, 1, 9});
  run.spare_batch = draw.one_of({0, 0, 1, 7});
  run.mode = draw.one_of({GradientMode::overwrite, GradientMode::accumulate});
  run.states = !draw.once_in(4);
  run.final_gradients = !draw.once_in(4);
  if (device.device.props().kind == DeviceKind::cuda && draw.coin())
    run.l2_bytes = std::size_t{16} << 10;  // time runs in chunks
  drawn.pass = draw.one_of({Pass::training, Pass::training, Pass::inference});
  if (drawn.pass == Pass::inference) {
    run.prepared = draw.coin();
    run.by_steps = draw.once_in(3);
    if (run.by_steps) {
      spec.direction = Direction::forward;
      spec.variable_lengths = spec.reset_mask = spec.cell_sequence = false;
      run.states = true;
    }
  }
  // Where it is known what is dropped.
  if (device.dropout_masks != nullptr && spec.layers > 1 && draw.once_in(4))
    spec.dropout = draw.one_of({0.125, 0.5});
  if (draw.once_in(8)) {
    spec.forest = true;
    spec.direction = Direction::forward;
    spec.variable_lengths = spec.reset_mask = run.by_steps = false;
  }
  if (draw.once_in(16)) draw_oddity(draw, drawn);
  if (draw.once_in(16)) draw_functions(draw, drawn);
  if (device.tf32 && spec.dtype == DataType::f32) run.tf32 = draw.once_in(4);
  if (spec.layers < 1 || spec.dtype == DataType::i32 || spec.dtype == DataType::u8) return drawn;

  // Fewer steps and sequences, then a smaller layer.
  while (work_of(drawn) > limits.most_work || is_near_kinks(drawn)) {
    Index& largest = drawn.T * drawn.B > 8 ? (drawn.T > drawn.B ? drawn.T : drawn.B)
                     : spec.layers > 1     ? spec.layers
                     : spec.input_size > 8 ? spec.input_size
                                           : spec.hidden_size;
    if (largest < 2) break;
    largest = (largest + 1) / 2;
    spec.projection_size = std::min(spec.projection_size, spec.hidden_size);
  }
  return drawn;
}

inline Plan plan_of(const SoakCase& drawn) {
  const RunOptions& run = drawn.run;
  return make_plan(drawn.spec, shape_of(drawn.spec, drawn.T, drawn.B, run), device_for(run),
                   options_for(run, drawn.pass));
}

inline bool is_planned(const SoakCase& drawn) {
  try {
    plan_of(drawn);
    return true;
  } catch (const Error&) {
    return false;
  }
}

/// The case of this number: a function of seed and number. Most that the engine does not take are drawn
/// again, since some engines take few.
inline SoakCase draw_case(const TestDevice& device, const SoakLimits& limits, std::uint64_t seed,
                          std::uint64_t number) {
  Draw draw(seed, number);
  for (;;) {
    SoakCase drawn = draw_any(draw, device, limits);
    if (is_planned(drawn) || draw.once_in(32)) return drawn;
  }
}

/// Rows of W x that a plan of the CPU engine holds at a time; 0 where its tile says nothing of them.
inline Index chunk_rows_of(const Plan& plan) {
  const std::string& tile = plan.tile();
  const std::string before = " in chunks of ";
  const std::size_t found = tile.find(before);
  return found == std::string::npos ? 0 : std::stoll(tile.substr(found + before.size()));
}

/// A training layer whose work several threads share, mostly in several chunks of time. Its states stay
/// bounded, so that no NaN is among the bits to be compared.
inline SoakCase draw_shared(const TestDevice& device, std::uint64_t seed, std::uint64_t number) {
  Draw draw(seed, number);
  const SoakLimits limits{.cases = 1, .most_units = 140, .most_work = 1e9};
  for (;;) {
    SoakCase drawn = draw_any(draw, device, limits);
    Spec& spec = drawn.spec;
    if (spec.clip != 0 || has_other_functions(spec) ||
        (spec.residual && spec.activation == RnnActivation::relu))
      continue;
    drawn.pass = Pass::training;
    drawn.run.by_steps = drawn.run.prepared = false;
    drawn.run.threads = static_cast<int>(draw.between(2, device.threads));
    drawn.T = draw.between(20, 120);
    drawn.B = draw.between(1, 24);
    if (!is_planned(drawn)) continue;
    const Plan plan = plan_of(drawn);
    const bool one_chunk = drawn.T * drawn.B <= chunk_rows_of(plan);
    if (plan.threads() > 1 && (!one_chunk || draw.once_in(8))) return drawn;
  }
}

inline std::string text_of(const SoakCase& drawn) {
  const Spec& spec = drawn.spec;
  const RunOptions& run = drawn.run;
  const auto number = [](const char* name, auto value) {
    return std::string(" ") + name + " " + std::to_string(value);
  };
  std::string text = spec_name(spec) + " " + std::string(name_of(spec.dtype)) + number("T", drawn.T) +
                     number("B", drawn.B) + " " + std::string(name_of(drawn.pass)) + " " +
                     std::string(name_of(run.layout)) + " " + run.simd + number("threads", run.threads);
  if (run.batch_invariant) text += " batch_invariant";
  if (run.prepared) text += " prepared";
  if (run.by_steps) text += " by steps";
  if (!run.states) text += ", no h0 and c0";
  if (!run.final_gradients) text += ", no dhN and dcN";
  if (run.mode == GradientMode::accumulate) text += " accumulate";
  if (run.row_gap != 0) text += number("row gap", run.row_gap);
  if (run.spare_steps != 0 || run.spare_batch != 0)
    text += number("spare T", run.spare_steps) + number("B", run.spare_batch);
  if (run.l2_bytes != 0) text += number("L2", run.l2_bytes);
  if (spec.dropout != 0) text += number("dropout", spec.dropout);
  if (spec.clip != 0) text += number("clip", spec.clip);
  for (const GateActivation& gate : spec.activations) {
    if (gate.function != Activation::standard) text += " " + std::string(name_of(gate.function));
  }
  if (spec.reverse_activations)
    text += ", in reverse " + std::string(name_of((*spec.reverse_activations)[0].function));
  if (run.tf32) text += " tf32";
  return text;
}

}  // namespace recur::test
