// The tensors of a job: made once on the host, then copied to the device as often as wanted.
#pragma once

#include <cstdint>
#include <vector>

#include "perf/backend.hpp"
#include "perf/shape.hpp"
#include "recur/run.hpp"

namespace recur::perf {

// All tensors of one call, as bytes at their places. Values are random, small enough that long sequences
// stay bounded, and exact in every precision, so that all contenders and precisions get the same numbers.
class TensorImage {
 public:
  TensorImage(const Shape& shape, Precision precision, Timed pass);

  // A tensor's place among the bytes. `elements` 0: the job has no such tensor.
  struct Place {
    std::size_t offset = 0;
    std::int64_t elements = 0;
  };
  struct Layer {
    Place W, R, bW, bR, peephole;
  };

  const Spec& spec() const { return spec_; }
  Timed pass() const { return pass_; }
  std::int64_t T() const { return T_; }  // 1 for single steps
  std::int64_t B() const { return B_; }
  const std::vector<std::byte>& bytes() const { return bytes_; }
  const std::vector<std::int32_t>& host_lengths() const { return lengths_; }

  Place x, y, h, c, dy, dx;
  Place lengths, reset_mask;
  std::vector<Layer> layers, gradients;

 private:
  Place reserve(std::int64_t elements, std::size_t element_bytes);
  Place make(std::int64_t elements);
  Place make_random(std::int64_t elements, double bound);
  Layer make_layer(std::int64_t layer, bool random);

  Spec spec_;
  Timed pass_;
  std::int64_t T_, B_;
  std::vector<std::int32_t> lengths_;
  std::vector<std::byte> bytes_;
  std::uint64_t next_seed_ = 1;
};

// A copy of an image on a device.
class TensorSet {
 public:
  // The image must outlive this.
  TensorSet(Backend& backend, const TensorImage& image);

  // Makes all tensors what they were.
  void restore();

  ForwardArgs forward_args() const;
  BackwardArgs backward_args() const;
  StepArgs step_args() const;
  std::span<const LayerWeights> weights() const { return weights_; }

  // What a call of the image's pass writes, on the host, as numbers: y, or in backward the gradients.
  std::vector<double> read_outputs() const;

 private:
  TensorView view(const TensorImage::Place& place, std::initializer_list<std::int64_t> shape) const;
  template <class View>
  BasicLayerWeights<View> layer_views(const TensorImage::Layer& layer, std::int64_t index) const;

  Backend& backend_;
  const TensorImage& image_;
  DeviceBuffer memory_;
  std::vector<LayerWeights> weights_;
  std::vector<LayerGradients> gradients_;
};

}  // namespace recur::perf
