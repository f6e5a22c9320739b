#include "host/onednn/layer.hpp"

#include "host/onednn/availability.hpp"

namespace recur::host::onednn {
namespace {

using cells::Variant;

dnnl_data_type_t type_of(DataType type) { return type == DataType::bf16 ? dnnl_bf16 : dnnl_f32; }

dnnl_rnn_direction_t direction_of(Direction direction) {
  switch (direction) {
    case Direction::forward: break;
    case Direction::reverse: return dnnl_unidirectional_right2left;
    case Direction::bidirectional: return dnnl_bidirectional_concat;
  }
  return dnnl_unidirectional_left2right;
}

dnnl_alg_kind_t activation_of(Variant variant) {
  return variant == Variant::rnn_relu ? dnnl_eltwise_relu : dnnl_eltwise_tanh;
}

// Everything that a layer's primitives are described by. With `data`, tensors are of that type; gradients are
// described by the same with f32.
struct Tensors {
  MemoryDesc x, y, h, c, W, R, bias, peephole;

  Tensors(const Geometry& g, std::int64_t columns, const RunSizes& sizes, dnnl_data_type_t data)
      : x(sequence(g, sizes, columns, data)),
        y(sequence(g, sizes, g.outputs(), data)),
        h(state(g, sizes, data)),
        c(g.traits.cell_state ? state(g, sizes, dnnl_f32) : MemoryDesc()),
        W(describe_any(data, {1, g.directions, columns, g.traits.gates, g.hidden})),
        R(describe_any(data, {1, g.directions, g.hidden, g.traits.gates, g.hidden})),
        bias(of_gates(g, g.bias_gates())),
        peephole(g.traits.peepholes > 0 ? of_gates(g, g.traits.peepholes) : MemoryDesc()) {}

 private:
  // [T][B][columns] or [B][T][columns]; for oneDNN the order of dimensions is always the former.
  static MemoryDesc sequence(const Geometry& g, const RunSizes& sizes, std::int64_t columns,
                             dnnl_data_type_t type) {
    const bool time_major = g.layout == Layout::time_major;
    return describe(
        type, {sizes.steps, sizes.batch, columns},
        {time_major ? sizes.batch * columns : columns, time_major ? columns : sizes.steps * columns, 1});
  }
  static MemoryDesc state(const Geometry& g, const RunSizes& sizes, dnnl_data_type_t type) {
    const std::int64_t direction = sizes.batch * g.hidden;
    return describe(type, {1, g.directions, sizes.batch, g.hidden},
                    {g.directions * direction, direction, g.hidden, 1});
  }
  static MemoryDesc of_gates(const Geometry& g, std::int64_t gates) {
    const std::int64_t direction = gates * g.hidden;
    return describe(dnnl_f32, {1, g.directions, gates, g.hidden},
                    {g.directions * direction, direction, g.hidden, 1});
  }
};

// [D][G*H][columns].
MemoryDesc dense_weights(const Geometry& g, std::int64_t columns, dnnl_data_type_t type) {
  const std::int64_t gate = g.hidden * columns;
  const std::int64_t direction = g.traits.gates * gate;
  return describe(type, {1, g.directions, columns, g.traits.gates, g.hidden},
                  {g.directions * direction, direction, 1, gate, columns});
}

// Empty where there is no implementation.
PrimitiveDesc describe_forward(const Geometry& g, const Tensors& t, const WeightFormats& formats) {
  const Library& dnnl = lib();
  const Attributes attributes = user_scratch();
  const dnnl_prop_kind_t pass = g.training ? dnnl_forward_training : dnnl_forward_inference;
  const dnnl_rnn_direction_t direction = direction_of(g.direction);
  const const_dnnl_memory_desc_t W = formats.W != nullptr ? formats.W : t.W.get();
  const const_dnnl_memory_desc_t R = formats.R != nullptr ? formats.R : t.R.get();
  PrimitiveDesc desc;
  dnnl_status_t status = dnnl_unimplemented;
  switch (g.variant) {
    case Variant::rnn_tanh:
    case Variant::rnn_relu:
      status = dnnl.vanilla_rnn_forward_primitive_desc_create(
          desc.out(), dnnl.engine, pass, activation_of(g.variant), direction, t.x.get(), t.h.get(), W, R,
          t.bias.get(), t.y.get(), t.h.get(), dnnl_rnn_flags_undef, 0, 0, attributes.get());
      break;
    case Variant::gru_reset_before:
    case Variant::gru_reset_after: {
      const auto create = g.variant == Variant::gru_reset_before ? dnnl.gru_forward_primitive_desc_create
                                                                 : dnnl.lbr_gru_forward_primitive_desc_create;
      status = create(desc.out(), dnnl.engine, pass, direction, t.x.get(), t.h.get(), W, R, t.bias.get(),
                      t.y.get(), t.h.get(), dnnl_rnn_flags_undef, attributes.get());
      break;
    }
    case Variant::lstm:
    case Variant::lstm_peephole:
      status = dnnl.lstm_forward_primitive_desc_create(
          desc.out(), dnnl.engine, pass, direction, t.x.get(), t.h.get(), t.c.get(), W, R, t.peephole.get(),
          nullptr, t.bias.get(), t.y.get(), t.h.get(), t.c.get(), dnnl_rnn_flags_undef, attributes.get());
      break;
    case Variant::lstm_coupled:
    case Variant::lstm_coupled_peephole: break;
  }
  if (status != dnnl_unimplemented) check(status, "forward");
  return desc;
}

// Likewise. `d` describes the gradients.
PrimitiveDesc describe_backward(const Geometry& g, const Tensors& t, const Tensors& d,
                                const_dnnl_primitive_desc_t forward) {
  const Library& dnnl = lib();
  const Attributes attributes = user_scratch();
  const dnnl_rnn_direction_t direction = direction_of(g.direction);
  const unsigned flags = dnnl_rnn_flags_diff_weights_overwrite;
  PrimitiveDesc desc;
  dnnl_status_t status = dnnl_unimplemented;
  switch (g.variant) {
    case Variant::rnn_tanh:
    case Variant::rnn_relu:
      status = dnnl.vanilla_rnn_backward_primitive_desc_create(
          desc.out(), dnnl.engine, dnnl_backward, activation_of(g.variant), direction, t.x.get(), t.h.get(),
          t.W.get(), t.R.get(), t.bias.get(), t.y.get(), t.h.get(), d.x.get(), d.h.get(), d.W.get(),
          d.R.get(), d.bias.get(), d.y.get(), d.h.get(), flags, 0, 0, forward, attributes.get());
      break;
    case Variant::gru_reset_before:
    case Variant::gru_reset_after: {
      const auto create = g.variant == Variant::gru_reset_before
                              ? dnnl.gru_backward_primitive_desc_create
                              : dnnl.lbr_gru_backward_primitive_desc_create;
      status = create(desc.out(), dnnl.engine, dnnl_backward, direction, t.x.get(), t.h.get(), t.W.get(),
                      t.R.get(), t.bias.get(), t.y.get(), t.h.get(), d.x.get(), d.h.get(), d.W.get(),
                      d.R.get(), d.bias.get(), d.y.get(), d.h.get(), flags, forward, attributes.get());
      break;
    }
    case Variant::lstm:
    case Variant::lstm_peephole:
      status = dnnl.lstm_backward_primitive_desc_create(
          desc.out(), dnnl.engine, dnnl_backward, direction, t.x.get(), t.h.get(), t.c.get(), t.W.get(),
          t.R.get(), t.peephole.get(), nullptr, t.bias.get(), t.y.get(), t.h.get(), t.c.get(), d.x.get(),
          d.h.get(), d.c.get(), d.W.get(), d.R.get(), d.peephole.get(), nullptr, d.bias.get(), d.y.get(),
          d.h.get(), d.c.get(), flags, forward, attributes.get());
      break;
    case Variant::lstm_coupled:
    case Variant::lstm_coupled_peephole: break;
  }
  if (status != dnnl_unimplemented) check(status, "backward");
  return desc;
}

std::size_t most_scratch(std::initializer_list<const Primitive*> primitives) {
  std::size_t most = 0;
  for (const Primitive* primitive : primitives) most = std::max(most, primitive->scratch_bytes());
  return most;
}

Primitive must_exist(PrimitiveDesc desc, const char* what) {
  if (desc.get() == nullptr) throw DeviceError(std::string("oneDNN has no implementation of ") + what);
  return Primitive(std::move(desc));
}

}  // namespace

Geometry geometry_of(const Job& job) {
  const Spec& spec = job.spec;
  const Variant variant = variant_of(spec);
  return Geometry{.variant = variant,
                  .traits = cells::traits_of(variant),
                  .input_size = spec.input_size,
                  .hidden = spec.hidden_size,
                  .layers = spec.layers,
                  .directions = directions_of(spec),
                  .direction = spec.direction,
                  .layout = spec.layout,
                  .bias = spec.bias,
                  .type = spec.dtype,
                  .training = job.options.pass == Pass::training,
                  .threads = lib().omp_set_num_threads == nullptr ? 1 : job.options.threads};
}

Layer::Layer(const Geometry& g, std::int64_t columns, const RunSizes& sizes, const WeightFormats& formats) {
  // Primitives are made for a number of threads.
  const ThreadsOfCalls threads(g.threads);
  const dnnl_data_type_t type = type_of(g.type);
  const Tensors tensors(g, columns, sizes, type);
  const MemoryDesc W = dense_weights(g, columns, type);
  const MemoryDesc R = dense_weights(g, g.hidden, type);
  forward = must_exist(describe_forward(g, tensors, formats), "this layer's forward");
  reorder_W = make_reorder(W.get(), forward.format(DNNL_ARG_WEIGHTS_LAYER));
  reorder_R = make_reorder(R.get(), forward.format(DNNL_ARG_WEIGHTS_ITER));
  if (!g.training) return;

  const Tensors gradients(g, columns, sizes, dnnl_f32);
  const MemoryDesc dW = dense_weights(g, columns, dnnl_f32);
  const MemoryDesc dR = dense_weights(g, g.hidden, dnnl_f32);
  Backward& back = backward.emplace();
  back.primitive =
      must_exist(describe_backward(g, tensors, gradients, forward.desc()), "this layer's backward");
  back.reorder_W = make_reorder(W.get(), back.primitive.format(DNNL_ARG_WEIGHTS_LAYER));
  back.reorder_R = make_reorder(R.get(), back.primitive.format(DNNL_ARG_WEIGHTS_ITER));
  back.reorder_dW = make_reorder(back.primitive.format(DNNL_ARG_DIFF_WEIGHTS_LAYER), dW.get());
  back.reorder_dR = make_reorder(back.primitive.format(DNNL_ARG_DIFF_WEIGHTS_ITER), dR.get());
}

WeightFormats Layer::formats() const {
  return {forward.format(DNNL_ARG_WEIGHTS_LAYER), forward.format(DNNL_ARG_WEIGHTS_ITER)};
}

std::size_t Layer::forward_scratch_bytes() const { return most_scratch({&forward, &reorder_W, &reorder_R}); }

std::size_t Layer::backward_scratch_bytes() const {
  return most_scratch({&backward->primitive, &backward->reorder_W, &backward->reorder_R,
                       &backward->reorder_dW, &backward->reorder_dR});
}

bool has_implementation(const Job& job) {
  const Geometry g = geometry_of(job);
  const ThreadsOfCalls threads(g.threads);
  const RunSizes sizes{job.shape.steps, job.shape.batch};
  for (std::int64_t layer = 0; layer < std::min<std::int64_t>(g.layers, 2); ++layer) {
    const Tensors tensors(g, g.columns(layer), sizes, type_of(g.type));
    const PrimitiveDesc forward = describe_forward(g, tensors, {});
    if (forward.get() == nullptr) return false;
    if (!g.training) continue;
    const Tensors gradients(g, g.columns(layer), sizes, dnnl_f32);
    if (describe_backward(g, tensors, gradients, forward.get()).get() == nullptr) return false;
  }
  return true;
}

}  // namespace recur::host::onednn
