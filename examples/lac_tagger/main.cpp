// recur-lac: cuts Chinese text into words and tags them, with a bidirectional GRU + CRF that runs in Recur.
//
// What a program of its own would do is in `tag_all`: load a model, make a Tagger, hand it batches of
// sentences.

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "check.hpp"
#include "failure.hpp"
#include "input.hpp"
#include "lac.hpp"
#include "progress.hpp"
#include "recur/error.hpp"
#include "recur/version.hpp"

namespace lac {
namespace {

// Where Debian's python3-jieba puts the model.
constexpr const char* kDebianModel = "/usr/lib/python3/dist-packages/jieba/lac_small";

// Longer lines are split. Shorter ones are tagged as a whole, since a cut changes words and tags.
constexpr std::int64_t kMaxCharacters = TaggerOptions().max_characters;
constexpr std::size_t kLinesAtOnce = 1024;  // read before tagging: enough for buckets of similar lengths

struct Options {
  std::string input = "-";
  std::string model;
  std::int64_t batch = TaggerOptions().batch;
  int threads = static_cast<int>(std::clamp(std::thread::hardware_concurrency(), 1U, 1024U));
  bool scores = false;
  bool check = false;
  bool quiet = false;
};

struct Totals {
  std::int64_t sentences = 0;
  std::int64_t characters = 0;
  double seconds = 0;  // in the tagger
};

LacModel load_model(const std::string& directory) {
  if (directory.empty() && !std::filesystem::exists(kDebianModel)) {
    throw Failure(Exit::model, std::string("no model in ") + kDebianModel +
                                   " (Debian package python3-jieba); --model names another directory");
  }
  try {
    return LacModel::load(directory.empty() ? kDebianModel : directory);
  } catch (const recur::FormatError& error) {
    throw Failure(Exit::model, error.what());
  }
}

// The sentences of some lines: those of line n are sentences[first[n]] up to sentences[first[n + 1]].
struct Sentences {
  std::vector<std::string_view> all;
  std::vector<std::size_t> first;
};

Sentences split(const std::vector<std::string>& lines, const Input& input, std::size_t lines_before,
                bool quiet) {
  Sentences result;
  for (std::size_t n = 0; n < lines.size(); ++n) {
    result.first.push_back(result.all.size());
    try {
      const auto pieces = split_line(lines[n], kMaxCharacters);
      result.all.insert(result.all.end(), pieces.begin(), pieces.end());
      if (pieces.size() > 1 && !quiet) {
        std::fprintf(stderr, "%s:%zu: more than %lld characters: split into %zu pieces\n",
                     input.name().c_str(), lines_before + n + 1, static_cast<long long>(kMaxCharacters),
                     pieces.size());
      }
    } catch (const recur::FormatError& error) {
      throw Failure(Exit::input,
                    input.name() + ":" + std::to_string(lines_before + n + 1) + ": " + error.what());
    }
  }
  result.first.push_back(result.all.size());
  return result;
}

// Appends a word so that a line can be read back: it has no space and no control character.
void append_escaped(std::string& text, std::string_view word) {
  for (const char c : word) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == ' ') {
      text += "\\s";
    } else if (c == '\\') {
      text += "\\\\";
    } else if (byte < 0x20) {
      char code[8];
      std::snprintf(code, sizeof(code), "\\x%02x", static_cast<unsigned>(byte));
      text += code;
    } else {
      text += c;
    }
  }
}

std::string format(const Sentences& sentences, const std::vector<TaggedSentence>& results, bool scores) {
  std::string text;
  for (std::size_t n = 0; n + 1 < sentences.first.size(); ++n) {
    double score = 0;
    bool is_first = true;
    for (std::size_t i = sentences.first[n]; i < sentences.first[n + 1]; ++i) {
      score += results[i].score;
      for (const TaggedWord& word : results[i].words) {
        if (!is_first) text += ' ';
        is_first = false;
        append_escaped(text, word.text);
        text.append("/").append(word.tag);
      }
    }
    if (scores && !is_first) {
      char number[32];
      std::snprintf(number, sizeof(number), "\t%.3f", score);
      text += number;
    }
    text += '\n';
  }
  return text;
}

void write(const std::string& text, bool flush) {
  const bool good = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  if (!good || (flush && std::fflush(stdout) != 0)) {
    throw Failure(Exit::output, "standard output cannot be written");
  }
}

Totals tag_all(const Options& options, const LacModel& model, Input& input, std::optional<Check>& check) {
  TaggerOptions wishes;
  wishes.batch = options.batch;
  wishes.max_characters = kMaxCharacters;
  wishes.threads = options.threads;
  wishes.keep_emissions = check.has_value();
  Tagger tagger(model, wishes);

  Totals totals;
  Progress progress(!options.quiet, input.size());
  std::size_t lines_before = 0;
  std::vector<std::string> lines;
  while (input.read(lines, input.is_terminal() ? 1 : kLinesAtOnce)) {
    const Sentences sentences = split(lines, input, lines_before, options.quiet);
    const auto start = std::chrono::steady_clock::now();
    const std::vector<TaggedSentence> results = tagger.tag(sentences.all);
    totals.seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    write(format(sentences, results, options.scores), input.is_terminal());
    if (check) check->add(sentences.all, results);

    lines_before += lines.size();
    for (const TaggedSentence& result : results) {
      totals.characters += result.characters;
      if (result.characters > 0) ++totals.sentences;
    }
    progress.show(input.bytes_read(), totals.sentences);
  }
  write("", true);
  return totals;
}

void report(const Options& options, const Totals& totals, const std::optional<Check>& check) {
  if (check && check->values() > 0) {
    std::fprintf(
        stderr, "check: %zu emission scores differ by at most %.3g from the fp64 oracle (plain fp32: %.3g)\n",
        check->values(), check->largest_difference(), check->naive_difference());
  }
  if (!options.quiet) {
    const double seconds = std::max(totals.seconds, 1e-9);
    std::fprintf(stderr, "%lld sentences, %lld characters in %.3f s: %.0f sentences/s, %.0f characters/s\n",
                 static_cast<long long>(totals.sentences), static_cast<long long>(totals.characters),
                 totals.seconds, static_cast<double>(totals.sentences) / seconds,
                 static_cast<double>(totals.characters) / seconds);
  }
  if (check && !check->passes()) {
    throw Failure(Exit::check, "the check failed: more than twice the error of plain fp32");
  }
}

void run(const Options& options) {
  Input input(options.input);
  const LacModel model = load_model(options.model);
  std::optional<Check> check;
  if (options.check) check.emplace(model, options.threads);
  const Totals totals = tag_all(options, model, input, check);
  report(options, totals, check);
}

// Fills the options. Empty where the tool is to go on, else its exit code (of --help, --version or a usage
// error).
std::optional<int> parse(int argc, char** argv, Options& options) {
  CLI::App app(
      "Cuts Chinese text into words and tags them: one sentence a line in, 'word/tag word/tag ...' out.\n"
      "Words stand between single spaces, tags after the last slash; a space in a word is \\s, a backslash\n"
      "\\\\, a control character \\x and two hex digits. Lines of more than 65536 characters are split, at\n"
      "sentence ends where there are any; empty lines stay.");
  app.name("recur-lac");
  app.footer(
      "Exit codes: 0 done, 2 wrong options, 3 no model or a damaged one, 4 input that cannot be read or is "
      "not\n"
      "UTF-8, 5 output that cannot be written, 6 a failed --check, 1 anything else.");
  app.set_version_flag("--version", "recur-lac " + std::to_string(RECUR_VERSION_MAJOR) + "." +
                                        std::to_string(RECUR_VERSION_MINOR) + "." +
                                        std::to_string(RECUR_VERSION_PATCH));
  app.add_option("FILE", options.input, "UTF-8 text; - is standard input")->capture_default_str();
  app.add_option("--model", options.model, "directory with word.dic, tag.dic and model_baseline/")
      ->type_name("DIR")
      ->default_str(kDebianModel);
  app.add_option("--batch", options.batch, "most sentences run together")
      ->type_name("N")
      ->check(CLI::Range(1, 4096))
      ->capture_default_str();
  app.add_option("--threads", options.threads, "threads, by default as many as there are processors")
      ->type_name("N")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  app.add_flag("--scores", options.scores,
               "after each sentence a tab and the score of its best path (the sum over a split line)");
  app.add_flag(
      "--check", options.check,
      "compare all emission scores with an fp64 computation (slow: about a millisecond a character)");
  app.add_flag("--quiet", options.quiet, "neither progress nor closing line");
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& request) {
    return app.exit(request);
  } catch (const CLI::ParseError& error) {
    throw Failure(Exit::usage, std::string(error.what()) + "; --help lists the options");
  }
  return std::nullopt;
}

int guarded_main(int argc, char** argv) {
  Options options;
  if (const std::optional<int> code = parse(argc, argv, options)) return *code;
  run(options);
  return static_cast<int>(Exit::success);
}

int complain(Exit code, const char* message) {
  std::fprintf(stderr, "recur-lac: %s\n", message);
  return static_cast<int>(code);
}

}  // namespace
}  // namespace lac

int main(int argc, char** argv) {
  try {
    return lac::guarded_main(argc, argv);
  } catch (const lac::Failure& failure) {
    return lac::complain(failure.code(), failure.what());
  } catch (const std::exception& error) {
    return lac::complain(lac::Exit::other, error.what());
  }
}
