// What a Context on a GPU owns, as the engines use it.
#pragma once

#include "host/gpu/gpu.hpp"
#include "host/gpu/resources.hpp"
#include "host/validate_job.hpp"

namespace recur::host::gpu {

// Streams that one call may use at once: the caller's, and side streams.
constexpr int kMostSlots = 4;

// A stream and an event of the runtime, owned. The device must be current.
class OwnedStream {
 public:
  OwnedStream() : handle_(create_stream()) {}
  ~OwnedStream() { destroy_stream(handle_); }
  OwnedStream(const OwnedStream&) = delete;
  OwnedStream& operator=(const OwnedStream&) = delete;
  StreamHandle handle() const { return handle_; }

 private:
  StreamHandle handle_;
};

class OwnedEvent {
 public:
  OwnedEvent() : handle_(create_event()) {}
  ~OwnedEvent() { destroy_event(handle_); }
  OwnedEvent(const OwnedEvent&) = delete;
  OwnedEvent& operator=(const OwnedEvent&) = delete;
  EventHandle handle() const { return handle_; }

 private:
  EventHandle handle_;
};

// What one engine keeps with a context beside the resources below, such as the handle of its library.
class EngineState {
 public:
  virtual ~EngineState() = default;
};

class DeviceResources final : public Resources {
 public:
  // Everything below is made on this device, which is current only while it is made.
  explicit DeviceResources(int ordinal) : ordinal_(ordinal), owned_(make_owned(ordinal)) {}

  void copy(void* to, const void* from, std::size_t bytes, Stream stream) override;
  void clear(void* to, std::size_t bytes, Stream stream) override;
  std::unique_ptr<Recording> record(void (*work)(void* user, Stream stream), void* user) override;

  int ordinal() const { return ordinal_; }
  Products& products() { return owned_->products; }
  StreamHandle side_stream(int index) const { return owned_->side[index].handle(); }
  // Marks where side streams start, where each ends, and how far each layer has come.
  EventHandle fork_event() const { return owned_->fork.handle(); }
  EventHandle slot_event(int slot) const { return owned_->slots[slot].handle(); }
  EventHandle layer_event(std::int64_t layer) const { return owned_->layers[layer].handle(); }
  // The state of the one engine that has one; empty until that engine's first call makes it.
  std::unique_ptr<EngineState>& engine_state() { return engine_state_; }

 private:
  struct Owned {
    Products products;
    OwnedStream side[kMostSlots - 1];
    OwnedEvent fork;
    OwnedEvent slots[kMostSlots];
    OwnedEvent layers[kMaxLayers];
  };
  static std::unique_ptr<Owned> make_owned(int ordinal);

  int ordinal_;
  std::unique_ptr<Owned> owned_;
  std::unique_ptr<EngineState> engine_state_;
};

}  // namespace recur::host::gpu
