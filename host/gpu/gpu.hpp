// The little of a GPU runtime that engines on GPUs stand on. It has two implementations behind one set of
// names: host/cuda (CUDA, cuBLASLt), and tests/simt/gpu.cpp, where kernels run on the CPU. The core links
// neither: it plans, and calls what runs plans through runtime.hpp.
//
// Streams and events are the runtime's own handles (cudaStream_t, cudaEvent_t). Everything that takes a
// stream, but `synchronize`, is asynchronous, and what runs there may be captured into a graph and allocates
// nothing. All functions throw DeviceError when the runtime reports a failure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "recur/device.hpp"
#include "recur/types.hpp"

namespace recur::host::gpu {

using StreamHandle = void*;
using EventHandle = void*;

// Devices that can be run on; 0 without a driver.
int device_count();
// Throws Unsupported where there is no such device.
DeviceProps device_props(int ordinal);

// Makes a device current on this thread while it lives, then the one before.
class DeviceGuard {
 public:
  explicit DeviceGuard(int ordinal);
  ~DeviceGuard();
  DeviceGuard(const DeviceGuard&) = delete;
  DeviceGuard& operator=(const DeviceGuard&) = delete;

 private:
  int before_;
};

StreamHandle create_stream();
void destroy_stream(StreamHandle stream) noexcept;
EventHandle create_event();
void destroy_event(EventHandle event) noexcept;
void record(EventHandle event, StreamHandle stream);
// What is put on `stream` from now on runs after the event's last record.
void wait(StreamHandle stream, EventHandle event);

void clear(void* data, std::size_t bytes, StreamHandle stream);
// Rows of equal width; the pitches are the bytes from one row to the next, at least the width and at most
// kMostPitch.
struct RowsCopy {
  void* to = nullptr;
  std::size_t to_pitch = 0;
  const void* from = nullptr;
  std::size_t from_pitch = 0;
  std::size_t width = 0;
  std::size_t rows = 0;
};
constexpr std::size_t kMostPitch = 0x7fffffff;
void copy_rows(const RowsCopy& copy, StreamHandle stream);

// For planning, which may have to try what it chooses from; calls neither allocate nor wait.
void* allocate(std::size_t bytes);
void release(void* memory) noexcept;
void synchronize(StreamHandle stream);
// From the host's memory, which may change as soon as the call has returned. Not for capture.
void upload(void* to, const void* from, std::size_t bytes, StreamHandle stream);

// Graphs: what is put on the stream between begin and end (and on streams that wait for its events) is
// recorded and not run.
using GraphHandle = void*;
void begin_capture(StreamHandle stream);
GraphHandle end_capture(StreamHandle stream);
void launch_graph(GraphHandle graph, StreamHandle stream);
void destroy_graph(GraphHandle graph) noexcept;

// A row-major matrix, or a batch of equal ones.
struct Matrix {
  const void* data = nullptr;
  DataType type = DataType::f32;
  std::int64_t row_stride = 0;    // elements between rows
  std::int64_t batch_stride = 0;  // elements between matrices of a batch
  bool transposed = false;        // the operand is the transpose of what is stored; not for the result
};

// result[M][N] = left[M][K] right[K][N] + (accumulate ? result : 0) + (bias in every row), for each matrix of
// the batch. M, N, K, batch and row strides are at most 2^31 - 1. Both operands have one type; the result has
// that type, or f32. Sums are formed in f32 (f64 where the operands are f64). Their order depends on sizes,
// strides and alignments alone, among them the size of the scratch and whether there is a bias.
struct Product {
  std::int64_t M = 0, N = 0, K = 0;
  std::int64_t batch = 1;
  Matrix left, right;
  Matrix result;  // data is written
  bool accumulate = false;
  // [N] in the result's type, or null; not together with accumulate. 16-byte aligned: libraries take that for
  // granted, whatever the matrices are.
  const void* bias = nullptr;
  bool tf32 = false;  // f32 operands may be rounded to tf32
  std::int64_t scratch_bytes = 0;
};

// Library handle and chosen algorithms. Belongs to a Context; products of one object on several streams may
// run at once, each stream with a scratch of its own.
class Products {
 public:
  Products();
  ~Products();
  Products(const Products&) = delete;
  Products& operator=(const Products&) = delete;
  // `scratch`: product.scratch_bytes of device memory, for partial sums of a product that is split along K.
  void run(const Product& product, std::byte* scratch, StreamHandle stream);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace recur::host::gpu
