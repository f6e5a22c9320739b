#include "host/gpu/device_resources.hpp"

#include "recur/error.hpp"

namespace recur::host::gpu {
namespace {

class GraphRecording final : public Recording {
 public:
  GraphRecording(int ordinal, GraphHandle graph) : ordinal_(ordinal), graph_(graph) {}
  ~GraphRecording() override { destroy_graph(graph_); }
  GraphRecording(const GraphRecording&) = delete;
  GraphRecording& operator=(const GraphRecording&) = delete;

  void launch(Stream stream) override {
    const DeviceGuard guard(ordinal_);
    launch_graph(graph_, stream.native());
  }

 private:
  int ordinal_;
  GraphHandle graph_;
};

}  // namespace

std::unique_ptr<DeviceResources::Owned> DeviceResources::make_owned(int ordinal) {
  const DeviceGuard guard(ordinal);
  return std::make_unique<Owned>();
}

void DeviceResources::copy(void* to, const void* from, std::size_t bytes, Stream stream) {
  const DeviceGuard guard(ordinal_);
  copy_rows({.to = to, .to_pitch = bytes, .from = from, .from_pitch = bytes, .width = bytes, .rows = 1},
            stream.native());
}

void DeviceResources::clear(void* to, std::size_t bytes, Stream stream) {
  const DeviceGuard guard(ordinal_);
  gpu::clear(to, bytes, stream.native());
}

std::unique_ptr<Recording> DeviceResources::record(void (*work)(void* user, Stream stream), void* user) {
  const DeviceGuard guard(ordinal_);
  const OwnedStream stream;
  begin_capture(stream.handle());
  try {
    work(user, Stream::from_native(stream.handle()));
  } catch (...) {
    // What was captured is dropped; the error of the work says more than one of ending it could.
    try {
      destroy_graph(end_capture(stream.handle()));
    } catch (const DeviceError&) {
    }
    throw;
  }
  return std::make_unique<GraphRecording>(ordinal_, end_capture(stream.handle()));
}

}  // namespace recur::host::gpu
