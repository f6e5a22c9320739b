/// @file
/// The late mode: what a block writes by plain stores reaches another block only by a release that the other
/// acquires. Internal to simt.
///
/// Every block of a group sees memory as a view of its own. The view of the block whose thread runs lies in
/// memory itself, the others are copies. What a block has written is found by comparing memory with what it
/// was, and kept in a log. A tag of a release knows how much of each log the releasing block knew; who
/// acquires it applies what it does not know yet. So a store may be seen late, and never early: what a GPU
/// allows, taken to its limit, between blocks. Within a block stores are seen at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <vector>

namespace simt {

struct Block;
struct Group;
struct SharedRegion;

class Late {
 public:
  explicit Late(const Group& group);

  /// A thread of this block runs next.
  void enter(const Block& block);
  /// The running block publishes what it knows, and learns what was published.
  void release(const void* tag);
  void acquire(const void* tag);
  /// What `from` published goes on to `to`.
  void pass_on(const void* from, const void* to);
  void forget(const void* tag) { tags_.erase(tag); }
  /// Every block sees these bytes of memory.
  void write_through(const void* address, std::size_t bytes);
  /// Shared memory that a block has from now on.
  void add(const SharedRegion& region);
  /// Nobody reaches it any more.
  void drop(const SharedRegion& region);
  /// All has ended: memory has everybody's stores.
  void finish();

 private:
  struct Region {
    std::byte* data;
    std::size_t bytes;
    std::vector<std::vector<std::byte>> views;  // [block]
    bool differs = false;                       // a store was logged: until then all views are memory
  };
  struct Store {
    std::size_t region;
    std::size_t offset;
    std::vector<std::byte> value;
    std::uint64_t when;
  };
  using Clock = std::vector<std::size_t>;  // [block]: how much of its log is known

  void add(std::byte* data, std::size_t bytes);
  std::size_t index_of(const Block& block) const;
  void log_stores();
  void apply(const Store& store);

  std::vector<Region> regions_;
  std::map<const Block*, std::size_t> blocks_;
  std::vector<std::vector<Store>> logs_;  // [block]
  std::vector<Clock> known_;              // [block]
  std::map<const void*, Clock> tags_;
  std::size_t running_ = 0;
  std::uint64_t now_ = 0;
};

/// The late mode of the group that runs; null where stores are seen at once.
Late* late_mode();

namespace late_stores {
inline void release(const void* tag) {
  if (Late* mode = late_mode()) mode->release(tag);
}
inline void acquire(const void* tag) {
  if (Late* mode = late_mode()) mode->acquire(tag);
}
}  // namespace late_stores

}  // namespace simt
