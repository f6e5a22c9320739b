// Work that the members of a caller's team share. What a member does depends on its number alone, and results
// on nothing of it: the bits are those of one thread.
#pragma once

#include <algorithm>
#include <cstdint>

#include "recur/context.hpp"

namespace recur::tasks {

// Elements read or written, and multiply-adds, below which waking threads takes longer than they save.
constexpr std::int64_t kLeastWork = 1 << 16;

// Calls body(member, members) on the members of a team, or on the calling thread alone where there is none or
// little `work`.
template <class Body>
void on_members(ThreadTeam* team, std::int64_t work, Body&& body) {
  const int members = team == nullptr || work < kLeastWork ? 1 : team->size();
  if (members == 1) {
    body(0, 1);
    return;
  }
  struct Call {
    Body& body;
    int members;
  } call{body, members};
  team->run(
      members,
      [](void* user, int member) {
        const Call& shared = *static_cast<Call*>(user);
        shared.body(member, shared.members);
      },
      &call);
}

// A member's share of `count` things.
struct Share {
  std::int64_t begin;
  std::int64_t end;
};
inline Share share_of(std::int64_t count, std::int64_t member, std::int64_t members) {
  return {count * member / members, count * (member + 1) / members};
}

// Terms that are summed in one order whatever the threads: cut into parts, of which a member sums some, and
// whose sums are added up in order.
class PartialSums {
 public:
  static constexpr std::int64_t kParts = 64;

  // sum(begin, end) of each part of this member.
  template <class Sum>
  void fill(std::int64_t count, int member, int members, Sum&& sum) {
    const Share parts = share_of(kParts, member, members);
    for (std::int64_t part = parts.begin; part < parts.end; ++part) {
      const Share share = share_of(count, part, kParts);
      sums_[part] = sum(share.begin, share.end);
    }
  }
  double total() const {
    double total = 0;
    for (const double sum : sums_) total += sum;
    return total;
  }

 private:
  double sums_[kParts] = {};
};

}  // namespace recur::tasks
