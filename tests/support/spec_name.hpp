/// @file
/// Names of Specs for test names and failure messages.
#pragma once

#include <array>
#include <cctype>
#include <string>
#include <vector>

#include "recur/spec.hpp"

namespace recur::test {

/// The cell with its variant, e.g. "lstm_peephole_coupled_projected".
inline std::string cell_name(const Spec& spec) {
  switch (spec.cell) {
    case Cell::rnn:
      return std::string("rnn_") + (spec.activation == RnnActivation::relu ? "relu" : "tanh") +
             (spec.residual ? "_residual" : "");
    case Cell::gru: return spec.gru_reset == GruReset::before ? "gru_reset_before" : "gru_reset_after";
    case Cell::lstm:
      return std::string("lstm") + (spec.peepholes ? "_peephole" : "") +
             (spec.coupled_input_forget ? "_coupled" : "") + (is_projected(spec) ? "_projected" : "");
    case Cell::min_gru: return "min_gru";
  }
  return "unknown";
}

inline std::string direction_name(Direction direction) {
  constexpr std::array kNames = {"forward", "reverse", "bidirectional"};
  return kNames[static_cast<std::size_t>(direction)];
}

/// Everything a Spec asks for, e.g. "gru_reset_after_reverse_I3_H2_L2_bias_both_lengths_mask".
inline std::string spec_name(const Spec& spec) {
  constexpr std::array kBiases = {"none", "single", "both"};
  std::string name = cell_name(spec) + "_" + direction_name(spec.direction);
  name += "_I" + std::to_string(spec.input_size) + "_H" + std::to_string(spec.hidden_size);
  if (spec.projection_size != 0) name += "_P" + std::to_string(spec.projection_size);
  name += "_L" + std::to_string(spec.layers);
  name += std::string("_bias_") + kBiases[static_cast<std::size_t>(spec.bias)];
  if (spec.variable_lengths) name += "_lengths";
  if (spec.reset_mask) name += "_mask";
  if (spec.cell_sequence) name += "_cseq";
  if (spec.forest) name += "_forest";
  return name;
}

/// Gives the layer H units, and where it is projected h half as many elements.
inline void set_hidden(Spec& spec, std::int64_t H) {
  spec.hidden_size = H;
  if (is_projected(spec)) spec.projection_size = (H + 1) / 2;
}

/// A name as GoogleTest wants it ("lstm_peephole" -> "LstmPeephole"): underscores are not allowed there.
inline std::string camel_case(const std::string& name) {
  std::string result;
  bool start = true;
  for (char c : name) {
    if (c == '_') {
      start = true;
      continue;
    }
    result += start ? static_cast<char>(std::toupper(static_cast<unsigned char>(c))) : c;
    start = false;
  }
  return result;
}

/// Every cell variant that a layer can have. Only the fields of the cell are set.
inline std::vector<Spec> all_cells() {
  std::vector<Spec> cells;
  for (bool residual : {false, true}) {
    for (RnnActivation activation : {RnnActivation::tanh, RnnActivation::relu}) {
      cells.emplace_back().cell = Cell::rnn;
      cells.back().activation = activation;
      cells.back().residual = residual;
    }
  }
  for (GruReset reset : {GruReset::after, GruReset::before}) {
    cells.emplace_back().cell = Cell::gru;
    cells.back().gru_reset = reset;
  }
  cells.emplace_back().cell = Cell::min_gru;
  for (bool peepholes : {false, true}) {
    for (bool coupled : {false, true}) {
      cells.emplace_back().cell = Cell::lstm;
      cells.back().peepholes = peepholes;
      cells.back().coupled_input_forget = coupled;
    }
  }
  return cells;
}

/// All of these, and every lstm once more with a projection, to P = 1.
inline std::vector<Spec> all_cells_and_projections() {
  std::vector<Spec> cells = all_cells();
  for (const Spec& cell : all_cells()) {
    if (cell.cell != Cell::lstm) continue;
    cells.push_back(cell);
    cells.back().projection_size = 1;
  }
  return cells;
}

/// All of these, but in instrumented builds the first of each kind of cell and the last, which has most: for
/// tests of what hangs on sizes, threads and calls, where every access is checked.
inline std::vector<Spec> cells_of_each_kind() {
  std::vector<Spec> cells = all_cells_and_projections();
#ifdef RECUR_INSTRUMENTED
  std::vector<Spec> few;
  for (const Spec& cell : cells) {
    if (few.empty() || few.back().cell != cell.cell) few.push_back(cell);
  }
  few.push_back(cells.back());
  cells = few;
#endif
  return cells;
}

}  // namespace recur::test
