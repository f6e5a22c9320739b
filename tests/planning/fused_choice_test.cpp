// What a step costs by the fused kernel and by a product and a kernel, by the model, and which engine `best` takes: a
// committed table over chips, and what must hold for all.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>

#include "host/fused/model.hpp"
#include "host/refusals.hpp"
#include "planning/chips.hpp"
#include "support/committed_table.hpp"
#include "support/spec_name.hpp"

namespace recur::test {
namespace {

using host::fused::fused_backward_step_seconds;
using host::fused::fused_step_seconds;
using host::fused::has_fused_backward;
using host::fused::separate_step_seconds;
using host::fused::step_shape_of;
using host::fused::StepShape;

struct ChipOfTable {
  const char* name;
  int major, minor, multiprocessors;
  std::size_t l2_bytes, shared_per_block;
};
// As host/known_devices.cpp, and Blackwell: NVIDIA's data sheets.
constexpr ChipOfTable kTableChips[] = {
    {"H200", 9, 0, 132, 50u << 20, 227u << 10},     {"H100 PCIe", 9, 0, 114, 50u << 20, 227u << 10},
    {"A100", 8, 0, 108, 40u << 20, 163u << 10},     {"L4", 8, 9, 58, 48u << 20, 99u << 10},
    {"T4", 7, 5, 40, 4u << 20, 64u << 10},          {"B200", 10, 0, 148, 126u << 20, 227u << 10},
    {"RTX 5090", 12, 0, 170, 96u << 20, 99u << 10},
};

DeviceProps props_of(const ChipOfTable& chip) {
  DeviceProps props =
      test::props_of(Chip{chip.name, chip.major, chip.minor, chip.multiprocessors, chip.shared_per_block});
  props.cuda.l2_bytes = chip.l2_bytes;
  return props;
}

struct Layer {
  const char* reason;
  Cell cell;
  std::int64_t hidden;
  DataType type;
  Direction direction = Direction::forward;
  GruReset reset = GruReset::after;
};
constexpr Layer kLayers[] = {
    {"keyword spotting", Cell::gru, 64, DataType::f16},
    {"speech, both directions", Cell::lstm, 256, DataType::f16, Direction::bidirectional},
    {"translation", Cell::lstm, 512, DataType::f16},
    {"two launches a step", Cell::gru, 512, DataType::f16, Direction::forward, GruReset::before},
    {"language model", Cell::lstm, 1024, DataType::f16},
    {"language model", Cell::lstm, 1024, DataType::f32},
    {"beyond some L2", Cell::lstm, 2048, DataType::f16},
    {"beyond every L2", Cell::lstm, 4096, DataType::f16},
};

std::vector<std::string> lines_of_table() {
  std::vector<std::string> lines;
  for (const Layer& layer : kLayers) {
    Spec spec;
    spec.cell = layer.cell;
    spec.gru_reset = layer.reset;
    spec.direction = layer.direction;
    spec.dtype = layer.type;
    spec.input_size = spec.hidden_size = layer.hidden;
    lines.push_back(std::string(layer.reason) + ": " + spec_name(spec) + " " +
                    std::string(name_of(spec.dtype)));
    for (const ChipOfTable& chip : kTableChips) {
      for (std::int64_t batch : {1, 16, 64}) {
        const host::Job job{spec, {512, batch}, props_of(chip), {}};
        const StepShape shape = step_shape_of(job);
        char text[160];
        std::snprintf(
            text, sizeof(text),
            "  %s B=%d: %.2f us fused, %.2f us separate, backward %.2f us fused; best: %s", chip.name,
            static_cast<int>(batch), 1e6 * fused_step_seconds(shape, job.device.cuda),
            1e6 * separate_step_seconds(shape, job.device.cuda),
            1e6 * fused_backward_step_seconds(shape, job.device.cuda),
            std::string(name_of(make_plan(spec, job.shape, Device::from_props(job.device)).engine()))
                .c_str());
        lines.emplace_back(text);
      }
    }
  }
  return lines;
}

TEST(FusedChoice, IsWhatTheCommittedTableSays) {
  const std::string difference = difference_from_table(RECUR_FUSED_CHOICES, lines_of_table());
  EXPECT_TRUE(difference.empty()) << difference;
}

StepShape shape_of(std::int64_t hidden, std::int64_t batch, DataType type = DataType::f16) {
  Spec spec;
  spec.dtype = type;
  spec.input_size = spec.hidden_size = hidden;
  return step_shape_of({spec, {1, batch}, {}, {}});
}

// More work is never predicted to take less time.
TEST(FusedChoice, GrowsWithWork) {
  for (const ChipOfTable& chip : kTableChips) {
    const CudaProps cuda = props_of(chip).cuda;
    for (DataType type : {DataType::f32, DataType::f16}) {
      double wider = 0, wider_backward = 0;
      for (std::int64_t hidden = 8; hidden <= 8192; hidden *= 2) {
        const double seconds = fused_step_seconds(shape_of(hidden, 8, type), cuda);
        EXPECT_GE(seconds, wider) << chip.name << " H=" << hidden;
        wider = seconds;
        const double backward = fused_backward_step_seconds(shape_of(hidden, 8, type), cuda);
        EXPECT_GE(backward, wider_backward) << chip.name << " H=" << hidden;
        wider_backward = backward;
        double longer = 0, longer_backward = 0;
        for (std::int64_t batch : {1, 8, 16, 32, 64}) {
          const double of_batch = fused_step_seconds(shape_of(hidden, batch, type), cuda);
          EXPECT_GE(of_batch, longer) << chip.name << " H=" << hidden << " B=" << batch;
          longer = of_batch;
          const double backward_of_batch = fused_backward_step_seconds(shape_of(hidden, batch, type), cuda);
          EXPECT_GE(backward_of_batch, longer_backward) << chip.name << " H=" << hidden << " B=" << batch;
          longer_backward = backward_of_batch;
        }
      }
    }
  }
}

// The slower way is never the one that `best` takes of the two.
TEST(FusedChoice, BestFollowsTheModel) {
  for (const ChipOfTable& chip : kTableChips) {
    for (std::int64_t hidden : {64, 1024, 4096}) {
      for (std::int64_t batch : {1, 64}) {
        Spec spec;
        spec.input_size = spec.hidden_size = hidden;
        const host::Job job{spec, {4, batch}, props_of(chip), {}};
        const StepShape shape = step_shape_of(job);
        const bool fused =
            fused_step_seconds(shape, job.device.cuda) <= separate_step_seconds(shape, job.device.cuda);
        EXPECT_EQ(make_plan(spec, job.shape, Device::from_props(job.device)).engine(),
                  fused ? EngineId::fused : EngineId::stepwise)
            << chip.name << " H=" << hidden << " B=" << batch;
      }
    }
  }
}

// A plan for training says which way backward goes, and goes the faster one.
TEST(FusedChoice, BackwardFollowsTheModel) {
  int fused_plans = 0, separate_plans = 0;
  for (const ChipOfTable& chip : kTableChips) {
    for (std::int64_t hidden : {64, 1024, 4096}) {
      for (std::int64_t batch : {1, 64}) {
        Spec spec;
        spec.input_size = spec.hidden_size = hidden;
        const host::Job job{spec, {4, batch}, props_of(chip), {}};
        const Options options{.engine = EngineId::fused, .pass = Pass::training};
        const Plan plan = make_plan(spec, job.shape, Device::from_props(job.device), options);
        const bool fused = has_fused_backward(step_shape_of(job), job.device.cuda);
        ++(fused ? fused_plans : separate_plans);
        EXPECT_NE(plan.tile().find(fused ? "; backward: one kernel a step in "
                                         : "; backward: product and gate kernel a step, "),
                  std::string::npos)
            << chip.name << " H=" << hidden << " B=" << batch << ": " << plan.tile();
        const Plan inference = make_plan(spec, job.shape, Device::from_props(job.device),
                                         {.engine = EngineId::fused, .pass = Pass::inference});
        EXPECT_EQ(inference.tile().find("backward"), std::string::npos) << inference.tile();
      }
    }
  }
  EXPECT_GT(fused_plans, 0);
  EXPECT_GT(separate_plans, 0);
}

// `best` counts both passes of training.
TEST(FusedChoice, BestOfTrainingFollowsBothPasses) {
  int fused_plans = 0, separate_plans = 0;
  for (const ChipOfTable& chip : kTableChips) {
    for (std::int64_t hidden : {64, 512, 1024, 2048, 4096}) {
      for (std::int64_t batch : {1, 16, 32, 64}) {
        Spec spec;
        spec.input_size = spec.hidden_size = hidden;
        const host::Job job{spec, {4, batch}, props_of(chip), {}};
        const StepShape shape = step_shape_of(job);
        const double separate = separate_step_seconds(shape, job.device.cuda);
        const bool fused = fused_step_seconds(shape, job.device.cuda) +
                               std::min(separate, fused_backward_step_seconds(shape, job.device.cuda)) <=
                           2 * separate;
        ++(fused ? fused_plans : separate_plans);
        EXPECT_EQ(
            make_plan(spec, job.shape, Device::from_props(job.device), {.pass = Pass::training}).engine(),
            fused ? EngineId::fused : EngineId::stepwise)
            << chip.name << " H=" << hidden << " B=" << batch;
      }
    }
  }
  EXPECT_GT(fused_plans, 0);
  EXPECT_GT(separate_plans, 0);
}

}  // namespace
}  // namespace recur::test
