#include "host/empty_call.hpp"

#include <cstring>
#include <string>

#include "host/context_state.hpp"

namespace recur::host {
namespace {

// Memory of the context's device.
class Memory {
 public:
  Memory(Context::State& context, Stream stream) : gpu_(context.gpu.get()), stream_(stream) {}

  void copy(void* to, const void* from, std::size_t bytes) const {
    if (gpu_ != nullptr) return gpu_->copy(to, from, bytes, stream_);
    std::memcpy(to, from, bytes);
  }
  void clear(void* to, std::size_t bytes) const {
    if (gpu_ != nullptr) return gpu_->clear(to, bytes, stream_);
    std::memset(to, 0, bytes);
  }

 private:
  gpu::Resources* gpu_;
  Stream stream_;
};

bool has_elements(const ConstTensorView& view) {
  for (int d = 0; d < view.rank(); ++d) {
    if (view.size(d) == 0) return false;
  }
  return view.given();
}

// The first of the inner dimensions that lie densely; `elements` are theirs.
struct Block {
  int first;
  std::int64_t elements;
};
Block block_of(const ConstTensorView& a, const ConstTensorView& b) {
  Block block{a.rank(), 1};
  for (int d = a.rank() - 1; d >= 0; --d) {
    const bool dense = a.stride(d) == block.elements && b.stride(d) == block.elements;
    if (!dense && a.size(d) != 1) break;
    block = {d, block.elements * a.size(d)};
  }
  return block;
}

// f(offset in a, offset in b) of every block of two tensors of one shape, in elements.
template <class F>
void each_block(const ConstTensorView& a, const ConstTensorView& b, const Block& block, F&& f) {
  std::int64_t count = 1;
  for (int d = 0; d < block.first; ++d) count *= a.size(d);
  for (std::int64_t i = 0; i < count; ++i) {
    std::int64_t left = i, in_a = 0, in_b = 0;
    for (int d = block.first - 1; d >= 0; --d) {
      in_a += left % a.size(d) * a.stride(d);
      in_b += left % a.size(d) * b.stride(d);
      left /= a.size(d);
    }
    f(in_a, in_b);
  }
}

void clear(const Memory& memory, const TensorView& to) {
  if (!has_elements(to)) return;
  const std::size_t width = size_of(to.type());
  const Block block = block_of(to, to);
  each_block(to, to, block, [&](std::int64_t offset, std::int64_t) {
    memory.clear(static_cast<std::byte*>(to.data()) + static_cast<std::size_t>(offset) * width,
                 static_cast<std::size_t>(block.elements) * width);
  });
}

// A state that passes through; one that is not given is zero.
void pass_state(const Memory& memory, const ConstTensorView& from, const TensorView& to) {
  if (!from.given()) return clear(memory, to);
  if (!has_elements(to) || to.data() == from.data()) return;
  const std::size_t width = size_of(to.type());
  const Block block = block_of(to, from);
  each_block(to, from, block, [&](std::int64_t in_to, std::int64_t in_from) {
    memory.copy(static_cast<std::byte*>(to.data()) + static_cast<std::size_t>(in_to) * width,
                static_cast<const std::byte*>(from.data()) + static_cast<std::size_t>(in_from) * width,
                static_cast<std::size_t>(block.elements) * width);
  });
}

}  // namespace

void check_empty_call(const Context::State& context) {
  if (context.device.kind == DeviceKind::cuda && context.gpu == nullptr) {
    throw InvalidArgument("context: expected one on a device that is present, got one on " +
                          context.device.name + ", which is only described");
  }
}

void forward_of_nothing(Context::State& context, const ForwardCall& call) {
  const Memory memory(context, call.stream);
  const ForwardArgs& args = *call.args;
  pass_state(memory, args.h0, args.hN);
  pass_state(memory, args.c0, args.cN);
}

void backward_of_nothing(Context::State& context, const BackwardCall& call) {
  const Memory memory(context, call.stream);
  const BackwardArgs& args = *call.args;
  pass_state(memory, args.dhN, args.dh0);
  pass_state(memory, args.dcN, args.dc0);
  if (args.mode == GradientMode::accumulate) return;
  for (const LayerGradients& layer : args.dweights) {
    for (const TensorView& view : {layer.W, layer.R, layer.bW, layer.bR, layer.peephole, layer.projection})
      clear(memory, view);
  }
}

}  // namespace recur::host
