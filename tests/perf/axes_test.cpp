// Lists and ranges of the command line, and what they are combined to.
#include "perf/axes.hpp"

#include <gtest/gtest.h>

#include "perf/options.hpp"
#include "recur/error.hpp"

namespace recur::perf {
namespace {

using Sizes = std::vector<std::int64_t>;

TEST(Axes, ListsAndRanges) {
  EXPECT_EQ(parse_sizes("100"), Sizes{100});
  EXPECT_EQ(parse_sizes("1,16,64"), (Sizes{1, 16, 64}));
  EXPECT_EQ(parse_sizes("128..1024"), (Sizes{128, 256, 512, 1024}));
  EXPECT_EQ(parse_sizes("100..500,7"), (Sizes{100, 200, 400, 7}));
  EXPECT_EQ(parse_sizes("5..5"), Sizes{5});
  EXPECT_EQ(parse_list("a,b"), (std::vector<std::string>{"a", "b"}));
}

TEST(Axes, RefusesWhatIsNoSize) {
  for (const char* text : {"", ",", "1,", ",1", "0", "-3", "x", "1x", "1.5", "2147483648", "9..3", "1..",
                           "..4", "99999999999999999999"}) {
    EXPECT_THROW(parse_sizes(text), InvalidArgument) << "'" << text << "'";
  }
}

Options parse(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "recur-perf");
  int code = -1;
  std::optional<Options> options = parse_options(static_cast<int>(arguments.size()), arguments.data(), code);
  EXPECT_TRUE(options.has_value());
  return options.value();
}

TEST(Options, AxesAreCombined) {
  const Options options = parse({"--cell", "lstm,gru", "--T", "100", "--B", "1,16,64", "--H", "256,512",
                                 "--dtype", "bf16", "--pass", "forward,backward"});
  const std::vector<Shape>& shapes = options.request.shapes;
  ASSERT_EQ(shapes.size(), 2u * 3 * 2);
  EXPECT_EQ(shapes[0].cell, "lstm");
  EXPECT_EQ(shapes[11].cell, "gru");
  EXPECT_EQ(shapes[4].B, 16);
  EXPECT_EQ(shapes[4].H, 512);
  EXPECT_EQ(shapes[4].I, 512) << "as wide as the layer";
  EXPECT_EQ(shapes[4].T, 100);
  EXPECT_EQ(shapes[4].precisions, std::vector{Precision::bf16});
  EXPECT_EQ(shapes[4].passes, (std::vector{Timed::forward, Timed::backward}));
}

TEST(Options, AxesOnTopOfANamedShape) {
  const Options options = parse({"--shape", "ocr-b8", "--B", "3"});
  ASSERT_EQ(options.request.shapes.size(), 1u);
  const Shape& shape = options.request.shapes.front();
  EXPECT_EQ(shape.B, 3);
  EXPECT_EQ(shape.T, 128);
  EXPECT_EQ(shape.H, 128);
}

TEST(Options, StepsAreOfStreamsInTime) {
  const Options options = parse({"--direction", "bidirectional", "--pass", "step,inference"});
  EXPECT_EQ(options.request.shapes.front().passes, std::vector{Timed::inference});
}

TEST(Options, TheRest) {
  const Options options =
      parse({"--device", "cuda:2", "--minutes", "3", "--tolerance", "5", "--seconds", "0.01", "--threads",
             "1,4", "--inputs", "cold", "--engine", "cpu,onednn", "--json", "x"});
  EXPECT_EQ(options.device, DeviceKind::cuda);
  EXPECT_EQ(options.ordinal, 2);
  EXPECT_EQ(options.request.seconds, 180);
  EXPECT_DOUBLE_EQ(options.request.rule.tolerance, 0.05);
  EXPECT_EQ(options.request.rule.most_seconds, 0.01);
  EXPECT_LE(options.request.rule.least_seconds, 0.01);
  EXPECT_EQ(options.request.threads, (std::vector<int>{1, 4}));
  EXPECT_EQ(options.request.inputs, std::vector{Inputs::cold});
  EXPECT_EQ(options.engines, (std::vector<std::string>{"cpu", "onednn"}));
  EXPECT_EQ(options.json, "x");
}

TEST(Options, RefusesWhatCannotBe) {
  int code = 0;
  const std::vector<std::vector<const char*>> mistakes = {
      {"--cell", "lsmt"},    {"--dtype", "i32"},     {"--pass", "sideways"},
      {"--device", "tpu"},   {"--device", "cuda:x"}, {"--threads", "0"},
      {"--threads", "4000"}, {"--inputs", "hot"},    {"--shape", "none"},
      {"--minutes", "-1"},   {"--seconds", "0"},     {"--shapes", "/none"},
      {"--nonsense"},        {"--T", "0"},           {"stray"},
      {"--direction", "up"}};
  for (std::vector<const char*> arguments : mistakes) {
    const std::string text = arguments.front() + std::string(" ") + arguments.back();
    arguments.insert(arguments.begin(), "recur-perf");
    EXPECT_THROW(parse_options(static_cast<int>(arguments.size()), arguments.data(), code), InvalidArgument)
        << text;
  }
}

}  // namespace
}  // namespace recur::perf
