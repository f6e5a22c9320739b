/// @file
/// Runs a node of ONNX as an importer would: mapping, weights, plan, forward, Y.
#pragma once

#include "engines/engine_run.hpp"
#include "recur/onnx.hpp"

namespace recur::test {

/// What a run leaves to be looked at beside the node's outputs.
struct OnnxRun {
  OnnxLayer layer;
  oracle::LayerParameters<float> weights;  ///< canonical
};

/// f32. The device's memory must be the current one.
inline OnnxRun run_onnx(const TestDevice& device, const OnnxAttributes& attributes, const OnnxInputs& inputs,
                        const OnnxOutputs& outputs) {
  OnnxRun run{onnx_layer(attributes, inputs, outputs), {}};
  const Spec& spec = run.layer.spec;
  LayerTensors<float> tensors(oracle::zero_parameters<float>(spec, 0));
  import_weights(WeightFormat::onnx, spec, 0, run.layer.weights, tensors.views<TensorView>(spec, 0));
  run.weights = tensors.dense();

  const Plan plan = device.plan(spec, run.layer.shape, device.device, {.engine = device.engine});
  RunContext context(device, device.device, 1);
  Aligned<std::byte> workspace(plan.sizes().workspace);
  const LayerWeights weights = tensors.views<ConstTensorView>(spec, 0);
  ForwardArgs args = run.layer.args;
  Aligned<float> y;
  if (!args.y.given()) {
    const oracle::Sizes sizes(spec, run.layer.shape.steps, run.layer.shape.batch);
    y = Aligned<float>(static_cast<std::size_t>(sizes.y));
    args.y = TensorView(y.data(), {args.x.size(0), args.x.size(1), directions_of(spec) * spec.hidden_size});
  }
  forward(plan, context.get(), Stream(), std::span<const LayerWeights>(&weights, 1), args, workspace.bytes());
  device.synchronize();
  if (outputs.Y.given() && !run.layer.args.y.given()) store_onnx_y(run.layer, args.y);
  return run;
}

}  // namespace recur::test
