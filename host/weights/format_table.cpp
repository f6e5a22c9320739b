#include "host/weights/format_table.hpp"

#include <array>
#include <utility>

#include "recur/error.hpp"

namespace recur::host {
namespace {

[[noreturn]] void lacks(WeightFormat format, const std::string& what) {
  throw Unsupported(std::string(name_of(format)) + " weights: " + what);
}

// The place of each canonical gate: lstm i f g o, gru r z n.
using GateOrder = std::array<int, 4>;

class Builder {
 public:
  Builder(WeightFormat format, const Spec& spec, std::int64_t layer)
      : format_(format),
        spec_(spec),
        layer_(layer),
        gates_(gates_of(spec)),
        hidden_(spec.hidden_size),
        outputs_(output_size_of(spec)),
        columns_(layer_input_size(spec, layer)),
        directions_(directions_of(spec)) {}

  FormatTable build() {
    if (!has_recurrent_weights(spec_))
      lacks(format_, "every layer has R; cell is " + std::string(name_of(spec_.cell)));
    switch (format_) {
      case WeightFormat::pytorch:
      case WeightFormat::paddle: state_dict(); break;
      case WeightFormat::onnx: onnx(); break;
      case WeightFormat::keras: keras(); break;
      case WeightFormat::cudnn: cudnn(); break;
      case WeightFormat::onednn: onednn(); break;
      case WeightFormat::paddle_fluid: paddle_fluid(); break;
      case WeightFormat::keras_cudnn: keras_cudnn(); break;
      case WeightFormat::haiku: haiku(); break;
      case WeightFormat::lasagne: lasagne(); break;
      case WeightFormat::madmom: madmom(); break;
    }
    return std::move(table_);
  }

 private:
  bool is_lstm() const { return spec_.cell == Cell::lstm; }
  bool is_gru() const { return spec_.cell == Cell::gru; }
  bool resets_before() const { return is_gru() && spec_.gru_reset == GruReset::before; }

  void no_peepholes() const {
    if (is_lstm() && spec_.peepholes) lacks(format_, "there are no peepholes");
  }
  void no_coupling() const {
    if (is_lstm() && spec_.coupled_input_forget)
      lacks(format_, "there are no coupled input and forget gates");
  }
  void no_projection() const {
    if (is_projected(spec_)) lacks(format_, "there is no projection");
  }
  void no_reset_before() const {
    if (resets_before()) lacks(format_, "gru resets after the product only; gru_reset is before");
  }
  void no_single_bias() const {
    if (spec_.bias == Bias::single) lacks(format_, "there are two biases or none; bias is single");
  }

  int tensor(std::string name, std::vector<std::int64_t> shape) {
    table_.tensors.push_back({std::move(name), std::move(shape)});
    return static_cast<int>(table_.tensors.size()) - 1;
  }
  FormatBlock& block(int tensor, Parameter parameter, std::int64_t direction, std::int64_t gate,
                     std::int64_t offset, std::int64_t row_stride, std::int64_t column_stride = 0) {
    table_.blocks.push_back({tensor, parameter, direction, gate, offset, row_stride, column_stride});
    return table_.blocks.back();
  }
  // All gates of a matrix [rows of gates][columns], at `base`, in an order.
  void rows_of_gates(int tensor, Parameter parameter, std::int64_t d, std::int64_t base, std::int64_t columns,
                     const GateOrder& order) {
    for (std::int64_t gate = 0; gate < gates_; ++gate) {
      block(tensor, parameter, d, gate, base + order[static_cast<std::size_t>(gate)] * hidden_ * columns,
            columns, 1);
    }
  }
  // All gates of a matrix [columns][`all` gates of units].
  void columns_of_gates(int tensor, Parameter parameter, std::int64_t d, std::int64_t base, std::int64_t all,
                        const GateOrder& order) {
    for (std::int64_t gate = 0; gate < gates_; ++gate) {
      block(tensor, parameter, d, gate, base + order[static_cast<std::size_t>(gate)] * hidden_, 1,
            all * hidden_);
    }
  }
  void bias(int tensor, Parameter parameter, std::int64_t d, std::int64_t base, const GateOrder& order) {
    for (std::int64_t gate = 0; gate < gates_; ++gate) {
      block(tensor, parameter, d, gate, base + order[static_cast<std::size_t>(gate)] * hidden_, 1);
    }
  }
  // bR where the convention has its sum with bW.
  void merged_bias(int tensor, std::int64_t d, std::int64_t gate, std::int64_t offset) {
    if (spec_.bias == Bias::both) block(tensor, Parameter::bR, d, gate, offset, 1).merged = true;
  }

  // Gate orders are the canonical ones. Paddle has the flat names of PyTorch for a layer without projection;
  // with one it has only those of its cells, and the projection transposed.
  void state_dict() {
    no_peepholes();
    no_coupling();
    no_reset_before();
    no_single_bias();
    if (format_ == WeightFormat::paddle && is_projected(spec_)) {
      paddle_cells();
      return;
    }
    constexpr GateOrder kOrder = {0, 1, 2, 3};
    for (std::int64_t d = 0; d < directions_; ++d) {
      const std::string suffix = "_l" + std::to_string(layer_) + (d == 1 ? "_reverse" : "");
      rows_of_gates(tensor("weight_ih" + suffix, {gates_ * hidden_, columns_}), Parameter::W, d, 0, columns_,
                    kOrder);
      rows_of_gates(tensor("weight_hh" + suffix, {gates_ * hidden_, outputs_}), Parameter::R, d, 0, outputs_,
                    kOrder);
      if (spec_.bias == Bias::both) {
        bias(tensor("bias_ih" + suffix, {gates_ * hidden_}), Parameter::bW, d, 0, kOrder);
        bias(tensor("bias_hh" + suffix, {gates_ * hidden_}), Parameter::bR, d, 0, kOrder);
      }
      if (is_projected(spec_)) {
        block(tensor("weight_hr" + suffix, {outputs_, hidden_}), Parameter::projection, d, 0, 0, hidden_, 1);
      }
    }
  }

  void paddle_cells() {
    constexpr GateOrder kOrder = {0, 1, 2, 3};
    for (std::int64_t d = 0; d < directions_; ++d) {
      const std::string cell = std::to_string(layer_) + (directions_ == 1 ? ".cell."
                                                         : d == 0         ? ".cell_fw."
                                                                          : ".cell_bw.");
      rows_of_gates(tensor(cell + "weight_ih", {gates_ * hidden_, columns_}), Parameter::W, d, 0, columns_,
                    kOrder);
      rows_of_gates(tensor(cell + "weight_hh", {gates_ * hidden_, outputs_}), Parameter::R, d, 0, outputs_,
                    kOrder);
      if (spec_.bias == Bias::both) {
        bias(tensor(cell + "bias_ih", {gates_ * hidden_}), Parameter::bW, d, 0, kOrder);
        bias(tensor(cell + "bias_hh", {gates_ * hidden_}), Parameter::bR, d, 0, kOrder);
      }
      block(tensor(cell + "weight_ho", {hidden_, outputs_}), Parameter::projection, d, 0, 0, 1, outputs_);
    }
  }

  // lstm i o f c, gru z r h. A coupled lstm has its forget gate's rows, which nobody reads.
  void onnx() {
    no_projection();
    no_single_bias();
    const bool coupled = is_lstm() && spec_.coupled_input_forget;
    const GateOrder order = is_gru()  ? GateOrder{1, 0, 2}
                            : coupled ? GateOrder{0, 3, 1}
                                      : GateOrder{0, 2, 3, 1};
    const std::int64_t all = is_lstm() ? 4 : gates_;
    table_.has_unused = coupled;
    const int W = tensor("W", {directions_, all * hidden_, columns_});
    const int R = tensor("R", {directions_, all * hidden_, hidden_});
    const int B = spec_.bias == Bias::none ? -1 : tensor("B", {directions_, 2 * all * hidden_});
    const int P = peepholes_of(spec_) == 0 ? -1 : tensor("P", {directions_, 3 * hidden_});
    for (std::int64_t d = 0; d < directions_; ++d) {
      rows_of_gates(W, Parameter::W, d, d * all * hidden_ * columns_, columns_, order);
      rows_of_gates(R, Parameter::R, d, d * all * hidden_ * hidden_, hidden_, order);
      if (B >= 0) {
        bias(B, Parameter::bW, d, 2 * d * all * hidden_, order);
        bias(B, Parameter::bR, d, (2 * d + 1) * all * hidden_, order);
      }
      // i o f; ours are i f o, or i o.
      constexpr std::array<int, 3> kPlain = {0, 2, 1}, kCoupled = {0, 1, 2};
      for (std::int64_t p = 0; p < peepholes_of(spec_); ++p) {
        const int place = (coupled ? kCoupled : kPlain)[static_cast<std::size_t>(p)];
        block(P, Parameter::peephole, d, p, (3 * d + place) * hidden_, 1);
      }
    }
  }

  // lstm i f c o, gru z r h, in columns; one bias, but two for a gru that resets after the product.
  void keras() {
    no_peepholes();
    no_coupling();
    no_projection();
    const bool two_biases = is_gru() && !resets_before();
    if (two_biases) no_single_bias();
    const GateOrder order = is_gru() ? GateOrder{1, 0, 2} : GateOrder{0, 1, 2, 3};
    for (std::int64_t d = 0; d < directions_; ++d) {
      const std::string prefix = directions_ == 1 ? "" : d == 0 ? "forward_" : "backward_";
      columns_of_gates(tensor(prefix + "kernel", {columns_, gates_ * hidden_}), Parameter::W, d, 0, gates_,
                       order);
      columns_of_gates(tensor(prefix + "recurrent_kernel", {hidden_, gates_ * hidden_}), Parameter::R, d, 0,
                       gates_, order);
      if (spec_.bias == Bias::none) continue;
      if (two_biases) {
        const int b = tensor(prefix + "bias", {2, gates_ * hidden_});
        bias(b, Parameter::bW, d, 0, order);
        bias(b, Parameter::bR, d, gates_ * hidden_, order);
      } else {
        const int b = tensor(prefix + "bias", {gates_ * hidden_});
        bias(b, Parameter::bW, d, 0, order);
        for (std::int64_t gate = 0; gate < gates_; ++gate) {
          merged_bias(b, d, gate, order[static_cast<std::size_t>(gate)] * hidden_);
        }
      }
    }
  }

  // linLayerID: the gates of W in the canonical order, then those of R; 8 is lstm's projection.
  void cudnn() {
    no_peepholes();
    no_coupling();
    no_reset_before();
    for (std::int64_t d = 0; d < directions_; ++d) {
      const std::string of = "[" + std::to_string(layer_ * directions_ + d) + "][";
      const auto matrix = [&](std::int64_t id, Parameter parameter, std::int64_t gate, std::int64_t rows,
                              std::int64_t columns) {
        block(tensor("matrix" + of + std::to_string(id) + "]", {rows, columns}), parameter, d, gate, 0,
              columns, 1);
      };
      const auto vector = [&](std::int64_t id, Parameter parameter, std::int64_t gate) {
        block(tensor("bias" + of + std::to_string(id) + "]", {hidden_}), parameter, d, gate, 0, 1);
      };
      for (std::int64_t gate = 0; gate < gates_; ++gate) matrix(gate, Parameter::W, gate, hidden_, columns_);
      for (std::int64_t gate = 0; gate < gates_; ++gate) {
        matrix(gates_ + gate, Parameter::R, gate, hidden_, outputs_);
      }
      constexpr std::int64_t kProjection = 8;
      if (is_projected(spec_)) matrix(kProjection, Parameter::projection, 0, outputs_, hidden_);
      if (spec_.bias == Bias::none) continue;
      for (std::int64_t gate = 0; gate < gates_; ++gate) vector(gate, Parameter::bW, gate);
      if (spec_.bias == Bias::single) continue;
      for (std::int64_t gate = 0; gate < gates_; ++gate) vector(gates_ + gate, Parameter::bR, gate);
    }
  }

  // lstm i f c o, gru u r o; [D][J][G][H]. One bias, of which lbr_gru's last block is bR of the candidate.
  void onednn() {
    no_coupling();
    const bool split = is_gru() && !resets_before();
    const GateOrder order = is_gru() ? GateOrder{1, 0, 2} : GateOrder{0, 1, 2, 3};
    const std::int64_t biases = split ? gates_ + 1 : gates_;
    const int W = tensor("weights_layer", {directions_, columns_, gates_, hidden_});
    const int R = tensor("weights_iter", {directions_, outputs_, gates_, hidden_});
    const int peephole =
        peepholes_of(spec_) == 0 ? -1 : tensor("weights_peephole", {directions_, 3, hidden_});
    const int projection =
        is_projected(spec_) ? tensor("weights_projection", {directions_, hidden_, outputs_}) : -1;
    const int b = spec_.bias == Bias::none ? -1 : tensor("bias", {directions_, biases, hidden_});
    table_.has_unused = split && spec_.bias == Bias::single;
    for (std::int64_t d = 0; d < directions_; ++d) {
      columns_of_gates(W, Parameter::W, d, d * columns_ * gates_ * hidden_, gates_, order);
      columns_of_gates(R, Parameter::R, d, d * outputs_ * gates_ * hidden_, gates_, order);
      for (std::int64_t p = 0; p < peepholes_of(spec_); ++p) {
        block(peephole, Parameter::peephole, d, p, (3 * d + p) * hidden_, 1);
      }
      if (projection >= 0) {
        block(projection, Parameter::projection, d, 0, d * hidden_ * outputs_, 1, outputs_);
      }
      if (b < 0) continue;
      const std::int64_t base = d * biases * hidden_;
      bias(b, Parameter::bW, d, base, order);
      for (std::int64_t gate = 0; gate < gates_; ++gate) {
        constexpr std::int64_t kCandidate = 2;
        if (!split || gate != kCandidate) {
          merged_bias(b, d, gate, base + order[static_cast<std::size_t>(gate)] * hidden_);
        } else if (spec_.bias == Bias::both) {
          block(b, Parameter::bR, d, gate, base + gates_ * hidden_, 1);
        }
      }
    }
  }

  // u r c in columns, with h = (1 - u) h' + u c, so that our z is 1 - u = sigmoid(-a_u). The weight of
  // dynamic_gru is called [H][3H] but is [H][2H] and then [H][H]. The bias of fc, and that of dynamic_gru,
  // simply add.
  void paddle_fluid() {
    if (!resets_before()) lacks(format_, "dynamic_gru is a gru that resets before the product");
    if (directions_ == 2) lacks(format_, "dynamic_gru has one direction");
    if (spec_.bias != Bias::both) lacks(format_, "there are two biases; bias is another");
    const int W = tensor("input_weight", {columns_, 3 * hidden_});
    const int bW = tensor("input_bias", {3 * hidden_});
    const int R = tensor("weight", {hidden_, 3 * hidden_});
    const int bR = tensor("bias", {1, 3 * hidden_});
    constexpr GateOrder kOrder = {1, 0, 2};
    constexpr std::int64_t kUpdate = 1, kCandidate = 2;
    for (std::int64_t gate = 0; gate < gates_; ++gate) {
      const std::int64_t column = kOrder[static_cast<std::size_t>(gate)] * hidden_;
      const bool negative = gate == kUpdate;
      block(W, Parameter::W, 0, gate, column, 1, 3 * hidden_).negative = negative;
      block(bW, Parameter::bW, 0, gate, column, 1).negative = negative;
      if (gate == kCandidate) {
        block(R, Parameter::R, 0, gate, 2 * hidden_ * hidden_, 1, hidden_);
      } else {
        block(R, Parameter::R, 0, gate, column, 1, 2 * hidden_).negative = negative;
      }
      block(bR, Parameter::bR, 0, gate, column, 1).negative = negative;
    }
  }

  // CuDNNLSTM i f c o, CuDNNGRU z r h, in the columns of a Keras kernel. What lies in a gate's columns of
  // `kernel`, read row by row, are the rows of W; of `recurrent_kernel` it is R itself.
  void keras_cudnn() {
    if (spec_.cell == Cell::rnn) lacks(format_, "there are CuDNNLSTM and CuDNNGRU only");
    no_peepholes();
    no_coupling();
    no_projection();
    no_reset_before();
    if (spec_.bias != Bias::both) lacks(format_, "there are two biases; bias is another");
    const GateOrder order = is_gru() ? GateOrder{1, 0, 2} : GateOrder{0, 1, 2, 3};
    const std::int64_t row = gates_ * hidden_;
    for (std::int64_t d = 0; d < directions_; ++d) {
      const std::string prefix = directions_ == 1 ? "" : d == 0 ? "forward_" : "backward_";
      const int W = tensor(prefix + "kernel", {columns_, row});
      const int R = tensor(prefix + "recurrent_kernel", {hidden_, row});
      const int b = tensor(prefix + "bias", {2 * row});
      for (std::int64_t gate = 0; gate < gates_; ++gate) {
        const std::int64_t column = order[static_cast<std::size_t>(gate)] * hidden_;
        FormatBlock& folded = block(W, Parameter::W, d, gate, column, columns_, 1);
        folded.fold = hidden_;
        folded.fold_stride = row;
        block(R, Parameter::R, d, gate, column, row, 1);
      }
      bias(b, Parameter::bW, d, 0, order);
      bias(b, Parameter::bR, d, row, order);
    }
  }

  // What follows are grus with h = (1 - z) h' + z n, so that our z is 1 - z = sigmoid(-a_z): all that goes
  // into z has the other sign.
  static constexpr std::int64_t kUpdateGate = 1;
  void one_direction_of_gru() const {
    if (!is_gru()) lacks(format_, "only a gru has a convention of its own");
    if (directions_ == 2) lacks(format_, "a layer has one direction");
  }

  // z r a in columns; one bias.
  void haiku() {
    one_direction_of_gru();
    if (!resets_before()) lacks(format_, "gru resets before the product only; gru_reset is after");
    const int W = tensor("w_i", {columns_, 3 * hidden_});
    const int R = tensor("w_h", {hidden_, 3 * hidden_});
    const int b = spec_.bias == Bias::none ? -1 : tensor("b", {3 * hidden_});
    constexpr GateOrder kOrder = {1, 0, 2};
    for (std::int64_t gate = 0; gate < gates_; ++gate) {
      const std::int64_t column = kOrder[static_cast<std::size_t>(gate)] * hidden_;
      const bool negative = gate == kUpdateGate;
      block(W, Parameter::W, 0, gate, column, 1, 3 * hidden_).negative = negative;
      block(R, Parameter::R, 0, gate, column, 1, 3 * hidden_).negative = negative;
      if (b < 0) continue;
      block(b, Parameter::bW, 0, gate, column, 1).negative = negative;
      merged_bias(b, 0, gate, column);
      if (spec_.bias == Bias::both) table_.blocks.back().negative = negative;
    }
  }

  // A gate of a gru whose gates have tensors of their own: [J][H], [H][H] and, -1 for none, [H].
  void gate_apart(std::int64_t gate, int W, int R, int b) {
    const bool negative = gate == kUpdateGate;
    block(W, Parameter::W, 0, gate, 0, 1, hidden_).negative = negative;
    block(R, Parameter::R, 0, gate, 0, 1, hidden_).negative = negative;
    if (b >= 0) block(b, Parameter::bW, 0, gate, 0, 1).negative = negative;
  }
  void bias_of_the_input() const {
    if (resets_before()) lacks(format_, "gru resets after the product only; gru_reset is before");
    if (spec_.bias == Bias::both) lacks(format_, "there is one bias, that of the input; bias is both");
  }

  void lasagne() {
    one_direction_of_gru();
    bias_of_the_input();
    constexpr std::array<std::pair<std::int64_t, const char*>, 3> kGates = {
        {{1, "updategate"}, {0, "resetgate"}, {2, "hidden_update"}}};
    for (const auto& [gate, name] : kGates) {
      const int W = tensor(std::string("W_in_to_") + name, {columns_, hidden_});
      const int R = tensor(std::string("W_hid_to_") + name, {hidden_, hidden_});
      gate_apart(gate, W, R, spec_.bias == Bias::none ? -1 : tensor(std::string("b_") + name, {hidden_}));
    }
  }

  void madmom() {
    one_direction_of_gru();
    bias_of_the_input();
    if (spec_.bias == Bias::none) lacks(format_, "there is one bias; bias is none");
    constexpr std::array<std::pair<std::int64_t, const char*>, 3> kGates = {
        {{0, "reset_gate."}, {1, "update_gate."}, {2, "cell."}}};
    for (const auto& [gate, name] : kGates) {
      const int W = tensor(std::string(name) + "weights", {columns_, hidden_});
      const int b = tensor(std::string(name) + "bias", {hidden_});
      gate_apart(gate, W, tensor(std::string(name) + "recurrent_weights", {hidden_, hidden_}), b);
    }
  }

  const WeightFormat format_;
  const Spec& spec_;
  const std::int64_t layer_;
  const std::int64_t gates_;
  const std::int64_t hidden_;
  const std::int64_t outputs_;
  const std::int64_t columns_;
  const std::int64_t directions_;
  FormatTable table_;
};

}  // namespace

FormatTable format_table(WeightFormat format, const Spec& spec, std::int64_t layer) {
  return Builder(format, spec, layer).build();
}

}  // namespace recur::host
