#include "lac_model.hpp"

#include <cmath>
#include <filesystem>
#include <fstream>
#include <utility>

#include "dictionary.hpp"
#include "dims.hpp"
#include "paddle.hpp"
#include "recur/error.hpp"
#include "utf8.hpp"

namespace lac {
namespace {

constexpr std::int64_t kLayers = 2;
constexpr std::int64_t kDirections = 2;
constexpr std::int64_t kGates = 3;

std::string read_file(const std::filesystem::path& path) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) {
    throw recur::FormatError(path.string() + ": expected a file, got " +
                             (std::filesystem::exists(path, error) ? "something else" : "nothing"));
  }
  std::ifstream stream(path, std::ios::binary);
  std::string content;
  const std::uintmax_t size = std::filesystem::file_size(path, error);
  if (stream && !error) {
    content.resize(static_cast<std::size_t>(size));
    stream.read(content.data(), static_cast<std::streamsize>(size));
  }
  if (!stream || error) throw recur::FormatError(path.string() + ": cannot be read");
  return content;
}

// A parameter as its file has it.
struct Parameter {
  std::string file;  // for messages
  std::vector<std::int64_t> dims;
  std::vector<float> values;
};

Parameter read_parameter(const std::filesystem::path& path) {
  const std::string content = read_file(path);
  Parameter result;
  result.file = path.string();
  try {
    const PaddleParameter parameter = parse_paddle_parameter(std::as_bytes(std::span(content)));
    result.values.resize(static_cast<std::size_t>(parameter.count));
    copy_values(parameter, result.values);
    result.dims = parameter.dims;
  } catch (const recur::FormatError& error) {
    throw recur::FormatError(result.file + ": " + error.what());
  }
  for (std::size_t i = 0; i < result.values.size(); ++i) {
    if (!std::isfinite(result.values[i])) {
      throw recur::FormatError(result.file + ": expected finite values, got " +
                               std::to_string(result.values[i]) + " at index " + std::to_string(i));
    }
  }
  return result;
}

void expect_dims(const Parameter& parameter, const std::vector<std::int64_t>& dims) {
  if (parameter.dims != dims) {
    throw recur::FormatError(parameter.file + ": expected shape " + dims_text(dims) + ", got " +
                             dims_text(parameter.dims));
  }
}

void expect_rank(const Parameter& parameter, std::size_t rank) {
  if (parameter.dims.size() != rank) {
    throw recur::FormatError(parameter.file + ": expected " + std::to_string(rank) + " dimensions, got " +
                             dims_text(parameter.dims));
  }
}

Buffer<float> to_buffer(const Parameter& parameter) {
  Buffer<float> buffer(static_cast<std::int64_t>(parameter.values.size()));
  std::copy(parameter.values.begin(), parameter.values.end(), buffer.data());
  return buffer;
}

// Paddle's gate columns u r c, and what becomes of them: canonical rows r z n with z = sigmoid(-a_u).
struct GateMap {
  std::int64_t paddle;     // block of columns
  std::int64_t canonical;  // block of rows
  float sign;
};
constexpr GateMap kGateMaps[kGates] = {{0, 1, -1.0F}, {1, 0, 1.0F}, {2, 2, 1.0F}};

// Files of one direction of one layer.
struct PaddleGru {
  Parameter input_W;      // fc w, [J][3H]
  Parameter input_b;      // fc b, [3H]
  Parameter recurrent_W;  // gru w, [H][2H] then [H][H] in memory
  Parameter recurrent_b;  // gru b, [1][3H]
};

// Writes one direction in the canonical layout: W [3H][J], R [3H][H], bW [3H].
void convert(const PaddleGru& from, std::int64_t J, std::int64_t H, float* W, float* R, float* bW) {
  for (const GateMap& gate : kGateMaps) {
    for (std::int64_t j = 0; j < H; ++j) {
      const std::int64_t column = gate.paddle * H + j;
      const std::int64_t row = gate.canonical * H + j;
      for (std::int64_t k = 0; k < J; ++k) {
        W[row * J + k] = gate.sign * from.input_W.values[static_cast<std::size_t>(k * kGates * H + column)];
      }
      for (std::int64_t k = 0; k < H; ++k) {
        const bool is_candidate = gate.paddle == 2;
        const std::int64_t index = is_candidate ? H * 2 * H + k * H + j : k * 2 * H + column;
        R[row * H + k] = gate.sign * from.recurrent_W.values[static_cast<std::size_t>(index)];
      }
      const auto bias = static_cast<std::size_t>(column);
      bW[row] = gate.sign * (from.input_b.values[bias] + from.recurrent_b.values[bias]);
    }
  }
}

class Loader {
 public:
  explicit Loader(std::filesystem::path directory) : directory_(std::move(directory)) {}

  std::unique_ptr<const LacModel::State> run() {
    load_labels();
    load_embedding();
    load_characters();
    load_layers();
    load_output();
    return std::move(state_);
  }

 private:
  std::filesystem::path parameter_path(const std::string& name) const {
    return directory_ / "model_baseline" / name;
  }
  Parameter parameter(const std::string& name) const { return read_parameter(parameter_path(name)); }

  std::vector<DictionaryEntry> dictionary(const std::string& name) const {
    const std::string path = (directory_ / name).string();
    try {
      return parse_dictionary(read_file(path));
    } catch (const recur::FormatError& error) {
      const std::string what = error.what();
      throw recur::FormatError(what.starts_with(path) ? what : path + ": " + what);
    }
  }

  void load_labels() {
    const std::vector<DictionaryEntry> entries = dictionary("tag.dic");
    std::vector<LacLabel>& labels = state_->labels;
    labels.resize(entries.size());
    for (const DictionaryEntry& entry : entries) {
      // Ids are unique, so with all of them below the count every label gets one.
      if (entry.id >= static_cast<std::int64_t>(labels.size())) {
        throw recur::FormatError((directory_ / "tag.dic").string() + ": expected ids below the " +
                                 std::to_string(labels.size()) + " lines, got " + std::to_string(entry.id));
      }
      LacLabel& label = labels[static_cast<std::size_t>(entry.id)];
      label.text = entry.text;
      label.tag = entry.text.substr(0, entry.text.find('-'));
      label.begins = entry.text.ends_with("-B");
      label.outside = entry.text == "O";
    }
    if (labels.empty())
      throw recur::FormatError((directory_ / "tag.dic").string() + ": expected labels, got none");
  }

  void load_embedding() {
    const Parameter embedding = parameter("word_emb");
    expect_rank(embedding, 2);
    state_->rows = embedding.dims[0];
    state_->spec.input_size = embedding.dims[1];
    state_->embedding = to_buffer(embedding);
  }

  void load_characters() {
    const std::string path = (directory_ / "word.dic").string();
    bool has_unknown = false;
    for (const DictionaryEntry& entry : dictionary("word.dic")) {
      if (entry.id >= state_->rows) {
        throw recur::FormatError(path + ": expected ids below the " + std::to_string(state_->rows) +
                                 " rows of word_emb, got " + std::to_string(entry.id));
      }
      if (entry.text == "OOV") {
        state_->unknown = entry.id;
        has_unknown = true;
      }
      // Longer entries never match: the model reads single characters.
      const Utf8Character first = utf8_next(entry.text, 0);
      if (first.bytes == entry.text.size()) state_->ids.emplace(first.code, entry.id);
    }
    if (!has_unknown) throw recur::FormatError(path + ": expected an entry OOV, got none");
  }

  // File number n of fc and gru: layer n / 2, forward for even n, reverse for odd.
  PaddleGru load_gru(std::int64_t n) const {
    const std::string number = std::to_string(n);
    return {parameter("fc_" + number + ".w_0"), parameter("fc_" + number + ".b_0"),
            parameter("gru_" + number + ".w_0"), parameter("gru_" + number + ".b_0")};
  }

  void load_layers() {
    recur::Spec& spec = state_->spec;
    spec.cell = recur::Cell::gru;
    spec.gru_reset = recur::GruReset::before;
    spec.bias = recur::Bias::single;
    spec.direction = recur::Direction::bidirectional;
    spec.layers = kLayers;
    spec.variable_lengths = true;
    for (std::int64_t l = 0; l < kLayers; ++l) {
      for (std::int64_t d = 0; d < kDirections; ++d) load_direction(l, d);
      const auto at = static_cast<std::size_t>(l);
      const std::int64_t J = layer_input_size(spec, l);
      const std::int64_t H = spec.hidden_size;
      recur::LayerWeights weights;
      weights.W = {state_->W[at].data(), {kDirections, kGates * H, J}};
      weights.R = {state_->R[at].data(), {kDirections, kGates * H, H}};
      weights.bW = {state_->bW[at].data(), {kDirections, kGates * H}};
      state_->layers.push_back(weights);
    }
  }

  void load_direction(std::int64_t layer, std::int64_t direction) {
    recur::Spec& spec = state_->spec;
    const PaddleGru files = load_gru(layer * kDirections + direction);
    if (layer == 0 && direction == 0) {
      expect_rank(files.recurrent_W, 2);
      spec.hidden_size = files.recurrent_W.dims[0];
    }
    const std::int64_t H = spec.hidden_size;
    // The file exists with H rows, so this is far from an overflow.
    const std::int64_t J = layer_input_size(spec, layer);
    expect_dims(files.recurrent_W, {H, kGates * H});
    expect_dims(files.recurrent_b, {1, kGates * H});
    expect_dims(files.input_W, {J, kGates * H});
    expect_dims(files.input_b, {kGates * H});

    const auto at = static_cast<std::size_t>(layer);
    if (direction == 0) {
      state_->W[at] = Buffer<float>(kDirections * kGates * H * J);
      state_->R[at] = Buffer<float>(kDirections * kGates * H * H);
      state_->bW[at] = Buffer<float>(kDirections * kGates * H);
    }
    convert(files, J, H, state_->W[at].data() + direction * kGates * H * J,
            state_->R[at].data() + direction * kGates * H * H,
            state_->bW[at].data() + direction * kGates * H);
  }

  void load_output() {
    const auto labels = static_cast<std::int64_t>(state_->labels.size());
    const std::int64_t width = kDirections * state_->spec.hidden_size;
    const Parameter W = parameter("fc_4.w_0");
    const Parameter b = parameter("fc_4.b_0");
    const Parameter crf = parameter("crfw");
    expect_dims(W, {width, labels});
    expect_dims(b, {labels});
    expect_dims(crf, {labels + 2, labels});
    state_->emission_W = Buffer<float>(labels * width);
    for (std::int64_t i = 0; i < width; ++i) {
      for (std::int64_t n = 0; n < labels; ++n) {
        state_->emission_W[n * width + i] = W.values[static_cast<std::size_t>(i * labels + n)];
      }
    }
    state_->emission_b = to_buffer(b);
    state_->crf = to_buffer(crf);
  }

  std::filesystem::path directory_;
  std::unique_ptr<LacModel::State> state_ = std::make_unique<LacModel::State>();
};

}  // namespace

LacModel LacModel::load(const std::string& directory) { return LacModel(Loader(directory).run()); }

LacModel::LacModel(std::unique_ptr<const State> state) : state_(std::move(state)) {}
LacModel::LacModel(LacModel&&) noexcept = default;
LacModel& LacModel::operator=(LacModel&&) noexcept = default;
LacModel::~LacModel() = default;

const recur::Spec& LacModel::spec() const { return state_->spec; }
std::span<const recur::LayerWeights> LacModel::layers() const { return state_->layers; }

recur::ConstTensorView LacModel::embedding() const {
  return {state_->embedding.data(), {state_->rows, state_->spec.input_size}};
}
recur::ConstTensorView LacModel::emission_W() const {
  return {state_->emission_W.data(), {labels(), kDirections * state_->spec.hidden_size}};
}
recur::ConstTensorView LacModel::emission_b() const { return {state_->emission_b.data(), {labels()}}; }
recur::ConstTensorView LacModel::crf() const { return {state_->crf.data(), {labels() + 2, labels()}}; }

std::int32_t LacModel::id_of(char32_t character) const {
  const auto found = state_->ids.find(character);
  return found == state_->ids.end() ? state_->unknown : found->second;
}

std::int64_t LacModel::labels() const { return static_cast<std::int64_t>(state_->labels.size()); }

const std::string& LacModel::label(std::int64_t index) const {
  if (index < 0 || index >= labels()) {
    throw recur::InvalidArgument("index: expected a label in [0, N=" + std::to_string(labels()) + "), got " +
                                 std::to_string(index));
  }
  return state_->labels[static_cast<std::size_t>(index)].text;
}

}  // namespace lac
