#include "perf/pinning.hpp"

#include <sched.h>

namespace recur::perf {
namespace {

// A system that refuses has its reasons; the spread will tell.
void run_on(const std::vector<int>& processors) {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (const int processor : processors) CPU_SET(static_cast<unsigned>(processor), &set);
  static_cast<void>(sched_setaffinity(0, sizeof(set), &set));
}

}  // namespace

std::vector<int> usable_processors() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof(set), &set) != 0) return {0};
  std::vector<int> processors;
  for (int i = 0; i < CPU_SETSIZE; ++i) {
    if (CPU_ISSET(static_cast<unsigned>(i), &set)) processors.push_back(i);
  }
  return processors;
}

Pinned::Pinned(ThreadTeam& team, const std::vector<int>& processors) : before_(processors) {
  for (int i = 0; i < team.size(); ++i) {
    processors_.push_back(before_[static_cast<std::size_t>(i) % before_.size()]);
  }
  team.run(
      team.size(),
      [](void* own, int member) {
        run_on({(*static_cast<std::vector<int>*>(own))[static_cast<std::size_t>(member)]});
      },
      &processors_);
}

Pinned::~Pinned() { run_on(before_); }

Pinned::Loose::Loose(const Pinned& pinned) : pinned_(pinned) { run_on(pinned.processors_); }
Pinned::Loose::~Loose() { run_on({pinned_.processors_.front()}); }

}  // namespace recur::perf
