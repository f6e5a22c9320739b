/// @file
/// Tests of every device of the executable, in every type and cell: class X : public DeviceTest,
/// INSTANTIATE_TEST_SUITE_P(Devices, X, ValuesIn(cases(&TestDevice::types)), case_name).
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <ostream>
#include <set>
#include <string>
#include <vector>

#include "engines/test_device.hpp"
#include "support/spec_name.hpp"
#include "support/storage.hpp"

namespace recur::test {

struct Case {
  const TestDevice* device;
  DataType type;
  Spec cell;  ///< only the fields of the cell are set, and whether it is projected
};

/// E.g. "CpuF32LstmPeephole".
inline std::string name_of_case(const Case& value) {
  return camel_case(value.device->name + "_" + std::string(name_of(value.type)) + "_" +
                    cell_name(value.cell));
}
inline std::string case_name(const ::testing::TestParamInfo<Case>& info) { return name_of_case(info.param); }
inline void PrintTo(const Case& value, std::ostream* out) { *out << name_of_case(value); }

/// Every device with each of its `types` and every cell that it takes. Devices with the same type and cell
/// follow each other: what is expected of them is computed once (engines/expected.hpp).
inline std::vector<Case> cases(std::vector<DataType> TestDevice::*types,
                               const std::vector<Spec>& cells = all_cells_and_projections()) {
  static const std::vector<TestDevice> devices = test_devices();
  std::vector<Case> result;
  for (DataType type : {DataType::f32, DataType::f64, DataType::bf16, DataType::f16}) {
    for (const Spec& cell : cells) {
      for (const TestDevice& device : devices) {
        const auto& taken = device.*types;
        if (std::find(taken.begin(), taken.end(), type) != taken.end())
          result.push_back({&device, type, cell});
      }
    }
  }
  return result;
}

/// Takes its tensors from the device's memory, and is skipped where the device is absent or its engine
/// refuses the cell. What an engine may refuse is for planning/refusals to judge.
class DeviceTest : public ::testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    if (!device().absent.empty()) GTEST_SKIP() << device().absent;
    const std::string reason = refusal(sized({1, 1, 1, 2, ""}));
    if (!reason.empty()) GTEST_SKIP() << reason;
  }
  /// A test of which nothing was left is skipped, too.
  void TearDown() override {
    std::string reasons;
    for (const std::string& reason : left_out_) reasons += (reasons.empty() ? "" : "; ") + reason;
    if (reasons.empty()) return;
    if (!took_any_) GTEST_SKIP() << reasons;
    std::printf("[ LEFT OUT ] %s\n", reasons.c_str());
  }

  static const TestDevice& device() { return *GetParam().device; }
  /// The cell in the case's type, sizes as given; half of H where it is projected.
  static Spec sized(const Size& size) {
    Spec spec = GetParam().cell;
    spec.dtype = GetParam().type;
    spec.input_size = size.I;
    set_hidden(spec, size.H);
    spec.layers = size.L;
    return spec;
  }
  /// Why the device's engine refuses the layer; empty where it takes it.
  static std::string refusal(const Spec& spec) {
    const Options options{.engine = device().engine, .cudnn_algorithm = device().cudnn_algorithm};
    for (const PassedOver& one : survey_engines(spec, {1, 1}, device().device, options)) {
      if (one.engine == device().engine) return one.reason;
    }
    return "this build has no such engine";
  }
  /// For tests of several layers: whether there is a reason to leave this one out. The test says it.
  bool leaves_out(const std::string& reason) {
    if (reason.empty()) {
      took_any_ = true;
    } else {
      left_out_.insert(reason);
    }
    return !reason.empty();
  }
  bool takes(const Spec& spec) { return !leaves_out(refusal(spec)); }
  /// change(spec), where the engine takes that: options that a test is not about.
  template <class Change>
  static void where_taken(Spec& spec, Change&& change) {
    Spec changed = spec;
    change(changed);
    if (refusal(changed).empty()) spec = changed;
  }
  static void add_lengths(Spec& spec) {
    where_taken(spec, [](Spec& changed) { changed.variable_lengths = true; });
  }
  static void add_reset_mask(Spec& spec) {
    where_taken(spec, [](Spec& changed) { changed.reset_mask = true; });
  }
  static void add_cell_sequence(Spec& spec) {
    where_taken(spec, [](Spec& changed) { changed.cell_sequence = changed.cell == Cell::lstm; });
  }
  /// The cell as two layers of both directions, with all the options of a run that the engine takes.
  static Spec with_everything(const Size& size) {
    Spec spec = sized(size);
    spec.layers = 2;
    spec.direction = Direction::bidirectional;
    add_lengths(spec);
    add_reset_mask(spec);
    add_cell_sequence(spec);
    return spec;
  }
  /// f.template operator()<T>() with the storage type of the case.
  template <class F>
  static void typed(F&& f) {
    with_storage(GetParam().type, std::forward<F>(f));
  }

 private:
  UseMemory memory_{*GetParam().device->memory};
  std::set<std::string> left_out_;
  bool took_any_ = false;
};

inline std::string text_of(const Size& size) {
  return std::string(size.reason) + ": T=" + std::to_string(size.T) + " B=" + std::to_string(size.B) +
         " I=" + std::to_string(size.I) + " H=" + std::to_string(size.H) + " L=" + std::to_string(size.L);
}

}  // namespace recur::test
