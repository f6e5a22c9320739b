// The one buffer that cuDNN has for all weights, and the place of each canonical tensor in it.
#pragma once

#include <span>
#include <vector>

#include "host/cudnn/session.hpp"

namespace recur::host::cudnn {

class WeightSpace {
 public:
  WeightSpace() = default;
  // Asks cuDNN for the places, which do not depend on the batch. `bias` says which biases the caller has; the
  // space may have more.
  WeightSpace(Session& session, const Setup& setup, std::int64_t batch, Bias bias);

  std::size_t bytes() const { return bytes_; }
  // Names the places of all tensors.
  std::uint64_t id() const;

  // Copies the given ones of `tensors` into the space, and writes zeros to the rest of it.
  template <class View>
  void pack(std::span<const BasicLayerWeights<View>> tensors, std::byte* space,
            gpu::StreamHandle stream) const;
  // Copies from the space to the given ones of `tensors`.
  void unpack(const std::byte* space, std::span<const LayerGradients> tensors,
              gpu::StreamHandle stream) const;

 private:
  enum class Tensor : std::uint8_t { W, R, bW, bR, projection };
  // Rows of a tensor that lie together, dense. A bias is a column here: rows of one element.
  struct Block {
    Tensor tensor;
    int layer;
    int direction;
    std::int64_t first_row;
    std::int64_t rows;
    std::int64_t columns;
    std::size_t offset;
  };

  void add(const Block& block);
  template <class View>
  static const View& tensor_of(const BasicLayerWeights<View>& layer, Tensor tensor);
  // How a block is copied from the view to the space; unpacking turns it round.
  gpu::RowsCopy copy_of(const Block& block, const ConstTensorView& view, const std::byte* space) const;

  std::size_t bytes_ = 0;
  std::size_t element_ = 0;
  std::vector<Block> blocks_;
};

}  // namespace recur::host::cudnn
