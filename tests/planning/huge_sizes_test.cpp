// Sizes up to the largest that 64 bits hold: a plan, or a refusal, and never a count that wrapped around. It
// is the sanitizers' build that sees one wrap.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "engines/enumerators.hpp"
#include "host/engine.hpp"
#include "planning/chips.hpp"
#include "recur/recur.hpp"
#include "support/random.hpp"
#include "support/spec_name.hpp"

namespace recur::test {
namespace {

constexpr std::uint64_t kCases = 20'000;

Rates all_rates() {
  Rates rates;
  rates.operations_per_second = {1e12, 1e13, 1e11, 1e14, 1e14};
  rates.activations_per_second = {1e10, 1e10, 1e9, 1e10, 1e10};
  rates.levels = {{.name = "L2", .bytes = 1e6, .bytes_per_second = 1e12},
                  {.name = "memory", .bytes_per_second = 1e11}};
  rates.call_seconds = rates.barrier_seconds = rates.launch_seconds = 1e-6;
  return rates;
}

// Around a power of two; small ones as often as all others, since all sizes together rarely fit otherwise.
std::int64_t size(Random& random) {
  const std::int64_t bits = random.integer(0, random.integer(0, 1) == 0 ? 4 : 62);
  return std::max<std::int64_t>(1, (std::int64_t{1} << bits) + random.integer(-1, 1));
}

struct Counts {
  std::uint64_t planned = 0, refused = 0, impossible = 0;
};

Counts plan_many(const DeviceProps& props, EngineId engine) {
  const std::vector<Spec> cells = all_cells();
  const std::vector<DataType> types = enumerators<DataType>(0);
  const Device device = Device::from_props(props);
  Counts counts;
  for (std::uint64_t number = 0; number < kCases; ++number) {
    Random random(1, number);
    const auto any = [&](const auto& values) {
      return values[static_cast<std::size_t>(random.integer(0, std::ssize(values) - 1))];
    };
    Spec spec = any(cells);
    spec.input_size = size(random);
    set_hidden(spec, size(random));
    spec.layers = random.integer(0, 1) == 0 ? 1 : random.integer(1, 64);
    spec.direction = any(enumerators<Direction>(0));
    spec.dtype = any(types);
    spec.layout = any(enumerators<Layout>(0));
    const Shape shape{size(random), size(random)};
    Options options;
    options.engine = engine;
    options.pass = any(enumerators<Pass>(0));
    options.threads = 1 << random.integer(0, 5);
    SCOPED_TRACE("case " + std::to_string(number) + ": " + spec_name(spec) + " T" +
                 std::to_string(shape.steps) + " B" + std::to_string(shape.batch));
    try {
      const Plan plan = make_plan(spec, shape, device, options);
      ++counts.planned;
      EXPECT_FALSE(plan.explain().empty());
      for (const std::optional<double>& seconds :
           {plan.predicted_seconds(), plan.predicted_backward_seconds()}) {
        EXPECT_TRUE(!seconds || (std::isfinite(*seconds) && *seconds > 0));
      }
    } catch (const InvalidArgument&) {
      ++counts.impossible;
    } catch (const Unsupported&) {
      ++counts.refused;
    }
    if (::testing::Test::HasFailure()) break;
  }
  std::printf(
      "%llu planned, %llu refused, %llu impossible\n", static_cast<unsigned long long>(counts.planned),
      static_cast<unsigned long long>(counts.refused), static_cast<unsigned long long>(counts.impossible));
  return counts;
}

class HugeSizes : public ::testing::TestWithParam<EngineId> {};

TEST_P(HugeSizes, ArePlannedOrRefused) {
  const EngineId engine = GetParam();
  DeviceProps props = engine == EngineId::cpu ? Device::cpu().props() : props_of(kChips[0]);
  props.rates = all_rates();
  const Counts counts = plan_many(props, engine);
  EXPECT_GT(counts.impossible, kCases / 100);
  EXPECT_GT(counts.planned, kCases / 100);
}

// Those whose planning is ours: of oneDNN's planning/onednn_test.cpp has what is known.
std::vector<EngineId> engines_of_the_build() {
  std::vector<EngineId> ids;
  for (const host::Engine* engine : host::engines()) {
    if (engine->id() != EngineId::onednn && engine->id() != EngineId::cudnn) ids.push_back(engine->id());
  }
  return ids;
}

std::string test_name(const ::testing::TestParamInfo<EngineId>& instance) {
  std::string name(name_of(instance.param));
  std::ranges::replace(name, '-', '_');
  return camel_case(name);
}

INSTANTIATE_TEST_SUITE_P(Engines, HugeSizes, ::testing::ValuesIn(engines_of_the_build()), test_name);

}  // namespace
}  // namespace recur::test
