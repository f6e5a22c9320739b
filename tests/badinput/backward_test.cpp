// backward() with one wrong argument at a time.
#include <gtest/gtest.h>

#include "badinput/spoil.hpp"

namespace recur::test {
namespace {

void run_forward(Call& call) { call.forward(); }
void run_backward(Call& call) { call.backward(); }

const auto kArgs = &Call::backward_args;

std::vector<Argument> inputs(const Spec& spec) {
  std::vector<Argument> all;
  all.push_back(argument("x", kArgs, &BackwardArgs::x));
  all.back().defines_sizes = true;
  all.push_back(optional(argument("h0", kArgs, &BackwardArgs::h0)));
  all.push_back(optional(argument("c0", kArgs, &BackwardArgs::c0)));
  if (spec.variable_lengths) all.push_back(argument("lengths", kArgs, &BackwardArgs::lengths));
  if (spec.reset_mask) all.push_back(argument("reset_mask", kArgs, &BackwardArgs::reset_mask));
  all.push_back(argument("y", kArgs, &BackwardArgs::y));
  all.push_back(optional(argument("dy", kArgs, &BackwardArgs::dy)));
  all.push_back(optional(argument("dhN", kArgs, &BackwardArgs::dhN)));
  all.push_back(optional(argument("dcN", kArgs, &BackwardArgs::dcN)));
  all.push_back(optional(argument("dc_sequence", kArgs, &BackwardArgs::dc_sequence)));
  return all;
}
std::vector<Argument> outputs() {
  std::vector<Argument> all;
  all.push_back(argument("dx", kArgs, &BackwardArgs::dx));
  all.push_back(argument("dh0", kArgs, &BackwardArgs::dh0));
  all.push_back(argument("dc0", kArgs, &BackwardArgs::dc0));
  for (Argument& one : all) one.optional = true;
  return all;
}
// As views they are named within their layer ("W"), in overlaps by what they are ("dW").
std::vector<Argument> gradients(const Spec& spec) {
  std::vector<Argument> all;
  all.push_back(layer_argument("dW", &Call::gradients, 1, &LayerGradients::W));
  all.push_back(layer_argument("dR", &Call::gradients, 1, &LayerGradients::R));
  all.push_back(layer_argument("dbW", &Call::gradients, 1, &LayerGradients::bW));
  all.push_back(layer_argument("dbR", &Call::gradients, 1, &LayerGradients::bR));
  all.push_back(layer_argument("dpeephole", &Call::gradients, 1, &LayerGradients::peephole));
  if (is_projected(spec)) {
    all.push_back(layer_argument("dprojection", &Call::gradients, 1, &LayerGradients::projection));
  }
  for (Argument& one : all) {
    one.optional = true;
    one.said = "dweights of layer 1: " + one.name.substr(1);
  }
  return all;
}

std::vector<Scene> scenes() {
  return {{.spec = full_lstm(), .pass = Pass::training},
          {.spec = full_lstm(Layout::batch_major), .pass = Pass::training},
          {.spec = projected_lstm(), .pass = Pass::training}};
}
// Also of rows that are no sequences.
std::vector<Scene> scenes_and_forests() {
  std::vector<Scene> all = scenes();
  all.push_back({.spec = forest_lstm(), .pass = Pass::training});
  return all;
}
// Has every tensor that there is.
Scene projected_scene() { return scenes().back(); }

TEST(BadBackward, ValidCallsPass) {
  for (Scene scene : scenes_and_forests()) {
    for (std::size_t gap : {4096, 0}) {  // with nothing between the tensors they touch, and do not overlap
      scene.gap = gap;
      Call call(scene);
      call.forward();
      EXPECT_NO_THROW(call.backward());
    }
  }
}

TEST(BadBackward, EveryView) {
  for (const Scene& scene : scenes_and_forests()) {
    BadCases cases;
    for (const auto& group :
         {inputs(scene.spec), outputs(), gradients(scene.spec), weight_arguments(scene.spec)}) {
      for (const Argument& one : group) add_view_cases(cases, scene, one);
    }
    expect_refusals(scene, cases, run_backward, run_forward);
  }
}

TEST(BadBackward, Weights) {
  BadCases cases;
  add_weights_cases(cases);
  expect_refusals(scenes()[0], cases, run_backward, run_forward);
}

TEST(BadBackward, LayersOfGradients) {
  const auto layers = [](std::size_t count) {
    return [count](Call& call) {
      call.gradients.resize(count);
      call.backward_args.dweights = call.gradients;
    };
  };
  expect_refusals(scenes()[0],
                  {{"one too few", layers(1), {"dweights:", "expected L=2 layers", "got 1"}},
                   {"one too many", layers(3), {"dweights:", "expected L=2 layers", "got 3"}}},
                  run_backward, run_forward);
}

TEST(BadBackward, ViewsThatTheSpecDoesNotWant) {
  const auto give = [](auto view, auto from) {
    return [=](Call& call) { call.backward_args.*view = call.backward_args.*from; };
  };
  const Scene gru{.spec = plain_gru(), .pass = Pass::training};
  expect_refusals(gru,
                  {{"c0",
                    give(&BackwardArgs::c0, &BackwardArgs::h0),
                    {"c0: expected nothing", "no cell state", "got f32 [1] [1] [6] [8]"}},
                   {"dcN",
                    give(&BackwardArgs::dcN, &BackwardArgs::dhN),
                    {"dcN: expected nothing", "no cell state", "got f32"}},
                   {"dc0",
                    give(&BackwardArgs::dc0, &BackwardArgs::dh0),
                    {"dc0: expected nothing", "no cell state", "got f32"}},
                   {"dc_sequence",
                    give(&BackwardArgs::dc_sequence, &BackwardArgs::dy),
                    {"dc_sequence: expected nothing", "Spec::cell_sequence", "got f32"}},
                   {"lengths",
                    give(&BackwardArgs::lengths, &BackwardArgs::h0),
                    {"lengths: expected nothing", "Spec::variable_lengths", "got f32"}},
                   {"reset_mask",
                    give(&BackwardArgs::reset_mask, &BackwardArgs::h0),
                    {"reset_mask: expected nothing", "Spec::reset_mask", "got f32"}},
                   {"dbW",
                    [](Call& c) { c.gradients[0].bW = c.gradients[0].W; },
                    {"dweights of layer 0", "bW: expected nothing", "Spec::bias", "got f32"}},
                   {"dbR",
                    [](Call& c) { c.gradients[0].bR = c.gradients[0].W; },
                    {"dweights of layer 0", "bR: expected nothing", "Spec::bias", "got f32"}},
                   {"dpeephole",
                    [](Call& c) { c.gradients[0].peephole = c.gradients[0].W; },
                    {"dweights of layer 0", "peephole: expected nothing", "got f32"}},
                   {"dprojection",
                    [](Call& c) { c.gradients[0].projection = c.gradients[0].W; },
                    {"dweights of layer 0", "projection: expected nothing", "got f32"}}},
                  run_backward, run_forward);
}

TEST(BadBackward, NoUpstreamGradient) {
  expect_refusals(scenes()[0],
                  {{"none",
                    [](Call& c) {
                      BackwardArgs& b = c.backward_args;
                      b.dy = b.dhN = b.dcN = b.dc_sequence = {};
                    },
                    {"backward: expected at least one of dy, dhN, dcN and dc_sequence, got none"}}},
                  run_backward, run_forward);
}

TEST(BadBackward, AnInferencePlan) {
  expect_refusals(
      {.spec = full_lstm()},
      {{"inference", [](Call&) {}, {"backward: expected a training plan", "got one for inference"}}},
      run_backward, run_forward);
}

TEST(BadBackward, Buffers) {
  BadCases cases;
  add_buffer_cases(cases, "workspace", &Call::backward_workspace);
  add_buffer_cases(cases, "reserve", &Call::reserve);
  expect_refusals(scenes()[0], cases, run_backward, run_forward);
}

// One training call of another job, whose reserve is put in place of the right one.
struct Stranger {
  const char* name;
  void (*change)(Scene&);
};
constexpr Stranger kStrangers[] = {
    {"another cell", [](Scene& s) { s.spec.peepholes = false; }},
    {"coupled", [](Scene& s) { s.spec.coupled_input_forget = true; }},
    {"projected", [](Scene& s) { s.spec.projection_size = Scene::kP; }},
    {"another bias", [](Scene& s) { s.spec.bias = Bias::single; }},
    {"one direction", [](Scene& s) { s.spec.direction = Direction::forward; }},
    {"no lengths", [](Scene& s) { s.spec.variable_lengths = false; }},
    {"no marks", [](Scene& s) { s.spec.reset_mask = false; }},
    {"one layer", [](Scene& s) { s.spec.layers = 1; }},
    {"other functions", [](Scene& s) { s.spec.activations[2].function = Activation::softsign; }},
    {"a clip", [](Scene& s) { s.spec.clip = 1; }},
};

TEST(BadBackward, ReserveOfAnotherPlan) {
  const std::vector<std::string> message = {"reserve: expected one that forward filled under this plan"};
  BadCases cases;
  for (const Stranger& stranger : kStrangers) {
    cases.push_back({stranger.name,
                     [=](Call& c) {
                       Scene scene{.spec = full_lstm(), .pass = Pass::training};
                       stranger.change(scene);
                       Call other(scene);
                       other.forward();
                       std::memcpy(c.reserve.data(), other.reserve.data(),
                                   std::min(c.reserve.size(), other.reserve.size()));
                     },
                     message});
  }
  expect_refusals(scenes()[0], cases, run_backward, run_forward);
}

// What forward dropped by one probability backward would not find by another.
TEST(BadBackward, ReserveOfAnotherDropout) {
  Scene scene{.spec = plain_gru(), .pass = Pass::training};
  scene.spec.layers = 2;
  scene.spec.dropout = 0.5;
  BadCases cases;
  for (double dropout : {0.25, 0.0}) {
    cases.push_back({dropout == 0 ? "none" : "another",
                     [=](Call& c) {
                       Scene other_scene = scene;
                       other_scene.spec.dropout = dropout;
                       Call other(other_scene);
                       other.forward();
                       std::memcpy(c.reserve.data(), other.reserve.data(), other.reserve.size());
                     },
                     {"reserve: expected one that forward filled under this plan"}});
  }
  expect_refusals(scene, cases, run_backward, run_forward);
}

// Forward in time and backward in time differ in nothing but the order of steps.
TEST(BadBackward, ReserveOfTheOtherDirection) {
  Spec spec = plain_gru();
  expect_refusals({.spec = spec, .pass = Pass::training},
                  {{"reverse",
                    [=](Call& c) {
                      Spec reverse = spec;
                      reverse.direction = Direction::reverse;
                      Call other({.spec = reverse, .pass = Pass::training});
                      other.forward();
                      ASSERT_EQ(c.reserve.size(), other.reserve.size());
                      std::memcpy(c.reserve.data(), other.reserve.data(), c.reserve.size());
                    },
                    {"reserve: expected one that forward filled under this plan"}}},
                  run_backward, run_forward);
}

TEST(BadBackward, ReserveThatWasNotWritten) {
  const auto fill = [](int value) {
    return [=](Call& c) { std::memset(c.reserve.data(), value, c.reserve.size()); };
  };
  const std::vector<std::string> message = {"reserve: expected one that forward filled under this plan"};
  expect_refusals(scenes()[0],
                  {{"poison", fill(0xff), message},
                   {"zeros", fill(0), message},
                   {"a corrupted mark", [](Call& c) { c.reserve[3] ^= std::byte{1}; }, message},
                   {"a corrupted plan", [](Call& c) { c.reserve[8] ^= std::byte{1}; }, message},
                   {"corrupted steps",
                    [](Call& c) { c.reserve[16] ^= std::byte{1}; },
                    {"reserve: expected the T and B of forward", "got 3 and 6"}},
                   {"a corrupted batch",
                    [](Call& c) { c.reserve[24] ^= std::byte{1}; },
                    {"reserve: expected the T and B of forward", "got 3 and 6"}}},
                  run_backward, run_forward);
}

// The reserve of a shorter run, or of fewer sequences, under the same plan.
TEST(BadBackward, ReserveOfAnotherSize) {
  const auto shorten = [](int dimension) {
    return [dimension](Call& c) {
      Call small({.spec = plain_gru(), .pass = Pass::training});
      const auto cut = [&](auto& view, int d) {
        Edit edit(view);
        edit.sizes[static_cast<std::size_t>(d)] -= 1;
        view = std::remove_reference_t<decltype(view)>(writable(edit.view()));
      };
      cut(small.forward_args.x, dimension);
      cut(small.forward_args.y, dimension);
      if (dimension == 1) {
        cut(small.forward_args.h0, 2);
        cut(small.forward_args.hN, 2);
      }
      small.forward();
      std::memcpy(c.reserve.data(), small.reserve.data(), c.reserve.size());
    };
  };
  expect_refusals({.spec = plain_gru(), .pass = Pass::training},
                  {{"T", shorten(0), {"reserve: expected the T and B of forward, 2 and 6, got 3 and 6"}},
                   {"B", shorten(1), {"reserve: expected the T and B of forward, 3 and 5, got 3 and 6"}}},
                  run_backward, run_forward);
}

// Inputs that are not those of the forward call, as far as its reserve tells.
TEST(BadBackward, InputsThatForwardDidNotHave) {
  const auto lengths = [](Call& c) {
    return static_cast<std::int32_t*>(const_cast<void*>(c.backward_args.lengths.data()));
  };
  const auto marks = [](Call& c) {
    return static_cast<std::uint8_t*>(const_cast<void*>(c.backward_args.reset_mask.data()));
  };
  for (const Scene& scene : scenes()) {
    expect_refusals(
        scene,
        {{"no h0",
          [](Call& c) { c.backward_args.h0 = {}; },
          {"h0: expected the one that was given to forward, got nothing"}},
         {"no c0",
          [](Call& c) { c.backward_args.c0 = {}; },
          {"c0: expected the one that was given to forward, got nothing"}},
         {"a length",
          [=](Call& c) { lengths(c)[3] = 2; },
          {"lengths: expected the values that forward had, got others"}},
         // In either layout it is one of sequence 3, which has all steps.
         {"a mark", [=](Call& c) { marks(c)[9] ^= 1; }, {"reset_mask: expected the marks that forward had"}}},
        run_backward, run_forward);
    for (bool h : {true, false}) {
      const auto without = [=](Call& c) {
        (h ? c.forward_args.h0 : c.forward_args.c0) = {};
        c.forward();
      };
      const std::string name = h ? "h0" : "c0";
      expect_refusals(
          scene,
          {{name + " now", [](Call&) {}, {name + ": expected nothing, as forward had none, got f32 [2]"}}},
          run_backward, without);
    }
  }
}

// What means the same is the same: lengths as they are clamped, and any mark that is not 0. Marks past a
// sequence's end mean nothing.
TEST(BadBackward, InputsThatMeanTheSame) {
  for (const Scene& scene : scenes()) {
    Call call(scene);
    auto* lengths = static_cast<std::int32_t*>(const_cast<void*>(call.backward_args.lengths.data()));
    auto* marks = static_cast<std::uint8_t*>(const_cast<void*>(call.backward_args.reset_mask.data()));
    for (std::int64_t b = 0; b < Scene::kB; ++b) lengths[b] = b % 2 == 0 ? -1 : Scene::kT;
    call.forward();
    for (std::int64_t b = 0; b < Scene::kB; ++b) lengths[b] = b % 2 == 0 ? 0 : Scene::kT + 1;
    const bool time_major = scene.spec.layout == Layout::time_major;
    for (std::int64_t t = 0; t < Scene::kT; ++t) {
      for (std::int64_t b = 0; b < Scene::kB; ++b) {
        std::uint8_t& mark = marks[time_major ? t * Scene::kB + b : b * Scene::kT + t];
        mark = b % 2 == 0 ? std::uint8_t(1 - (mark != 0)) : mark != 0 ? std::uint8_t(7) : std::uint8_t(0);
      }
    }
    EXPECT_NO_THROW(call.backward());
  }
}

// A marked step beyond the 64th of a sequence counts like any other.
TEST(BadBackward, MarksOfALongSequence) {
  Spec spec = plain_gru();
  spec.reset_mask = true;
  constexpr std::int64_t kSteps = 130;
  const Device device = Device::cpu();
  Context context(device);
  const Plan plan = make_plan(spec, {kSteps, 1}, device, {.pass = Pass::training});
  const std::int64_t I = spec.input_size, H = spec.hidden_size;
  const Aligned<float> W(std::vector<float>(static_cast<std::size_t>(3 * H * I)));
  const Aligned<float> R(std::vector<float>(static_cast<std::size_t>(3 * H * H)));
  const Aligned<float> x(std::vector<float>(static_cast<std::size_t>(kSteps * I)));
  Aligned<float> y(std::vector<float>(static_cast<std::size_t>(kSteps * H)));
  Aligned<std::uint8_t> marks(std::vector<std::uint8_t>(kSteps, 0));
  LayerWeights layer;
  layer.W = {W.data(), {1, 3 * H, I}};
  layer.R = {R.data(), {1, 3 * H, H}};
  const std::span<const LayerWeights> weights(&layer, 1);
  Aligned<std::byte> workspace(plan.sizes().workspace), reserve(plan.sizes().reserve);
  Aligned<std::byte> backward_workspace(plan.sizes().workspace_backward);
  ForwardArgs args;
  args.x = {x.data(), {kSteps, 1, I}};
  args.reset_mask = {marks.data(), {kSteps, 1}};
  args.y = {y.data(), {kSteps, 1, H}};
  forward(plan, context, Stream(), weights, args, workspace.bytes(), reserve.bytes());
  BackwardArgs back;
  back.x = args.x;
  back.reset_mask = args.reset_mask;
  back.y = back.dy = args.y;
  const auto run = [&] {
    backward(plan, context, Stream(), weights, back, reserve.bytes(), backward_workspace.bytes());
  };
  EXPECT_NO_THROW(run());
  for (std::size_t t : {0, 63, 64, 127, 128, 129}) {
    marks[t] = 1;
    EXPECT_THROW(run(), InvalidArgument) << t;
    marks[t] = 0;
  }
}

TEST(BadBackward, Overlaps) {
  const Scene scene = projected_scene();
  BadCases cases;
  for (const auto& group : {outputs(), gradients(scene.spec)}) {
    for (const Argument& output : group) {
      for (const auto& others :
           {inputs(scene.spec), outputs(), gradients(scene.spec), weight_arguments(scene.spec)}) {
        for (const Argument& other : others) {
          if (other.name == output.name) continue;
          const bool same_allowed =
              (output.name == "dh0" && other.name == "dhN") || (output.name == "dc0" && other.name == "dcN");
          add_overlap_cases(cases, output, other, output.name, other.name, same_allowed);
        }
      }
      add_buffer_overlap_cases(cases, output, output.name, &Call::reserve, "reserve");
    }
  }
  for (const auto& group :
       {inputs(scene.spec), outputs(), gradients(scene.spec), weight_arguments(scene.spec)}) {
    for (const Argument& view : group) {
      add_buffer_overlap_cases(cases, view, view.name, &Call::backward_workspace, "workspace");
    }
  }
  cases.push_back({"workspace on reserve",
                   [](Call& c) {
                     c.backward_workspace = {c.reserve.data() + 64, c.backward_workspace.size()};
                   },
                   {"workspace", "reserve", "memory shared with"}});
  // The same tensor of two layers.
  cases.push_back({"dW of both layers in one place",
                   [](Call& c) {
                     Edit edit(c.gradients[0].W);
                     edit.data = c.gradients[1].W.data();
                     c.gradients[0].W = writable(edit.view());
                   },
                   {"dW: expected memory that no other argument uses, got memory shared with dW"}});
  expect_refusals(scene, cases, run_backward, run_forward);
}

TEST(BadBackward, StatesInPlaceButPermuted) {
  const auto permute = [](auto state, auto from) {
    return [=](Call& c) {
      Edit edit(c.backward_args.*from);
      std::swap(edit.strides[0], edit.strides[1]);  // [D][L][B][H]: the same range in another order
      c.backward_args.*state = writable(edit.view());
    };
  };
  expect_refusals(scenes()[0],
                  {{"dh0",
                    permute(&BackwardArgs::dh0, &BackwardArgs::dhN),
                    {"dh0", "dhN", "expected memory that no other"}},
                   {"dc0",
                    permute(&BackwardArgs::dc0, &BackwardArgs::dcN),
                    {"dc0", "dcN", "expected memory that no other"}}},
                  run_backward, run_forward);
}

// A valid call with each output left out: nothing else changes.
TEST(BadBackward, OutputsAreOptional) {
  const Scene scene = projected_scene();
  Call whole(scene);
  whole.forward();
  whole.backward();
  for (const auto& group : {outputs(), gradients(scene.spec)}) {
    for (const Argument& left_out : group) {
      SCOPED_TRACE(left_out.name);
      Call call(scene);
      call.forward();
      const ConstTensorView view = left_out.get(call);
      left_out.set(call, {});
      EXPECT_NO_THROW(call.backward());
      for (const auto& others : {outputs(), gradients(scene.spec)}) {
        for (const Argument& other : others) {
          if (other.name == left_out.name) continue;
          EXPECT_EQ(std::memcmp(other.get(call).data(), other.get(whole).data(), bytes_of(other.get(whole))),
                    0)
              << other.name;
        }
      }
      const auto* bytes = static_cast<const std::uint8_t*>(view.data());
      for (std::size_t i = 0; i < bytes_of(view); ++i)
        ASSERT_EQ(bytes[i], 0xff) << "written without being given";
    }
  }
}

}  // namespace
}  // namespace recur::test
