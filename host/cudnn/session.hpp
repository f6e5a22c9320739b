// cuDNN's handle and descriptors. A Context has one session, made by its first call that runs this engine;
// planning makes one for itself.
#pragma once

#include <map>
#include <utility>
#include <vector>

#include "host/cudnn/check.hpp"
#include "host/cudnn/setup.hpp"
#include "host/gpu/device_resources.hpp"

namespace recur::host::cudnn {

// A handle or descriptor of cuDNN's.
template <class Handle>
class Owned {
 public:
  using Create = cudnnStatus_t (*)(Handle*);
  using Destroy = cudnnStatus_t (*)(Handle);

  Owned(const Library& library, Create create, Destroy destroy, const char* function) : destroy_(destroy) {
    check(library, create(&handle_), function);
  }
  ~Owned() { static_cast<void>(destroy_(handle_)); }
  Owned(const Owned&) = delete;
  Owned& operator=(const Owned&) = delete;
  Handle get() const { return handle_; }

 private:
  Handle handle_ = nullptr;
  Destroy destroy_;
};

// Bytes that cuDNN wants for calls of some size.
struct TempSpaces {
  std::size_t work;
  std::size_t reserve;
};

class Session final : public gpu::EngineState {
 public:
  // The device must be current, as in all that follows.
  explicit Session(const Library& library);

  const Library& library() const { return library_; }
  cudnnHandle_t handle() const { return handle_.get(); }
  void set_stream(gpu::StreamHandle stream);

  // The layer for calls of this batch. Made once and kept, since graphs refer to code that belongs to it.
  cudnnRNNDescriptor_t layer(const Setup& setup, std::int64_t batch);

  // Where a setup drops outputs, the layer draws from random numbers whose states lie in memory of the call.
  // So these states are set before the layer is described. A forward pass starts them from a seed, on the
  // stream. A backward pass reads from the reserve which outputs were dropped, and only needs the states to
  // exist.
  std::size_t dropout_state_bytes(const Setup& setup);
  void start_dropout(const Setup& setup, std::int64_t batch, std::byte* states, std::uint64_t seed);
  void resume_dropout(const Setup& setup, std::int64_t batch, std::byte* states);
  // Sets the descriptors below to a call's tensors. `lengths` [B] are cut to T; null: all T.
  void describe_tensors(const Setup& setup, const RunSizes& sizes, const std::int32_t* lengths);
  cudnnRNNDataDescriptor_t x() const { return x_.get(); }
  cudnnRNNDataDescriptor_t y() const { return y_.get(); }
  cudnnTensorDescriptor_t h() const { return h_.get(); }
  cudnnTensorDescriptor_t c() const { return c_.get(); }

  // For calls as described last.
  TempSpaces temp_spaces(const Setup& setup, std::int64_t batch);

 private:
  using Layer = Owned<cudnnRNNDescriptor_t>;

  void describe_layer(const Setup& setup, cudnnRNNDescriptor_t layer);

  const Library& library_;
  Owned<cudnnHandle_t> handle_;
  Owned<cudnnRNNDataDescriptor_t> x_;
  Owned<cudnnRNNDataDescriptor_t> y_;
  Owned<cudnnTensorDescriptor_t> h_;
  Owned<cudnnTensorDescriptor_t> c_;
  Owned<cudnnDropoutDescriptor_t> dropout_;
  // By the setup and, for code that is compiled for one, the batch.
  std::map<std::pair<std::uint64_t, std::int64_t>, Layer> layers_;
  std::vector<int> lengths_;
};

}  // namespace recur::host::cudnn
