// Random layers, run in random ways: whatever is drawn is judged right by the oracle, refused by the table of
// refusals, or impossible and said to be. What the other tests cross on purpose, this crosses by chance.
//
//     RECUR_SOAK_SEED=7 RECUR_SOAK_CASES=20000 test_engines_soak     # another, longer walk
//
// A case depends on the seed and its number alone; a failure names both, for
//
//     RECUR_SOAK_SEED=7 RECUR_SOAK_FIRST=123 RECUR_SOAK_CASES=1 test_engines_soak
#include <algorithm>
#include <cstdlib>
#include <map>
#include <set>

#include "engines/device_test.hpp"
#include "engines/judge.hpp"
#include "engines/soak_draw.hpp"
#include "host/fields.hpp"
#include "support/same_bits.hpp"

namespace recur::test {

static void PrintTo(const TestDevice& device, std::ostream* out) { *out << device.name; }

namespace {

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

enum class Outcome { judged, refused, impossible };

Outcome run_case(const SoakCase& drawn) {
  const RunOptions& run = drawn.run;
  try {
    plan_of(drawn);
  } catch (const Unsupported&) {
    return Outcome::refused;
  } catch (const InvalidArgument&) {
    return Outcome::impossible;
  }
  with_storage(drawn.spec.dtype, [&]<class T>() {
    const auto judged = [&]<class Round>(Round) {
      if (drawn.pass == Pass::inference) return judge_inference<T, Round>(drawn.spec, drawn.T, drawn.B, run);
      judge_all<T, Round>(drawn.spec, drawn.T, drawn.B, {run});
    };
    if (std::is_same_v<T, float> && run.tf32) return judged(oracle::RoundOperandsToTf32());
    judged(typename StorageOf<T>::Round());
  });
  return Outcome::judged;
}

class Soak : public ::testing::TestWithParam<TestDevice> {};

TEST_P(Soak, IsJudgedRefusedOrImpossible) {
  const TestDevice& device = GetParam();
  if (!device.absent.empty()) GTEST_SKIP() << device.absent;
  const UseMemory memory(*device.memory);
  const SoakLimits limits = soak_limits(device);
  const std::uint64_t seed = from_environment("RECUR_SOAK_SEED", 1);
  const std::uint64_t first = from_environment("RECUR_SOAK_FIRST", 0);
  const std::uint64_t count = from_environment("RECUR_SOAK_CASES", limits.cases);
  std::map<Outcome, std::uint64_t> outcomes;
  for (std::uint64_t number = first; number < first + count; ++number) {
    const SoakCase drawn = draw_case(device, limits, seed, number);
    SCOPED_TRACE("RECUR_SOAK_SEED=" + std::to_string(seed) + " RECUR_SOAK_FIRST=" + std::to_string(number) +
                 " RECUR_SOAK_CASES=1: " + text_of(drawn));
    try {
      ++outcomes[run_case(drawn)];
    } catch (const Unsupported& error) {
      // What only another library knows, and says of smaller calls than planned.
      if (device.engine != EngineId::onednn)
        ADD_FAILURE() << "planned, but the call throws: " << error.what();
      ++outcomes[Outcome::refused];
    } catch (const std::exception& error) {
      ADD_FAILURE() << "planned, but the call throws: " << error.what();
    }
    if (HasFailure()) return;  // the judge gives no more verdicts
  }
  std::printf("seed %llu, cases %llu to %llu: %llu judged, %llu refused, %llu impossible\n",
              static_cast<unsigned long long>(seed), static_cast<unsigned long long>(first),
              static_cast<unsigned long long>(first + count - 1),
              static_cast<unsigned long long>(outcomes[Outcome::judged]),
              static_cast<unsigned long long>(outcomes[Outcome::refused]),
              static_cast<unsigned long long>(outcomes[Outcome::impossible]));
  EXPECT_TRUE(count == 1 || 4 * outcomes[Outcome::judged] >= count) << "most were left undone";
}

// Every field of Spec and Options is drawn with another value than its default by some device here, so that a new
// field that the walk leaves out fails. An algorithm of cuDNN is the device's, and what is logged is no part of a
// job. Where no device has tf32, or several threads, none is drawn.
TEST(SoakDraws, SetEveryField) {
  std::set<host::FieldId> set = {host::FieldId::cudnn_algorithm, host::FieldId::log};
  const auto devices = test_devices();
  if (std::ranges::none_of(devices, &TestDevice::tf32)) set.insert(host::FieldId::tf32);
  const auto is_one_thread = [](const TestDevice& device) { return device.threads == 1; };
  if (std::ranges::all_of(devices, is_one_thread)) set.insert(host::FieldId::threads);
  for (const TestDevice& device : devices) {
    if (!device.absent.empty()) GTEST_SKIP() << device.absent;
    for (std::uint64_t number = 0; number < 4000; ++number) {
      Draw draw(1, number);
      SoakCase drawn = draw_any(draw, device, soak_limits(device));
      drawn.spec.layout = drawn.run.layout;
      const Options options = options_for(drawn.run, drawn.pass);
      host::each_field<Spec>([&](const auto& field) {
        if (!host::is_default(field, drawn.spec)) set.insert(field.id);
      });
      host::each_field<Options>([&](const auto& field) {
        if (!host::is_default(field, options)) set.insert(field.id);
      });
    }
  }
  const auto expect = [&](const auto& field) { EXPECT_TRUE(set.contains(field.id)) << field.name; };
  host::each_field<Spec>(expect);
  host::each_field<Options>(expect);
}

// Too large for the oracle, which has judged what one thread does: several give its bits, whether or not
// either was asked for batch invariance.
template <class T>
void expect_bits_of_one_thread(const SoakCase& drawn) {
  const auto problem = oracle::convert<T>(problem_for(*drawn.run.device, drawn.spec, drawn.T, drawn.B, 1));
  const auto upstream = oracle::convert<T>(random_output_gradients(drawn.spec, drawn.T, drawn.B, 1));
  RunOptions run = drawn.run;
  run.mode = GradientMode::overwrite;
  EngineRun<T> many(problem, Pass::training, run);
  run.threads = 1;
  run.batch_invariant = !run.batch_invariant;
  EngineRun<T> other(problem, Pass::training, run);
  EXPECT_TRUE(same_bits(many.forward(), other.forward()));
  EXPECT_TRUE(same_bits(many.backward(upstream), other.backward(upstream)));
}

TEST_P(Soak, ThreadsGiveTheBitsOfOne) {
  const TestDevice& device = GetParam();
  if (!device.absent.empty()) GTEST_SKIP() << device.absent;
  if (device.engine != EngineId::cpu) GTEST_SKIP() << "of the CPU engine";
  const UseMemory memory(*device.memory);
  const std::uint64_t seed = from_environment("RECUR_SOAK_SEED", 1);
  const std::uint64_t first = from_environment("RECUR_SOAK_FIRST", 0);
  const std::uint64_t count = from_environment("RECUR_SOAK_CASES", kJudges ? 60 : 2);
  for (std::uint64_t number = first; number < first + count && !HasFailure(); ++number) {
    const SoakCase drawn = draw_shared(device, seed, number);
    SCOPED_TRACE("RECUR_SOAK_SEED=" + std::to_string(seed) + " RECUR_SOAK_FIRST=" + std::to_string(number) +
                 " RECUR_SOAK_CASES=1: " + text_of(drawn));
    with_storage(drawn.spec.dtype, [&]<class T>() { expect_bits_of_one_thread<T>(drawn); });
  }
  std::printf("seed %llu, cases %llu to %llu\n", static_cast<unsigned long long>(seed),
              static_cast<unsigned long long>(first), static_cast<unsigned long long>(first + count - 1));
}

INSTANTIATE_TEST_SUITE_P(Devices, Soak, ::testing::ValuesIn(test_devices()),
                         [](const auto& instance) { return camel_case(instance.param.name); });

}  // namespace
}  // namespace recur::test
