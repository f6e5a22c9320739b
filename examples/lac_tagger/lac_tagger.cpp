#include <algorithm>
#include <numeric>
#include <utility>

#include "buffer.hpp"
#include "lac_model.hpp"
#include "lac_text.hpp"
#include "recur/context.hpp"
#include "recur/error.hpp"
#include "recur/run.hpp"
#include "recur/tasks/affine.hpp"
#include "recur/tasks/crf.hpp"
#include "recur/tasks/embedding.hpp"

namespace lac {
namespace {

void check_option(const char* name, std::int64_t value) {
  if (value < 1) {
    throw recur::InvalidArgument(std::string(name) + ": expected at least 1, got " + std::to_string(value));
  }
}

TaggerOptions checked(const TaggerOptions& options) {
  check_option("batch", options.batch);
  check_option("batch_characters", options.batch_characters);
  check_option("max_characters", options.max_characters);
  check_option("threads", options.threads);
  return options;
}

recur::Plan plan_for(const LacModel& model, const recur::Shape& shape, int threads) {
  recur::Options wishes;
  wishes.threads = threads;
  return make_plan(model.spec(), shape, recur::Device::cpu(), wishes);
}

Buffer<std::byte> bytes(std::size_t size) { return Buffer<std::byte>(static_cast<std::int64_t>(size)); }

// A sentence on its way through a call.
struct Sentence {
  std::vector<Utf8Character> decoded;
  std::span<const Utf8Character> characters;  // stripped
};

// Runs batches of sentences up to a shape's T and B. T and B below are those of the run at hand; the buffers
// have room for the shape's.
struct Runner {
  Runner(const LacModel& of, const recur::Shape& most, int threads, recur::Context& runs_on)
      : model(&of),
        shape(most),
        plan(plan_for(of, most, threads)),
        context(&runs_on),
        width(directions_of(of.spec()) * of.spec().hidden_size),
        ids(room(1)),
        lengths(most.batch),
        x(room(of.spec().input_size)),
        y(room(width)),
        emissions(room(of.labels())),
        path(room(1)),
        scores(most.batch),
        packed(bytes(plan.sizes().prepared_weights)),
        workspace(bytes(plan.sizes().workspace_prepared)),
        crf_workspace(bytes(recur::tasks::crf_decode_workspace(most.steps, of.labels()))),
        weights(prepare_weights(plan, runs_on, recur::Stream(), of.layers(), packed.span())) {}

  std::int64_t room(std::int64_t row) const {
    std::int64_t elements = 0;
    if (__builtin_mul_overflow(shape.steps, shape.batch, &elements) ||
        __builtin_mul_overflow(elements, row, &elements)) {
      throw recur::InvalidArgument("tagger buffers: the size overflows 64 bits");
    }
    return elements;
  }

  void run(std::span<const Sentence*> batch);

  const LacModel* model;
  recur::Shape shape;
  recur::Plan plan;
  recur::Context* context;
  std::int64_t width;               // D*H
  Buffer<std::int32_t> ids;         // [T][B]
  Buffer<std::int32_t> lengths;     // [B]
  Buffer<float> x;                  // [T][B][I]
  Buffer<float> y;                  // [T][B][D*H]
  Buffer<float> emissions;          // [T][B][N]
  Buffer<std::int32_t> path;        // [T][B]
  Buffer<float> scores;             // [B]
  Buffer<std::byte> packed;         // prepared weights
  Buffer<std::byte> workspace;      // of the recurrent layers
  Buffer<std::byte> crf_workspace;  // of the decoder
  recur::PreparedWeights weights;
};

// From characters to label paths and scores, for one batch of non-empty sentences.
void Runner::run(std::span<const Sentence*> batch) {
  const auto B = static_cast<std::int64_t>(batch.size());
  std::int64_t T = 0;
  for (std::int64_t b = 0; b < B; ++b) {
    const auto length = static_cast<std::int64_t>(batch[static_cast<std::size_t>(b)]->characters.size());
    lengths[b] = static_cast<std::int32_t>(length);
    T = std::max(T, length);
  }
  for (std::int64_t b = 0; b < B; ++b) {
    const auto characters = batch[static_cast<std::size_t>(b)]->characters;
    for (std::int64_t t = 0; t < T; ++t) {
      // Past the end any row of the table will do: the layers read only valid steps.
      ids[t * B + b] = t < lengths[b] ? model->id_of(characters[static_cast<std::size_t>(t)].code) : 0;
    }
  }

  const recur::Spec& spec = model->spec();
  const std::int64_t N = model->labels();
  recur::tasks::embedding(model->embedding(), {ids.data(), {T, B}}, {x.data(), {T, B, spec.input_size}});
  recur::ForwardArgs layers;
  layers.x = {x.data(), {T, B, spec.input_size}};
  layers.lengths = {lengths.data(), {B}};
  layers.y = {y.data(), {T, B, width}};
  forward(plan, *context, recur::Stream(), weights, layers, workspace.span());
  recur::tasks::affine(
      {{y.data(), {T * B, width}}, model->emission_W(), model->emission_b(), {emissions.data(), {T * B, N}}});
  recur::tasks::CrfDecodeArgs decode;
  decode.emissions = {emissions.data(), {T, B, N}};
  decode.weights = model->crf();
  decode.lengths = {lengths.data(), {B}};
  decode.labels = {path.data(), {T, B}};
  decode.scores = {scores.data(), {B}};
  crf_decode(decode, crf_workspace.span());
}

}  // namespace

struct Tagger::State {
  State(const LacModel& of, const TaggerOptions& wishes)
      : model(&of),
        options(checked(wishes)),
        team(options.threads),
        context(recur::Device::cpu(), &team),
        batches(of, {std::min(options.batch_characters, options.max_characters), options.batch},
                options.threads, context) {}

  // The one for a sentence of so many characters: what is longer than those of batches runs alone. Its
  // buffers stay for the next, and grow by doubling.
  Runner& runner_for(std::int64_t characters) {
    if (characters <= batches.shape.steps) return batches;
    if (alone == nullptr || characters > alone->shape.steps) {
      alone.reset();
      std::int64_t room = batches.shape.steps;
      while (room < characters) room = room > options.max_characters / 2 ? options.max_characters : 2 * room;
      alone = std::make_unique<Runner>(*model, recur::Shape{room, 1}, options.threads, context);
    }
    return *alone;
  }

  const LacModel* model;
  TaggerOptions options;
  recur::ThreadTeam team;
  recur::Context context;
  Runner batches;
  std::unique_ptr<Runner> alone;
};

Tagger::Tagger(const LacModel& model, const TaggerOptions& options)
    : state_(std::make_unique<State>(model, options)) {}
Tagger::Tagger(Tagger&&) noexcept = default;
Tagger& Tagger::operator=(Tagger&&) noexcept = default;
Tagger::~Tagger() = default;

const recur::Plan& Tagger::plan() const { return state_->batches.plan; }

std::vector<TaggedSentence> Tagger::tag(std::span<const std::string_view> sentences) {
  const TaggerOptions& options = state_->options;
  std::vector<Sentence> decoded(sentences.size());
  std::vector<TaggedSentence> results(sentences.size());
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < sentences.size(); ++i) {
    try {
      decoded[i].decoded = utf8_decode(sentences[i]);
    } catch (const recur::FormatError& error) {
      throw recur::FormatError("sentence " + std::to_string(i) + ": " + error.what());
    }
    decoded[i].characters = strip(decoded[i].decoded);
    results[i].characters = static_cast<std::int64_t>(decoded[i].characters.size());
    if (results[i].characters > options.max_characters) {
      throw recur::InvalidArgument("sentence " + std::to_string(i) + ": expected at most " +
                                   std::to_string(options.max_characters) + " characters, got " +
                                   std::to_string(results[i].characters));
    }
    if (results[i].characters > 0) order.push_back(i);
  }
  // Similar lengths together: little is spent on steps past the ends.
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return results[a].characters < results[b].characters;
  });

  const std::int64_t labels = state_->model->labels();
  const std::span<const LacLabel> label_parts(state_->model->state().labels);
  std::vector<const Sentence*> batch;
  std::vector<std::int32_t> path;
  for (std::size_t begin = 0; begin < order.size(); begin += batch.size()) {
    batch.clear();
    // Where the shortest of those left runs alone, so do all.
    Runner& runner = state_->runner_for(results[order[begin]].characters);
    const auto most = static_cast<std::size_t>(runner.shape.batch);
    for (std::size_t i = begin; i < order.size() && batch.size() < most; ++i) {
      if (results[order[i]].characters > runner.shape.steps) break;
      batch.push_back(&decoded[order[i]]);
    }
    runner.run(batch);

    const auto B = static_cast<std::int64_t>(batch.size());
    for (std::int64_t b = 0; b < B; ++b) {
      const std::size_t index = order[begin + static_cast<std::size_t>(b)];
      TaggedSentence& result = results[index];
      result.score = static_cast<double>(runner.scores[b]);
      path.clear();
      for (std::int64_t t = 0; t < result.characters; ++t) path.push_back(runner.path[t * B + b]);
      result.words = words_of(sentences[index], decoded[index].characters, path, label_parts);
      for (std::int64_t t = 0; options.keep_emissions && t < result.characters; ++t) {
        const float* row = runner.emissions.data() + (t * B + b) * labels;
        result.emissions.insert(result.emissions.end(), row, row + labels);
      }
    }
  }
  return results;
}

}  // namespace lac
