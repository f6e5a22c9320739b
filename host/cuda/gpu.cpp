// The seam of gpu.hpp over the CUDA runtime.
#include "host/gpu/gpu.hpp"

#include "host/cuda/check.hpp"
#include "host/cuda/clusters.hpp"

namespace recur::host::gpu {
namespace {

cudaStream_t stream_of(StreamHandle handle) { return static_cast<cudaStream_t>(handle); }
cudaEvent_t event_of(EventHandle handle) { return static_cast<cudaEvent_t>(handle); }

int attribute(cudaDeviceAttr name, int ordinal) {
  int value = 0;
  RECUR_CHECK(cudaDeviceGetAttribute(&value, name, ordinal));
  return value;
}

void ask_for_clusters(CudaProps& chip) {
  constexpr int kFirstWithClusters = 9;  // compute capability
  chip.most_cluster = 1;
  if (chip.compute_major < kFirstWithClusters) return;
  const DeviceGuard guard(chip.ordinal);
  int blocks = 1;
  for (int& clusters : chip.clusters_at_once) {
    blocks *= 2;
    clusters = active_clusters(blocks, chip.shared_per_block_optin);
    if (clusters != 0) chip.most_cluster = blocks;
  }
}

}  // namespace

int device_count() {
  int count = 0;
  // No driver, or none that is new enough, is no device.
  if (cudaGetDeviceCount(&count) == cudaSuccess) return count;
  static_cast<void>(cudaGetLastError());
  return 0;
}

DeviceProps device_props(int ordinal) {
  const int count = device_count();
  if (ordinal < 0 || ordinal >= count) {
    throw Unsupported("CUDA device " + std::to_string(ordinal) + ": the driver has " + std::to_string(count) +
                      (count == 1 ? " device" : " devices"));
  }
  cudaDeviceProp native = {};
  RECUR_CHECK(cudaGetDeviceProperties(&native, ordinal));
  DeviceProps props;
  props.kind = DeviceKind::cuda;
  props.name = native.name;
  props.cuda.ordinal = ordinal;
  props.cuda.compute_major = native.major;
  props.cuda.compute_minor = native.minor;
  props.cuda.multiprocessors = native.multiProcessorCount;
  props.cuda.shared_per_multiprocessor = native.sharedMemPerMultiprocessor;
  props.cuda.shared_per_block_optin = native.sharedMemPerBlockOptin;
  props.cuda.registers_per_multiprocessor = attribute(cudaDevAttrMaxRegistersPerMultiprocessor, ordinal);
  props.cuda.l2_bytes = static_cast<std::size_t>(native.l2CacheSize);
  props.cuda.global_bytes = native.totalGlobalMem;
  ask_for_clusters(props.cuda);
  return props;
}

DeviceGuard::DeviceGuard(int ordinal) : before_(-1) {
  int current = 0;
  RECUR_CHECK(cudaGetDevice(&current));
  if (current == ordinal) return;
  RECUR_CHECK(cudaSetDevice(ordinal));
  before_ = current;
}

DeviceGuard::~DeviceGuard() {
  if (before_ >= 0) static_cast<void>(cudaSetDevice(before_));
}

StreamHandle create_stream() {
  cudaStream_t stream = nullptr;
  // Does not wait for the legacy default stream: what the caller has there is ordered by events.
  RECUR_CHECK(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
  return stream;
}

void destroy_stream(StreamHandle stream) noexcept { static_cast<void>(cudaStreamDestroy(stream_of(stream))); }

EventHandle create_event() {
  cudaEvent_t event = nullptr;
  RECUR_CHECK(cudaEventCreateWithFlags(&event, cudaEventDisableTiming));
  return event;
}

void destroy_event(EventHandle event) noexcept { static_cast<void>(cudaEventDestroy(event_of(event))); }

void record(EventHandle event, StreamHandle stream) {
  RECUR_CHECK(cudaEventRecord(event_of(event), stream_of(stream)));
}

void wait(StreamHandle stream, EventHandle event) {
  RECUR_CHECK(cudaStreamWaitEvent(stream_of(stream), event_of(event), 0));
}

void clear(void* data, std::size_t bytes, StreamHandle stream) {
  RECUR_CHECK(cudaMemsetAsync(data, 0, bytes, stream_of(stream)));
}

void copy_rows(const RowsCopy& copy, StreamHandle stream) {
  if (copy.to_pitch == copy.width && copy.from_pitch == copy.width) {
    RECUR_CHECK(cudaMemcpyAsync(copy.to, copy.from, copy.width * copy.rows, cudaMemcpyDeviceToDevice,
                                stream_of(stream)));
    return;
  }
  RECUR_CHECK(cudaMemcpy2DAsync(copy.to, copy.to_pitch, copy.from, copy.from_pitch, copy.width, copy.rows,
                                cudaMemcpyDeviceToDevice, stream_of(stream)));
}

// The runtime copies pageable memory to a buffer of its own before it returns.
void upload(void* to, const void* from, std::size_t bytes, StreamHandle stream) {
  RECUR_CHECK(cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, stream_of(stream)));
}

void* allocate(std::size_t bytes) {
  void* memory = nullptr;
  RECUR_CHECK(cudaMalloc(&memory, bytes));
  return memory;
}
void release(void* memory) noexcept { static_cast<void>(cudaFree(memory)); }
void synchronize(StreamHandle stream) { RECUR_CHECK(cudaStreamSynchronize(stream_of(stream))); }

// Relaxed, since a kernel that is used for the first time is loaded while it is captured.
void begin_capture(StreamHandle stream) {
  RECUR_CHECK(cudaStreamBeginCapture(stream_of(stream), cudaStreamCaptureModeRelaxed));
}

GraphHandle end_capture(StreamHandle stream) {
  cudaGraph_t graph = nullptr;
  RECUR_CHECK(cudaStreamEndCapture(stream_of(stream), &graph));
  cudaGraphExec_t executable = nullptr;
  const cudaError_t status = cudaGraphInstantiateWithFlags(&executable, graph, 0);
  static_cast<void>(cudaGraphDestroy(graph));
  RECUR_CHECK(status);
  return executable;
}

void launch_graph(GraphHandle graph, StreamHandle stream) {
  RECUR_CHECK(cudaGraphLaunch(static_cast<cudaGraphExec_t>(graph), stream_of(stream)));
}

void destroy_graph(GraphHandle graph) noexcept {
  static_cast<void>(cudaGraphExecDestroy(static_cast<cudaGraphExec_t>(graph)));
}

}  // namespace recur::host::gpu
