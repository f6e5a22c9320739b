// Keeps threads on processors of their own while something is timed.
#pragma once

#include <vector>

#include "recur/context.hpp"

namespace recur::perf {

// Processors that this process may use, in order.
std::vector<int> usable_processors();

// While it lives, member i of the team stays on the i-th of these processors: those usable at the start,
// since a library that binds its threads may have bound the caller, too. Threads of other libraries inherit
// the caller's set when they start, so a contender makes its own while the caller is `Loose`.
class Pinned {
 public:
  Pinned(ThreadTeam& team, const std::vector<int>& processors);
  ~Pinned();
  Pinned(const Pinned&) = delete;
  Pinned& operator=(const Pinned&) = delete;

  // While it lives, the calling thread may run on all processors of the team.
  class Loose {
   public:
    explicit Loose(const Pinned& pinned);
    ~Loose();
    Loose(const Loose&) = delete;
    Loose& operator=(const Loose&) = delete;

   private:
    const Pinned& pinned_;
  };

 private:
  std::vector<int> before_;
  std::vector<int> processors_;  // one for each member; shared where there are too few
};

}  // namespace recur::perf
