// What a run of the suite found. perf/README.md and perf/result.schema.json say what it looks like as JSON.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "perf/floor.hpp"
#include "perf/floors/rates.hpp"
#include "perf/measure.hpp"
#include "perf/statistics.hpp"

namespace recur::perf {

// Names and versions: key and value, in the order they are shown.
using Facts = std::vector<std::pair<std::string, std::string>>;

// What a row is about: rows of equal cases are compared.
struct Case {
  Shape shape;
  Precision precision = Precision::f32;
  Timed pass = Timed::inference;
  int threads = 0;  // 0 on a GPU
};

// A contender's time for a case.
struct Row {
  Case job;
  std::string engine;
  bool is_reference = false;
  Timing timing = Timing::wall;
  Inputs inputs = Inputs::warm;
  std::size_t calls = 1;  // of a sample
  Summary seconds;        // of a call
  bool settled = false;
  std::string tile;  // of the plan
  // Against the first contender's outputs.
  double difference = 0;
  // The fastest reference of the same case, timing and inputs with as many threads or fewer, and its time
  // over this one's: below 1 it is the faster one. Empty where no reference took part.
  std::optional<double> ratio;
  std::string reference;
  Floor floor;  // 0 seconds: none
  // What the plan predicted of a warm call, where its engine has a cost model.
  std::optional<double> predicted_seconds;

  double seconds_per_step() const {
    return seconds.median / static_cast<double>(job.pass == Timed::step ? 1 : job.shape.T);
  }
  // Predicted over measured; only where there is a prediction.
  double prediction_factor() const { return *predicted_seconds / seconds.median; }
};

// A case that a contender does not do, and why.
struct Refused {
  Case job;
  std::string engine;
  std::string reason;
};

struct Result {
  Facts facts;
  std::vector<std::pair<int, Measured>> rates;  // by threads; 0 on a GPU
  std::vector<Row> rows;
  std::vector<Refused> refused;
  std::vector<Case> left_out;  // for want of time
};

// Fills ratio and reference of all rows.
void compare_with_references(std::vector<Row>& rows);

// The row whose prediction is off by the largest factor, either way; null where nothing was predicted.
const Row* worst_predicted(const std::vector<Row>& rows);

// As an object of JSON, indented, with a newline at its end.
std::string to_json(const Result& result);

// As a table for a terminal: rows that lose to a reference first, then the others; then what was refused and
// left out.
std::string to_table(const Result& result);

// "lstm T=100 B=1 I=240 H=256", with what else differs from the plainest layer.
std::string describe(const Shape& shape);

}  // namespace recur::perf
