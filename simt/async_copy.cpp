// cp.async: copies of a thread, done when the thread waits for their group. Until then the destination is
// NaN.
#include <cstring>

#include "simt/machine.hpp"

namespace simt {

void copy_async(void* shared, const void* global, int bytes, int source_bytes, Where where) {
  Thread& self = *machine().self;
  if (bytes != 4 && bytes != 8 && bytes != 16) {
    fail(FaultKind::misuse, "cp.async %s of %d bytes: 4, 8 or 16 can be copied", describe(where).c_str(),
         bytes);
  }
  const auto misaligned = [&](const void* address) {
    return reinterpret_cast<std::uintptr_t>(address) % static_cast<unsigned>(bytes) != 0;
  };
  if (misaligned(shared) || misaligned(global)) {
    fail(FaultKind::misuse, "cp.async %s of %d bytes: misaligned address", describe(where).c_str(), bytes);
  }
  if (region_of(*self.block, shared, static_cast<std::size_t>(bytes)) == nullptr) {
    fail(FaultKind::out_of_range, "cp.async %s: the destination is not in this block's shared memory",
         describe(where).c_str());
  }
  // Seen by the sanitizers as this thread's write, which it is.
  std::memset(shared, 0xff, static_cast<std::size_t>(bytes));
  const sanitizers::Quiet quiet;
  self.copies.push_back({static_cast<std::byte*>(shared), static_cast<const std::byte*>(global), bytes,
                         source_bytes, self.copy_group});
}

void copy_async_commit() { ++machine().self->copy_group; }

void copy_async_wait(int pending) {
  Thread& self = *machine().self;
  if (self.copies.empty()) return;
  std::size_t kept = 0;
  for (std::size_t i = 0; i < self.copies.size(); ++i) {
    const LocalCopy copy = self.copies[i];
    // Copies that were never committed are in the group that is still open.
    const bool waited_for = copy.group < self.copy_group - pending;
    if (!waited_for) {
      self.copies[kept++] = copy;
      continue;
    }
    std::memcpy(copy.destination, copy.source, static_cast<std::size_t>(copy.source_bytes));
    std::memset(copy.destination + copy.source_bytes, 0,
                static_cast<std::size_t>(copy.bytes - copy.source_bytes));
  }
  self.copies.resize(kept);
}

}  // namespace simt
