/// @file
/// Tests of every device of the executable, in every type and cell: class X : public DeviceTest,
/// INSTANTIATE_TEST_SUITE_P(Devices, X, ValuesIn(cases(&TestDevice::types)), case_name).
#pragma once

#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <vector>

#include "engines/test_device.hpp"
#include "support/spec_name.hpp"
#include "support/storage.hpp"

namespace recur::test {

struct Case {
  const TestDevice* device;
  DataType type;
  Spec cell;  ///< only the fields of the cell are set
};

/// E.g. "CpuF32LstmPeephole".
inline std::string name_of_case(const Case& value) {
  return camel_case(value.device->name + "_" + std::string(name_of(value.type)) + "_" +
                    cell_name(value.cell));
}
inline std::string case_name(const ::testing::TestParamInfo<Case>& info) { return name_of_case(info.param); }
inline void PrintTo(const Case& value, std::ostream* out) { *out << name_of_case(value); }

/// Every device with each of its `types` and every cell.
inline std::vector<Case> cases(std::vector<DataType> TestDevice::*types) {
  static const std::vector<TestDevice> devices = test_devices();
  std::vector<Case> result;
  for (const TestDevice& device : devices) {
    for (DataType type : device.*types) {
      for (const Spec& cell : all_cells()) result.push_back({&device, type, cell});
    }
  }
  return result;
}

/// Takes its tensors from the device's memory, and is skipped where the device is absent.
class DeviceTest : public ::testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    if (!device().absent.empty()) GTEST_SKIP() << device().absent;
  }

  static const TestDevice& device() { return *GetParam().device; }
  /// The cell in the case's type, sizes as given.
  static Spec sized(const Size& size) {
    Spec spec = GetParam().cell;
    spec.dtype = GetParam().type;
    spec.input_size = size.I;
    spec.hidden_size = size.H;
    spec.layers = size.L;
    return spec;
  }
  /// f.template operator()<T>() with the storage type of the case.
  template <class F>
  static void typed(F&& f) {
    with_storage(GetParam().type, std::forward<F>(f));
  }

 private:
  UseMemory memory_{*GetParam().device->memory};
};

inline std::string text_of(const Size& size) {
  return std::string(size.reason) + ": T=" + std::to_string(size.T) + " B=" + std::to_string(size.B) +
         " I=" + std::to_string(size.I) + " H=" + std::to_string(size.H) + " L=" + std::to_string(size.L);
}

}  // namespace recur::test
