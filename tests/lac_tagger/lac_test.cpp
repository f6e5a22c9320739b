// The lexical model that Debian's python3-jieba installs, run through the recurrent layers. Expected words,
// tags and scores come from a numpy transcription of Paddle's equations over the same files, independent of
// this project.
#include "examples/lac_tagger/lac.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <bit>
#include <filesystem>
#include <fstream>
#include <limits>
#include <optional>

#include "examples/lac_tagger/utf8.hpp"
#include "oracle/oracle.hpp"
#include "paddle_file.hpp"
#include "support/instrumented.hpp"
#include "support/tolerance.hpp"
#include "tasks/crf_reference.hpp"
#include "tasks/tensor.hpp"

namespace recur::test {
namespace {

namespace fs = std::filesystem;
using lac::LacModel;
using lac::TaggedSentence;
using lac::Tagger;
using lac::TaggerOptions;

const fs::path kModel = "/usr/lib/python3/dist-packages/jieba/lac_small";

// Known scores are printed to three decimals, and single precision does as well.
constexpr double kPrintPrecision = 5e-4;

struct Known {
  std::string sentence;
  std::string words;
  double score;
};
// Both sentences of the model's own documentation first. Then numbers and names; unknown characters (𠮷,
// white space inside), which stay as they are; white space outside, which is dropped; one character; one
// unknown character.
const Known kKnown[] = {
    {"他说的确实在理", "他/r 说/v 的/u 确实/d 在/p 理/n", 50.937},
    {"百度是一家高科技公司", "百度/ORG 是/v 一家/m 高科技/n 公司/n", 88.030},
    {"中华人民共和国成立于1949年10月1日，首都是北京。",
     "中华人民共和国/LOC 成立/v 于/p 1949年10月1日/TIME ，首都是/v 北京/LOC 。/n", 225.41602},
    {"王小明昨天在上海交通大学图书馆借了三本书",
     "王小明/PER 昨天/TIME 在/p 上海交通大学图书馆/ORG 借/v 了/u 三本/m 书/n", 179.94917},
    {"我爱𠮷野家的Hello world", "我/r 爱/v 𠮷野/nr 家/n 的/u H/n ello world/nz", 124.71849},
    {"　 今天天气真好！ \t", "今天/TIME 天气/n 真好/a ！/n", 56.62559},
    {"春眠不觉晓，处处闻啼鸟。夜来风雨声，花落知多少。",
     "春眠不觉晓，处处闻啼鸟。夜来风雨声，花落/nw 知/v 多少/r 。/n", 164.02201},
    {"好", "好/a", 6.82171},
    {"𠮷", "𠮷/xc", 4.56031},
};

std::string words_of(const TaggedSentence& sentence) {
  std::string text;
  for (const lac::TaggedWord& word : sentence.words) {
    if (!text.empty()) text += ' ';
    text.append(word.text).append("/").append(word.tag);
  }
  return text;
}

class Lac : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!fs::exists(kModel)) GTEST_SKIP() << kModel << " is not installed (Debian package python3-jieba)";
    model.emplace(LacModel::load(kModel.string()));
  }

  std::optional<LacModel> model;
};

TEST_F(Lac, TagsTheKnownSentences) {
  for (const int threads : {1, 2}) {
    TaggerOptions options;
    options.threads = threads;
    Tagger tagger(*model, options);
    for (const Known& known : kKnown) {
      const std::array<std::string_view, 1> sentence{known.sentence};
      const TaggedSentence result = tagger.tag(sentence).at(0);
      EXPECT_EQ(words_of(result), known.words);
      EXPECT_NEAR(result.score, known.score, kPrintPrecision) << known.sentence;
    }
  }
}

// Batches of every size up to all, so that each sentence runs beside shorter, longer and empty ones, in
// either half of a call; the order of the results is that of the sentences.
TEST_F(Lac, BatchingChangesNothing) {
  std::vector<std::string_view> sentences;
  std::vector<const Known*> expected;
  const Known nothing{"", "", 0};
  for (int round = 0; round < 3; ++round) {
    for (const Known& known : kKnown) {
      sentences.emplace_back(known.sentence);
      expected.push_back(&known);
    }
    sentences.emplace_back(round == 1 ? " \t" : "");
    expected.push_back(&nothing);
  }
  constexpr std::int64_t kApart = kInstrumented ? 12 : 3;
  for (std::int64_t batch = 1; batch <= static_cast<std::int64_t>(sentences.size()); batch += kApart) {
    TaggerOptions options;
    options.batch = batch;
    options.max_characters = 32;
    Tagger tagger(*model, options);
    for (int call = 0; call < 2; ++call) {
      const std::vector<TaggedSentence> results = tagger.tag(sentences);
      ASSERT_EQ(results.size(), sentences.size());
      for (std::size_t i = 0; i < results.size(); ++i) {
        EXPECT_EQ(words_of(results[i]), expected[i]->words) << "batch " << batch;
        EXPECT_NEAR(results[i].score, expected[i]->score, kPrintPrecision) << "batch " << batch;
        EXPECT_TRUE(results[i].emissions.empty());
      }
    }
  }
}

// The canonical weights in the oracle, an affine layer as a sum, and the best path by its definition: what
// the engine computes is not involved, so this is the conversion's own test.
template <class Real>
std::vector<Real> oracle_emissions(const LacModel& model, const std::string& sentence) {
  const auto values = [](const ConstTensorView& view) {
    std::int64_t count = 1;
    for (int d = 0; d < view.rank(); ++d) count *= view.size(d);
    const auto* data = static_cast<const float*>(view.data());
    return std::vector<Real>(data, data + count);
  };
  oracle::Problem<Real> problem;
  problem.spec = model.spec();
  problem.B = 1;
  const ConstTensorView embedding = model.embedding();
  for (const lac::Utf8Character& c : lac::utf8_decode(sentence)) {
    const float* row = static_cast<const float*>(embedding.data()) + model.id_of(c.code) * embedding.size(1);
    problem.x.insert(problem.x.end(), row, row + embedding.size(1));
    ++problem.T;
  }
  problem.lengths = {static_cast<std::int32_t>(problem.T)};
  for (const LayerWeights& layer : model.layers()) {
    problem.layers.push_back({values(layer.W), values(layer.R), values(layer.bW), {}, {}});
  }
  const std::vector<Real> y = oracle::forward(problem).y;
  const std::vector<Real> W = values(model.emission_W());
  std::vector<Real> emissions;
  for (std::int64_t t = 0; t < problem.T; ++t) {
    const std::vector<Real> b = values(model.emission_b());
    const std::size_t width = W.size() / b.size();
    for (std::size_t n = 0; n < b.size(); ++n) {
      Real sum = b[n];
      for (std::size_t i = 0; i < width; ++i)
        sum += W[n * width + i] * y[static_cast<std::size_t>(t) * width + i];
      emissions.push_back(sum);
    }
  }
  return emissions;
}

TEST_F(Lac, ConvertedWeightsGiveTheKnownScoresInTheOracle) {
  const ConstTensorView crf = model->crf();
  const auto* weights = static_cast<const float*>(crf.data());
  for (std::size_t i = 0; i < 2; ++i) {
    ChainProblem chain;
    chain.labels = model->labels();
    chain.emissions = oracle_emissions<double>(*model, kKnown[i].sentence);
    chain.weights.assign(weights, weights + crf.size(0) * crf.size(1));
    // The tagger's path has the known score by the definition; that it is the best one is the decoder's
    // tests' matter.
    TaggerOptions options;
    options.keep_emissions = true;
    Tagger tagger(*model, options);
    const std::array<std::string_view, 1> sentence{kKnown[i].sentence};
    const TaggedSentence result = tagger.tag(sentence).at(0);
    std::vector<std::int32_t> path;
    for (const lac::TaggedWord& word : result.words) {
      for (std::size_t c = 0; c < lac::utf8_decode(word.text).size(); ++c) {
        const std::string text = std::string(word.tag) + (c == 0 ? "-B" : "-I");
        for (std::int64_t n = 0; n < model->labels(); ++n) {
          if (model->label(n) == text) path.push_back(static_cast<std::int32_t>(n));
        }
      }
    }
    ASSERT_EQ(static_cast<std::int64_t>(path.size()), chain.length());
    EXPECT_NEAR(chain.score(path), kKnown[i].score, kPrintPrecision);
  }
}

TEST_F(Lac, EmissionsAreAsGoodAsPlainSinglePrecision) {
  TaggerOptions options;
  options.keep_emissions = true;
  options.threads = 2;
  Tagger tagger(*model, options);
  std::vector<std::string_view> sentences;
  for (const Known& known : kKnown) {
    if (known.sentence.find_first_of(" \t") == std::string::npos) sentences.push_back(known.sentence);
  }
  const std::vector<TaggedSentence> results = tagger.tag(sentences);
  ErrorPool pool(DataType::f32);
  for (std::size_t i = 0; i < sentences.size(); ++i) {
    const std::string sentence(sentences[i]);
    pool.add(oracle_emissions<double>(*model, sentence), oracle_emissions<float>(*model, sentence),
             results[i].emissions, sentence);
  }
  EXPECT_TRUE(pool.verdict());
}

// The best path of a chain, by the recursion that the decoder is made of, in double.
std::vector<std::int32_t> best_path(const ChainProblem& chain) {
  const std::int64_t n = chain.length(), N = chain.labels;
  std::vector<double> score(static_cast<std::size_t>(N));
  std::vector<std::int32_t> from(static_cast<std::size_t>(n * N));
  for (std::int64_t j = 0; j < N; ++j)
    score[static_cast<std::size_t>(j)] = chain.weight(0, j) + chain.emission(0, j);
  for (std::int64_t t = 1; t < n; ++t) {
    std::vector<double> next(score.size());
    for (std::int64_t j = 0; j < N; ++j) {
      std::int64_t best = 0;
      for (std::int64_t i = 1; i < N; ++i) {
        if (score[static_cast<std::size_t>(i)] + chain.weight(2 + i, j) >
            score[static_cast<std::size_t>(best)] + chain.weight(2 + best, j))
          best = i;
      }
      next[static_cast<std::size_t>(j)] =
          score[static_cast<std::size_t>(best)] + chain.weight(2 + best, j) + chain.emission(t, j);
      from[static_cast<std::size_t>(t * N + j)] = static_cast<std::int32_t>(best);
    }
    score = next;
  }
  for (std::int64_t j = 0; j < N; ++j) score[static_cast<std::size_t>(j)] += chain.weight(1, j);
  std::vector<std::int32_t> path(static_cast<std::size_t>(n));
  path.back() = static_cast<std::int32_t>(std::ranges::max_element(score) - score.begin());
  for (std::int64_t t = n - 1; t > 0; --t) {
    const auto at = static_cast<std::size_t>(t);
    path[at - 1] = from[at * static_cast<std::size_t>(N) + static_cast<std::size_t>(path[at])];
  }
  return path;
}

// Lines longer than a batch takes, without and with ends of sentences, are tagged as a whole: with the scores
// and the words that the oracle has for all of their characters, between short sentences, alone and again.
TEST_F(Lac, LongLinesAreTaggedAsAWhole) {
  std::vector<std::string> lines;
  for (const std::string end : {"", "，", "。"}) {
    std::string line;
    for (int i = 0; i < 9; ++i) line += kKnown[static_cast<std::size_t>(i) % 4].sentence + end;
    lines.push_back(line);
  }
  lines[1] += lines[0];
  TaggerOptions options;
  options.batch_characters = 40;
  options.batch = 2;
  options.keep_emissions = true;
  options.threads = 2;
  Tagger tagger(*model, options);
  const std::vector<std::string_view> sentences = {kKnown[0].sentence, lines[0], kKnown[1].sentence,
                                                   lines[1],           lines[2], kKnown[2].sentence};
  const ConstTensorView crf = model->crf();
  const auto* weights = static_cast<const float*>(crf.data());
  for (int call = 0; call < 2; ++call) {
    const std::vector<TaggedSentence> results = tagger.tag(sentences);
    EXPECT_EQ(words_of(results[0]), kKnown[0].words);
    EXPECT_EQ(words_of(results[2]), kKnown[1].words);
    EXPECT_EQ(words_of(results[5]), kKnown[2].words);
    ErrorPool pool(DataType::f32);
    for (const std::size_t i : {1U, 3U, 4U}) {
      const std::string line(sentences[i]);
      ASSERT_GT(results[i].characters, 2 * options.batch_characters);
      ChainProblem chain;
      chain.labels = model->labels();
      chain.emissions = oracle_emissions<double>(*model, line);
      chain.weights.assign(weights, weights + crf.size(0) * crf.size(1));
      const std::vector<std::int32_t> path = best_path(chain);
      EXPECT_NEAR(results[i].score, chain.score(path), 10 * kPrintPrecision);
      std::size_t at = 0;
      for (const lac::TaggedWord& word : results[i].words) {
        const std::string& label = model->label(path[at]);
        EXPECT_EQ(label.substr(0, label.find('-')), word.tag) << at;
        const std::size_t next = at + lac::utf8_decode(word.text).size();
        for (++at; at < next; ++at) EXPECT_TRUE(model->label(path[at]).ends_with("-I")) << at;
      }
      ASSERT_EQ(at, path.size());
      pool.add(chain.emissions, oracle_emissions<float>(*model, line), results[i].emissions, line);
    }
    EXPECT_TRUE(pool.verdict());
  }
}

TEST_F(Lac, KnowsItsDictionaries) {
  EXPECT_EQ(model->labels(), 57);
  EXPECT_EQ(model->label(0), "a-B");
  EXPECT_EQ(model->label(56), "O");
  expect_throws<InvalidArgument>([&] { model->label(57); }, {"N=57", "57"}, "past the labels");
  expect_throws<InvalidArgument>([&] { model->label(-1); }, {"-1"}, "before the labels");
  EXPECT_EQ(model->id_of(U'a'), 0);
  EXPECT_EQ(model->id_of(U'𠮷'), 20940) << "OOV";
  EXPECT_EQ(model->embedding().size(0), 20941);
  const Spec& spec = model->spec();
  EXPECT_TRUE(spec.cell == Cell::gru && spec.gru_reset == GruReset::before && spec.bias == Bias::single);
  EXPECT_TRUE(spec.direction == Direction::bidirectional && spec.layers == 2 && spec.hidden_size == 128);
}

TEST_F(Lac, MovesKeepWorking) {
  LacModel moved = std::move(*model);
  Tagger first(moved);
  Tagger second = std::move(first);
  const std::array<std::string_view, 1> sentence{kKnown[0].sentence};
  EXPECT_EQ(words_of(second.tag(sentence).at(0)), kKnown[0].words);
}

TEST_F(Lac, RefusesBadOptionsAndSentences) {
  const auto with = [&](auto set) {
    return [this, set] {
      TaggerOptions options;
      set(options);
      Tagger tagger(*model, options);
    };
  };
  expect_throws<InvalidArgument>(with([](TaggerOptions& o) { o.batch = 0; }), {"batch", "got 0"}, "batch");
  expect_throws<InvalidArgument>(with([](TaggerOptions& o) { o.batch_characters = 0; }),
                                 {"batch_characters", "got 0"}, "length of batches");
  expect_throws<InvalidArgument>(with([](TaggerOptions& o) { o.max_characters = -1; }), {"max_characters"},
                                 "length");
  expect_throws<InvalidArgument>(with([](TaggerOptions& o) { o.threads = 0; }), {"threads", "got 0"},
                                 "threads");
  expect_throws<InvalidArgument>(
      with([](TaggerOptions& o) { o.batch = std::numeric_limits<std::int64_t>::max(); }), {},
      "sizes that overflow");

  TaggerOptions options;
  options.max_characters = 4;
  Tagger tagger(*model, options);
  const auto tag = [&](std::string_view sentence) {
    const std::array<std::string_view, 2> both{"好", sentence};
    return tagger.tag(both);
  };
  expect_throws<FormatError>([&] { tag("ab\xE4\xBB"); }, {"sentence 1", "truncated", "byte 2"}, "not UTF-8");
  expect_throws<InvalidArgument>([&] { tag("一二三四五"); }, {"sentence 1", "at most 4", "got 5"},
                                 "too long");
  EXPECT_EQ(tag(" 一二三四 ").at(1).characters, 4);
  EXPECT_TRUE(tagger.tag({}).empty());
}

// A copy of the model, by links, in which single files can be replaced.
class LacDamage : public Lac {
 protected:
  void SetUp() override {
    Lac::SetUp();
    if (IsSkipped()) return;
    directory = fs::path(::testing::TempDir()) / ("recur_lac_" + std::to_string(::getpid()));
    fs::create_directories(directory / "model_baseline");
    for (const char* name : {"word.dic", "tag.dic"}) link(name);
    for (const auto& entry : fs::directory_iterator(kModel / "model_baseline")) {
      link("model_baseline/" + entry.path().filename().string());
    }
  }
  void TearDown() override {
    if (!directory.empty()) fs::remove_all(directory);
  }

  void link(const std::string& name) {
    fs::create_symlink(kModel / name, directory / name);
    files.push_back(name);
  }
  static std::string content_of(const fs::path& path) {
    std::ifstream stream(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
  }
  std::string original(const std::string& name) const { return content_of(kModel / name); }

  // Loads with one file replaced (removed where there is no content) and puts it back.
  void expect_refused(const std::string& name, const std::optional<std::string>& content,
                      std::initializer_list<std::string> parts, const std::string& named = {}) {
    const fs::path path = directory / name;
    const std::string culprit = (directory / (named.empty() ? name : named)).string();
    fs::remove(path);
    if (content) std::ofstream(path, std::ios::binary) << *content;
    expect_throws<FormatError>([&] { LacModel::load(directory.string()); }, {culprit}, name);
    expect_throws<FormatError>([&] { LacModel::load(directory.string()); }, parts, name);
    fs::remove(path);
    fs::create_symlink(kModel / name, path);
  }

  fs::path directory;
  std::vector<std::string> files;
};

TEST_F(LacDamage, EveryMissingOrCutFileIsNamed) {
  ASSERT_EQ(files.size(), 2U + 20U);
  LacModel::load(directory.string());
  for (const std::string& name : files) {
    expect_refused(name, std::nullopt, {"expected a file", "nothing"});
    const std::string content = original(name);
    if (name.ends_with(".dic")) {
      // Half of a character: the cut is seen as such.
      expect_refused(name, content.substr(0, content.size() - 3) + "\t\xE4", {"line"});
    } else {
      expect_refused(name, content.substr(0, content.size() / 2), {"values"});
      expect_refused(name, content.substr(0, 21), {"description"});
      expect_refused(name, "", {"version"});
    }
  }
}

TEST_F(LacDamage, ShapesThatDoNotFitAreNamed) {
  for (const std::string& name : files) {
    if (name.ends_with(".dic") || name.ends_with("word_emb")) continue;
    expect_refused(name, PaddleFile::make({2, 3, 4}), {"[2][3][4]"});
    expect_refused(name, PaddleFile::make({2, 3}), {"[2][3]"});
  }
  expect_refused("model_baseline/word_emb", PaddleFile::make({7}), {"2 dimensions", "[7]"});
  expect_refused("model_baseline/fc_2.w_0", original("model_baseline/fc_0.w_0"),
                 {"[256][384]", "[128][384]"});
  // A smaller table of embeddings than the dictionary has entries: the dictionary is named.
  fs::remove(directory / "model_baseline/word_emb");
  std::ofstream(directory / "model_baseline/word_emb", std::ios::binary) << PaddleFile::make({100, 128});
  expect_throws<FormatError>([&] { LacModel::load(directory.string()); },
                             {(directory / "word.dic").string(), "100 rows"}, "few rows");
}

TEST_F(LacDamage, ValuesThatAreNotFiniteAreNamed) {
  for (const float value :
       {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity()}) {
    std::string crf = original("model_baseline/crfw");
    crf.replace(crf.size() - 8, 4, PaddleFile::number<4>(std::bit_cast<std::uint32_t>(value)));
    expect_refused("model_baseline/crfw", crf, {"finite", "index 3361"});
  }
}

TEST_F(LacDamage, DamagedDictionariesAreNamed) {
  const std::string tags = original("tag.dic");
  expect_refused("tag.dic", "", {"labels", "none"});
  expect_refused("tag.dic", tags + "99\tx-B\n", {"ids below the 58 lines", "99"});
  expect_refused("tag.dic", tags + "57\tx-B\n", {"[256][58]"}, "model_baseline/fc_4.w_0");
  expect_refused("tag.dic", tags + "3\tx-B\n", {"3 again"});
  expect_refused("word.dic", "0\ta\n", {"OOV", "none"});
  expect_refused("word.dic", original("word.dic") + "20941\txyz\n", {"20941 rows", "got 20941"});
}

TEST_F(LacDamage, DirectoriesInPlaceOfFilesAreNamed) {
  const fs::path path = directory / "model_baseline/crfw";
  fs::remove(path);
  fs::create_directory(path);
  expect_throws<FormatError>([&] { LacModel::load(directory.string()); }, {path.string(), "something else"},
                             "crfw");
  expect_throws<FormatError>([&] { LacModel::load((directory / "nowhere").string()); },
                             {"nowhere", "nothing"}, "none");
}

}  // namespace
}  // namespace recur::test
