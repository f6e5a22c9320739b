#include "simt/late.hpp"

#include <algorithm>
#include <cstring>

#include "simt/machine.hpp"

namespace simt {
namespace {

// Global memory by its address. Leaked on purpose, as machine() is.
std::map<std::byte*, std::size_t>& named() {
  static auto& memory = *new std::map<std::byte*, std::size_t>;
  return memory;
}

}  // namespace

void name_global(void* memory, std::size_t bytes) { named()[static_cast<std::byte*>(memory)] = bytes; }
void forget_global(void* memory) { named().erase(static_cast<std::byte*>(memory)); }

Late* late_mode() {
  Group* group = machine().group;
  return group == nullptr ? nullptr : group->late.get();
}

Late::Late(const Group& group) {
  for (const auto& block : group.blocks) {
    const std::size_t index = blocks_.size();
    blocks_[block.get()] = index;
  }
  logs_.resize(blocks_.size());
  known_.assign(blocks_.size(), Clock(blocks_.size(), 0));
  for (const auto& [data, bytes] : named()) add(data, bytes);
  for (const auto& block : group.blocks) {
    add(block->dynamic_memory);
    for (const SharedRegion& region : block->static_memory) add(region);
  }
}

void Late::add(std::byte* data, std::size_t bytes) {
  if (data == nullptr || bytes == 0) return;
  regions_.push_back({data, bytes, {}, false});
  regions_.back().views.assign(blocks_.size(), std::vector<std::byte>(data, data + bytes));
}
void Late::add(const SharedRegion& region) { add(region.data, region.bytes); }

void Late::drop(const SharedRegion& region) {
  for (Region& held : regions_) {
    if (region.data != nullptr && held.data == region.data) held.bytes = 0;
  }
}

std::size_t Late::index_of(const Block& block) const { return blocks_.at(&block); }

// What differs from the view that the running block had is what it has written since.
void Late::log_stores() {
  const sanitizers::Quiet quiet;
  for (std::size_t r = 0; r < regions_.size(); ++r) {
    Region& region = regions_[r];
    std::vector<std::byte>& view = region.views[running_];
    if (region.bytes == 0 || std::memcmp(view.data(), region.data, region.bytes) == 0) continue;
    for (std::size_t i = 0; i < region.bytes;) {
      if (view[i] == region.data[i]) {
        ++i;
        continue;
      }
      std::size_t end = i + 1;
      while (end < region.bytes && view[end] != region.data[end]) ++end;
      region.differs = true;
      logs_[running_].push_back({r, i, {region.data + i, region.data + end}, ++now_});
      std::copy(region.data + i, region.data + end, view.data() + i);
      i = end;
    }
  }
  known_[running_][running_] = logs_[running_].size();
}

void Late::enter(const Block& block) {
  const std::size_t next = index_of(block);
  if (next == running_) return;
  log_stores();
  const sanitizers::Quiet quiet;
  running_ = next;
  for (Region& region : regions_) {
    if (region.differs) std::memcpy(region.data, region.views[next].data(), region.bytes);
  }
}

void Late::release(const void* tag) {
  log_stores();
  Clock& clock = tags_.try_emplace(tag, blocks_.size(), 0).first->second;
  for (std::size_t i = 0; i < clock.size(); ++i) clock[i] = std::max(clock[i], known_[running_][i]);
}

void Late::acquire(const void* tag) {
  const auto found = tags_.find(tag);
  if (found == tags_.end()) return;
  Clock& known = known_[running_];
  std::vector<const Store*> news;
  for (std::size_t i = 0; i < known.size(); ++i) {
    if (i == running_) continue;
    for (; known[i] < found->second[i]; ++known[i]) news.push_back(&logs_[i][known[i]]);
  }
  if (news.empty()) return;
  log_stores();
  std::sort(news.begin(), news.end(), [](const Store* a, const Store* b) { return a->when < b->when; });
  for (const Store* store : news) apply(*store);
}

void Late::apply(const Store& store) {
  const sanitizers::Quiet quiet;
  Region& region = regions_[store.region];
  if (region.bytes == 0) return;
  std::copy(store.value.begin(), store.value.end(), region.data + store.offset);
  std::copy(store.value.begin(), store.value.end(),
            region.views[running_].begin() + static_cast<std::ptrdiff_t>(store.offset));
}

void Late::pass_on(const void* from, const void* to) {
  const auto found = tags_.find(from);
  if (found == tags_.end()) return;
  const Clock passed = found->second;
  Clock& clock = tags_.try_emplace(to, blocks_.size(), 0).first->second;
  for (std::size_t i = 0; i < clock.size(); ++i) clock[i] = std::max(clock[i], passed[i]);
}

void Late::write_through(const void* address, std::size_t bytes) {
  const sanitizers::Quiet quiet;
  const auto* first = static_cast<const std::byte*>(address);
  for (Region& region : regions_) {
    if (region.bytes == 0 || first < region.data || first + bytes > region.data + region.bytes) continue;
    for (std::vector<std::byte>& view : region.views) {
      std::copy(first, first + bytes, view.begin() + (first - region.data));
    }
    return;
  }
}

void Late::finish() {
  log_stores();
  std::vector<const Store*> all;
  for (const std::vector<Store>& log : logs_) {
    for (const Store& store : log) all.push_back(&store);
  }
  std::sort(all.begin(), all.end(), [](const Store* a, const Store* b) { return a->when < b->when; });
  const sanitizers::Quiet quiet;
  for (const Store* store : all) {
    const Region& region = regions_[store->region];
    if (region.bytes == 0) continue;
    std::copy(store->value.begin(), store->value.end(), region.data + store->offset);
  }
}

}  // namespace simt
