// What a node's attributes say, as fields of a Spec. ONNX's pages RNN, GRU and LSTM, "Attributes".
#include "host/weights/onnx_attributes.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <span>
#include <string_view>

namespace recur::host {
namespace {

[[noreturn]] void fail(std::string_view name, const std::string& expected, const std::string& got) {
  throw InvalidArgument(std::string(name) + ": expected " + expected + ", got " + got);
}

// A function of ONNX's and what parameters it takes. ScaledTanh's operator has no defaults; it takes both
// and the list must have them.
struct OnnxFunction {
  std::string_view name;  // in lower case
  Activation function;
  bool has_alpha = false;
  bool has_beta = false;
  bool has_defaults = true;
  float alpha = 0;
  float beta = 0;
};
constexpr OnnxFunction kFunctions[] = {
    {"sigmoid", Activation::sigmoid},
    {"tanh", Activation::tanh},
    {"relu", Activation::relu},
    {"affine", Activation::affine, true, true, true, 1.0f, 0.0f},
    {"leakyrelu", Activation::leaky_relu, true, false, true, 0.01f},
    {"thresholdedrelu", Activation::thresholded_relu, true, false, true, 1.0f},
    {"scaledtanh", Activation::scaled_tanh, true, true, false},
    {"hardsigmoid", Activation::hard_sigmoid, true, true, true, 0.2f, 0.5f},
    {"elu", Activation::elu, true, false, true, 1.0f},
    {"softsign", Activation::softsign},
    {"softplus", Activation::softplus},
};

const OnnxFunction& function_of(const std::string& name) {
  std::string lower = name;
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  const auto* const found = std::ranges::find(kFunctions, std::string_view(lower), &OnnxFunction::name);
  if (found == std::end(kFunctions)) fail("activations", "names of ONNX's functions", "'" + name + "'");
  return *found;
}

// activation_alpha or activation_beta, of which each function that has such a parameter takes the next.
class Parameters {
 public:
  Parameters(std::string_view attribute, std::span<const float> values)
      : attribute_(attribute), values_(values) {}

  double next(const OnnxFunction& function, float default_value) {
    if (taken_ == values_.size()) {
      if (!function.has_defaults) {
        fail(attribute_, "a value for " + std::string(function.name) + ", which has no default",
             std::to_string(values_.size()) + " values");
      }
      return static_cast<double>(default_value);
    }
    const float value = values_[taken_++];
    if (!std::isfinite(value)) fail(attribute_, "finite values", std::to_string(value));
    return static_cast<double>(value);
  }
  void check_all_taken() const {
    if (taken_ != values_.size()) {
      fail(attribute_, "as many values as functions take, at most " + std::to_string(taken_),
           std::to_string(values_.size()));
    }
  }

 private:
  std::string_view attribute_;
  std::span<const float> values_;
  std::size_t taken_ = 0;
};

bool is_same(const GateActivation& a, const GateActivation& b) {
  return a.function == b.function && a.alpha == b.alpha && a.beta == b.beta;
}

// Those of the reverse direction, where they are others than the forward direction's.
void set_reverse_activations(Spec& spec, std::span<const GateActivation> forward,
                             std::span<const GateActivation> reverse) {
  if (std::ranges::equal(forward, reverse, is_same)) return;
  std::ranges::copy(reverse, spec.reverse_activations.emplace().begin());
}

// The cell's own activations where the operator names them, so that every engine can have the layer.
void set_activations(Spec& spec, std::span<const GateActivation> activations) {
  for (std::size_t i = 0; i < activations.size(); ++i) {
    const Activation function = activations[i].function;
    const bool is_gate = spec.cell != Cell::rnn && i == 0;
    if (function == (is_gate ? Activation::sigmoid : Activation::tanh)) continue;
    if (spec.cell == Cell::rnn && function == Activation::relu) {
      spec.activation = RnnActivation::relu;
    } else {
      spec.activations[i] = activations[i];
    }
  }
}

void read_activations(const OnnxAttributes& attributes, Spec& spec) {
  const std::size_t each = spec.cell == Cell::rnn ? 1 : spec.cell == Cell::gru ? 2 : 3;
  const std::size_t count = each * static_cast<std::size_t>(directions_of(spec));
  const std::vector<std::string>& names = attributes.activations;
  if (!names.empty() && names.size() != count) {
    fail("activations", std::to_string(count) + " names, " + std::to_string(each) + " for each direction",
         std::to_string(names.size()));
  }
  Parameters alphas("activation_alpha", attributes.activation_alpha);
  Parameters betas("activation_beta", attributes.activation_beta);
  std::vector<GateActivation> activations;
  for (const std::string& name : names) {
    const OnnxFunction& function = function_of(name);
    GateActivation& gate = activations.emplace_back();
    gate.function = function.function;
    if (function.has_alpha) gate.alpha = alphas.next(function, function.alpha);
    if (function.has_beta) gate.beta = betas.next(function, function.beta);
  }
  alphas.check_all_taken();
  betas.check_all_taken();
  const std::span<const GateActivation> all(activations);
  const std::span<const GateActivation> forward = all.first(std::min(each, all.size()));
  set_activations(spec, forward);
  if (all.size() > each) set_reverse_activations(spec, forward, all.subspan(each));
}

void read_clip(const OnnxAttributes& attributes, Spec& spec) {
  if (!attributes.clip) return;
  const float clip = *attributes.clip;
  if (!(clip >= 0)) fail("clip", "a bound above 0", std::to_string(clip));
  if (clip == 0) throw Unsupported("clip: a bound of 0");
  if (std::isfinite(clip)) spec.clip = static_cast<double>(clip);
}

}  // namespace

Spec read_attributes(const OnnxAttributes& attributes) {
  Spec spec;
  constexpr std::array kOperators = {"RNN", "GRU", "LSTM"};
  constexpr std::array kCells = {Cell::rnn, Cell::gru, Cell::lstm};
  const auto op = std::ranges::find(kOperators, std::string_view(attributes.op_type));
  if (op == kOperators.end()) fail("op_type", "RNN, GRU or LSTM", "'" + attributes.op_type + "'");
  spec.cell = kCells[static_cast<std::size_t>(op - kOperators.begin())];

  constexpr std::array kDirections = {Direction::forward, Direction::reverse, Direction::bidirectional};
  const auto direction = std::ranges::find(kDirections, std::string_view(attributes.direction),
                                           [](Direction d) { return name_of(d); });
  if (direction == kDirections.end()) {
    fail("direction", "forward, reverse or bidirectional", "'" + attributes.direction + "'");
  }
  spec.direction = *direction;

  const auto is_set = [&](std::string_view name, std::int64_t value, Cell owner,
                          std::string_view operator_name) {
    if (value != 0 && spec.cell != owner) {
      fail(name, "0, it belongs to " + std::string(operator_name),
           std::to_string(value) + " for " + attributes.op_type);
    }
    return value != 0;
  };
  const auto flag = [](std::string_view name, std::int64_t value) {
    if (value != 0 && value != 1) fail(name, "0 or 1", std::to_string(value));
    return value == 1;
  };
  spec.layout = flag("layout", attributes.layout) ? Layout::batch_major : Layout::time_major;
  const bool resets_after = is_set("linear_before_reset", attributes.linear_before_reset, Cell::gru, "GRU");
  if (spec.cell == Cell::gru) spec.gru_reset = resets_after ? GruReset::after : GruReset::before;
  is_set("input_forget", attributes.input_forget, Cell::lstm, "LSTM");
  spec.coupled_input_forget = flag("input_forget", attributes.input_forget);
  read_activations(attributes, spec);
  read_clip(attributes, spec);
  return spec;
}

}  // namespace recur::host
