// gradient_by_lag: the norms of gradients by the number of steps that they went back, of layers before
// training, as CSV.
//
//     gradient_by_lag [--steps T] [--batch B] [--inputs I] [--hidden H] [--input DEVIATION] [--seeds N]
//
// Columns: layer, lag, the geometric mean over all sequences of all seeds, the least and the largest norm.
// docs/gradients.md draws and explains it.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <exception>
#include <vector>

#include "study.hpp"

namespace {

void print(const study::Kind& kind, const study::Sizes& sizes, std::uint64_t seeds) {
  const auto lags = static_cast<std::size_t>(sizes.steps) + 1;
  std::vector<double> logarithms(lags), least(lags, HUGE_VAL), largest(lags);
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    const std::vector<double> norms =
        study::norms_by_lag(study::make_model(kind, sizes, seed), sizes, study::make_data(sizes, seed));
    for (std::size_t i = 0; i < norms.size(); ++i) {
      const std::size_t lag = i / static_cast<std::size_t>(sizes.batch);
      logarithms[lag] += std::log(norms[i]);
      least[lag] = std::min(least[lag], norms[i]);
      largest[lag] = std::max(largest[lag], norms[i]);
    }
  }
  const double count = static_cast<double>(seeds) * static_cast<double>(sizes.batch);
  for (std::size_t lag = 0; lag < lags; ++lag) {
    std::printf("\"%.*s\",%zu,%.9g,%.9g,%.9g\n", static_cast<int>(kind.name.size()), kind.name.data(), lag,
                std::exp(logarithms[lag] / count), least[lag], largest[lag]);
  }
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Norms of gradients by the number of steps that they went back, as CSV.", "gradient_by_lag");
  study::Sizes sizes;
  std::uint64_t seeds = 10;
  constexpr std::int64_t kMost = 4096;
  app.add_option("--steps", sizes.steps, "T")
      ->check(CLI::Range(std::int64_t{1}, kMost))
      ->capture_default_str();
  app.add_option("--batch", sizes.batch, "B")
      ->check(CLI::Range(std::int64_t{1}, kMost))
      ->capture_default_str();
  app.add_option("--inputs", sizes.inputs, "I")
      ->check(CLI::Range(std::int64_t{1}, kMost))
      ->capture_default_str();
  app.add_option("--hidden", sizes.hidden, "H, even")
      ->check(CLI::Range(std::int64_t{2}, kMost))
      ->check(CLI::Validator(
          [](const std::string& text) {
            return std::string("02468").find(text.back()) == std::string::npos ? "expected an even number"
                                                                               : "";
          },
          "EVEN"))
      ->capture_default_str();
  app.add_option("--input", sizes.input, "standard deviation of the inputs")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_option("--seeds", seeds, "models, each with inputs of its own")
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{kMost}))
      ->capture_default_str();
  try {
    app.parse(argc, argv);
    if (!std::isfinite(sizes.input)) throw CLI::ValidationError("--input", "expected a finite number");
    std::puts("layer,lag,mean,least,largest");
    for (const study::Kind& kind : study::kinds()) print(kind, sizes, seeds);
    return std::fflush(stdout) == 0 ? 0 : 1;
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "gradient_by_lag: %s\n", error.what());
    return 1;
  }
}
