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

int run(int argc, char** argv) {
  CLI::App app("Norms of gradients by the number of steps that they went back, as CSV.", "gradient_by_lag");
  study::Sizes sizes;
  std::int64_t seeds = 10;
  const auto size = [&](const char* name, std::int64_t& value, const char* what) {
    constexpr std::int64_t kMost = 4096;
    return app.add_option(name, value, what)
        ->check(CLI::Range(std::int64_t{1}, kMost))
        ->capture_default_str();
  };
  size("--steps", sizes.steps, "T");
  size("--batch", sizes.batch, "B");
  size("--inputs", sizes.inputs, "I");
  size("--hidden", sizes.hidden, "H, even");
  size("--seeds", seeds, "models, each with inputs of its own");
  app.add_option("--input", sizes.input, "standard deviation of the inputs")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  try {
    app.parse(argc, argv);
    if (sizes.hidden % 2 != 0) throw CLI::ValidationError("--hidden", "expected an even number");
    if (!std::isfinite(sizes.input)) throw CLI::ValidationError("--input", "expected a finite number");
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  std::puts("layer,lag,mean,least,largest");
  for (const study::Kind& kind : study::kinds()) print(kind, sizes, static_cast<std::uint64_t>(seeds));
  return std::fflush(stdout) == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "gradient_by_lag: %s\n", error.what());
    return 1;
  }
}
