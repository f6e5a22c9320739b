// A child of fork has none of its parent's threads: a team is refused there, with nothing written, and its
// destruction waits for nobody.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <functional>
#include <optional>
#include <string>
#include <thread>

#include "contract/session.hpp"
#include "host/context_state.hpp"
#include "support/problem.hpp"
#include "support/spec_name.hpp"

namespace recur::test {
namespace {

// What a child said, and how it ended. A child that hangs is ended after two minutes: other load may
// keep one that does not from its processor for seconds.
struct Child {
  std::string said;
  bool ended_by_itself = false;
  pid_t id = 0;
};

// The child leaves by _exit: what GoogleTest and sanitizers do at the end is the parent's.
Child in_child(const std::function<std::string()>& run) {
  int ends[2];
  if (pipe(ends) != 0) return {"no pipe"};
  Child child;
  child.id = fork();
  if (child.id == 0) {
    const std::string says = run();
    const auto written = write(ends[1], says.data(), says.size());
    _exit(written == static_cast<ssize_t>(says.size()) ? 0 : 1);
  }
  close(ends[1]);
  int status = -1;
  for (int tenths = 0; tenths < 1200 && waitpid(child.id, &status, WNOHANG) == 0; ++tenths)
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  if (status == -1) {
    kill(child.id, SIGKILL);
    waitpid(child.id, &status, 0);
  }
  child.ended_by_itself = WIFEXITED(status) && WEXITSTATUS(status) == 0;
  char text[512];
  for (ssize_t count; (count = read(ends[0], text, sizeof(text))) > 0;)
    child.said.append(text, static_cast<std::size_t>(count));
  close(ends[0]);
  return child;
}

std::string refusal(const Child& child) {
  return "thread team: made in process " + std::to_string(getpid()) + ", used in process " +
         std::to_string(child.id) + ": a child of fork has no threads of its parent";
}

class Fork : public ::testing::Test {
 protected:
  Fork() {
    Spec spec{.cell = Cell::lstm, .input_size = 5};
    set_hidden(spec, all_groups(spec).H);
    session_.emplace(oracle::convert<float>(random_problem(spec, 5, 7, 1)),
                     Options{.pass = Pass::training, .threads = 2});
    session_->set_upstream(oracle::convert<float>(random_output_gradients(spec, 5, 7, 2)));
  }
  // In a child: what a call throws, and what it wrote before.
  std::string message_of(void (Session<float>::*call)()) {
    session_->poison_outputs();
    const auto outputs = session_->outputs();
    const auto gradients = session_->all_gradients();
    try {
      ((*session_).*call)();
      return "no error";
    } catch (const InvalidArgument& error) {
      const bool untouched =
          same_bits(session_->outputs(), outputs) && same_bits(session_->all_gradients(), gradients);
      return untouched ? error.what() : "outputs are written";
    }
  }

  std::optional<Session<float>> session_;
};

TEST_F(Fork, ACallInTheChildIsRefused) {
  ASSERT_EQ(session_->plan.threads(), 2);
  session_->forward();
  const auto outputs = session_->outputs();
  for (const auto choice : {host::LoadPolicy::Choice::team, host::LoadPolicy::Choice::alone}) {
    session_->context.state().load.choose(choice);
    for (const auto call : {&Session<float>::forward, &Session<float>::backward}) {
      const Child child = in_child([&] { return message_of(call); });
      EXPECT_TRUE(child.ended_by_itself);
      EXPECT_EQ(child.said, refusal(child));
    }
  }
  session_->poison_outputs();
  session_->forward();
  EXPECT_TRUE(same_bits(session_->outputs(), outputs)) << "the parent goes on";
}

TEST_F(Fork, TheChildMayDestroyWhatItCannotUse) {
  session_->forward();
  const Child child = in_child([&] {
    session_.reset();
    return std::string("gone");
  });
  EXPECT_TRUE(child.ended_by_itself);
  EXPECT_EQ(child.said, "gone");
}

// A child makes a team and a context of its own, and has the parent's bits.
TEST_F(Fork, AFreshContextInTheChildWorks) {
  session_->forward();
  const auto outputs = session_->outputs();
  const Child child = in_child([&]() -> std::string {
    session_->poison_outputs();
    ThreadTeam team(2);
    Context context(Device::cpu(), &team);
    recur::forward(session_->plan, context, Stream(), std::span<const LayerWeights>(session_->weights),
                   session_->forward_args, session_->workspace.bytes(), session_->reserve.bytes());
    return same_bits(session_->outputs(), outputs) ? "the same" : "other bits";
  });
  EXPECT_TRUE(child.ended_by_itself);
  EXPECT_EQ(child.said, "the same");
}

// Though at the time of fork a call may have been running.
TEST(ForkOfATeam, ARunningTeamIsRefusedForTheSameReason) {
  ThreadTeam team(2);
  struct Use {
    ThreadTeam& team;
    Child child;
  } use{team, {}};
  team.run(
      1,
      [](void* user, int) {
        Use& own = *static_cast<Use*>(user);
        own.child = in_child([&] {
          try {
            own.team.run(
                1, [](void*, int) {}, nullptr);
            return std::string("no error");
          } catch (const InvalidArgument& error) {
            return std::string(error.what());
          }
        });
      },
      &use);
  EXPECT_EQ(use.child.said, refusal(use.child));
}

TEST(ForkOfATeam, OfTheCallerAloneWorksInTheChild) {
  ThreadTeam team(1);
  const Child child = in_child([&] {
    std::string ran = "no";
    team.run(
        1, [](void* user, int) { *static_cast<std::string*>(user) = "yes"; }, &ran);
    return ran;
  });
  EXPECT_EQ(child.said, "yes");
}

}  // namespace
}  // namespace recur::test
