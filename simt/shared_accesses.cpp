// Conflicts of shared memory's banks, of the accesses that kernels note (note_shared_access) and of ldmatrix.
#include <algorithm>
#include <cstdint>
#include <set>

#include "simt/machine.hpp"

namespace simt {
namespace {

constexpr unsigned kBanks = 32;
constexpr unsigned kBankBytes = 4;

// Passes of some lanes whose words are served together: a bank gives one word, to as many lanes as want it.
unsigned passes(const std::uintptr_t* addresses, std::uint32_t lanes, unsigned bytes) {
  std::set<std::uintptr_t> words[kBanks];
  unsigned most = 0;
  for (unsigned lane = 0; lane < kWarpSize; ++lane) {
    if ((lanes >> lane & 1u) == 0) continue;
    for (unsigned byte = 0; byte < std::max(bytes, kBankBytes); byte += kBankBytes) {
      const std::uintptr_t word = (addresses[lane] + byte) / kBankBytes;
      auto& bank = words[word % kBanks];
      bank.insert(word);
      most = std::max(most, static_cast<unsigned>(bank.size()));
    }
  }
  return most;
}

void count(const SharedAccess& access) {
  Statistics& statistics = machine().statistics;
  // A warp's 8-byte words go by halves of it, its 16-byte words by quarters.
  const unsigned together = access.bytes <= kBankBytes ? kWarpSize : kWarpSize * kBankBytes / access.bytes;
  ++statistics.shared_accesses;
  for (unsigned first = 0; first < kWarpSize; first += together) {
    const std::uint32_t part =
        together == kWarpSize ? access.lanes : access.lanes & (((1u << together) - 1) << first);
    if (part == 0) continue;
    statistics.shared_passes += passes(access.addresses, part, access.bytes);
    ++statistics.shared_passes_at_least;
  }
}

}  // namespace

void set_counting(bool counting) { machine().counting = counting; }

// The n-th access of a lane at a place in the source belongs to the n-th of the warp's other lanes there: lanes
// run one after the other from one synchronisation to the next, through whole loops.
void note_shared_access(const void* address, std::size_t bytes, Where where) {
  Machine& m = machine();
  if (!m.counting) return;
  const sanitizers::Quiet quiet;
  Thread& self = *m.self;
  SharedSite& site = self.warp->shared_sites[{where.file, where.line}];
  const unsigned turn = site.turns[self.lane]++;
  if (site.accesses.size() <= turn) site.accesses.resize(turn + 1);
  SharedAccess& access = site.accesses[turn];
  access.bytes = static_cast<unsigned>(bytes);
  access.lanes |= 1u << self.lane;
  access.addresses[self.lane] = reinterpret_cast<std::uintptr_t>(address);
}

void count_shared_accesses(Group& group) {
  for (Warp* warp : group.warps) {
    for (const auto& [place, site] : warp->shared_sites) {
      for (const SharedAccess& access : site.accesses) count(access);
    }
    warp->shared_sites.clear();
  }
}

}  // namespace simt
