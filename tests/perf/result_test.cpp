// Comparison with references, and the table.
#include "perf/result.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <nlohmann/json.hpp>

#include "recur/error.hpp"
#include "recur/plan.hpp"

namespace recur::perf {
namespace {

Row row(const char* shape, const char* engine, bool is_reference, double seconds) {
  Row row;
  row.job.shape.name = shape;
  row.job.shape.T = 10;
  row.job.threads = 1;
  row.engine = engine;
  row.is_reference = is_reference;
  row.seconds = summarize({seconds});
  row.settled = true;
  return row;
}

TEST(Results, RatioIsToTheBestReferenceOfTheSameRace) {
  std::vector<Row> rows = {row("a", "cpu", false, 4), row("a", "slow", true, 9), row("a", "fast", true, 2),
                           row("b", "cpu", false, 4), row("a", "cpu", false, 4)};
  rows[4].inputs = Inputs::cold;
  compare_with_references(rows);
  EXPECT_EQ(rows[0].ratio, 0.5);
  EXPECT_EQ(rows[0].reference, "fast");
  EXPECT_DOUBLE_EQ(rows[1].ratio.value(), 2.0 / 9);
  EXPECT_EQ(rows[2].ratio, 1);
  EXPECT_FALSE(rows[3].ratio) << "another shape";
  EXPECT_FALSE(rows[4].ratio) << "other inputs";
}

TEST(Results, AReferenceMayHaveFewerThreads) {
  std::vector<Row> rows = {row("a", "cpu", false, 4), row("a", "ref", true, 3), row("a", "cpu", false, 2),
                           row("a", "ref", true, 6)};
  rows[2].job.threads = rows[3].job.threads = 2;
  compare_with_references(rows);
  EXPECT_EQ(rows[0].ratio, 0.75);
  EXPECT_EQ(rows[0].reference, "ref") << "not the one with two threads";
  EXPECT_EQ(rows[2].ratio, 1.5);
  EXPECT_EQ(rows[2].reference, "ref on 1");
}

TEST(Results, LosingRowsComeFirstWorstFirst) {
  Result result;
  result.rows = {row("wins", "cpu", false, 1),       row("wins", "ref", true, 2),
                 row("loses", "cpu", false, 3),      row("loses", "ref", true, 2),
                 row("loses-more", "cpu", false, 8), row("loses-more", "ref", true, 2)};
  compare_with_references(result.rows);
  const std::string table = to_table(result);
  const std::size_t others = table.find("the others:");
  ASSERT_NE(others, std::string::npos);
  EXPECT_LT(table.find("loses-more  f32"), table.find("loses       f32"));
  EXPECT_LT(table.find("loses       f32"), others);
  EXPECT_GT(table.find("wins"), others);
  EXPECT_NE(table.find("ref", others), std::string::npos) << "a reference is no loser";
}

TEST(Results, TimePerStepAndFloorAndNoise) {
  Result result;
  result.rows = {row("a", "cpu", false, 1e-3)};
  result.rows[0].floor = {2.5e-4, "operations"};
  result.rows[0].settled = false;
  const std::string table = to_table(result);
  EXPECT_NE(table.find(" 1000 "), std::string::npos) << table;
  EXPECT_NE(table.find(" 0.0! "), std::string::npos) << table;
  EXPECT_NE(table.find(" 100.0 "), std::string::npos) << table;
  EXPECT_NE(table.find("25 %"), std::string::npos) << table;
  EXPECT_NE(table.find("operations"), std::string::npos) << table;
}

TEST(Results, TheWorstPredictionIsOffByTheLargestFactor) {
  Result result;
  result.rows = {row("a", "cpu", false, 1e-3), row("b", "cpu", false, 1e-3), row("c", "cpu", false, 1e-3),
                 row("d", "cpu", false, 1e-3)};
  EXPECT_EQ(worst_predicted(result.rows), nullptr);
  EXPECT_EQ(to_table(result).find("worst prediction"), std::string::npos);
  result.rows[0].predicted_seconds = 2e-3;
  result.rows[1].predicted_seconds = 4e-4;
  result.rows[2].predicted_seconds = 1e-3;
  EXPECT_EQ(worst_predicted(result.rows), &result.rows[1]) << "2.5 times is more than twice";
  const std::string table = to_table(result);
  EXPECT_NE(table.find(" 2000 (2.00)\n"), std::string::npos) << table;
  EXPECT_NE(
      table.find("worst prediction: 0.40 times as long as measured, cpu on b f32 inference on 1 thread\n"),
      std::string::npos)
      << table;
}

TEST(Results, RefusalsOfOneReasonAreOneLine) {
  Result result;
  Case job = row("a", "x", false, 1).job;
  result.refused = {{job, "cpu", "too odd"}, {job, "cpu", "too odd"}, {job, "cpu", "too even"}};
  result.left_out = {job};
  const std::string table = to_table(result);
  EXPECT_NE(table.find("cpu: too odd (a f32 inference on 1 thread and 1 more)"), std::string::npos) << table;
  EXPECT_NE(table.find("cpu: too even (a f32 inference on 1 thread)\n"), std::string::npos) << table;
  EXPECT_NE(table.find("left out for want of time:\n  a f32 inference on 1 thread\n"), std::string::npos)
      << table;
}

// What the suite writes, a program reads.
Result with_rates() {
  Result result;
  Rates cpu;
  cpu.threads = 2;
  cpu.operations_per_second = {.f32 = 1e11, .f64 = 5e10, .bf16 = 2e11};
  cpu.activations_per_second = {.f32 = 1e9, .f64 = 4e8};
  cpu.levels = {{"L1", 65536, 4e11}, {"L2", 2097152, 2e11}, {.name = "memory", .bytes_per_second = 2e10}};
  cpu.call_seconds = 2e-6;
  cpu.barrier_seconds = 3e-7;
  Rates gpu;
  gpu.operations_per_second = {.f32 = 5e13, .tf32 = 4e14, .f64 = 6e13, .bf16 = 8e14, .f16 = 8e14};
  gpu.levels = {{"L2", 5e7, 5e12}, {.name = "memory", .bytes_per_second = 4e12}};
  gpu.launch_seconds = 2e-6;
  gpu.resident_bytes = 4e7;
  gpu.hops = {{"cluster", 3e6, 1e-6}, {.name = "grid", .seconds = 2e-6}};
  result.rates = {{2, {.rates = cpu, .notes = {}}}, {0, {.rates = gpu, .notes = {}}}};
  return result;
}

void expect_equal(const PrecisionRates& a, const PrecisionRates& b) {
  EXPECT_EQ(a.f32, b.f32);
  EXPECT_EQ(a.tf32, b.tf32);
  EXPECT_EQ(a.f64, b.f64);
  EXPECT_EQ(a.bf16, b.bf16);
  EXPECT_EQ(a.f16, b.f16);
}

TEST(ReadRates, GivesWhatWasWritten) {
  const Result result = with_rates();
  const std::string json = to_json(result);
  for (const auto& [threads, measured] : result.rates) {
    const Rates& written = measured.rates;
    const Rates rates = read_rates(json, threads);
    EXPECT_EQ(rates.threads, written.threads);
    expect_equal(rates.operations_per_second, written.operations_per_second);
    expect_equal(rates.activations_per_second, written.activations_per_second);
    EXPECT_EQ(rates.call_seconds, written.call_seconds);
    EXPECT_EQ(rates.barrier_seconds, written.barrier_seconds);
    EXPECT_EQ(rates.launch_seconds, written.launch_seconds);
    EXPECT_EQ(rates.resident_bytes, written.resident_bytes);
    ASSERT_EQ(rates.levels.size(), written.levels.size());
    for (std::size_t i = 0; i < rates.levels.size(); ++i) {
      EXPECT_EQ(rates.levels[i].name, written.levels[i].name);
      EXPECT_EQ(rates.levels[i].bytes, written.levels[i].bytes);
      EXPECT_EQ(rates.levels[i].bytes_per_second, written.levels[i].bytes_per_second);
    }
    ASSERT_EQ(rates.hops.size(), written.hops.size());
    for (std::size_t i = 0; i < rates.hops.size(); ++i) {
      EXPECT_EQ(rates.hops[i].name, written.hops[i].name);
      EXPECT_EQ(rates.hops[i].holds_bytes, written.hops[i].holds_bytes);
      EXPECT_EQ(rates.hops[i].seconds, written.hops[i].seconds);
    }
  }
  DeviceProps props = Device::cpu().props();
  props.rates = read_rates(json, 2);
  const Plan plan =
      make_plan({.input_size = 8, .hidden_size = 8}, {4, 2}, Device::from_props(props), {.threads = 2});
  EXPECT_TRUE(plan.predicted_seconds());
}

TEST(ReadRates, OtherThreadsAreRefused) {
  try {
    read_rates(to_json(with_rates()), 3);
    ADD_FAILURE();
  } catch (const InvalidArgument& error) {
    EXPECT_STREQ(error.what(),
                 "threads: expected one that the result has rates of, 2, 0 (0 is the CUDA device), got 3");
  }
  EXPECT_THROW(read_rates(to_json({}), 1), InvalidArgument);
}

TEST(ReadRates, OtherTextsAreRefused) {
  using Json = nlohmann::json;
  for (const char* text :
       {"", "{", "[]", "3", R"({"format": "other"})", R"({"format": 3})", R"({"format": "recur-perf"})"}) {
    EXPECT_THROW(read_rates(text, 2), FormatError) << text;
  }
  // The first of the rates, with each part of it spoilt.
  const std::pair<const char*, std::function<void(Json&)>> spoilt[] = {
      {"expected format_version 1, got 2", [](Json& all) { all["format_version"] = 2; }},
      {"expected a number as 'format_version', got string", [](Json& all) { all["format_version"] = "1"; }},
      {"expected a list as 'rates', got object", [](Json& all) { all["rates"] = Json::object(); }},
      {"expected objects in 'rates', got number", [](Json& all) { all["rates"] = {1}; }},
      {"expected a number as 'threads', got string", [](Json& all) { all["rates"][0]["threads"] = "2"; }},
      {"expected a member 'levels', got none", [](Json& all) { all["rates"][0].erase("levels"); }},
      {"levels: expected at least one", [](Json& all) { all["rates"][0]["levels"] = Json::array(); }},
      {"expected a text as 'name', got number", [](Json& all) { all["rates"][0]["levels"][0]["name"] = 1; }},
      {"levels.bytes_per_second: expected a finite number above 0",
       [](Json& all) { all["rates"][0]["levels"][0]["bytes_per_second"] = 0; }},
      {"expected an object as 'operations_per_second', got array",
       [](Json& all) { all["rates"][0]["operations_per_second"] = Json::array(); }},
      {"barrier_seconds: expected a finite number of at least 0",
       [](Json& all) { all["rates"][0]["barrier_seconds"] = -1; }},
  };
  for (const auto& [what, spoil] : spoilt) {
    Json all = Json::parse(to_json(with_rates()));
    spoil(all);
    try {
      read_rates(all.dump(), 2);
      ADD_FAILURE() << what;
    } catch (const FormatError& error) {
      EXPECT_NE(std::string(error.what()).find(what), std::string::npos) << error.what();
    }
  }
}

}  // namespace
}  // namespace recur::perf
