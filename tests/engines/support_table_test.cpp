// Holds docs/support.md against what is true: each of its cells is a job that was run here and judged by the
// oracle, or the reason for which make_plan refuses it. With RECUR_UPDATE_TABLES set it writes the file.
//
// All engines are in one program: the CPU's, oneDNN, and those of GPUs over simt and the stand-in for
// cuDNN. Cells of an engine that this build or machine lacks are left as they are committed.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "cudnn/dropout.hpp"
#include "engines/cudnn_device.hpp"
#include "engines/judge.hpp"
#include "engines/simt_device.hpp"
#include "engines/support_rows.hpp"
#include "host/fields.hpp"
#include "host/refusals.hpp"
#include "oracle/dropout.hpp"
#include "planning/chips.hpp"
#include "support/committed_table.hpp"
#include "support/spec_name.hpp"

namespace recur::test {
namespace {

struct Column {
  TestDevice device;
  std::string ran_on;
};

std::vector<Column> columns() {
  TestDevice cudnn = simt_device("cudnn", EngineId::cudnn);
  describe_cudnn(cudnn);
  cudnn.dropout_masks = [](const Spec& spec, Index T, Index B, std::uint64_t seed) {
    return cudnn::dropout_masks(spec, T, B, seed);
  };
  TestDevice cpu = cpu_device();
  TestDevice stepwise = simt_device("stepwise", EngineId::stepwise);
  TestDevice resident = simt_device("resident", EngineId::cluster_resident);
  TestDevice fused = simt_device("fused", EngineId::fused);
  for (TestDevice* device : {&cpu, &stepwise, &resident, &fused})
    device->dropout_masks = oracle::dropout_masks;
  return {{cpu, "the CPU"},
          {stepwise, "emulation (simt) only"},
          {resident, "emulation (simt) only"},
          {fused, "emulation (simt) only"},
          {cudnn, "a stand-in for cuDNN only"},
          {{.name = "onednn", .engine = EngineId::onednn, .device = Device::cpu()}, "the CPU"}};
}

constexpr DataType kTypes[] = {DataType::f32, DataType::f64, DataType::bf16, DataType::f16};

// Several rows and vectors of units, so that few seeds are enough for the judge; one of f64 computes in
// software, and has less.
Size size_for(DataType type) {
  return type == DataType::f64 ? Size{2, 4, 8, 20, ""} : Size{3, 6, 16, 64, ""};
}

SupportJob job_of(const Column& column, const Spec& cell, DataType type) {
  const Size size = size_for(type);
  SupportJob job{cell, size.T, size.B, column.device};
  job.spec.dtype = type;
  job.spec.input_size = size.I;
  set_hidden(job.spec, size.H);
  return job;
}

struct Way {
  const char* name;
  Pass pass;
  bool prepared = false, by_steps = false;
};
constexpr Way kWays[] = {{"inference", Pass::inference},
                         {"with prepared weights", Pass::inference, true},
                         {"by step()", Pass::inference, true, true},
                         {"training", Pass::training}};

// The machine's reasons, which say nothing of the library.
bool is_of_machine(const Column& column, const std::string& reason) {
  return std::ranges::any_of(host::refusals(), [&](const host::Refusal& row) {
    return row.engine == column.device.engine && row.reason == reason && row.ground == host::Ground::machine;
  });
}

const char* const kNotHere = "not here";
const char* const kPass = "pass";

// Why the engine refuses the job on this device; empty where it takes it.
std::string refusal(const SupportJob& job, const Device& device, const Options& options) {
  const recur::Shape shape = shape_of(job.spec, job.T, job.B, job.run);
  for (const PassedOver& one : survey_engines(job.spec, shape, device, options)) {
    if (one.engine == options.engine) return one.reason;
  }
  return kNotHere;
}

// What becomes of a job: kPass, "refused: ..." or kNotHere; empty for one that cannot be.
std::string outcome_of(const Column& column, SupportJob job, const Way& way) {
  job.run.device = &job.device;
  job.run.prepared = way.prepared;
  job.run.by_steps = way.by_steps;
  if (way.by_steps && job.spec.direction != Direction::forward) return "";
  const Options options = options_for(job.run, way.pass);
  std::string reason;
  try {
    reason = refusal(job, job.device.device, options);
  } catch (const InvalidArgument&) {
    return "";
  }
  if (reason == kNotHere || is_of_machine(column, reason)) return kNotHere;
  if (job.device.device.props().kind == DeviceKind::cuda && options.engine != EngineId::cudnn) {
    // cudnn plans for a device that is there only.
    EXPECT_EQ(reason, refusal(job, Device::from_props(props_of(kChips[0])), options)) << kChips[0].name;
  }
  if (!reason.empty()) return "refused: " + reason;
  if (job.run.threads > 1 && make_plan(job.spec, {job.T, job.B}, job.device.device, options).threads() == 1)
    return "of no effect";
  try {
    with_storage(job.spec.dtype, [&]<class T>() {
      const auto judged = [&]<class Round>(Round) {
        if (way.pass == Pass::training) {
          judge_all<T, Round>(job.spec, job.T, job.B, {job.run});
        } else {
          judge_inference<T, Round>(job.spec, job.T, job.B, job.run);
        }
      };
      if (std::is_same_v<T, float> && job.run.tf32) return judged(oracle::RoundOperandsToTf32());
      judged(typename StorageOf<T>::Round());
    });
  } catch (const InvalidArgument& error) {  // by the call: what no plan knows
    return std::string("refused: ") + error.what();
  } catch (const Unsupported& error) {
    if (options.engine == EngineId::onednn) return kNotHere;  // it depends on the machine
    return std::string("refused: ") + error.what();
  }
  return ::testing::Test::HasFailure() ? "WRONG" : kPass;
}

// "pass" where all agree on it, else each outcome after what has it.
class Outcomes {
 public:
  void add(const std::string& who, const std::string& outcome) {
    if (outcome.empty()) return;
    const auto same = [&](const auto& one) { return one.first == outcome; };
    const auto found = std::ranges::find_if(all_, same);
    if (found == all_.end()) {
      all_.emplace_back(outcome, who);
    } else {
      found->second += ", " + who;
    }
  }
  std::string text() const {
    if (all_.empty()) return "-";
    if (all_.size() == 1) return all_.front().first;
    std::string text;
    for (const auto& [outcome, who] : all_) {
      if (outcome == kNotHere) return kNotHere;
      if (!text.empty()) text += "; ";
      text.append(who).append(": ").append(outcome);
    }
    return text;
  }

 private:
  std::vector<std::pair<std::string, std::string>> all_;
};

std::string spaced(std::string name) {
  std::ranges::replace(name, '_', ' ');
  return name;
}

// The file's rows by their names, which differ.
using Rows = std::map<std::string, std::vector<std::string>>;
Rows committed_rows(const std::string& path) {
  Rows rows;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    std::vector<std::string> cells;
    for (std::size_t begin = 2; line.starts_with("| ") && begin < line.size();) {
      const std::size_t end = line.find(" |", begin);
      cells.push_back(line.substr(begin, end - begin));
      begin = end + 3;
    }
    if (!cells.empty()) rows[cells.front()] = {cells.begin() + 1, cells.end()};
  }
  return rows;
}

class SupportTable : public ::testing::Test {
 protected:
  void line(const std::string& text = "") { lines_.push_back(text); }
  void row(const std::string& name, std::vector<std::string> cells) {
    std::string text = "| " + name + " |";
    for (std::size_t i = 0; i < cells.size(); ++i) {
      const auto before = committed_.find(name);
      if (cells[i] == kNotHere && before != committed_.end() && i < before->second.size())
        cells[i] = before->second[i];
      text += " " + cells[i] + " |";
    }
    line(text);
  }
  void heading(const std::string& corner, const std::vector<std::string>& names) {
    line();
    row(corner, names);
    std::string rule = "|---|";
    for (std::size_t i = 0; i < names.size(); ++i) rule += "---|";
    line(rule);
  }
  template <class F>
  std::vector<std::string> of_each_column(F&& f) {
    std::vector<std::string> cells;
    for (const Column& column : columns_) cells.push_back(f(column));
    return cells;
  }
  std::vector<std::string> engine_names() {
    return of_each_column([](const Column& c) { return "`" + std::string(name_of(c.device.engine)) + "`"; });
  }

  void cells_and_types();
  void options();
  void chips();
  void largest();

  const std::vector<Column> columns_ = columns();
  const Rows committed_ = committed_rows(RECUR_SUPPORT_TABLE);
  std::vector<std::string> lines_;
};

void SupportTable::cells_and_types() {
  heading("cell and type", engine_names());
  row("ran on", of_each_column([](const Column& column) { return column.ran_on; }));
  row("ran on a GPU", of_each_column([](const Column& column) {
        return column.device.device.props().kind == DeviceKind::cuda ? "not run" : "-";
      }));
  for (const Spec& cell : all_cells_and_projections()) {
    for (DataType type : kTypes) {
      const std::string name = spaced(cell_name(cell)) + " " + std::string(name_of(type));
      row(name, of_each_column([&](const Column& column) {
            SCOPED_TRACE(column.device.name + " " + name);
            Outcomes outcomes;
            for (const Way& way : kWays)
              outcomes.add(way.name, outcome_of(column, job_of(column, cell, type), way));
            return outcomes.text();
          }));
    }
  }
}

// One cell of each kind, in the first type that the engine takes.
void SupportTable::options() {
  heading("option", engine_names());
  const auto first_type = [](const Column& column) {
    for (DataType type : kTypes) {
      const SupportJob job = job_of(column, Spec{}, type);
      if (refusal(job, job.device.device, {.engine = job.device.engine}).empty()) return type;
    }
    return kTypes[0];
  };
  const auto refuses_cell = [](const Column& column, const SupportJob& job) {
    const std::string reason = refusal(job, job.device.device, {.engine = job.device.engine});
    return !reason.empty() && reason != kNotHere && !is_of_machine(column, reason);
  };
  for (const SupportRow& option : support_rows()) {
    row(option.name, of_each_column([&](const Column& column) {
          Outcomes outcomes;
          for (Cell kind : enumerators<Cell>(0)) {
            SCOPED_TRACE(column.device.name + " " + option.name);
            SupportJob job = job_of(column, Spec{.cell = kind}, first_type(column));
            if (refuses_cell(column, job)) continue;
            option.set(job);
            if (option.only.value_or(job.device.engine) != job.device.engine) continue;
            Outcomes ways;
            for (const Way& way : {kWays[1], kWays[3]}) ways.add(way.name, outcome_of(column, job, way));
            outcomes.add(std::string(name_of(kind)), ways.text() == "-" ? "" : ways.text());
          }
          return outcomes.text();
        }));
  }
}

void SupportTable::chips() {
  const std::vector<EngineId> engines = {EngineId::stepwise, EngineId::cluster_resident, EngineId::fused};
  heading("chip and type", {"`stepwise`", "`cluster-resident`", "`fused`"});
  for (const Chip& chip : kChips) {
    for (DataType type : kTypes) {
      std::vector<std::string> cells;
      for (EngineId engine : engines) {
        const SupportJob job = job_of(columns_.front(), Spec{}, type);
        const std::string reason =
            refusal(job, Device::from_props(props_of(chip)), {.engine = engine, .pass = Pass::training});
        cells.push_back(reason == kNotHere ? kNotHere : reason.empty() ? "planned" : "refused: " + reason);
      }
      row(std::string(chip.name) + " " + std::string(name_of(type)), cells);
    }
  }
}

void SupportTable::largest() {
  heading("largest H of `cluster-resident`", {"bf16, f16"});
  for (const Spec& cell : all_cells()) {
    const auto reason = [&](Index H) {
      SupportJob job = job_of(columns_.front(), cell, DataType::bf16);
      job.spec.hidden_size = H;
      return refusal(job, Device::from_props(props_of(kChips[0])), {.engine = EngineId::cluster_resident});
    };
    Index fits = 0, beyond = 1 << 16;
    while (beyond - fits > 1) {
      const Index middle = (fits + beyond) / 2;
      (reason(middle).empty() ? fits : beyond) = middle;
    }
    const bool here = reason(1) != kNotHere;
    row(spaced(cell_name(cell)) + " on an " + kChips[0].name, {!here       ? kNotHere
                                                               : fits == 0 ? "refused: " + reason(1)
                                                                           : std::to_string(fits)});
  }
}

// Every field of Spec and Options takes another value than its default in some row of the file, so that a new
// field without a row fails here. What is logged is no part of a job.
TEST(SupportRows, SetEveryField) {
  std::set<host::FieldId> set = {host::FieldId::log};
  const auto note = [&](const auto& field, const auto& owner) {
    if (!host::is_default(field, owner)) set.insert(field.id);
  };
  const auto note_job = [&](SupportJob& job, Pass pass) {
    job.run.device = &job.device;
    job.spec.layout = job.run.layout;
    host::each_field<Spec>([&](const auto& field) { note(field, job.spec); });
    const Options options = options_for(job.run, pass);
    host::each_field<Options>([&](const auto& field) { note(field, options); });
  };
  const Column column{cpu_device(), ""};
  for (const Spec& cell : all_cells_and_projections()) {
    for (const Way& way : kWays) {
      SupportJob job = job_of(column, cell, DataType::bf16);
      note_job(job, way.pass);
    }
  }
  for (const SupportRow& row : support_rows()) {
    SupportJob job = job_of(column, Spec{}, DataType::f32);
    row.set(job);
    note_job(job, Pass::inference);
  }
  const auto expect = [&](const auto& field) { EXPECT_TRUE(set.contains(field.id)) << field.name; };
  host::each_field<Spec>(expect);
  host::each_field<Options>(expect);
}

TEST_F(SupportTable, IsWhatTheFileSays) {
  line("# What works where");
  line();
  line(
      "Written by a test, never by hand: `engines_support_table` runs every job that stands here as *pass*, "
      "judges its");
  line("results by the oracle (`docs/design.md`, section 10), and holds this file against what it finds.");
  line();
  line("    RECUR_UPDATE_TABLES=1 ctest --preset dev -R engines_support_table    # writes it anew");
  line();
  line(
      "*refused*: `make_plan`, or the call, throws an error with that reason. *-*: the option is not "
      "the engine's or the");
  line(
      "cell's. A *pass* of a cell is inference with canonical and with prepared weights, `step`, and "
      "training with all");
  line(
      "gradients; where these differ each is named. Sizes are small; `tests/engines` has the sizes, and the "
      "crossing of options.");
  line();
  line("## Cells and types");
  cells_and_types();
  line();
  line("A projected lstm is one to half of H here.");
  line();
  line("## Options");
  line();
  line(
      "An rnn (tanh), a gru (reset after), an lstm and a min-gru, those that the engine takes, in the first "
      "type that it takes,");
  line(
      "inference with prepared weights and training. Engines may do without `tf32`, and are judged by its "
      "rule "
      "all the same.");
  options();
  line();
  line("## Chips");
  line();
  line(
      "What is planned for described devices. None of it has run on one. `cudnn` plans only for a device "
      "that is there.");
  chips();
  line();
  line("Above the largest H `cluster-resident` refuses the layer, and `best` takes `fused` or `stepwise`:");
  largest();
  ASSERT_FALSE(HasFailure()) << "the file stays as it is";
  const std::string difference = difference_from_table(RECUR_SUPPORT_TABLE, lines_);
  EXPECT_TRUE(difference.empty()) << difference;
}

}  // namespace
}  // namespace recur::test
