"""Recurrent layers as OpenVINO's models, made of its own operators."""

import numpy
import openvino
from openvino import opset13 as operators

CELLS = ("rnn", "rnn-relu", "gru", "gru-reset-before", "lstm")
# ONNX's rows are the gates i o f c of an LSTM, OpenVINO's f i c o. A GRU's are z r h for both.
_GATES = {"lstm": [2, 0, 3, 1], "gru": [0, 1, 2], "rnn": [0]}
# Of x and h alike: OpenVINO 2026.4 has one scale for both, whatever a model says, and so it has for W and R (perf/README.md).
_LOW, _HIGH = -1.0, 127 / 128


def model(shape, dtype, timed, weights):
    """x [B][T][I] (then h and c [B][D][H] of each layer for a step, then lengths [B]) to y [B][T][D*H], and the next states of a step.

    Weights are those of layers.weights. In int8 there is an h without a step, too: with an initial state that is constant the
    operator stays in f32.
    """
    kind, steps = shape.cell.split("-")[0], 1 if timed == "step" else shape.T
    D, is_int8 = shape.directions, dtype == "int8"
    x = operators.parameter([shape.B, steps, shape.I], numpy.float32, name="x")
    parameters, states = [x], []
    if shape.quantiles and timed != "step":
        lengths = operators.parameter([shape.B], numpy.int32, name="lengths")
    else:
        lengths = operators.constant(numpy.full(shape.B, steps, numpy.int32))

    def state(name, is_input):
        sizes = [shape.B, D, shape.H]
        if not is_input:
            return operators.constant(numpy.zeros(sizes, numpy.float32))
        parameters.append(operators.parameter(sizes, numpy.float32, name=name))
        return parameters[-1]

    source = x
    for layer, arrays in enumerate(weights):
        h = state(f"h{layer}", timed == "step" or is_int8)
        W, R = (_rows(arrays[name], kind) for name in "WR")
        bias = operators.constant(_bias(arrays["b"], shape))
        if is_int8:
            most = max(numpy.abs(W).max(), numpy.abs(R).max())
            source, h, W, R = _quantised(source), _quantised(h), _quantised_weights(W, most), _quantised_weights(R, most)
        else:
            W, R = operators.constant(W), operators.constant(R)
        if kind == "lstm":
            c = state(f"c{layer}", timed == "step")
            node = operators.lstm_sequence(source, h, c, lengths, W, R, bias, shape.H, shape.direction)
        elif kind == "gru":
            node = operators.gru_sequence(source, h, lengths, W, R, bias, shape.H, shape.direction,
                                          linear_before_reset=shape.cell == "gru")
        else:
            node = operators.rnn_sequence(source, h, lengths, W, R, bias, shape.H, shape.direction,
                                          activations=["relu" if shape.cell == "rnn-relu" else "tanh"])
        if timed == "step":
            states += node.outputs()[1:]
        # [B][D][T][H] as the next layer reads it.
        source = operators.reshape(operators.transpose(node.output(0), [0, 2, 1, 3]), [shape.B, steps, D * shape.H], False)
    if shape.quantiles and timed != "step":
        parameters.append(lengths)
    return openvino.Model([source.output(0), *states], parameters)


def _rows(matrix, kind):
    """The gates of W or R [D][G*H][K] in OpenVINO's order."""
    gates = len(_GATES[kind])
    D, rows, K = matrix.shape
    return numpy.ascontiguousarray(matrix.reshape(D, gates, rows // gates, K)[:, _GATES[kind]].reshape(D, rows, K))


def _bias(bias, shape):
    """One bias of both, but for the new gate of a GRU that resets after the product: that has two."""
    kind = shape.cell.split("-")[0]
    gates = len(_GATES[kind])
    both = bias.reshape(shape.directions, 2, gates, shape.H)
    if shape.cell == "gru":
        parts = [both[:, 0, :2] + both[:, 1, :2], both[:, :1, 2], both[:, 1:, 2]]
        return numpy.concatenate(parts, axis=1).reshape(shape.directions, 4 * shape.H)
    return both.sum(axis=1)[:, _GATES[kind]].reshape(shape.directions, gates * shape.H)


def _fake_quantize(node, low, high, levels):
    low, high = (operators.constant(numpy.asarray(limit, numpy.float32)) for limit in (low, high))
    return operators.fake_quantize(node, low, high, low, high, levels)


def _quantised(node):
    """What is read in 8 bits. Inputs and states of the timed layers are below 1."""
    return _fake_quantize(node, _LOW, _HIGH, 256)


def _quantised_weights(matrix, most):
    """Weights in 8 bits, symmetric, of magnitudes up to `most`: with a scale for each row an LSTM's f and i get each other's."""
    return _fake_quantize(operators.constant(matrix), [[[-most]]], [[[most]]], 255)
