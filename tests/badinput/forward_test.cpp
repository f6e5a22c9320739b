// forward() with one wrong argument at a time.
#include <gtest/gtest.h>

#include "badinput/spoil.hpp"

namespace recur::test {
namespace {

void run_forward(Call& call) { call.forward(); }

std::vector<Argument> inputs(const Spec& spec) {
  std::vector<Argument> all;
  all.push_back(argument("x", &Call::forward_args, &ForwardArgs::x));
  all.back().defines_sizes = true;
  all.push_back(optional(argument("h0", &Call::forward_args, &ForwardArgs::h0)));
  all.push_back(optional(argument("c0", &Call::forward_args, &ForwardArgs::c0)));
  if (spec.variable_lengths) all.push_back(argument("lengths", &Call::forward_args, &ForwardArgs::lengths));
  if (spec.reset_mask) all.push_back(argument("reset_mask", &Call::forward_args, &ForwardArgs::reset_mask));
  return all;
}
std::vector<Argument> outputs() {
  std::vector<Argument> all;
  all.push_back(argument("y", &Call::forward_args, &ForwardArgs::y));
  all.push_back(optional(argument("hN", &Call::forward_args, &ForwardArgs::hN)));
  all.push_back(optional(argument("cN", &Call::forward_args, &ForwardArgs::cN)));
  all.push_back(argument("c_sequence", &Call::forward_args, &ForwardArgs::c_sequence));
  return all;
}

// The calls that check differently: both layouts, training, prepared weights and a projection.
std::vector<Scene> scenes() {
  return {{.spec = full_lstm()},
          {.spec = full_lstm(Layout::batch_major)},
          {.spec = full_lstm(), .pass = Pass::training},
          {.spec = full_lstm(), .prepared = true},
          {.spec = projected_lstm()}};
}
// Also of rows that are no sequences.
std::vector<Scene> scenes_and_forests() {
  std::vector<Scene> all = scenes();
  all.push_back({.spec = forest_lstm()});
  all.push_back({.spec = forest_lstm(Layout::batch_major), .pass = Pass::training});
  return all;
}

TEST(BadForward, ValidCallsPass) {
  for (const Scene& scene : scenes_and_forests()) {
    Call call(scene);
    EXPECT_NO_THROW(call.forward());
  }
  Call plain({.spec = plain_gru()});
  EXPECT_NO_THROW(plain.forward());
}

TEST(BadForward, EveryView) {
  for (const Scene& scene : scenes_and_forests()) {
    BadCases cases;
    for (const auto& group : {inputs(scene.spec), outputs()}) {
      for (const Argument& one : group) add_view_cases(cases, scene, one);
    }
    if (!scene.prepared) {
      for (const Argument& one : weight_arguments(scene.spec)) add_view_cases(cases, scene, one);
    }
    expect_refusals(scene, cases, run_forward);
  }
}

TEST(BadForward, WordsOfTheShape) {
  const Scene scene{.spec = full_lstm()};
  expect_refusals(scene,
                  {{"x",
                    [](Call& c) {
                      c.forward_args.x = ConstTensorView(c.forward_args.x.data(), DataType::f32, {3, 6, 5});
                    },
                    {"x: expected f32 [T=3] [B=6] [I=4], got f32 [3] [6] [5]"}},
                   {"x longer than planned",
                    [](Call& c) {
                      c.forward_args.x = ConstTensorView(c.forward_args.x.data(), DataType::f32, {4, 6, 4});
                    },
                    {"x: expected 0 <= T <= 3 as planned, got f32 [4] [6] [4]"}},
                   {"more sequences than planned",
                    [](Call& c) {
                      c.forward_args.x = ConstTensorView(c.forward_args.x.data(), DataType::f32, {3, 7, 4});
                    },
                    {"x: expected 0 <= B <= 6 as planned, got f32 [3] [7] [4]"}},
                   {"y",
                    [](Call& c) {
                      c.forward_args.y = TensorView(c.forward_args.y.data(), DataType::f32, {3, 6, 8});
                    },
                    {"y: expected f32 [T=3] [B=6] [D*H=16], got f32 [3] [6] [8]"}},
                   {"hN",
                    [](Call& c) {
                      c.forward_args.hN = TensorView(c.forward_args.hN.data(), DataType::f64, {2, 2, 6, 8});
                    },
                    {"hN: expected f32 [L=2] [D=2] [B=6] [H=8], got f64 [2] [2] [6] [8]"}},
                   {"lengths",
                    [](Call& c) {
                      c.forward_args.lengths =
                          ConstTensorView(c.forward_args.lengths.data(), DataType::i32, {5});
                    },
                    {"lengths: expected i32 [B=6], got i32 [5]"}},
                   {"W",
                    [](Call& c) {
                      c.weights[1].W = ConstTensorView(c.weights[1].W.data(), DataType::f32, {2, 32, 8});
                    },
                    {"weights of layer 1", "W: expected f32 [D=2] [G*H=32] [D*H=16], got f32 [2] [32] [8]"}}},
                  run_forward);
  expect_refusals(
      {.spec = projected_lstm()},
      {{"y",
        [](Call& c) {
          c.forward_args.y = TensorView(c.forward_args.y.data(), DataType::f32, {3, 6, 16});
        },
        {"y: expected f32 [T=3] [B=6] [D*P=8], got f32 [3] [6] [16]"}},
       {"hN",
        [](Call& c) {
          c.forward_args.hN = TensorView(c.forward_args.hN.data(), DataType::f32, {2, 2, 6, 8});
        },
        {"hN: expected f32 [L=2] [D=2] [B=6] [P=4], got f32 [2] [2] [6] [8]"}},
       {"cN",
        [](Call& c) {
          c.forward_args.cN = TensorView(c.forward_args.cN.data(), DataType::f32, {2, 2, 6, 4});
        },
        {"cN: expected f32 [L=2] [D=2] [B=6] [H=8], got f32 [2] [2] [6] [4]"}},
       {"R",
        [](Call& c) {
          c.weights[0].R = ConstTensorView(c.weights[0].R.data(), DataType::f32, {2, 32, 8});
        },
        {"weights of layer 0", "R: expected f32 [D=2] [G*H=32] [P=4], got f32 [2] [32] [8]"}},
       {"W",
        [](Call& c) {
          c.weights[1].W = ConstTensorView(c.weights[1].W.data(), DataType::f32, {2, 32, 16});
        },
        {"weights of layer 1", "W: expected f32 [D=2] [G*H=32] [D*P=8], got f32 [2] [32] [16]"}},
       {"projection",
        [](Call& c) {
          c.weights[1].projection = ConstTensorView(c.weights[1].projection.data(), DataType::f32, {2, 8, 4});
        },
        {"weights of layer 1", "projection: expected f32 [D=2] [P=4] [H=8], got f32 [2] [8] [4]"}}},
      run_forward);
  expect_refusals({.spec = full_lstm(Layout::batch_major)},
                  {{"x",
                    [](Call& c) {
                      c.forward_args.x = ConstTensorView(c.forward_args.x.data(), DataType::f32, {6, 3, 5});
                    },
                    {"x: expected f32 [B=6] [T=3] [I=4], got f32 [6] [3] [5]"}},
                   {"time-major x",
                    [](Call& c) {
                      c.forward_args.x = ConstTensorView(c.forward_args.x.data(), DataType::f32, {3, 6, 4});
                    },
                    {"x: expected 0 <= T <= 3 as planned, got f32 [3] [6] [4]"}}},
                  run_forward);
}

// A run of fewer steps and sequences is right only if every argument has the same ones.
TEST(BadForward, ArgumentsOfAnotherSize) {
  const auto shorten = [](int dimension) {
    return [dimension](Call& call) {
      Edit edit(call.forward_args.x);
      edit.sizes[static_cast<std::size_t>(dimension)] -= 1;
      call.forward_args.x = edit.view();
    };
  };
  expect_refusals(
      {.spec = full_lstm()},
      {{"x of fewer steps", shorten(0), {"reset_mask: expected u8 [T=2] [B=6], got u8 [3] [6]"}},
       {"x of fewer sequences", shorten(1), {"h0: expected", "[B=5]", "got f32 [2] [2] [6] [8]"}}},
      run_forward);
}

TEST(BadForward, Weights) {
  BadCases cases;
  add_weights_cases(cases);
  expect_refusals({.spec = full_lstm()}, cases, run_forward);
  expect_refusals({.spec = full_lstm(), .pass = Pass::training}, cases, run_forward);
}

TEST(BadForward, ViewsThatTheSpecDoesNotWant) {
  const auto give = [](auto args, auto view, auto from) {
    return [=](Call& call) { call.*args.*view = call.*args.*from; };
  };
  Scene gru{.spec = plain_gru()};
  const auto f = &Call::forward_args;
  expect_refusals(gru,
                  {{"c0",
                    give(f, &ForwardArgs::c0, &ForwardArgs::h0),
                    {"c0: expected nothing", "no cell state", "got f32 [1] [1] [6] [8]"}},
                   {"cN",
                    give(f, &ForwardArgs::cN, &ForwardArgs::hN),
                    {"cN: expected nothing", "no cell state", "got f32"}},
                   {"c_sequence",
                    give(f, &ForwardArgs::c_sequence, &ForwardArgs::y),
                    {"c_sequence: expected nothing", "Spec::cell_sequence", "got f32"}},
                   {"lengths",
                    give(f, &ForwardArgs::lengths, &ForwardArgs::h0),
                    {"lengths: expected nothing", "Spec::variable_lengths", "got f32"}},
                   {"reset_mask",
                    give(f, &ForwardArgs::reset_mask, &ForwardArgs::h0),
                    {"reset_mask: expected nothing", "Spec::reset_mask", "got f32"}},
                   {"bW",
                    [](Call& c) { c.weights[0].bW = c.weights[0].W; },
                    {"weights of layer 0", "bW: expected nothing", "Spec::bias", "got f32"}},
                   {"bR",
                    [](Call& c) { c.weights[0].bR = c.weights[0].W; },
                    {"weights of layer 0", "bR: expected nothing", "Spec::bias", "got f32"}},
                   {"peephole",
                    [](Call& c) { c.weights[0].peephole = c.weights[0].W; },
                    {"weights of layer 0", "peephole: expected nothing", "Spec::peepholes", "got f32"}}},
                  run_forward);
  gru.spec.bias = Bias::single;
  expect_refusals(
      gru, {{"bR", [](Call& c) { c.weights[0].bR = c.weights[0].bW; }, {"bR: expected nothing", "got f32"}}},
      run_forward);
}

// A cell whose gates do not read the state has no R, and no bR whatever its biases.
TEST(BadForward, WeightsOfAStateThatNoGateReads) {
  Spec spec = plain_gru();
  spec.cell = Cell::min_gru;
  for (const Bias bias : {Bias::both, Bias::single, Bias::none}) {
    spec.bias = bias;
    BadCases cases = {
        {"R",
         [](Call& c) { c.weights[0].R = c.weights[0].W; },
         {"weights of layer 0", "R: expected nothing", "no gate of the cell reads the state", "got f32"}},
        {"bR",
         [](Call& c) { c.weights[0].bR = c.weights[0].W; },
         {"weights of layer 0", "bR: expected nothing", "no gate of the cell reads the state", "got f32"}}};
    expect_refusals({.spec = spec}, cases, run_forward);
    expect_refusals({.spec = spec, .pass = Pass::training}, cases, run_forward);
  }
}

TEST(BadForward, Buffers) {
  BadCases workspace;
  add_buffer_cases(workspace, "workspace", &Call::workspace);
  expect_refusals({.spec = full_lstm()}, workspace, run_forward);
  expect_refusals({.spec = full_lstm(), .pass = Pass::training}, workspace, run_forward);
  BadCases reserve;
  add_buffer_cases(reserve, "reserve", &Call::reserve);
  expect_refusals({.spec = full_lstm(), .pass = Pass::training}, reserve, run_forward);
}

// With prepared weights the workspace may be smaller, by a byte it may not.
TEST(BadForward, WorkspaceOfPreparedWeights) {
  const Scene scene{.spec = full_lstm(), .prepared = true};
  Call call(scene);
  ASSERT_LT(call.plan.sizes().workspace_prepared, call.plan.sizes().workspace);
  call.workspace = call.workspace.first(call.plan.sizes().workspace_prepared);
  EXPECT_NO_THROW(call.forward());
  const std::string needed = std::to_string(call.plan.sizes().workspace_prepared);
  expect_refusals(scene,
                  {{"one byte short",
                    [](Call& c) { c.workspace = c.workspace.first(c.plan.sizes().workspace_prepared - 1); },
                    {"workspace: expected at least " + needed, "got"}}},
                  run_forward);
}

TEST(BadForward, PreparedWeights) {
  const auto corrupt = [](std::size_t byte) {
    return [byte](Call& c) { c.prepared_buffer[byte] ^= std::byte{1}; };
  };
  expect_refusals(
      {.spec = full_lstm(), .prepared = true},
      {{"another layout",
        [](Call& c) { c.prepared.layout_id ^= 1; },
        {"weights: expected ones prepared for layout", "got layout"}},
       {"a handle of nothing",
        [](Call& c) { c.prepared = {}; },
        {"weights: expected ones prepared for layout", "got layout 0"}},
       {"null",
        [](Call& c) { c.prepared.data = nullptr; },
        {"prepared weights: expected at least", "got a null pointer"}},
       {"one byte short",
        [](Call& c) { c.prepared.bytes -= 1; },
        {"prepared weights: expected at least", "got"}},
       {"misaligned",
        [](Call& c) { c.prepared.data = moved(c.prepared.data, 16); },
        {"prepared weights: expected at least", "16 bytes past"}},
       {"a buffer that was never filled",
        [](Call& c) { std::memset(c.prepared_buffer.data(), 0xff, c.prepared_buffer.size()); },
        {"prepared weights: expected a buffer that prepare_weights filled"}},
       {"a buffer of zeros",
        [](Call& c) { std::memset(c.prepared_buffer.data(), 0, c.prepared_buffer.size()); },
        {"prepared weights: expected a buffer that prepare_weights filled"}},
       {"a corrupted mark", corrupt(0), {"prepared weights: expected a buffer that prepare_weights filled"}},
       {"a corrupted layout",
        corrupt(8),
        {"prepared weights: expected a buffer that prepare_weights filled"}}},
      run_forward);
  // A training plan packs on every call.
  expect_refusals({.spec = full_lstm(), .pass = Pass::training},
                  {{"prepared weights",
                    [](Call& c) {
                      c.prepared = {c.workspace.data(), c.workspace.size(), c.plan.layout_id()};
                      c.use_prepared = true;
                    },
                    {"weights: expected canonical ones for a training plan, got prepared ones"}}},
                  run_forward);
}

// Prepared by a plan with another packing, under its own id or a forged one.
TEST(BadForward, WeightsPreparedForAnotherPlan) {
  Spec other_spec = full_lstm();
  other_spec.bias = Bias::single;
  Call other({.spec = other_spec, .prepared = true});
  const auto borrow = [&](bool forged) {
    return [&, forged](Call& c) {
      std::memcpy(c.prepared_buffer.data(), other.prepared_buffer.data(),
                  std::min(c.prepared_buffer.size(), other.prepared_buffer.size()));
      if (!forged) c.prepared.layout_id = other.prepared.layout_id;
    };
  };
  expect_refusals(
      {.spec = full_lstm(), .prepared = true},
      {{"with its id", borrow(false), {"weights: expected ones prepared for layout", "got layout"}},
       {"with a forged id",
        borrow(true),
        {"prepared weights: expected a buffer that prepare_weights filled"}}},
      run_forward);
}

TEST(BadForward, Overlaps) {
  for (const Scene& scene : scenes()) {
    BadCases cases;
    for (const Argument& output : outputs()) {
      for (const auto& group : {inputs(scene.spec), outputs()}) {
        for (const Argument& other : group) {
          if (other.name == output.name) continue;
          const bool same_allowed =
              (output.name == "hN" && other.name == "h0") || (output.name == "cN" && other.name == "c0");
          add_overlap_cases(cases, output, other, output.name, other.name, same_allowed);
        }
      }
      if (scene.prepared) continue;
      for (const Argument& other : weight_arguments(scene.spec)) {
        add_overlap_cases(cases, output, other, output.name, other.name);
      }
    }
    for (const auto& group : {inputs(scene.spec), outputs()}) {
      for (const Argument& view : group) {
        add_buffer_overlap_cases(cases, view, view.name, &Call::workspace, "workspace");
        if (scene.pass == Pass::training)
          add_buffer_overlap_cases(cases, view, view.name, &Call::reserve, "reserve");
        if (scene.prepared && view.output) {
          add_buffer_overlap_cases(cases, view, view.name, &Call::prepared_buffer, "prepared weights");
        }
      }
    }
    if (!scene.prepared) {
      for (const Argument& view : weight_arguments(scene.spec)) {
        add_buffer_overlap_cases(cases, view, view.name, &Call::workspace, "workspace");
      }
    } else {
      cases.push_back({"workspace on prepared weights",
                       [](Call& c) { c.workspace = c.prepared_buffer; },
                       {"workspace", "prepared weights", "memory shared with"}});
    }
    if (scene.pass == Pass::training) {
      cases.push_back({"workspace on reserve",
                       [](Call& c) {
                         c.workspace = {c.reserve.data() + 64, c.workspace.size()};
                       },
                       {"workspace", "reserve", "memory shared with"}});
    }
    expect_refusals(scene, cases, run_forward);
  }
}

// hN may be h0 and cN may be c0 only as the same tensor: the same range in another order would have a layer
// overwrite what the next one starts from.
TEST(BadForward, StatesInPlaceButPermuted) {
  const auto permute = [](auto state, auto from) {
    return [=](Call& c) {
      Edit edit(c.forward_args.*from);
      // [L][D][B][H] stored as [D][L][B][H]: the same range.
      std::swap(edit.strides[0], edit.strides[1]);
      c.forward_args.*state = writable(edit.view());
    };
  };
  expect_refusals({.spec = full_lstm()},
                  {{"hN",
                    permute(&ForwardArgs::hN, &ForwardArgs::h0),
                    {"hN", "h0", "expected memory that no other argument uses"}},
                   {"cN",
                    permute(&ForwardArgs::cN, &ForwardArgs::c0),
                    {"cN", "c0", "expected memory that no other argument uses"}}},
                  run_forward);
}

// Backward reads the initial states: of them a training plan lets nothing be written over.
TEST(BadForward, StatesInPlaceInTraining) {
  const Scene scene{.spec = full_lstm(), .pass = Pass::training};
  expect_refusals(scene,
                  {{"hN over h0",
                    [](Call& c) { c.forward_args.hN = writable(c.forward_args.h0); },
                    {"hN: expected memory of its own in a training plan", "got memory shared with h0"}},
                   {"cN over c0",
                    [](Call& c) { c.forward_args.cN = writable(c.forward_args.c0); },
                    {"cN: expected memory of its own in a training plan", "got memory shared with c0"}}},
                  run_forward);
  Call inference({.spec = full_lstm()});
  inference.forward_args.hN = writable(inference.forward_args.h0);
  inference.forward_args.cN = writable(inference.forward_args.c0);
  EXPECT_NO_THROW(inference.forward());
}

// Lengths outside [0, T] are clamped, or refused where the caller wants that.
TEST(BadForward, LengthsOutsideOfTheSteps) {
  const auto with = [](std::int64_t b, std::int32_t length) {
    return [=](Call& c) {
      c.forward_args.check_lengths = true;
      static_cast<std::int32_t*>(const_cast<void*>(c.forward_args.lengths.data()))[b] = length;
    };
  };
  for (const Scene& scene : scenes()) {
    expect_refusals(
        scene,
        {{"negative", with(0, -1), {"lengths: expected values from 0 to T=3, got -1 for sequence 0"}},
         {"beyond", with(5, 4), {"lengths: expected values from 0 to T=3, got 4 for sequence 5"}}},
        run_forward);
    Call clamped(scene);
    with(0, -1)(clamped);
    clamped.forward_args.check_lengths = false;
    EXPECT_NO_THROW(clamped.forward());
    Call right(scene);
    with(0, Scene::kT)(right);
    EXPECT_NO_THROW(right.forward());
  }
}

// T and B that seem to have been exchanged: the message says so.
TEST(BadForward, StepsAndBatchExchanged) {
  const auto exchange = [](auto& view) {
    Edit edit(view);
    std::swap(edit.sizes[0], edit.sizes[1]);
    edit.strides[0] = edit.sizes[1] * edit.strides[1];
    view = std::remove_reference_t<decltype(view)>(writable(edit.view()));
  };
  for (const Layout layout : {Layout::time_major, Layout::batch_major}) {
    const std::string right = layout == Layout::time_major ? "[T][B]" : "[B][T]";
    const auto hint = [&](const std::string& name) {
      return std::string("; T and B of ")
          .append(name)
          .append(" look exchanged: by Spec::layout it is ")
          .append(right);
    };
    // T = 3 and B = 6 are the plan's most.
    expect_refusals({.spec = full_lstm(layout)},
                    {{"x", [=](Call& c) { exchange(c.forward_args.x); }, {"x: expected 0 <= ", hint("x")}},
                     {"y", [=](Call& c) { exchange(c.forward_args.y); }, {"y: expected f32", hint("y")}},
                     {"c_sequence",
                      [=](Call& c) { exchange(c.forward_args.c_sequence); },
                      {"c_sequence: expected f32", hint("c_sequence")}}},
                    run_forward);
    expect_refusals({.spec = full_lstm(layout)},
                    {{"x neither way",
                      [=](Call& c) {
                        Edit edit(c.forward_args.x);
                        edit.sizes[0] = edit.sizes[1] = 7;
                        c.forward_args.x = edit.view();
                      },
                      {"as planned, got f32 [7] [7] [4]"}}},
                    run_forward);
  }
  // Within the plan's sizes x alone cannot tell; its states can.
  Spec spec = plain_gru();
  const Device device = Device::cpu();
  Context context(device);
  const Plan plan = make_plan(spec, {8, 8}, device);
  Call call({.spec = spec});
  exchange(call.forward_args.x);
  exchange(call.forward_args.y);
  Aligned<std::byte> workspace(plan.sizes().workspace);
  try {
    forward(plan, context, Stream(), std::span<const LayerWeights>(call.weights), call.forward_args,
            workspace.bytes());
    ADD_FAILURE() << "accepted";
  } catch (const InvalidArgument& error) {
    EXPECT_NE(std::string(error.what())
                  .find("h0: expected f32 [L=1] [D=1] [B=3] [H=8], got f32 [1] [1] [6] [8]; "
                        "T and B of x look exchanged: by Spec::layout it is [T][B]"),
              std::string::npos)
        << error.what();
  }
}

// The other way round: what only touches is accepted. Everything lies gaplessly behind everything else.
TEST(BadForward, TouchingIsNotOverlapping) {
  for (Scene scene : scenes()) {
    scene.gap = 0;
    Call call(scene);
    EXPECT_NO_THROW(call.forward());
  }
}

TEST(BadForward, NothingOptionalIsNeeded) {
  Spec spec = full_lstm();
  spec.cell_sequence = false;
  Call call({.spec = spec});
  call.forward_args.h0 = call.forward_args.c0 = {};
  call.forward_args.hN = call.forward_args.cN = {};
  EXPECT_NO_THROW(call.forward());
}

// An inference plan has no reserve; one that is given is nobody's business.
TEST(BadForward, InferenceIgnoresAReserve) {
  Call call({.spec = full_lstm()});
  std::byte one{42};
  call.reserve = {&one, 1};
  EXPECT_NO_THROW(call.forward());
  EXPECT_EQ(one, std::byte{42});
}

// Strides of dimensions of size 1 mean nothing, whatever they are.
TEST(BadForward, StridesOfSingleRowsMeanNothing) {
  Spec spec = plain_gru();
  spec.cell = Cell::rnn;
  spec.hidden_size = 1;
  const Scene scene{.spec = spec};
  Call plain(scene);
  plain.forward();
  Call strange(scene);
  for (ConstTensorView* view : {&strange.weights[0].W, &strange.weights[0].R}) {
    Edit edit(*view);
    edit.strides[0] = edit.strides[1] = std::int64_t(1) << 40;
    *view = edit.view();
  }
  strange.forward();
  const auto values = [](const Call& call) {
    const auto* data = static_cast<const float*>(call.forward_args.y.data());
    return std::vector<float>(data, data + Scene::kT * Scene::kB);
  };
  EXPECT_EQ(values(strange), values(plain));
}

}  // namespace
}  // namespace recur::test
