// Contexts, teams and devices that do not fit the call.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "badinput/spoil.hpp"
#include "host/context_state.hpp"
#include "host/cpu/simd/kernels.hpp"

namespace recur::test {
namespace {

// Sizes for which two threads are worth waking: 2^21 multiply-adds a pass and four rows a group (tiling.cpp).
Scene two_threads(Pass pass = Pass::inference) {
  Scene scene{.spec = plain_gru(), .pass = pass, .threads = 2};
  scene.spec.direction = Direction::bidirectional;
  scene.spec.hidden_size = 208;
  scene.arena_bytes = 16 << 20;
  return scene;
}

template <class F>
std::string refusal(F&& f) {
  try {
    f();
  } catch (const InvalidArgument& error) {
    return error.what();
  } catch (const std::exception& error) {
    return std::string("another error: ") + error.what();
  }
  return "accepted";
}

// Every call that takes a context, refused with this message and without a trace.
void expect_all_refused(Call& call, Context& context, const std::string& message) {
  const std::vector<std::byte> before = call.arena.snapshot();
  const auto expect = [&](const char* name, auto run) {
    const std::string got = refusal(run);
    EXPECT_NE(got.find(message), std::string::npos) << name << ": " << got;
    EXPECT_EQ(call.arena.first_change(before), -1) << name << " wrote";
  };
  const auto weights = std::span<const LayerWeights>(call.weights);
  expect("forward", [&] {
    forward(call.plan, context, {}, call.all_weights(), call.forward_args, call.workspace, call.reserve);
  });
  if (call.plan.options().pass == Pass::inference) {
    expect("prepare_weights",
           [&] { prepare_weights(call.plan, context, {}, weights, call.prepared_buffer); });
    if (call.spec.direction == Direction::forward) {
      expect("step", [&] { step(call.plan, context, {}, weights, call.step_args, call.workspace); });
      expect("generate",
             [&] { generate(call.plan, context, {}, weights, call.generate_args, call.workspace); });
    }
  } else {
    expect("backward", [&] {
      backward(call.plan, context, {}, weights, call.backward_args, call.reserve, call.backward_workspace);
    });
  }
}

TEST(BadContext, OfAnotherDevice) {
  DeviceProps props;
  props.kind = DeviceKind::cuda;
  props.name = "described GPU";
  Context context(Device::from_props(props));
  Call inference({.spec = plain_gru()});
  const std::string message = "context: expected one on the plan's device " + inference.plan.device().name +
                              ", got one on described GPU";
  expect_all_refused(inference, context, message);
  Call training({.spec = plain_gru(), .pass = Pass::training});
  training.forward();
  expect_all_refused(training, context, message);
}

TEST(BadContext, WithTooFewThreads) {
  for (Pass pass : {Pass::inference, Pass::training}) {
    Call call(two_threads(pass));
    ASSERT_EQ(call.plan.threads(), 2);
    if (pass == Pass::training) call.forward();
    ThreadTeam one(1);
    for (ThreadTeam* team : {static_cast<ThreadTeam*>(nullptr), &one}) {
      Context context(call.device, team);
      const std::vector<std::byte> before = call.arena.snapshot();
      const auto run = [&] {
        if (pass == Pass::inference) {
          forward(call.plan, context, {}, call.all_weights(), call.forward_args, call.workspace);
        } else {
          backward(call.plan, context, {}, call.weights, call.backward_args, call.reserve,
                   call.backward_workspace);
        }
      };
      EXPECT_EQ(refusal(run), "context: expected a team of at least 2 threads as planned, got 1");
      EXPECT_EQ(call.arena.first_change(before), -1);
      // Packing needs no team.
      if (pass == Pass::inference) {
        EXPECT_EQ(refusal([&] { call.prepare(); }), "accepted");
      }
    }
  }
}

// A larger team than planned does no harm.
TEST(BadContext, WithMoreThreadsThanPlanned) {
  Call call(two_threads());
  call.forward();
  const std::vector<std::byte> expected = call.arena.snapshot();
  ThreadTeam three(3);
  Context context(call.device, &three);
  forward(call.plan, context, {}, call.all_weights(), call.forward_args, call.workspace);
  EXPECT_EQ(call.arena.first_change(expected), -1);
}

// Holds the context as a running call does, for as long as the test wants.
TEST(BadContext, AlreadyInACall) {
  for (Pass pass : {Pass::inference, Pass::training}) {
    Call call({.spec = plain_gru(), .pass = pass});
    call.forward();
    {
      const host::ContextLock running(call.context.state());
      expect_all_refused(call, call.context, "context: already in a call");
    }
    EXPECT_NO_THROW(call.forward()) << "usable again once that call is over";
  }
}

// A refused call lets the context go.
TEST(BadContext, IsFreeAfterARefusal) {
  Call call({.spec = plain_gru()});
  const ForwardArgs good = call.forward_args;
  call.forward_args.y = {};
  EXPECT_THROW(call.forward(), InvalidArgument);
  call.forward_args = good;
  EXPECT_NO_THROW(call.forward());
}

// Two contexts on one team: the second call finds the team busy, and even that is found out before anything
// is written.
TEST(BadContext, WhoseTeamIsInACall) {
  for (Pass pass : {Pass::inference, Pass::training}) {
    Call call(two_threads(pass));
    if (pass == Pass::training) call.forward();
    struct {
      Call& call;
      std::vector<std::string> messages;
    } shared{call, {}};
    const std::vector<std::byte> before = call.arena.snapshot();
    call.team.run(
        1,
        [](void* user, int) {
          auto& s = *static_cast<decltype(shared)*>(user);
          s.messages.push_back(refusal([&] { s.call.forward(); }));
          if (s.call.plan.options().pass == Pass::training) {
            s.messages.push_back(refusal([&] { s.call.backward(); }));
          }
        },
        &shared);
    for (const std::string& message : shared.messages)
      EXPECT_EQ(message, "thread team: already running a call");
    EXPECT_EQ(call.arena.first_change(before), -1);
    EXPECT_NO_THROW(call.forward());
  }
}

// A child of fork has none of the threads of its parent's team. What it says of each call goes through a pipe:
// its memory is a copy.
TEST(BadContext, OfTheParentInAChildOfFork) {
  for (Pass pass : {Pass::inference, Pass::training}) {
    Call call(two_threads(pass));
    call.forward();
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    const pid_t parent = getpid();
    const pid_t child = fork();
    if (child == 0) {
      alarm(60);  // ends a child that hangs
      const std::vector<std::byte> before = call.arena.snapshot();
      std::string said = refusal([&] { call.forward(); });
      if (pass == Pass::training) said += "; " + refusal([&] { call.backward(); });
      if (call.arena.first_change(before) != -1) said += "; and wrote";
      _exit(write(ends[1], said.data(), said.size()) == static_cast<ssize_t>(said.size()) ? 0 : 1);
    }
    close(ends[1]);
    char text[1024] = {};
    const ssize_t bytes = read(ends[0], text, sizeof(text) - 1);
    close(ends[0]);
    int status = -1;
    waitpid(child, &status, 0);
    EXPECT_GT(bytes, 0);
    EXPECT_EQ(status, 0);
    const std::string message = "thread team: made in process " + std::to_string(parent) +
                                ", used in process " + std::to_string(child) +
                                ": a child of fork has no threads of its parent";
    const std::string both = std::string(message).append("; ").append(message);
    EXPECT_EQ(std::string(text), pass == Pass::training ? both : message);
    EXPECT_NO_THROW(call.forward()) << "the parent goes on";
  }
}

TEST(BadContext, APlanForAnInstructionSetThatThisMachineLacks) {
  for (const host::cpu::SimdTarget* target : host::cpu::compiled_targets()) {
    if (host::cpu::is_supported(*target)) continue;
    Call call({.spec = plain_gru()});
    DeviceProps props = call.device.props();
    props.cpu.simd = target->name;
    const Plan plan = make_plan(call.spec, {Scene::kT, Scene::kB}, Device::from_props(props));
    Aligned<std::byte> workspace(plan.sizes().workspace);
    const std::vector<std::byte> before = call.arena.snapshot();
    try {
      forward(plan, call.context, {}, call.all_weights(), call.forward_args, workspace.bytes());
      ADD_FAILURE() << "ran " << target->name;
    } catch (const Unsupported& error) {
      EXPECT_NE(std::string(error.what()).find(target->name), std::string::npos) << error.what();
    }
    EXPECT_EQ(call.arena.first_change(before), -1);
  }
}

TEST(BadTeam, Sizes) {
  for (int threads : {0, -1, 1025, std::numeric_limits<int>::min(), std::numeric_limits<int>::max()}) {
    EXPECT_EQ(refusal([&] { ThreadTeam team(threads); }),
              "threads: expected 1 to 1024, got " + std::to_string(threads));
  }
}

TEST(BadTeam, Runs) {
  ThreadTeam team(2);
  int calls = 0;
  const auto count = [](void* user, int) { ++*static_cast<int*>(user); };
  for (int members : {0, -1, 3}) {
    EXPECT_EQ(refusal([&] { team.run(members, count, &calls); }),
              "members: expected 1 to 2, got " + std::to_string(members));
  }
  EXPECT_EQ(refusal([&] { team.run(1, nullptr, &calls); }), "task: expected a function, got null");
  EXPECT_EQ(calls, 0);
  team.run(1, count, &calls);
  EXPECT_EQ(calls, 1) << "usable after refusals";
}

TEST(BadDevice, Cuda) {
  EXPECT_THROW(Device::cuda(1000), Unsupported);
  EXPECT_THROW(Device::cuda(-1), Unsupported);
}

}  // namespace
}  // namespace recur::test
