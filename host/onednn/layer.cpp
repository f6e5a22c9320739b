#include "host/onednn/layer.hpp"

#include <algorithm>

#include "host/onednn/availability.hpp"
#include "host/onednn/threads.hpp"

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
  MemoryDesc x, y, h, c, W, R, bias, peephole, projection;

  Tensors(const Geometry& g, std::int64_t columns, const RunSizes& sizes, dnnl_data_type_t data)
      : x(sequence(g, sizes, columns, data)),
        y(sequence(g, sizes, g.outputs(), data)),
        h(state(g, sizes, g.h_size(), data)),
        c(g.traits.cell_state ? state(g, sizes, g.hidden, dnnl_f32) : MemoryDesc()),
        W(describe_any(data, {1, g.directions, columns, g.traits.gates, g.hidden})),
        R(describe_any(data, {1, g.directions, g.h_size(), g.traits.gates, g.hidden})),
        bias(of_gates(g, g.bias_gates())),
        peephole(g.traits.peepholes > 0 ? of_gates(g, g.traits.peepholes) : MemoryDesc()),
        projection(g.projected() ? describe_any(data, {1, g.directions, g.hidden, g.projection})
                                 : MemoryDesc()) {}

 private:
  // [T][B][columns] or [B][T][columns]; for oneDNN the order of dimensions is always the former.
  static MemoryDesc sequence(const Geometry& g, const RunSizes& sizes, std::int64_t columns,
                             dnnl_data_type_t type) {
    const bool time_major = g.layout == Layout::time_major;
    return describe(
        type, {sizes.steps, sizes.batch, columns},
        {time_major ? sizes.batch * columns : columns, time_major ? columns : sizes.steps * columns, 1});
  }
  static MemoryDesc state(const Geometry& g, const RunSizes& sizes, std::int64_t columns,
                          dnnl_data_type_t type) {
    const std::int64_t direction = sizes.batch * columns;
    return describe(type, {1, g.directions, sizes.batch, columns},
                    {g.directions * direction, direction, columns, 1});
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

// [D][P][H].
MemoryDesc dense_projection(const Geometry& g, dnnl_data_type_t type) {
  const std::int64_t direction = g.projection * g.hidden;
  return describe(type, {1, g.directions, g.hidden, g.projection},
                  {g.directions * direction, direction, 1, g.hidden});
}

// f(member of WeightReorders, dense tensor, argument of weights, argument of their gradients).
template <class F>
void each_matrix(const Geometry& g, std::int64_t columns, dnnl_data_type_t type, F&& f) {
  f(&Layer::WeightReorders::W, dense_weights(g, columns, type), DNNL_ARG_WEIGHTS_LAYER,
    DNNL_ARG_DIFF_WEIGHTS_LAYER);
  f(&Layer::WeightReorders::R, dense_weights(g, g.h_size(), type), DNNL_ARG_WEIGHTS_ITER,
    DNNL_ARG_DIFF_WEIGHTS_ITER);
  if (!g.projected()) return;
  f(&Layer::WeightReorders::projection, dense_projection(g, type), DNNL_ARG_WEIGHTS_PROJECTION,
    DNNL_ARG_DIFF_WEIGHTS_PROJECTION);
}
Layer::WeightReorders reorders_to(const Primitive& primitive, const Geometry& g, std::int64_t columns,
                                  dnnl_data_type_t type) {
  Layer::WeightReorders reorders;
  each_matrix(g, columns, type, [&](auto member, const MemoryDesc& dense, int weights, int /*gradients*/) {
    reorders.*member = make_reorder(dense.get(), primitive.format(weights));
  });
  return reorders;
}
Layer::WeightReorders reorders_from_gradients(const Primitive& primitive, const Geometry& g,
                                              std::int64_t columns) {
  Layer::WeightReorders reorders;
  each_matrix(g, columns, dnnl_f32,
              [&](auto member, const MemoryDesc& dense, int /*weights*/, int gradients) {
                reorders.*member = make_reorder(primitive.format(gradients), dense.get());
              });
  return reorders;
}

// Empty where there is no implementation.
PrimitiveDesc describe_forward(const Geometry& g, const Tensors& t, const WeightFormats& formats) {
  const Library& dnnl = lib();
  const Attributes attributes = user_scratch();
  const dnnl_prop_kind_t pass = g.training ? dnnl_forward_training : dnnl_forward_inference;
  const dnnl_rnn_direction_t direction = direction_of(g.direction);
  const const_dnnl_memory_desc_t W = formats.W != nullptr ? formats.W : t.W.get();
  const const_dnnl_memory_desc_t R = formats.R != nullptr ? formats.R : t.R.get();
  const bool chosen = g.projected() && formats.projection != nullptr;
  const const_dnnl_memory_desc_t projection = chosen ? formats.projection : t.projection.get();
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
          projection, t.bias.get(), t.y.get(), t.h.get(), t.c.get(), dnnl_rnn_flags_undef, attributes.get());
      break;
    default: break;  // not one of oneDNN's
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
          t.R.get(), t.peephole.get(), t.projection.get(), t.bias.get(), t.y.get(), t.h.get(), t.c.get(),
          d.x.get(), d.h.get(), d.c.get(), d.W.get(), d.R.get(), d.peephole.get(), d.projection.get(),
          d.bias.get(), d.y.get(), d.h.get(), d.c.get(), flags, forward, attributes.get());
      break;
    default: break;  // not one of oneDNN's
  }
  if (status != dnnl_unimplemented) check(status, "backward");
  return desc;
}

std::size_t most_scratch(const Primitive& primitive,
                         std::initializer_list<const Layer::WeightReorders*> reorders) {
  std::size_t most = primitive.scratch_bytes();
  for (const Layer::WeightReorders* one : reorders) {
    most = std::max({most, one->W.scratch_bytes(), one->R.scratch_bytes(), one->projection.scratch_bytes()});
  }
  return most;
}

Primitive must_exist(PrimitiveDesc desc, const char* what) {
  if (desc.get() == nullptr) throw DeviceError(std::string("oneDNN has no implementation of ") + what);
  return Primitive(std::move(desc));
}

}  // namespace

Geometry geometry_of(const Job& job) {
  Geometry g{layers::stack_of(job)};
  g.training = job.options.pass == Pass::training;
  g.threads = lib().omp_set_num_threads == nullptr ? 1 : job.options.threads;
  return g;
}

Layer::Layer(const Geometry& g, std::int64_t columns, const RunSizes& sizes, int threads,
             const WeightFormats& formats) {
  const ThreadsOfCalls threads_of_calls(threads);
  const dnnl_data_type_t type = type_of(g.type);
  const Tensors tensors(g, columns, sizes, type);
  forward = must_exist(describe_forward(g, tensors, formats), "this layer's forward");
  reorder = reorders_to(forward, g, columns, type);
  if (!g.training) return;

  const Tensors gradients(g, columns, sizes, dnnl_f32);
  Backward& back = backward.emplace();
  back.primitive =
      must_exist(describe_backward(g, tensors, gradients, forward.desc()), "this layer's backward");
  back.reorder = reorders_to(back.primitive, g, columns, type);
  back.reorder_gradients = reorders_from_gradients(back.primitive, g, columns);
}

WeightFormats Layer::formats() const {
  return {forward.format(DNNL_ARG_WEIGHTS_LAYER), forward.format(DNNL_ARG_WEIGHTS_ITER),
          forward.format(DNNL_ARG_WEIGHTS_PROJECTION)};
}

std::size_t Layer::forward_scratch_bytes() const { return most_scratch(forward, {&reorder}); }

std::size_t Layer::backward_scratch_bytes() const {
  return most_scratch(backward->primitive, {&backward->reorder, &backward->reorder_gradients});
}

bool has_implementation(const Job& job) {
  const Geometry g = geometry_of(job);
  const RunSizes sizes{job.shape.steps, job.shape.batch};
  const ThreadsOfCalls threads(threads_of(g, sizes));
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
