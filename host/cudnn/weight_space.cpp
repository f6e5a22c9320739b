#include "host/cudnn/weight_space.hpp"

#include "host/check.hpp"
#include "host/hash.hpp"

namespace recur::host::cudnn {
namespace {

// linLayerID of an lstm's projection (cudnnGetRNNWeightParams); gates come before, those of W first, in
// cuDNN's order, which is ours.
constexpr int kProjectionId = 8;

// What cuDNN says of one matrix and bias of a layer. It computes addresses from that of the space and reads
// nothing there, so that any address will do to ask for offsets.
class Places {
 public:
  Places(Session& session, const Setup& setup, cudnnRNNDescriptor_t layer, std::size_t bytes)
      : session_(session),
        setup_(setup),
        layer_(layer),
        bytes_(bytes),
        matrix_(session.library(), session.library().CreateTensorDescriptor,
                session.library().DestroyTensorDescriptor, "cudnnCreateTensorDescriptor"),
        bias_(session.library(), session.library().CreateTensorDescriptor,
              session.library().DestroyTensorDescriptor, "cudnnCreateTensorDescriptor") {}

  void ask(int pseudo_layer, int id) {
    RECUR_CUDNN(session_.library(), GetRNNWeightParams, session_.handle(), layer_, pseudo_layer, bytes_,
                &base_, id, matrix_.get(), &matrix_address_, bias_.get(), &bias_address_);
  }
  std::size_t matrix(std::int64_t rows, std::int64_t columns) const {
    return offset(matrix_.get(), matrix_address_, rows, columns);
  }
  std::size_t bias(std::int64_t rows) const { return offset(bias_.get(), bias_address_, rows, 1); }

 private:
  std::size_t offset(cudnnTensorDescriptor_t descriptor, const void* address, std::int64_t rows,
                     std::int64_t columns) const {
    cudnnDataType_t type{};
    int rank = 0;
    int sizes[3] = {};
    int strides[3] = {};
    RECUR_CUDNN(session_.library(), GetTensorNdDescriptor, descriptor, 3, &type, &rank, sizes, strides);
    const std::size_t begin =
        reinterpret_cast<std::uintptr_t>(address) - reinterpret_cast<std::uintptr_t>(&base_);
    const std::size_t bytes = static_cast<std::size_t>(rows * columns) * setup_.element;
    const bool as_expected = address != nullptr && type == setup_.type && rank == 3 && sizes[0] == 1 &&
                             sizes[1] == rows && sizes[2] == columns &&
                             (rows == 1 || strides[1] == columns) && (columns == 1 || strides[2] == 1) &&
                             begin <= bytes_ && bytes <= bytes_ - begin;
    if (as_expected) return begin;
    throw DeviceError("cudnnGetRNNWeightParams: expected dense rows [" + std::to_string(rows) + "][" +
                      std::to_string(columns) + "], got [" + std::to_string(sizes[0]) + "][" +
                      std::to_string(sizes[1]) + "][" + std::to_string(sizes[2]) + "]");
  }

  alignas(256) std::byte base_ = {};  // stands for a space, aligned as one
  Session& session_;
  const Setup& setup_;
  cudnnRNNDescriptor_t layer_;
  std::size_t bytes_;
  Owned<cudnnTensorDescriptor_t> matrix_, bias_;
  void* matrix_address_ = nullptr;
  void* bias_address_ = nullptr;
};

}  // namespace

WeightSpace::WeightSpace(Session& session, const Setup& setup, std::int64_t batch, Bias bias)
    : element_(setup.element) {
  RECUR_CUDNN(session.library(), GetRNNWeightSpaceSize, session.handle(), session.layer(setup, batch),
              &bytes_);
  Places places(session, setup, session.layer(setup, batch), bytes_);
  const std::int64_t H = setup.hidden_size;
  for (int layer = 0; layer < setup.layers; ++layer) {
    for (int direction = 0; direction < setup.directions; ++direction) {
      const int pseudo_layer = layer * setup.directions + direction;
      // Tensor after tensor, so that gates that lie together become one block.
      for (int gate = 0; gate < setup.gates; ++gate) {
        places.ask(pseudo_layer, gate);
        const std::int64_t columns = setup.columns(layer);
        add({Tensor::W, layer, direction, gate * H, H, columns, places.matrix(H, columns)});
      }
      for (int gate = 0; gate < setup.gates; ++gate) {
        places.ask(pseudo_layer, setup.gates + gate);
        const std::int64_t columns = setup.output_size;
        add({Tensor::R, layer, direction, gate * H, H, columns, places.matrix(H, columns)});
      }
      for (int gate = 0; bias != Bias::none && gate < setup.gates; ++gate) {
        places.ask(pseudo_layer, gate);
        add({Tensor::bW, layer, direction, gate * H, H, 1, places.bias(H)});
      }
      for (int gate = 0; bias == Bias::both && gate < setup.gates; ++gate) {
        places.ask(pseudo_layer, setup.gates + gate);
        add({Tensor::bR, layer, direction, gate * H, H, 1, places.bias(H)});
      }
      if (setup.is_projected()) {
        places.ask(pseudo_layer, kProjectionId);
        const std::int64_t P = setup.output_size;
        add({Tensor::projection, layer, direction, 0, P, H, places.matrix(P, H)});
      }
    }
  }
}

void WeightSpace::add(const Block& block) {
  if (!blocks_.empty()) {
    Block& last = blocks_.back();
    const std::size_t end = last.offset + static_cast<std::size_t>(last.rows * last.columns) * element_;
    if (last.tensor == block.tensor && last.layer == block.layer && last.direction == block.direction &&
        block.first_row != 0 && end == block.offset) {
      last.rows += block.rows;
      return;
    }
  }
  blocks_.push_back(block);
}

std::uint64_t WeightSpace::id() const {
  Hash hash;
  hash.add(bytes_).add(element_);
  for (const Block& block : blocks_) {
    hash.add(static_cast<std::uint64_t>(block.tensor))
        .add(static_cast<std::uint64_t>(block.rows))
        .add(static_cast<std::uint64_t>(block.columns))
        .add(block.offset);
  }
  return hash.value();
}

template <class View>
const View& WeightSpace::tensor_of(const BasicLayerWeights<View>& layer, Tensor tensor) {
  switch (tensor) {
    case Tensor::W: return layer.W;
    case Tensor::R: return layer.R;
    case Tensor::bW: return layer.bW;
    case Tensor::bR: return layer.bR;
    case Tensor::projection: break;
  }
  return layer.projection;
}

gpu::RowsCopy WeightSpace::copy_of(const Block& block, const ConstTensorView& view,
                                   const std::byte* space) const {
  // A bias is [D][rows] with an inner stride of 1, and one row to copy.
  const bool is_bias = view.rank() == 2;
  const std::int64_t rows = is_bias ? 1 : block.rows;
  const std::int64_t columns = is_bias ? block.rows : block.columns;
  const std::int64_t row_stride = is_bias || view.size(1) == 1 ? columns : view.stride(1);
  const std::int64_t first = is_bias ? block.first_row : block.first_row * row_stride;
  const auto* data = static_cast<const std::byte*>(view.data());
  gpu::RowsCopy copy;
  copy.from = data + (block.direction * view.stride(0) + first) * static_cast<std::int64_t>(element_);
  copy.from_pitch = static_cast<std::size_t>(row_stride) * element_;
  copy.to = const_cast<std::byte*>(space) + block.offset;
  copy.width = copy.to_pitch = static_cast<std::size_t>(columns) * element_;
  copy.rows = static_cast<std::size_t>(rows);
  return copy;
}

template <class View>
void WeightSpace::pack(std::span<const BasicLayerWeights<View>> tensors, std::byte* space,
                       gpu::StreamHandle stream) const {
  std::size_t covered = 0;
  for (const Block& block : blocks_) {
    if (tensor_of(tensors[static_cast<std::size_t>(block.layer)], block.tensor).given())
      covered += static_cast<std::size_t>(block.rows * block.columns) * element_;
  }
  if (covered != bytes_) gpu::clear(space, bytes_, stream);
  for (const Block& block : blocks_) {
    const View& view = tensor_of(tensors[static_cast<std::size_t>(block.layer)], block.tensor);
    if (view.given()) gpu::copy_rows(copy_of(block, view, space), stream);
  }
}

template void WeightSpace::pack(std::span<const LayerWeights>, std::byte*, gpu::StreamHandle) const;
template void WeightSpace::pack(std::span<const LayerGradients>, std::byte*, gpu::StreamHandle) const;

void WeightSpace::unpack(const std::byte* space, std::span<const LayerGradients> tensors,
                         gpu::StreamHandle stream) const {
  for (const Block& block : blocks_) {
    const TensorView& view = tensor_of(tensors[static_cast<std::size_t>(block.layer)], block.tensor);
    if (!view.given()) continue;
    gpu::RowsCopy copy = copy_of(block, view, space);
    void* const to = const_cast<void*>(copy.from);
    copy.from = copy.to;
    copy.to = to;
    std::swap(copy.to_pitch, copy.from_pitch);
    gpu::copy_rows(copy, stream);
  }
}

}  // namespace recur::host::cudnn
