"""Recurrent layers as ONNX models."""

import contextlib
import logging
import os
import tempfile

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper

# Of operators that every release of the last years knows.
_OPSET = 14
_IR_VERSION = 8
CELLS = ("rnn", "rnn-relu", "gru", "gru-reset-before", "lstm", "lstm-peephole", "lstm-coupled")
# int8 is what becomes of a model in f32.
TYPES = {"f32": (numpy.float32, TensorProto.FLOAT), "f64": (numpy.float64, TensorProto.DOUBLE),
         "f16": (numpy.float16, TensorProto.FLOAT16), "int8": (numpy.float32, TensorProto.FLOAT)}


def model(shape, dtype, timed, weights):
    """x [T][B][I] (and lengths [B]) to y [T][B][D*H], one operator a layer, with the weights of layers.weights."""
    onnx_type = TYPES[dtype][1]
    D, H = shape.directions, shape.H
    has_lengths = bool(shape.quantiles) and timed != "step"
    operator = {"rnn": "RNN", "gru": "GRU", "lstm": "LSTM"}[shape.cell.split("-")[0]]
    options = {"hidden_size": H, "direction": shape.direction}
    if operator == "GRU":
        options["linear_before_reset"] = 0 if shape.cell == "gru-reset-before" else 1
    if shape.cell == "rnn-relu":
        options["activations"] = ["Relu"] * D
    if shape.cell == "lstm-coupled":
        options["input_forget"] = 1
    nodes, initializers, source = [], [], "x"
    state_inputs, state_outputs = [], []
    for layer, arrays in enumerate(weights):
        inputs = [source, f"W{layer}", f"R{layer}", f"b{layer}", "lengths" if has_lengths else ""]
        states = [] if timed != "step" else [f"h{layer}", f"c{layer}"] if operator == "LSTM" else [f"h{layer}"]
        state_inputs += [helper.make_tensor_value_info(name, onnx_type, [D, shape.B, H]) for name in states]
        state_outputs += [helper.make_tensor_value_info(f"{name}_next", onnx_type, [D, shape.B, H]) for name in states]
        inputs += states
        if shape.cell == "lstm-peephole":
            inputs += [""] * (2 - len(states)) + [f"p{layer}"]
        initializers += [numpy_helper.from_array(value, f"{name}{layer}") for name, value in arrays.items()]
        nodes.append(helper.make_node(operator, inputs, [f"Y{layer}", *(f"{name}_next" for name in states)], **options))
        source = f"y{layer}" if layer + 1 < shape.L else "y"
        # [T][D][B][H] as the next layer reads it.
        nodes.append(helper.make_node("Transpose", [f"Y{layer}"], [f"t{layer}"], perm=[0, 2, 1, 3]))
        nodes.append(helper.make_node("Reshape", [f"t{layer}", "rows"], [source]))
    initializers.append(numpy_helper.from_array(numpy.array([0, 0, D * H], numpy.int64), "rows"))
    steps = 1 if timed == "step" else shape.T
    inputs = [helper.make_tensor_value_info("x", onnx_type, [steps, shape.B, shape.I])]
    if has_lengths:
        inputs.append(helper.make_tensor_value_info("lengths", TensorProto.INT32, [shape.B]))
    output = helper.make_tensor_value_info("y", onnx_type, [steps, shape.B, D * H])
    graph = helper.make_graph(nodes, "layers", inputs + state_inputs, [output, *state_outputs], initializers)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR_VERSION)


def quantized(source):
    """The model with DynamicQuantizeLSTM in place of LSTM, by ONNX Runtime's own tool as it is without options: weights of 8 bits with a
    scale for each matrix, x and h quantised in each run. Operators that have no such twin, GRU's and RNN's, stay in f32.
    """
    from onnxruntime.quantization import quantize_dynamic  # only here is it needed

    with tempfile.TemporaryDirectory() as folder, _quiet():
        path = os.path.join(folder, "int8.onnx")
        quantize_dynamic(source, path, op_types_to_quantize=["LSTM"])
        return onnx.load(path)


@contextlib.contextmanager
def _quiet():
    """Without the tool's advice on standard error."""
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)
