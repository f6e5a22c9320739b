#include "simt/machine.hpp"

#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace simt {
namespace {

Schedule schedule_of_environment() {
  Schedule schedule;
  if (const char* order = std::getenv("SIMT_ORDER")) {
    const std::string name = order;
    if (name == "ascending") {
      schedule.order = Order::ascending;
    } else if (name == "descending") {
      schedule.order = Order::descending;
    } else if (name == "random") {
      schedule.order = Order::random;
    } else if (name == "starved") {
      schedule.order = Order::starved;
    } else {
      throw std::invalid_argument("SIMT_ORDER: expected ascending, descending, random or starved, got " +
                                  name);
    }
  }
  if (const char* seed = std::getenv("SIMT_SEED")) {
    schedule.seed = static_cast<std::uint32_t>(std::strtoul(seed, nullptr, 10));
  }
  return schedule;
}

}  // namespace

// Leaked on purpose: static objects of tests may still run kernels when destructors have begun.
Machine* the_machine = nullptr;

Machine& make_machine() {
  auto made = std::make_unique<Machine>();
  made->schedule = schedule_of_environment();
  made->random.seed(made->schedule.seed);
  const char* late = std::getenv("SIMT_LATE");
  made->late = late != nullptr && std::strcmp(late, "1") == 0;
  the_machine = made.release();
  return *the_machine;
}

void set_schedule(Schedule schedule) {
  machine().schedule = schedule;
  machine().random.seed(schedule.seed);
}
Schedule schedule() { return machine().schedule; }
void set_late(bool late) { machine().late = late; }
bool late() { return machine().late; }
void set_device(DeviceModel model) { machine().device = std::move(model); }
const DeviceModel& device() { return machine().device; }
const Statistics& statistics() { return machine().statistics; }

const char* name_of(FaultKind kind) {
  switch (kind) {
    case FaultKind::launch: return "launch";
    case FaultKind::deadlock: return "deadlock";
    case FaultKind::livelock: return "livelock";
    case FaultKind::divergence: return "divergence";
    case FaultKind::misuse: return "misuse";
    case FaultKind::out_of_range: return "out of range";
    case FaultKind::missing_fence: return "missing fence";
    case FaultKind::stream: return "stream";
  }
  return "?";
}

std::string describe(const Where& where) {
  return std::string(where.file) + ":" + std::to_string(where.line);
}

std::string describe(const Thread& thread) {
  char text[128];
  const uint3& block = thread.block->index;
  std::snprintf(text, sizeof(text), "block (%u,%u,%u) thread (%u,%u,%u)", block.x, block.y, block.z,
                thread.index.x, thread.index.y, thread.index.z);
  return text;
}

void fail(FaultKind kind, const char* format, ...) {
  char text[2048];
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(text, sizeof(text), format, arguments);
  va_end(arguments);
  Machine& m = machine();
  std::string message = m.group == nullptr ? "" : m.group->launch->name + ": ";
  if (m.self != nullptr) message += describe(*m.self) + ": ";
  message += std::string(name_of(kind)) + ": " + text;
  if (m.self == nullptr) throw Fault(kind, message);
  if (!m.failed) {
    m.failed = true;
    m.fault_kind = kind;
    m.fault = message;
  }
  throw Abandoned{};
}

void block_thread(const char* doing, Where where) {
  Machine& m = machine();
  Thread& self = *m.self;
  self.doing = doing;
  self.where = where;
  self.fiber.switch_out();
  if (m.failed) throw Abandoned{};
}

void make_ready(Thread& thread) { thread.warp->ready |= 1u << thread.lane; }

void wake_pollers(Block& block) {
  for (const auto& warp : block.warps) {
    warp->ready |= warp->polling;
    warp->polling = 0;
  }
}

void progress() { ++machine().epoch; }
void write_through(const void* address, std::size_t bytes) {
  if (Late* mode = late_mode()) mode->write_through(address, bytes);
}
unsigned lane() { return machine().self->lane; }

void poll(Where where) {
  Thread& self = *machine().self;
  self.warp->polling |= 1u << self.lane;
  block_thread("polling", where);
}

void poison(void* address, std::size_t bytes) { std::memset(address, 0xff, bytes); }

unsigned cluster_rank() { return machine().self->block->rank; }
unsigned cluster_size() { return static_cast<unsigned>(machine().self->block->cluster->blocks.size()); }

namespace {

// Every release of this address by a thread that the scope joins to `self` goes through one tag.
char* flag_tag(const void* address, const void* owner) {
  auto& tag = machine().group->flag_tags[{address, owner}];
  if (tag == nullptr) tag = std::make_unique<char>();
  return tag.get();
}

}  // namespace

void release(const void* address, MemoryScope scope) {
  const sanitizers::Quiet quiet;
  const Block& block = *machine().self->block;
  sanitizers::release(flag_tag(address, &block));
  if (scope == MemoryScope::block) return;
  const char* of_cluster = flag_tag(address, block.cluster);
  sanitizers::release(of_cluster);
  late_stores::release(of_cluster);
  if (scope != MemoryScope::device) return;
  const char* of_device = flag_tag(address, nullptr);
  sanitizers::release(of_device);
  late_stores::release(of_device);
}

void acquire(const void* address, MemoryScope scope) {
  const sanitizers::Quiet quiet;
  const Block& block = *machine().self->block;
  sanitizers::acquire(flag_tag(address, &block));
  if (scope == MemoryScope::block) return;
  const char* of_cluster = flag_tag(address, block.cluster);
  sanitizers::acquire(of_cluster);
  late_stores::acquire(of_cluster);
  if (scope != MemoryScope::device) return;
  const char* of_device = flag_tag(address, nullptr);
  sanitizers::acquire(of_device);
  late_stores::acquire(of_device);
}

}  // namespace simt
