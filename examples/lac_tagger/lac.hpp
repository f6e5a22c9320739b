/// @file
/// Chinese lexical analysis (word segmentation and part-of-speech tags) with a bidirectional GRU and a CRF.
///
/// The model is Baidu LAC's small one (Jiao, Sun & Sun 2018, arXiv:1807.01882), which jieba ships and Debian
/// installs with python3-jieba: a 128-wide embedding of characters, two stacked bidirectional GRU(128)
/// layers, an affine layer to one emission per tag, and a linear-chain CRF.
///
/// Its GRU is the original one (reset before the product) in Paddle's convention, gate columns u r c:
///
///     h_t = (1 - u) h_{t-1} + u c,    c = tanh(x W_c + b_c + (r h_{t-1}) R_c)
///
/// The canonical z multiplies h_{t-1}, so z = 1 - u = sigmoid(-a_u): weights and bias of u change sign. Gate
/// columns become the canonical rows r z n. In Paddle's file the recurrent weights [H][3H] are a block
/// [H][2H] (u r) and, after it, a block [H][H] (c). The GRU's bias is added to that of the affine layer
/// before it.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "recur/plan.hpp"
#include "recur/spec.hpp"
#include "recur/tensor.hpp"
#include "recur/weights.hpp"

namespace lac {

/// A loaded model: canonical weights and dictionaries. Immutable, safe to use from many threads. V is the
/// number of rows of the embedding, N that of tags.
class LacModel {
 public:
  /// Reads `directory`: word.dic, tag.dic and model_baseline/ with word_emb, fc_0 .. fc_4, gru_0 .. gru_3 and
  /// crfw.
  ///
  /// @throws FormatError  with the name of a file that is missing or unreadable, is malformed, has a shape
  ///         that does not fit the others, or has values that are not finite
  static LacModel load(const std::string& directory);

  LacModel(LacModel&&) noexcept;
  LacModel& operator=(LacModel&&) noexcept;
  ~LacModel();

  /// The recurrent layers: gru, reset before, single bias, bidirectional, time-major f32, variable lengths.
  const recur::Spec& spec() const;
  std::span<const recur::LayerWeights> layers() const;  ///< L entries
  recur::ConstTensorView embedding() const;             ///< [V][I]
  recur::ConstTensorView emission_W() const;            ///< [N][D*H]
  recur::ConstTensorView emission_b() const;            ///< [N]
  recur::ConstTensorView crf() const;                   ///< [N+2][N], as crf.hpp defines it

  /// Row of the embedding for a character; unknown ones have the row of "OOV".
  std::int32_t id_of(char32_t character) const;
  /// N.
  std::int64_t labels() const;
  /// Label as in tag.dic: "n-B", "n-I", "O".
  const std::string& label(std::int64_t index) const;

  struct State;
  /// For the library's own use.
  const State& state() const { return *state_; }

 private:
  explicit LacModel(std::unique_ptr<const State> state);
  std::unique_ptr<const State> state_;
};

/// A word as cut from its sentence. Both views live as long as the sentence and the model.
struct TaggedWord {
  std::string_view text;  ///< the sentence's own bytes, unknown characters included
  std::string_view tag;   ///< "n", "v", "PER", "w", "O" ...
};

/// What the tagger says about one sentence.
struct TaggedSentence {
  std::vector<TaggedWord> words;
  double score = 0;             ///< of the best path, not normalised (crf.hpp)
  std::int64_t characters = 0;  ///< after stripping
  /// Emissions [characters][N], kept on `TaggerOptions::keep_emissions`.
  std::vector<float> emissions;
};

/// How a tagger runs.
struct TaggerOptions {
  std::int64_t batch = 32;  ///< most sentences in one run, >= 1
  /// Longest sentence of such a run, >= 1; buffers are made for batch * batch_characters.
  std::int64_t batch_characters = 256;
  /// Longest sentence, >= 1. What is longer than those of batches runs alone, whole, in buffers that are made
  /// when it comes: about 4 kB a character.
  std::int64_t max_characters = 65536;
  int threads = 1;  ///< >= 1
  bool keep_emissions = false;
};

/// Tags sentences. Plan, context, threads, prepared weights and buffers are made once; `tag` reuses them.
/// Serves one call at a time.
class Tagger {
 public:
  /// @param model  not owned, must outlive this and every result
  /// @throws InvalidArgument for an option out of range; what `make_plan` throws.
  explicit Tagger(const LacModel& model, const TaggerOptions& options = {});
  Tagger(Tagger&&) noexcept;
  Tagger& operator=(Tagger&&) noexcept;
  ~Tagger();

  /// Tags UTF-8 sentences, each as a whole: both directions of the layers and the best path go over all of
  /// it. White space at both ends (Python's `str.strip`) belongs to no word. Sentences of similar length run
  /// together; results are in the order of `sentences`.
  ///
  /// @throws FormatError naming sentence and byte offset for text that is not UTF-8.
  /// @throws InvalidArgument for a sentence of more than `max_characters` characters; OutOfMemory where there
  ///         is none for a long one.
  std::vector<TaggedSentence> tag(std::span<const std::string_view> sentences);

  const recur::Plan& plan() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Cuts a line into pieces of at most `max_characters` characters, each as long as possible: after the end of
/// a sentence (with closing quotes and brackets that follow it); where there is none, after a comma, colon or
/// white space; else anywhere. A line that is short enough is one piece; joined, the pieces are the line.
/// Words at a cut, and some elsewhere, are tagged otherwise than in the whole line: cut only what is too
/// long.
///
/// @throws FormatError naming the byte offset for text that is not UTF-8; InvalidArgument unless
///         max_characters >= 1.
std::vector<std::string_view> split_line(std::string_view line, std::int64_t max_characters);

}  // namespace lac
