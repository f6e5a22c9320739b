"""That perf/peers has ONNX Runtime and OpenVINO compute the same layers, in the precision that they are asked for.

    peer_models_test.py PERF_FOLDER

Runs in the environment of perf/setup-peers; exit code 77 without it.
"""

import os
import sys
import unittest

FOLDER = os.path.abspath(sys.argv.pop(1))
PYTHON = os.path.join(FOLDER, "..", "build", "peers", "bin", "python3")
sys.dont_write_bytecode = True
sys.path.insert(0, FOLDER)

try:
    import numpy
    import onnxruntime

    from recur_perf import layers, onnx_models, onnx_peer, openvino_models, openvino_peer, peer, shapes
except ImportError:
    if os.path.exists(PYTHON) and "RECUR_IN_PEERS" not in os.environ:
        os.execve(PYTHON, [PYTHON, os.path.abspath(__file__), FOLDER, *sys.argv[1:]], {**os.environ, "RECUR_IN_PEERS": "1"})
    print("peer_models_test: onnxruntime and openvino are not there; perf/setup-peers installs them", file=sys.stderr)
    sys.exit(77)


def inputs_of(shape, timed):
    """x [T][B][I], states [D][B][H] by name, and lengths, as the models in ONNX name them."""
    steps = 1 if timed == "step" else shape.T
    values = {"x": layers.random((steps, shape.B, shape.I), 0.99)}
    if timed == "step":
        for layer in range(shape.L):
            for name in ("h", "c") if shape.cell == "lstm" else ("h",):
                values[f"{name}{layer}"] = layers.random((shape.directions, shape.B, shape.H), 0.99)
    elif shape.quantiles:
        values["lengths"] = numpy.array(shape.lengths(), numpy.int32)
    return values


def by_onnxruntime(model, values):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(None, values)


def by_openvino(compiled, values, shape):
    """Batches come first there, and int8 has an h of its own."""
    ordered = {name: numpy.ascontiguousarray(value.swapaxes(0, 1)) if value.ndim == 3 else value for name, value in values.items()}
    zeros = numpy.zeros((shape.B, shape.directions, shape.H), numpy.float32)
    request = compiled.create_infer_request()
    request.infer([ordered.get(one.get_node().get_friendly_name(), zeros) for one in compiled.inputs])
    outputs = [request.get_output_tensor(i).data for i in range(len(compiled.outputs))]
    return [numpy.array(output).swapaxes(0, 1) for output in outputs]


CASES = [(shapes.Shape("", "", cell, 7, 3, 5, 8, L=L, direction=direction, quantiles=quantiles), timed)
         for cell in ("lstm", "gru", "gru-reset-before", "rnn", "rnn-relu") for L in (1, 2)
         for direction in ("forward", "reverse", "bidirectional") for quantiles in ((), (1, 4, 7))
         for timed in ("inference", "step") if timed == "inference" or (direction == "forward" and not quantiles)]


class Models(unittest.TestCase):
    def test_same_layers(self):
        for shape, timed in CASES:
            with self.subTest(shapes.describe(shape), timed=timed):
                weights, values = layers.weights(shape), inputs_of(shape, timed)
                expected = by_onnxruntime(onnx_models.model(shape, "f32", timed, weights), values)
                compiled = openvino_peer.compile_model(openvino_models.model(shape, "f32", timed, weights), "f32")
                outputs = by_openvino(compiled, values, shape)
                self.assertEqual(len(outputs), len(expected))
                for output, one in zip(outputs, expected, strict=True):
                    numpy.testing.assert_allclose(output, one, rtol=0, atol=2e-5)

    def test_int8_is_executed_and_near(self):
        for shape, timed in CASES:
            if shape.cell not in ("lstm", "gru-reset-before") or shape.direction == "bidirectional" or shape.quantiles:
                continue
            with self.subTest(shapes.describe(shape), timed=timed):
                weights, values = layers.weights(shape), inputs_of(shape, timed)
                plain = onnx_models.model(shape, "int8", timed, weights)
                expected = by_onnxruntime(plain, values)
                compiled = openvino_peer.compile_model(openvino_models.model(shape, "int8", timed, weights), "int8")
                self.assertLessEqual(set(openvino_peer.precisions(compiled)), {"i8", "u8"})
                found = [by_openvino(compiled, values, shape)]
                if shape.cell == "lstm":
                    quantised = onnx_models.quantized(plain)
                    operators = [node.op_type for node in quantised.graph.node]
                    self.assertEqual((operators.count("DynamicQuantizeLSTM"), operators.count("LSTM")), (shape.L, 0))
                    found.append(by_onnxruntime(quantised, values))
                for outputs in found:
                    for output, one in zip(outputs, expected, strict=True):
                        difference = numpy.abs(output - one).max()
                        self.assertTrue(1e-5 < difference < 0.03, difference)

    def test_inputs_outlive_the_making(self):
        # Inputs so large that memory which was given back would be gone, and a run would end the program.
        shape = shapes.Shape("", "", "rnn", 512, 64, 512, 8)
        (run,) = openvino_peer.runs(shape, "f32", "inference", "cpu")
        self.assertGreater(run.seconds(), 0)

    def test_what_would_stay_in_f32_is_refused(self):
        for shape in (shapes.Shape("", "", "rnn", 4, 2, 8, 8), shapes.Shape("", "", "lstm", 4, 2, 8, 8, direction="bidirectional"),
                      shapes.Shape("", "", "lstm", 4, 2, 8, 8, quantiles=(1, 4)), shapes.Shape("", "", "gru", 4, 2, 8, 8)):
            with self.subTest(shapes.describe(shape)), self.assertRaises(peer.Refused):
                openvino_peer.runs(shape, "int8", "inference", "cpu")
        for cell, dtype in (("gru", "int8"), ("lstm", "f16")):
            with self.subTest(cell, dtype=dtype), self.assertRaises(peer.Refused):
                onnx_peer.runs(shapes.Shape("", "", cell, 4, 2, 8, 8), dtype, "inference", "cpu")


if __name__ == "__main__":
    unittest.main()
