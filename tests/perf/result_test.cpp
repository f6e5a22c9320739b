// Comparison with references, and the table.
#include "perf/result.hpp"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace recur::perf
