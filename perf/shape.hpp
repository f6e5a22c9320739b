// A named job: sizes and options, whom it stands for, and what of it is timed.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "recur/rates.hpp"
#include "recur/spec.hpp"

namespace recur::perf {

// How numbers are stored and multiplied. tf32 is f32 whose products may be rounded to TF32.
enum class Precision { f32, tf32, f64, bf16, f16 };
inline constexpr std::array kPrecisions = {Precision::f32, Precision::tf32, Precision::f64, Precision::bf16,
                                           Precision::f16};

// What is timed.
enum class Timed {
  inference,  // forward with prepared weights
  forward,    // forward of a training plan
  backward,
  step,  // one step of a stream; latencies, not throughput
};
inline constexpr std::array kTimed = {Timed::inference, Timed::forward, Timed::backward, Timed::step};

std::string_view name_of(Precision value);
std::string_view name_of(Timed value);
DataType storage_of(Precision value);
// Its rate; 0 where it was not measured.
double rate_of(const PrecisionRates& rates, Precision value);

// Cells with their options, as shapes and the command line name them.
struct NamedCell {
  std::string_view name;
  Spec spec;  // the fields of the cell, the others at their defaults
};
inline constexpr std::array kCells = {
    NamedCell{"rnn", {.cell = Cell::rnn}},
    NamedCell{"rnn-relu", {.cell = Cell::rnn, .activation = RnnActivation::relu}},
    NamedCell{"rnn-residual", {.cell = Cell::rnn, .residual = true}},
    NamedCell{"gru", {.cell = Cell::gru}},
    NamedCell{"gru-reset-before", {.cell = Cell::gru, .gru_reset = GruReset::before}},
    NamedCell{"lstm", {.cell = Cell::lstm}},
    NamedCell{"lstm-peephole", {.cell = Cell::lstm, .peepholes = true}},
    NamedCell{"lstm-coupled", {.cell = Cell::lstm, .coupled_input_forget = true}},
    NamedCell{"min-gru", {.cell = Cell::min_gru}},
};

struct Shape {
  std::string name;
  std::string stands_for;
  int worth = 0;  // shapes of more worth are timed first
  std::string cell = "lstm";
  std::int64_t T = 1, B = 1, I = 1, H = 1, L = 1;
  Direction direction = Direction::forward;
  std::vector<double> length_quantiles;  // of lengths_of; empty: all sequences have T steps
  std::string length_source;
  double mean_episode = 0;  // steps between resets; 0: no resets
  std::vector<Precision> precisions = {Precision::f32};
  std::vector<Timed> passes = {Timed::inference};

  // What the library is asked for. Throws InvalidArgument for a cell of another name.
  Spec spec(Precision precision) const;
};

// What the library is asked for to time a pass: steps of a stream have neither lengths nor resets.
Spec spec_for(const Shape& shape, Precision precision, Timed pass);

// The enumerator of this name. Throws InvalidArgument, naming those that there are.
Precision parse_precision(const std::string& name);
Timed parse_timed(const std::string& name);
Direction parse_direction(const std::string& name);
const NamedCell& parse_cell(const std::string& name);

// Shapes of a JSON text (perf/README.md), sorted by worth. Throws FormatError for what is no JSON, and
// InvalidArgument, naming shape and field, for what is no shape.
std::vector<Shape> parse_shapes(std::string_view json);

// Those that the program carries.
std::string_view carried_shapes();

}  // namespace recur::perf
