#include "perf/tensors.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "perf/lengths.hpp"
#include "perf/number.hpp"

namespace recur::perf {
namespace {

constexpr std::size_t kAlignment = 256;

}  // namespace

TensorImage::Place TensorImage::reserve(std::int64_t elements, std::size_t element_bytes) {
  const std::size_t offset = (bytes_.size() + kAlignment - 1) / kAlignment * kAlignment;
  bytes_.resize(offset + static_cast<std::size_t>(elements) * element_bytes);
  return {offset, elements};
}

TensorImage::Place TensorImage::make(std::int64_t elements) {
  return reserve(elements, size_of(spec_.dtype));
}

TensorImage::Place TensorImage::make_random(std::int64_t elements, double bound) {
  const Place place = make(elements);
  fill_random(spec_.dtype, bound, next_seed_++, std::span(bytes_).subspan(place.offset));
  return place;
}

TensorImage::Layer TensorImage::make_layer(std::int64_t layer, bool random) {
  const std::int64_t D = directions_of(spec_);
  const std::int64_t H = spec_.hidden_size;
  const std::int64_t K = layer_input_size(spec_, layer);
  const std::int64_t rows = D * gates_of(spec_) * H;
  const auto tensor = [&](std::int64_t elements, double bound) {
    return random ? make_random(elements, bound) : make(elements);
  };
  const auto scale = [](std::int64_t columns) { return 1 / std::sqrt(static_cast<double>(columns)); };
  Layer result;
  result.W = tensor(rows * K, scale(K));
  const bool recurrent = has_recurrent_weights(spec_);
  if (recurrent) result.R = tensor(rows * H, scale(H));
  result.bW = tensor(rows, 0.5);
  if (recurrent) result.bR = tensor(rows, 0.5);
  if (peepholes_of(spec_) != 0) result.peephole = tensor(D * peepholes_of(spec_) * H, 0.5);
  return result;
}

TensorImage::TensorImage(const Shape& shape, Precision precision, Timed pass)
    : spec_(spec_for(shape, precision, pass)),
      pass_(pass),
      T_(pass == Timed::step ? 1 : shape.T),
      B_(shape.B) {
  const std::int64_t D = directions_of(spec_);
  const std::int64_t H = spec_.hidden_size;
  const bool is_backward = pass == Timed::backward;
  x = make_random(T_ * B_ * spec_.input_size, 1);
  y = make(T_ * B_ * D * H);
  for (std::int64_t l = 0; l < spec_.layers; ++l) layers.push_back(make_layer(l, true));
  if (pass == Timed::step) {
    h = make_random(spec_.layers * B_ * H, 0.5);
    if (has_cell_state(spec_)) c = make_random(spec_.layers * B_ * H, 0.5);
  }
  if (is_backward) {
    dy = make_random(T_ * B_ * D * H, 1);
    dx = make(T_ * B_ * spec_.input_size);
    for (std::int64_t l = 0; l < spec_.layers; ++l) gradients.push_back(make_layer(l, false));
  }
  if (spec_.variable_lengths) {
    lengths_ = lengths_of(shape.length_quantiles, T_, B_);
    lengths = reserve(B_, sizeof(std::int32_t));
    std::memcpy(bytes_.data() + lengths.offset, lengths_.data(), lengths_.size() * sizeof(std::int32_t));
  }
  if (spec_.reset_mask) {
    const std::vector<std::uint8_t> marks = reset_marks(shape.mean_episode, T_, B_);
    reset_mask = reserve(T_ * B_, 1);
    std::memcpy(bytes_.data() + reset_mask.offset, marks.data(), marks.size());
  }
}

TensorSet::TensorSet(Backend& backend, const TensorImage& image)
    : backend_(backend), image_(image), memory_(backend, image.bytes().size()) {
  restore();
  for (std::size_t l = 0; l < image.layers.size(); ++l) {
    weights_.push_back(layer_views<ConstTensorView>(image.layers[l], static_cast<std::int64_t>(l)));
  }
  for (std::size_t l = 0; l < image.gradients.size(); ++l) {
    gradients_.push_back(layer_views<TensorView>(image.gradients[l], static_cast<std::int64_t>(l)));
  }
}

void TensorSet::restore() { backend_.write(memory_.data(), image_.bytes()); }

TensorView TensorSet::view(const TensorImage::Place& place, std::initializer_list<std::int64_t> shape) const {
  if (place.elements == 0) return {};
  return {memory_.data() + place.offset, image_.spec().dtype, shape};
}

template <class View>
BasicLayerWeights<View> TensorSet::layer_views(const TensorImage::Layer& layer, std::int64_t index) const {
  const Spec& spec = image_.spec();
  const std::int64_t D = directions_of(spec);
  const std::int64_t rows = gates_of(spec) * spec.hidden_size;
  BasicLayerWeights<View> views;
  views.W = view(layer.W, {D, rows, layer_input_size(spec, index)});
  views.R = view(layer.R, {D, rows, spec.hidden_size});
  views.bW = view(layer.bW, {D, rows});
  views.bR = view(layer.bR, {D, rows});
  views.peephole = view(layer.peephole, {D, peepholes_of(spec) * spec.hidden_size});
  return views;
}

ForwardArgs TensorSet::forward_args() const {
  const Spec& spec = image_.spec();
  const std::int64_t T = image_.T(), B = image_.B();
  ForwardArgs args;
  args.x = view(image_.x, {T, B, spec.input_size});
  args.y = view(image_.y, {T, B, directions_of(spec) * spec.hidden_size});
  if (spec.variable_lengths) {
    args.lengths = {memory_.data() + image_.lengths.offset, DataType::i32, {B}};
    args.host_lengths = image_.host_lengths().data();
  }
  if (spec.reset_mask) args.reset_mask = {memory_.data() + image_.reset_mask.offset, DataType::u8, {T, B}};
  // A step as a forward pass: states in place.
  const TensorView h = view(image_.h, {spec.layers, 1, B, spec.hidden_size});
  const TensorView c = view(image_.c, {spec.layers, 1, B, spec.hidden_size});
  args.h0 = h;
  args.hN = h;
  args.c0 = c;
  args.cN = c;
  return args;
}

BackwardArgs TensorSet::backward_args() const {
  const ForwardArgs forward = forward_args();
  BackwardArgs args;
  args.x = forward.x;
  args.y = forward.y;
  args.lengths = forward.lengths;
  args.reset_mask = forward.reset_mask;
  args.host_lengths = forward.host_lengths;
  args.dy = view(image_.dy, {forward.y.size(0), forward.y.size(1), forward.y.size(2)});
  args.dx = view(image_.dx, {forward.x.size(0), forward.x.size(1), forward.x.size(2)});
  args.dweights = gradients_;
  return args;
}

StepArgs TensorSet::step_args() const {
  const Spec& spec = image_.spec();
  StepArgs args;
  args.x = view(image_.x, {image_.B(), spec.input_size});
  args.y = view(image_.y, {image_.B(), spec.hidden_size});
  args.h = view(image_.h, {spec.layers, 1, image_.B(), spec.hidden_size});
  args.c = view(image_.c, {spec.layers, 1, image_.B(), spec.hidden_size});
  return args;
}

std::vector<double> TensorSet::read_outputs() const {
  std::vector<TensorImage::Place> places;
  if (image_.pass() == Timed::backward) {
    places.push_back(image_.dx);
    for (const TensorImage::Layer& layer : image_.gradients) {
      places.insert(places.end(), {layer.W, layer.R, layer.bW, layer.bR, layer.peephole});
    }
  } else {
    places.push_back(image_.y);
  }
  const DataType type = image_.spec().dtype;
  const std::size_t element_bytes = size_of(type);
  std::vector<double> values;
  std::vector<std::byte> bytes;
  for (const TensorImage::Place& place : places) {
    bytes.resize(static_cast<std::size_t>(place.elements) * element_bytes);
    if (bytes.empty()) continue;
    backend_.read(bytes, memory_.data() + place.offset);
    for (std::size_t at = 0; at < bytes.size(); at += element_bytes) {
      values.push_back(load_number(type, bytes.data() + at));
    }
  }
  return values;
}

}  // namespace recur::perf
