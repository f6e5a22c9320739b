// Drives calls with arguments that are wrong in one thing each. A Fixture holds valid arguments and poisoned
// outputs and has `expect_unwritten(label)`.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <string>
#include <type_traits>
#include <vector>

#include "recur/error.hpp"
#include "recur/tensor.hpp"

namespace recur::test {

template <class Fixture>
struct BadCase {
  std::string label;
  std::function<void(Fixture&)> spoil;
  std::vector<std::string> message;  // parts of the message
};

template <class Fixture>
using BadCases = std::vector<BadCase<Fixture>>;

// Calls with valid arguments once, then with each spoilt set: InvalidArgument, its message, and nothing
// written.
template <class Fixture, class Call>
void expect_refusals(const BadCases<Fixture>& cases, Call&& call) {
  {
    Fixture good;
    EXPECT_NO_THROW(call(good));
  }
  for (const BadCase<Fixture>& bad : cases) {
    Fixture fixture;
    bad.spoil(fixture);
    try {
      call(fixture);
      ADD_FAILURE() << bad.label << ": accepted";
    } catch (const InvalidArgument& error) {
      for (const std::string& part : bad.message) {
        EXPECT_NE(std::string(error.what()).find(part), std::string::npos)
            << bad.label << ": " << error.what();
      }
    }
    fixture.expect_unwritten(bad.label);
  }
}

template <class View>
View remake(const View& view, decltype(View().data()) data, DataType type, std::int64_t grow) {
  const int last = view.rank() - 1;
  const auto size = [&](int d) { return view.size(d) + (d == last ? grow : 0); };
  if (view.rank() == 1) return View(data, type, {size(0)});
  if (view.rank() == 2) return View(data, type, {size(0), size(1)});
  return View(data, type, {size(0), size(1), size(2)});
}

// What makes a view special among the others of a call.
struct ViewRole {
  bool optional = false;       // may be left out
  bool defines_width = false;  // a changed inner size is noticed at another argument
  bool output = false;         // must not overlap itself
};

// What can be wrong with a view, whatever it is for: applied to one member of the arguments.
template <class Fixture, class Pick>
void add_view_cases(BadCases<Fixture>& cases, const std::string& name, ViewRole role, Pick pick) {
  using View = std::remove_reference_t<decltype(pick(std::declval<Fixture&>()))>;
  using Bytes = std::conditional_t<std::is_same_v<View, TensorView>, char, const char>;
  const auto add = [&](const std::string& what, std::vector<std::string> message, auto spoil) {
    cases.push_back({name + " " + what, [=](Fixture& f) { spoil(pick(f)); }, std::move(message)});
  };
  if (!role.optional) add("missing", {name, "nothing"}, [](View& v) { v = View(); });
  add("null", {name, "null"}, [](View& v) { v = remake(v, nullptr, v.type(), 0); });
  add("misaligned", {name, "aligned"},
      [](View& v) { v = remake(v, static_cast<Bytes*>(v.data()) + 1, v.type(), 0); });
  add("of another dtype", {}, [](View& v) { v = remake(v, v.data(), DataType::u8, 0); });
  add("too wide",
      role.defines_width ? std::vector<std::string>{"expected"} : std::vector<std::string>{name, "expected"},
      [](View& v) { v = remake(v, v.data(), v.type(), 1); });
  add("of another rank", {name, "[1] [1] [1] [1]"}, [](View& v) {
    v = View(v.data(), v.type(), {1, 1, 1, 1});
  });
  add("of inner stride 2", {name, "inner stride"}, [](View& v) {
    if (v.rank() == 1) v = View(v.data(), v.type(), {v.size(0)}, {2});
    if (v.rank() == 2) v = View(v.data(), v.type(), {v.size(0), v.size(1)}, {2 * v.size(1), 2});
    if (v.rank() == 3) {
      v = View(v.data(), v.type(), {v.size(0), v.size(1), v.size(2)}, {v.stride(0) * 2, v.stride(1) * 2, 2});
    }
  });
  if (!role.output) return;
  cases.push_back({name + " overlapping itself",
                   [=](Fixture& f) {
                     View& v = pick(f);
                     if (v.rank() == 1) v = View(v.data(), v.type(), {v.size(0)}, {0});
                     if (v.rank() == 2) v = View(v.data(), v.type(), {v.size(0), v.size(1)}, {0, 1});
                     if (v.rank() == 3) {
                       v = View(v.data(), v.type(), {v.size(0), v.size(1), v.size(2)}, {v.stride(0), 1, 1});
                     }
                   },
                   {name}});
}

// `first` and `second` are the same memory; the message has both names.
template <class Fixture, class Spoil>
void add_overlap_case(BadCases<Fixture>& cases, const std::string& first, const std::string& second,
                      Spoil spoil) {
  cases.push_back({first + " over " + second, spoil, {first, second, "shared"}});
}

}  // namespace recur::test
