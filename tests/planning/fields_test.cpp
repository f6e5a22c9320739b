// What walks the list of fields by itself, asked field by field: a new one is asked about without being named.
#include "host/fields.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <string_view>
#include "host/c/convert.hpp"
#include "host/refusals.hpp"
#include "support/other_values.hpp"

namespace recur::test {
namespace {

using host::Field;
using host::FieldId;
using host::Need;

constexpr EngineId kEngines[] = {EngineId::cpu,   EngineId::stepwise, EngineId::cluster_resident,
                                 EngineId::cudnn, EngineId::onednn,   EngineId::fused};

TEST(Fields, OfTheStructsAreListedOnce) {
  std::set<FieldId> ids;
  std::set<std::string_view> names;
  std::size_t fields = 0;
  const auto count = [&](const auto& field) {
    ids.insert(field.id);
    names.insert(field.name);
    ++fields;
  };
  host::each_field<Spec>(count);
  EXPECT_EQ(fields, host::fields::member_count<Spec>());
  host::each_field<Options>(count);
  EXPECT_EQ(ids.size(), fields);
  EXPECT_EQ(names.size(), fields);
}

template <class Owner>
void expect_to_come_back_from_c() {
  host::each_field<Owner>([]<class Value>(const Field<Owner, Value>& field) {
    if constexpr (!std::is_same_v<Value, LogCallback>) {
      Owner owner;
      set_other(owner.*field.member);
      EXPECT_FALSE(host::is_default(field, owner)) << field.name;
      const auto c = host::c::to_c(owner);
      Owner back;
      if constexpr (std::is_same_v<Owner, Spec>) {
        back = host::c::spec_of(&c);
      } else {
        back = host::c::options_of(&c);
      }
      host::each_field<Owner>([&](const auto& other) {
        EXPECT_TRUE(host::same_value(back.*other.member, owner.*other.member))
            << field.name << " in C changes " << other.name;
      });
    }
  });
}

TEST(Fields, ComeBackFromC) {
  expect_to_come_back_from_c<Spec>();
  expect_to_come_back_from_c<Options>();
}

// Required fields and wishes are no reason by themselves; of an optional one an engine that refuses it says its
// name, or has a row of its own.
TEST(Fields, AreRefusedByNameOrServed) {
  for (const EngineId engine : kEngines) {
    const auto expect = [&](const auto& field, const host::Job& job) {
      for (const host::Refusal& row : host::refusals()) {
        if (row.engine != engine || !row.reason.ends_with(" not implemented") || !row.applies(job)) continue;
        EXPECT_EQ(field.need, Need::optional) << name_of(engine) << ": " << field.name << ": " << row.reason;
        EXPECT_TRUE(row.reason.starts_with(field.name) || field.id == FieldId::reverse_activations)
            << field.name << ": " << row.reason;
      }
    };
    host::each_field<Spec>([&](const auto& field) {
      host::Job job{Spec{}, {}, {}, {}};
      set_other(job.spec.*field.member);
      expect(field, job);
    });
    host::each_field<Options>([&](const auto& field) {
      host::Job job{Spec{}, {}, {}, {}};
      set_other(job.options.*field.member);
      expect(field, job);
    });
  }
}

// No engine has these: the rows come from the list.
TEST(Fields, ThatNoEngineNamesAreRefusedByAll) {
  const auto refused = [](EngineId engine, std::string_view reason, const host::Job& job) {
    return std::ranges::any_of(host::refusals(), [&](const host::Refusal& row) {
      return row.engine == engine && row.reason == reason && row.applies(job);
    });
  };
  host::Job job{Spec{}, {}, {}, {}};
  job.spec.recurrent_dropout = job.spec.zoneout = 0.25;
  job.spec.layer_norm = true;
  job.options.checkpoint_interval = job.options.truncation_window = 2;
  for (const EngineId engine : kEngines) {
    for (const char* name :
         {"recurrent_dropout", "zoneout", "layer_norm", "checkpoint_interval", "truncation_window"}) {
      const std::string reason = std::string(name) + " is not implemented";
      EXPECT_TRUE(refused(engine, reason, job)) << name_of(engine) << ": " << name;
      EXPECT_FALSE(refused(engine, reason, {Spec{}, {}, {}, {}})) << name_of(engine) << ": " << name;
    }
  }
}

}  // namespace
}  // namespace recur::test
