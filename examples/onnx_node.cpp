// Runs a node of ONNX's as an importer of models would: attributes and tensors of the node become a layer.
// Here a bidirectional GRU without initial state, whose Y [T][2][B][H] keeps the directions of a step apart.
#include <cmath>
#include <cstdio>

#include "recur/recur.hpp"

using namespace recur;

int main() {
  const std::int64_t T = 5, B = 2, I = 3, H = 4, D = 2;
  Tensor X({T, B, I}), W({D, 3 * H, I}), R({D, 3 * H, H}), bias({D, 6 * H});  // as ONNX has them: gates z r h
  for (Tensor* tensor : {&X, &W, &R, &bias}) {
    float n = 0;
    for (float& value : tensor->values<float>()) value = 0.5f * std::sin(n++);
  }
  Tensor Y({T, D, B, H}), Y_h({D, B, H});

  OnnxAttributes attributes;
  attributes.op_type = "GRU";
  attributes.direction = "bidirectional";
  attributes.linear_before_reset = 1;
  const OnnxInputs inputs{.X = X.view(), .W = W.view(), .R = R.view(), .B = bias.view()};
  const OnnxLayer layer = onnx_layer(attributes, inputs, {.Y = Y.view(), .Y_h = Y_h.view()});

  // Once for a model: weights in the canonical order of gates, a plan, packed weights.
  LayerTensors weights(layer.spec);
  import_weights(WeightFormat::onnx, layer.spec, 0, layer.weights, weights.writable()[0]);
  const Device device = Device::cpu();
  const Plan plan = make_plan(layer.spec, layer.shape, device);
  Context context(device);
  Buffer packed(plan.sizes().prepared_weights), workspace(plan.sizes().workspace_prepared);
  const PreparedWeights prepared = prepare_weights(plan, context, Stream(), weights.weights(), packed);

  // For each call. Where Y cannot be what forward writes, y is: the two directions of a row side by side.
  ForwardArgs args = layer.args;
  Tensor y({T, B, D * H});
  if (!args.y.given()) args.y = y.view();
  forward(plan, context, Stream(), prepared, args, workspace);
  if (!layer.args.y.given()) store_onnx_y(layer, y.view());

  std::printf("Y_h of both directions:");
  for (const float value : Y_h.values<float>()) std::printf(" %.4f", static_cast<double>(value));
  std::puts("");
}
