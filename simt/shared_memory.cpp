// Shared memory: every array is a heap block of its own, so that AddressSanitizer sees its ends; it starts as
// NaN.
#include <cstring>
#include <new>

#include "simt/machine.hpp"

namespace simt {
namespace {

constexpr std::size_t kAlignment = 128;

struct StaticArray {
  std::size_t bytes, alignment;
};
// Leaked on purpose, as machine() is.
std::vector<StaticArray>& static_arrays() {
  static auto& arrays = *new std::vector<StaticArray>;
  return arrays;
}

SharedRegion allocate(std::size_t bytes) {
  SharedRegion region;
  if (bytes == 0) return region;
  region.bytes = bytes;
  region.data = static_cast<std::byte*>(::operator new (bytes, std::align_val_t{kAlignment}));
  poison(region.data, bytes);
  return region;
}

void release_region(SharedRegion& region) {
  if (region.data == nullptr) return;
  sanitizers::allow(region.data, region.bytes);
  ::operator delete (region.data, std::align_val_t{kAlignment});
}

bool holds(const SharedRegion& region, const void* address, std::size_t bytes) {
  const auto* first = static_cast<const std::byte*>(address);
  return region.data != nullptr && first >= region.data && first + bytes <= region.data + region.bytes;
}

SharedRegion& static_region(Block& block, int slot) {
  const auto index = static_cast<std::size_t>(slot);
  if (block.static_memory.size() <= index) block.static_memory.resize(index + 1);
  SharedRegion& region = block.static_memory[index];
  if (region.data == nullptr) {
    region = allocate(static_arrays()[index].bytes);
    if (Late* mode = late_mode()) mode->add(region);
  }
  return region;
}

}  // namespace

Block::~Block() {
  const sanitizers::Quiet quiet;
  release_shared(*this);
}

void release_shared(Block& block) {
  release_region(block.dynamic_memory);
  for (SharedRegion& region : block.static_memory) release_region(region);
  block.dynamic_memory = {};
  block.static_memory.clear();
}

void allocate_dynamic(Block& block, std::size_t bytes) { block.dynamic_memory = allocate(bytes); }

// A finished block's memory is another block's on a GPU.
void forbid_shared(Block& block) {
  if (Late* mode = late_mode()) {
    mode->drop(block.dynamic_memory);
    for (const SharedRegion& region : block.static_memory) mode->drop(region);
  }
  sanitizers::forbid(block.dynamic_memory.data, block.dynamic_memory.bytes);
  for (const SharedRegion& region : block.static_memory) sanitizers::forbid(region.data, region.bytes);
}

void* dynamic_shared() {
  Block& block = *machine().self->block;
  if (block.dynamic_memory.data == nullptr) {
    fail(FaultKind::out_of_range, "uses dynamic shared memory, but the launch gave it none");
  }
  return block.dynamic_memory.data;
}

int register_static_shared(std::size_t bytes, std::size_t alignment) {
  const sanitizers::Quiet quiet;
  static_arrays().push_back({bytes, alignment});
  return static_cast<int>(static_arrays().size()) - 1;
}

void* static_shared(int slot) {
  const sanitizers::Quiet quiet;
  return static_region(*machine().self->block, slot).data;
}

SharedRegion* region_of(Block& block, const void* address, std::size_t bytes) {
  if (holds(block.dynamic_memory, address, bytes)) return &block.dynamic_memory;
  for (SharedRegion& region : block.static_memory) {
    if (holds(region, address, bytes)) return &region;
  }
  return nullptr;
}

Block* owner_of(const void* address, std::size_t bytes) {
  for (Block* block : machine().self->block->cluster->blocks) {
    if (region_of(*block, address, bytes) != nullptr) return block;
  }
  return nullptr;
}

void* map_shared(const void* address, unsigned rank, Where where) {
  const sanitizers::Quiet quiet;
  Block& own = *machine().self->block;
  const auto& blocks = own.cluster->blocks;
  if (rank >= blocks.size()) {
    fail(FaultKind::out_of_range, "map_shared %s: rank %u of a cluster of %zu", describe(where).c_str(), rank,
         blocks.size());
  }
  Block& other = *blocks[rank];
  if (&other != &own && own.cluster->barrier.generation == 0) {
    fail(FaultKind::misuse, "map_shared %s before the first cluster barrier: the other block may not run yet",
         describe(where).c_str());
  }
  if (other.finished()) {
    fail(FaultKind::out_of_range, "map_shared %s: block %u of the cluster has exited",
         describe(where).c_str(), rank);
  }
  const SharedRegion* region = region_of(own, address, 1);
  if (region == nullptr) {
    fail(FaultKind::out_of_range, "map_shared %s: %p is not in this block's shared memory",
         describe(where).c_str(), address);
  }
  const auto offset = static_cast<const std::byte*>(address) - region->data;
  if (region == &own.dynamic_memory) return other.dynamic_memory.data + offset;
  return static_region(other, static_cast<int>(region - own.static_memory.data())).data + offset;
}

}  // namespace simt
