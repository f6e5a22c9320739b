/// @file
/// What can be wrong with an argument, as a table of cases, and the run that holds each against the promise:
/// the typed error, the words, nothing written.
#pragma once

#include <gtest/gtest.h>

#include "badinput/call.hpp"

namespace recur::test {

/// One way of spoiling a call, and parts that the message must have.
struct BadCase {
  std::string label;
  std::function<void(Call&)> spoil;
  std::vector<std::string> message;
};
using BadCases = std::vector<BadCase>;

/// Runs each case on a call of its own. `prepare` brings the call to where it can be spoilt (a backward needs
/// a forward before it).
template <class Run, class Prepare>
void expect_refusals(const Scene& scene, const BadCases& cases, Run&& run, Prepare&& prepare) {
  for (const BadCase& bad : cases) {
    SCOPED_TRACE(bad.label);
    Call call(scene);
    prepare(call);
    bad.spoil(call);
    const std::vector<std::byte> before = call.arena.snapshot();
    try {
      run(call);
      ADD_FAILURE() << "accepted";
    } catch (const InvalidArgument& error) {
      EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
      for (const std::string& part : bad.message) {
        EXPECT_NE(std::string(error.what()).find(part), std::string::npos)
            << "no '" << part << "' in: " << error.what();
      }
    } catch (const std::exception& error) {
      ADD_FAILURE() << "another error: " << error.what();
    }
    EXPECT_EQ(call.arena.first_change(before), -1) << "written before it was refused";
  }
}
template <class Run>
void expect_refusals(const Scene& scene, const BadCases& cases, Run&& run) {
  expect_refusals(scene, cases, run, [](Call&) {});
}

/// An argument that is a view: how to read it and how to replace it.
struct Argument {
  std::string name;
  std::function<ConstTensorView(const Call&)> get;
  std::function<void(Call&, const ConstTensorView&)> set;
  bool output = false;
  bool optional = false;
  /// T and B are read off this view: another value is within the plan's or not, not right or wrong.
  bool defines_sizes = false;
  /// Where the message is about another argument name (`step` speaks of its own).
  std::string said = {};
};

inline TensorView writable(const ConstTensorView& view) {
  const auto size = [&](int d) { return view.size(d); };
  const auto stride = [&](int d) { return view.stride(d); };
  auto* data = const_cast<void*>(view.data());
  switch (view.rank()) {
    case 1: return {data, view.type(), {size(0)}, {stride(0)}};
    case 2: return {data, view.type(), {size(0), size(1)}, {stride(0), stride(1)}};
    case 3: return {data, view.type(), {size(0), size(1), size(2)}, {stride(0), stride(1), stride(2)}};
    case 4:
      return {data,
              view.type(),
              {size(0), size(1), size(2), size(3)},
              {stride(0), stride(1), stride(2), stride(3)}};
    default: return {};
  }
}

/// A member of one of the structs of arguments.
template <class Args, class View>
Argument argument(std::string name, Args Call::*args, View Args::*view) {
  return {std::move(name), [=](const Call& call) { return ConstTensorView(call.*args.*view); },
          [=](Call& call, const ConstTensorView& value) { call.*args.*view = View(writable(value)); },
          std::is_same_v<View, TensorView>};
}

/// A tensor of one layer's weights or gradients.
template <class View>
Argument layer_argument(std::string name, std::vector<BasicLayerWeights<View>> Call::*layers,
                        std::size_t layer, View BasicLayerWeights<View>::*view) {
  return {
      std::move(name), [=](const Call& call) { return ConstTensorView((call.*layers)[layer].*view); },
      [=](Call& call, const ConstTensorView& value) { (call.*layers)[layer].*view = View(writable(value)); },
      std::is_same_v<View, TensorView>};
}

inline Argument optional(Argument argument) {
  argument.optional = true;
  return argument;
}

/// A view with sizes and strides of its own.
struct Edit {
  explicit Edit(const ConstTensorView& view) : data(view.data()), type(view.type()) {
    for (int d = 0; d < view.rank(); ++d) {
      sizes.push_back(view.size(d));
      strides.push_back(view.stride(d));
    }
  }
  const void* data;
  DataType type;
  std::vector<std::int64_t> sizes;
  std::vector<std::int64_t> strides;

  ConstTensorView view() const {
    switch (sizes.size()) {
      case 1: return {data, type, {sizes[0]}, {strides[0]}};
      case 2: return {data, type, {sizes[0], sizes[1]}, {strides[0], strides[1]}};
      case 3: return {data, type, {sizes[0], sizes[1], sizes[2]}, {strides[0], strides[1], strides[2]}};
      default:
        return {data,
                type,
                {sizes[0], sizes[1], sizes[2], sizes[3]},
                {strides[0], strides[1], strides[2], strides[3]}};
    }
  }
};

inline const void* moved(const void* data, std::ptrdiff_t bytes) {
  return static_cast<const std::byte*>(data) + bytes;
}

/// "[3] [6] [4]": how a message shows a shape that came.
inline std::string shape_text(const Edit& edit) {
  std::string text;
  for (std::int64_t size : edit.sizes) text += (text.empty() ? "[" : " [") + std::to_string(size) + "]";
  return text;
}

/// All that can be wrong with one view.
inline void add_view_cases(BadCases& cases, const Scene& scene, const Argument& argument) {
  const Call sample(scene);
  const ConstTensorView good = argument.get(sample);
  const std::string name = (argument.said.empty() ? argument.name : argument.said) + ":";
  const auto add = [&](const std::string& what, std::vector<std::string> message, auto edit) {
    message.insert(message.begin(), {name, "expected", "got"});
    cases.push_back({argument.name + " " + what,
                     [=](Call& call) {
                       Edit edited(argument.get(call));
                       edit(edited);
                       argument.set(call, edited.view());
                     },
                     std::move(message)});
  };
  if (!argument.optional) {
    cases.push_back({argument.name + " not given",
                     [=](Call& call) { argument.set(call, {}); },
                     {name, "expected", "got nothing"}});
  }
  add("with a null pointer", {"a null pointer"}, [](Edit& e) { e.data = nullptr; });
  const std::size_t width = size_of(good.type());
  if (width > 1) {
    add("half an element off its alignment",
        {"aligned to its elements of " + std::to_string(width) + " bytes",
         std::to_string(width / 2) + " bytes past a multiple of " + std::to_string(width)},
        [=](Edit& e) { e.data = moved(e.data, static_cast<std::ptrdiff_t>(width / 2)); });
  }

  const DataType other = good.type() == DataType::f32 ? DataType::f64 : DataType::f32;
  if (!argument.defines_sizes) {
    add("of another dtype", {std::string(name_of(good.type())), "got " + std::string(name_of(other))},
        [=](Edit& e) { e.type = other; });
  } else {
    add("of another dtype", {"got " + std::string(name_of(other))}, [=](Edit& e) { e.type = other; });
  }
  add("of another rank", {}, [](Edit& e) {
    // A fifth dimension cannot be named: drop one instead.
    if (e.sizes.size() == 4) {
      e.sizes.erase(e.sizes.begin());
      e.strides.erase(e.strides.begin());
    } else {
      e.sizes.insert(e.sizes.begin(), 1);
      e.strides.insert(e.strides.begin(), e.strides.front());
    }
  });
  add("of rank 1 and its first size", {}, [](Edit& e) {
    e.sizes.resize(1);
    e.strides = {1};
    if (e.type == DataType::i32) e.sizes[0] += 7;  // lengths are of rank 1
  });
  for (std::size_t d = 0; d < Edit(good).sizes.size(); ++d) {
    const bool inner = d + 1 == Edit(good).sizes.size();
    for (std::int64_t by : {-1, 1}) {
      if (argument.defines_sizes && !inner && by < 0) continue;  // a shorter run: right here, wrong elsewhere
      Edit wrong(good);
      wrong.sizes[d] += by;
      if (wrong.sizes[d] < 1) continue;
      add("with dimension " + std::to_string(d) + (by < 0 ? " too small" : " too large"),
          {std::to_string(good.size(static_cast<int>(d))),
           "got " + std::string(name_of(good.type())) + " " + shape_text(wrong)},
          [=](Edit& e) { e.sizes[d] += by; });
    }
    // A call of no steps or sequences, likewise.
    if (!argument.defines_sizes || inner)
      add("with dimension " + std::to_string(d) + " of 0", {"[0]"}, [=](Edit& e) { e.sizes[d] = 0; });
    add("with dimension " + std::to_string(d) + " negative", {"[-2]"}, [=](Edit& e) { e.sizes[d] = -2; });
    add("with dimension " + std::to_string(d) + " enormous", {std::to_string(std::int64_t(1) << 62)},
        [=](Edit& e) { e.sizes[d] = std::int64_t(1) << 62; });
    if (inner) continue;
    // A size of 1 makes a stride meaningless, but not one that no step could take.
    add("with a negative stride", {"strides of at least 0", "-"},
        [=](Edit& e) { e.strides[d] = -e.strides[d]; });
    if (good.size(static_cast<int>(d)) == 1) continue;
    add("with a stride that 64 bits cannot address", {"64 bits can address", "strides"},
        [=](Edit& e) { e.strides[d] = std::numeric_limits<std::int64_t>::max() / 2; });
    if (!argument.output) continue;
    add("with rows over each other", {"do not overlap each other", "strides"},
        [=](Edit& e) { e.strides[d] = 0; });
    add("with rows that share an element", {"do not overlap each other", "strides"}, [=](Edit& e) {
      // One less than what the dimensions inside it reach, and the dimensions outside it far away.
      std::int64_t reach = 1;
      for (std::size_t i = d + 1; i < e.sizes.size(); ++i) reach += (e.sizes[i] - 1) * e.strides[i];
      e.strides[d] = reach - 1;
      for (std::size_t i = 0; i < d; ++i) e.strides[i] *= 2;
    });
  }
  add("with an inner stride of 2", {"inner stride of 1", "strides"}, [](Edit& e) {
    for (std::int64_t& stride : e.strides) stride *= 2;
  });
  add("with an inner stride of 0", {"inner stride of 1", "strides"}, [](Edit& e) { e.strides.back() = 0; });
}

inline std::size_t bytes_of(const ConstTensorView& view) {
  std::int64_t last = 0;
  for (int d = 0; d < view.rank(); ++d) last += (view.size(d) - 1) * view.stride(d);
  return static_cast<std::size_t>(last + 1) * size_of(view.type());
}

/// Puts `output` on the memory of `other`: at its start, over its last 16 bytes, and with its own last 16
/// bytes over the other's first. `same_allowed` leaves out the first.
inline void add_overlap_cases(BadCases& cases, const Argument& output, const Argument& other,
                              const std::string& output_name, const std::string& other_name,
                              bool same_allowed = false) {
  const std::vector<std::string> message = {
      output_name, other_name, "expected memory that no other argument uses", "got memory shared with"};
  const auto add = [&](const std::string& what, auto place) {
    cases.push_back({output.name + what + other.name,
                     [=](Call& call) {
                       Edit edit(output.get(call));
                       const ConstTensorView victim = other.get(call);
                       edit.data = place(victim, bytes_of(output.get(call)));
                       output.set(call, edit.view());
                     },
                     message});
  };
  if (!same_allowed) add(" on ", [](const ConstTensorView& v, std::size_t) { return v.data(); });
  add(" on the end of ", [](const ConstTensorView& v, std::size_t) {
    const std::size_t last = (bytes_of(v) - 1) / 16 * 16;
    return moved(v.data(), static_cast<std::ptrdiff_t>(last));
  });
  add(" ending on the start of ", [](const ConstTensorView& v, std::size_t bytes) {
    return moved(v.data(), 16 - static_cast<std::ptrdiff_t>(bytes));
  });
}

/// Puts a view into a buffer: at its start and at its end.
inline void add_buffer_overlap_cases(BadCases& cases, const Argument& view, const std::string& view_name,
                                     std::span<std::byte> Call::*buffer, const std::string& buffer_name) {
  for (bool at_end : {false, true}) {
    cases.push_back({view.name + (at_end ? " at the end of " : " at the start of ") + buffer_name,
                     [=](Call& call) {
                       Edit edit(view.get(call));
                       const std::span<std::byte> memory = call.*buffer;
                       edit.data = at_end ? memory.data() + (memory.size() - 1) / 16 * 16 : memory.data();
                       view.set(call, edit.view());
                     },
                     {view_name, buffer_name, "memory shared with"}});
  }
}

/// What can be wrong with a buffer that must have bytes.
inline void add_buffer_cases(BadCases& cases, const std::string& name, std::span<std::byte> Call::*buffer) {
  const std::string said = name + ": expected at least";
  cases.push_back({name + " null",
                   [=](Call& call) {
                     call.*buffer = {static_cast<std::byte*>(nullptr), 1u << 30};
                   },
                   {said, "aligned to 64", "got a null pointer"}});
  cases.push_back({name + " empty",
                   [=](Call& call) { call.*buffer = (call.*buffer).first(0); },
                   {said, "bytes", "got 0 bytes"}});
  cases.push_back({name + " one byte short",
                   [=](Call& call) { call.*buffer = (call.*buffer).first((call.*buffer).size() - 1); },
                   {said, "bytes", "got "}});
  cases.push_back({name + " 16 bytes off its alignment",
                   [=](Call& call) {
                     call.*buffer = {(call.*buffer).data() + 16, (call.*buffer).size()};
                   },
                   {said, "aligned to 64", "16 bytes past"}});
}

/// The weights of layer 1, whose inputs are the outputs below.
inline std::vector<Argument> weight_arguments(const Spec& spec) {
  std::vector<Argument> all;
  all.push_back(layer_argument("W", &Call::weights, 1, &LayerWeights::W));
  all.push_back(layer_argument("R", &Call::weights, 1, &LayerWeights::R));
  all.push_back(layer_argument("bW", &Call::weights, 1, &LayerWeights::bW));
  all.push_back(layer_argument("bR", &Call::weights, 1, &LayerWeights::bR));
  all.push_back(layer_argument("peephole", &Call::weights, 1, &LayerWeights::peephole));
  if (is_projected(spec)) {
    all.push_back(layer_argument("projection", &Call::weights, 1, &LayerWeights::projection));
  }
  return all;
}

/// Layers and tensors of weights that are missing, too many, or not of the Spec.
inline void add_weights_cases(BadCases& cases) {
  cases.push_back({"a layer too few",
                   [](Call& call) { call.weights.pop_back(); },
                   {"weights:", "expected L=2 layers", "got 1"}});
  cases.push_back({"a layer too many",
                   [](Call& call) { call.weights.push_back(call.weights.back()); },
                   {"weights:", "expected L=2 layers", "got 3"}});
  cases.push_back(
      {"no weights", [](Call& call) { call.weights.clear(); }, {"weights:", "expected L=2 layers", "got 0"}});
  cases.push_back({"layers exchanged",
                   [](Call& call) { std::swap(call.weights[0], call.weights[1]); },
                   {"weights of layer 0", "W: expected f32 [D=2] [G*H=32] [I=4]", "got f32 [2] [32] [16]"}});
  cases.push_back(
      {"W with rows closer than its columns",
       [](Call& call) {
         Edit edit(call.weights[1].W);
         edit.strides[1] -= 1;
         call.weights[1].W = edit.view();
       },
       {"weights:", "expected rows at least 16 elements apart", "got f32 [2] [32] [16] with strides"}});
  cases.push_back({"a projection",
                   [](Call& call) { call.weights[1].projection = call.weights[1].R; },
                   {"weights of layer 1", "projection: expected nothing", "got"}});
}

}  // namespace recur::test
