// Devices in C: described ones, known ones, and the rates that plans predict from.
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "c/interface.hpp"
#include "host/c/convert.hpp"

namespace recur::test {
namespace {

// Of an lstm of 768 units R takes a cluster of 16 blocks.
TEST_F(CInterface, ADescribedGpuIsPlannedForAsInCpp) {
  spec_.dtype = RECUR_BF16;
  spec_.hidden_size = 768;
  options_.engine = RECUR_ENGINE_CLUSTER_RESIDENT;
  cpp_spec_.dtype = DataType::bf16;
  cpp_spec_.hidden_size = 768;
  recur_device_props props;
  recur_device_props_init(&props);
  EXPECT_EQ(props.cuda_most_cluster, CudaProps{}.most_cluster);
  props.kind = RECUR_DEVICE_CUDA;
  DeviceProps cpp_props;
  cpp_props.kind = DeviceKind::cuda;
  props.cuda_compute_major = cpp_props.cuda.compute_major = 9;
  props.cuda_multiprocessors = cpp_props.cuda.multiprocessors = 132;
  props.cuda_shared_per_block_optin = cpp_props.cuda.shared_per_block_optin = 227u << 10;
  for (const int most : {8, 16}) {
    props.cuda_most_cluster = cpp_props.cuda.most_cluster = most;
    props.cuda_clusters_at_once[3] = cpp_props.cuda.clusters_at_once[3] = most;
    Owned<recur_device, recur_device_free> device;
    ASSERT_EQ(recur_device_from_props(&props, &device.handle, &error_), RECUR_SUCCESS) << error_.message;
    Owned<recur_plan, recur_plan_free> plan;
    const recur_status status = recur_plan_create(&spec_, kT, kB, device, &options_, &plan.handle, &error_);
    try {
      make_plan(cpp_spec_, {kT, kB}, Device::from_props(cpp_props), {.engine = EngineId::cluster_resident});
      EXPECT_EQ(status, RECUR_SUCCESS) << error_.message;
    } catch (const Unsupported& error) {
      EXPECT_EQ(status, RECUR_UNSUPPORTED);
      EXPECT_STREQ(error_.message, error.what());
    }
  }
}

TEST_F(CInterface, RatesGiveThePredictionsOfTheCppInterface) {
  const recur_memory_level levels[] = {{"L1", 1 << 15, 1e11}, {nullptr, HUGE_VAL, 1e10}};
  const recur_hop hops[] = {{"cluster of 2", HUGE_VAL, 1e-6}};
  recur_rates rates;
  recur_rates_init(&rates);
  EXPECT_EQ(rates.threads, 1);
  rates.threads = 2;
  rates.operations_per_second = {1e11, 2e11, 3e10, 4e10, 5e10};
  rates.levels = levels;
  rates.level_count = 2;
  rates.activations_per_second = {1e9, 0, 1e8, 0, 0};
  rates.call_seconds = 1e-5;
  rates.barrier_seconds = 1e-6;
  rates.launch_seconds = 2e-6;
  rates.resident_bytes = 1e6;
  rates.hops = hops;
  rates.hop_count = 1;
  recur_device_props props;
  recur_device_props_init(&props);
  props.rates = &rates;
  const std::string simd = Device::cpu().props().cpu.simd;
  props.cpu_simd = simd.c_str();

  DeviceProps cpp_props;
  cpp_props.cpu.simd = simd;
  cpp_props.rates = Rates{.threads = 2,
                          .operations_per_second = {1e11, 2e11, 3e10, 4e10, 5e10},
                          .levels = {{"L1", 1 << 15, 1e11}, {.name = "", .bytes_per_second = 1e10}},
                          .activations_per_second = {1e9, 0, 1e8, 0, 0},
                          .call_seconds = 1e-5,
                          .barrier_seconds = 1e-6,
                          .launch_seconds = 2e-6,
                          .resident_bytes = 1e6,
                          .hops = {{.name = "cluster of 2", .seconds = 1e-6}}};
  const auto device_from = [&](recur_device** out) {
    recur_device_free(device_.handle);
    return recur_device_from_props(&props, out, &error_);
  };
  for (const auto& [c_type, type] : {std::pair(RECUR_F32, DataType::f32), {RECUR_F64, DataType::f64}}) {
    ASSERT_EQ(device_from(&device_.handle), RECUR_SUCCESS) << error_.message;
    spec_.dtype = c_type;
    cpp_spec_.dtype = type;
    Owned<recur_plan, recur_plan_free> plan;
    ASSERT_EQ(recur_plan_create(&spec_, kT, kB, device_, &options_, &plan.handle, &error_), RECUR_SUCCESS)
        << error_.message;
    const Plan expected =
        make_plan(cpp_spec_, {kT, kB}, Device::from_props(cpp_props), {.pass = Pass::training});
    EXPECT_EQ(recur_plan_predicted_seconds(plan), expected.predicted_seconds().value());
    EXPECT_EQ(recur_plan_predicted_backward_seconds(plan), expected.predicted_backward_seconds().value());
  }

  // Names, which no plan of a CPU reads.
  const Rates read = host::c::props_of(&props).rates.value();
  EXPECT_EQ(read.levels[0].name, "L1");
  EXPECT_EQ(read.levels[1].name, "");
  EXPECT_EQ(read.hops[0].name, "cluster of 2");

  // Every other field, by who refuses it.
  const recur_rates good = rates;
  const auto refused = [&](const char* text) {
    ASSERT_EQ(device_from(&device_.handle), RECUR_SUCCESS) << error_.message;
    expect(recur_plan_create(&spec_, kT, kB, device_, &options_, &plan_.handle, &error_),
           RECUR_INVALID_ARGUMENT, text);
    rates = good;
  };
  rates.threads = 0;
  refused("Rates::threads");
  rates.operations_per_second.tf32 = -1;
  refused("Rates::operations_per_second.tf32");
  rates.operations_per_second.bf16 = -1;
  refused("Rates::operations_per_second.bf16");
  rates.activations_per_second.f16 = -1;
  refused("Rates::activations_per_second.f16");
  rates.level_count = 0;
  refused("Rates::levels");
  rates.call_seconds = -1;
  refused("Rates::call_seconds");
  rates.barrier_seconds = -1;
  refused("Rates::barrier_seconds");
  rates.launch_seconds = NAN;
  refused("Rates::launch_seconds");
  rates.resident_bytes = -1;
  refused("Rates::resident_bytes");
  const recur_hop bad_hops[] = {hops[0], {nullptr, 0, 0}};
  rates.hops = bad_hops;
  rates.hop_count = 2;
  refused("Rates::hops.holds_bytes");

  const auto not_made = [&](const char* text) {
    device_.handle = nullptr;
    expect(recur_device_from_props(&props, &device_.handle, &error_), RECUR_INVALID_ARGUMENT, text);
    EXPECT_EQ(device_.handle, nullptr);
    rates = good;
  };
  recur_device_free(device_.handle);
  rates.levels = nullptr;
  not_made("props.rates.levels: expected a pointer, got null");
  rates.level_count = -1;
  not_made("props.rates.levels: expected a count of at least 0, got -1");
  rates.hops = nullptr;
  not_made("props.rates.hops: expected a pointer, got null");
  rates.hop_count = INT64_MIN;
  not_made("props.rates.hops: expected a count of at least 0");
  rates.struct_size = 0;
  not_made("props.rates.struct_size");
  // A program that knows of no rates has none.
  props.rates = reinterpret_cast<const recur_rates*>(1);
  props.struct_size = offsetof(recur_device_props, rates);
  EXPECT_EQ(recur_device_from_props(&props, &device_.handle, &error_), RECUR_SUCCESS) << error_.message;
}

TEST_F(CInterface, KnownDevicesAndRates) {
  EXPECT_NE(std::string(recur_engine_status(RECUR_ENGINE_STEPWISE)).find("has not run on a GPU"),
            std::string::npos);
  EXPECT_STREQ(recur_engine_status(99), "unknown engine");
  recur_device* known = nullptr;
  expect(recur_device_known("h300", &known, &error_), RECUR_INVALID_ARGUMENT,
         "device: expected one of h200, ");
  expect(recur_device_known(nullptr, &known, &error_), RECUR_INVALID_ARGUMENT, "name");
  expect(recur_device_known("h200", nullptr, &error_), RECUR_INVALID_ARGUMENT, "out");
  EXPECT_EQ(known, nullptr);
  ASSERT_EQ(recur_device_known("h200", &known, &error_), RECUR_SUCCESS) << error_.message;

  const std::string json = R"({"format": "recur-perf", "format_version": 1, "rates": [{
      "operations_per_second": {"f32": 5e13}, "levels": [{"name": "memory", "bytes_per_second": 4e12}],
      "launch_seconds": 2e-6, "hops": []}]})";
  recur_plan* plan = nullptr;
  const auto predicted = [&] {
    EXPECT_EQ(recur_plan_create(&spec_, kT, kB, known, nullptr, &plan, &error_), RECUR_SUCCESS)
        << error_.message;
    const double seconds = recur_plan_predicted_seconds(plan);
    EXPECT_EQ(recur_plan_engine(plan), RECUR_ENGINE_FUSED);
    recur_plan_free(plan);
    return seconds;
  };
  EXPECT_TRUE(std::isnan(predicted()));
  expect(recur_device_read_rates(known, json.data(), json.size(), 1, &error_), RECUR_INVALID_ARGUMENT,
         "threads: expected one that the result has rates of, 0");
  expect(recur_device_read_rates(known, json.data(), json.size() - 1, 0, &error_), RECUR_FORMAT_ERROR,
         "rates: ");
  expect(recur_device_read_rates(known, nullptr, 1, 0, &error_), RECUR_INVALID_ARGUMENT, "json");
  expect(recur_device_read_rates(nullptr, json.data(), json.size(), 0, &error_), RECUR_INVALID_ARGUMENT,
         "device");
  EXPECT_TRUE(std::isnan(predicted())) << "what is refused changes nothing";
  ASSERT_EQ(recur_device_read_rates(known, json.data(), json.size(), 0, &error_), RECUR_SUCCESS)
      << error_.message;
  EXPECT_GT(predicted(), 0);
  recur_device_free(known);
}

}  // namespace
}  // namespace recur::test
