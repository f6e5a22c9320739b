"""Random ONNX nodes: outputs of ONNX Runtime, of run_onnx_nodes, and in float64 and float32 by equations.py."""

import os
import random
import subprocess
import tempfile

import numpy
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from recur_peers import equations, renumbering
from recur_peers.tolerance import LEAST_VALUES

NAME = "ONNX Runtime"
VERSION = onnxruntime.__version__

# Of operators with a layout; every release of the last years knows them.
_OPSET = 14
_IR_VERSION = 8
_GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}
_INPUTS = ["X", "W", "R", "B", "sequence_lens", "initial_h", "initial_c", "P"]
_OUTPUTS = ["Y", "Y_h", "Y_c"]
# Where ONNX Runtime's default is not ONNX's (docs/weight_formats.md).
_OTHER_DEFAULTS = {"Affine", "ScaledTanh", "ThresholdedRelu"}


class Case:
    """A node: attributes without the layout, tensors as layout 0 has them, outputs it has."""

    def __init__(self, seed):
        self.seed = seed
        # Unfit are states that grow and arguments at a jump, where no two programs agree, and states that are nearly all zero.
        for attempt in range(1000):
            self._draw(random.Random(f"{seed}.{attempt}"))
            with numpy.errstate(all="ignore"):
                *outputs, margin = equations.run(self.attributes, self.tensors, numpy.float64)
            self.exact = dict(zip(_OUTPUTS, outputs, strict=True))
            largest = max(float(numpy.abs(values).max()) for values in outputs if values is not None)
            if largest < 20 and margin > 1e-4 and 4 * numpy.count_nonzero(self.exact["Y_h"]) >= self.exact["Y_h"].size:
                return
        raise RuntimeError(f"case {seed}: no attempt is fit")

    def _draw(self, draw):
        op = draw.choice(list(_GATES))
        is_lstm = op == "LSTM"
        large = draw.random() < 0.1
        T, B = draw.randint(1, 12), draw.randint(1, 20 if large else 6)
        I, H = (draw.randint(1, 130 if large else 30) for _ in range(2))
        B = max(B, LEAST_VALUES // H)
        direction = draw.choice(["forward", "reverse", "bidirectional"])
        D, G = 2 if direction == "bidirectional" else 1, _GATES[op]
        attributes = {"op_type": op, "hidden_size": H}
        if direction != "forward" or draw.random() < 0.5:
            attributes["direction"] = direction
        if op == "GRU" and draw.random() < 0.6:
            attributes["linear_before_reset"] = draw.randint(0, 1)
        if is_lstm and draw.random() < 0.3:
            attributes["input_forget"] = 1
        if draw.random() < 0.5:
            attributes |= _functions(draw, len(equations.STANDARD[op]), D)
        if draw.random() < 0.3:
            attributes["clip"] = draw.uniform(0.1, 1.5)
        attributes = {name: _as_float32(value) for name, value in attributes.items()}

        values = numpy.random.default_rng(draw.getrandbits(63))
        def uniform(bound, *shape):
            return values.uniform(-bound, bound, shape).astype(numpy.float32)
        tensors = {"X": uniform(1, T, B, I), "W": uniform(I**-0.5, D, G * H, I), "R": uniform(H**-0.5, D, G * H, H)}
        if draw.random() < 0.7:
            tensors["B"] = uniform(0.5, D, 2 * G * H)
        if draw.random() < 0.4:
            tensors["sequence_lens"] = values.integers(1, T + 1, B).astype(numpy.int32)
        if draw.random() < 0.6:
            tensors["initial_h"] = uniform(1, D, B, H)
        if is_lstm and draw.random() < 0.6:
            tensors["initial_c"] = uniform(1, D, B, H)
        if is_lstm and draw.random() < 0.4:
            tensors["P"] = uniform(0.25, D, 3 * H)
        possible = _OUTPUTS if is_lstm else _OUTPUTS[:2]
        self.outputs = [name for name in possible if draw.random() < 0.7] or [draw.choice(possible)]
        self.layout = draw.randint(0, 1)
        self.attributes, self.tensors = attributes, tensors

    def __str__(self):
        T, B, I = self.tensors["X"].shape
        attributes = {name: value for name, value in self.attributes.items() if name != "op_type"}
        optional = [name for name in self.tensors if name not in ("X", "W", "R")]
        return (f"case {self.seed}: {self.attributes['op_type']} T={T} B={B} I={I} layout={self.layout} {attributes} "
                f"with {', '.join(optional) or 'no optional input'}; to {', '.join(self.outputs)}")

    def group(self):
        """What pools its errors with others."""
        return f"{self.attributes['op_type']}" + (" of other functions" if "activations" in self.attributes else "")

    def naive_outputs(self):
        """By the equations in float32: for each name, of every order."""
        found = {name: [] for name in self.outputs}
        orders = numpy.random.default_rng(int(self.seed.replace(".", "0")))
        for number in range(renumbering.ORDERS):
            axes = self._axes(orders if number > 0 else None)
            tensors = {name: renumbering.moved(values, axes[name]) for name, values in self.tensors.items()}
            outputs = dict(zip(_OUTPUTS, equations.run(self.attributes, tensors, numpy.float32)[:3], strict=True))
            for name in self.outputs:
                found[name].append(renumbering.moved_back(outputs[name], axes[name]))
        return found

    def _axes(self, orders):
        """For each tensor the new order along each of its axes; without `orders` the old one."""
        def order(size):
            return numpy.arange(size) if orders is None else orders.permutation(size)
        _, B, I = self.tensors["X"].shape
        H, G = self.attributes["hidden_size"], _GATES[self.attributes["op_type"]]
        rows, inputs, units = order(B), order(I), order(H)
        gate_rows, state = renumbering.side_by_side(units, G), (None, rows, units)
        return {"X": (None, rows, inputs), "W": (None, gate_rows, inputs), "R": (None, gate_rows, units),
                "B": (None, renumbering.side_by_side(units, 2 * G)), "P": (None, renumbering.side_by_side(units, 3)), "sequence_lens": (rows,),
                "initial_h": state, "initial_c": state, "Y": (None, None, rows, units), "Y_h": state, "Y_c": state}

    def peer_outputs(self):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        # Its RNN knows the names of functions in one spelling only.
        spelled = {name.lower(): name for name in equations.FUNCTIONS}
        attributes = dict(self.attributes)
        if "activations" in attributes:
            attributes["activations"] = [spelled[name.lower()] for name in attributes["activations"]]
        session = onnxruntime.InferenceSession(self._model(attributes, 0).SerializeToString(), options, providers=["CPUExecutionProvider"])
        return dict(zip(self.outputs, session.run(self.outputs, self.tensors), strict=True))

    def write(self, folder, outputs):
        """As ONNX's own tests are, in the case's layout."""
        data = os.path.join(folder, "test_data_set_0")
        os.makedirs(data)
        onnx.save(self._model(self.attributes | {"layout": self.layout}, self.layout), os.path.join(folder, "model.onnx"))
        inputs = [(name, self.tensors[name]) for name in _INPUTS if name in self.tensors]
        for kind, tensors in (("input", inputs), ("output", outputs.items())):
            for i, (name, value) in enumerate(tensors):
                with open(os.path.join(data, f"{kind}_{i}.pb"), "wb") as file:
                    file.write(numpy_helper.from_array(self._in_layout(name, value), name).SerializeToString())

    def read_ours(self, folder):
        found = {}
        for i, name in enumerate(self.outputs):
            shape = self._in_layout(name, self.exact[name]).shape
            values = numpy.fromfile(os.path.join(folder, f"ours_{i}.f32"), numpy.float32).reshape(shape)
            found[name] = numpy.moveaxis(values, 0, -2) if self.layout == 1 else values
        return found

    def _in_layout(self, name, value):
        """Layout 1 has the batch first, and nothing else another place."""
        if self.layout == 0 or name not in ("X", "initial_h", "initial_c", *_OUTPUTS):
            return value
        return numpy.ascontiguousarray(numpy.moveaxis(value, -2, 0))

    def _model(self, attributes, layout):
        names = [name if name in self.tensors else "" for name in _INPUTS]
        while not names[-1]:
            names.pop()
        outputs = [name if name in self.outputs else "" for name in _OUTPUTS]
        while not outputs[-1]:
            outputs.pop()
        node = helper.make_node(**(attributes | {"inputs": names, "outputs": outputs}))
        inputs = [helper.make_tensor_value_info(name, _type(self.tensors[name]),
                                                (self._in_layout(name, value) if layout == 1 else value).shape)
                  for name, value in self.tensors.items()]
        results = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in self.outputs]
        graph = helper.make_graph([node], "node", inputs, results)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR_VERSION)


# What is pooled together.
_KINDS = {"Y": "Y", "Y_h": "final states", "Y_c": "final states"}


def _type(array):
    return TensorProto.INT32 if array.dtype == numpy.int32 else TensorProto.FLOAT


def _as_float32(value):
    """What a file can hold."""
    if isinstance(value, float):
        return float(numpy.float32(value))
    return [_as_float32(one) for one in value] if isinstance(value, list) else value


def _functions(draw, each, directions):
    """The same functions for every direction, with as many values as they take, or fewer where defaults agree."""
    names = [draw.choice(list(equations.FUNCTIONS)) for _ in range(each)] * directions
    alphas = [draw.uniform(0.1, 0.9) for name in names[:each] if name in equations.DEFAULT_ALPHA] * directions
    betas = [draw.uniform(0.1, 0.9) for name in names[:each] if name in equations.DEFAULT_BETA] * directions
    if not _OTHER_DEFAULTS & set(names) and directions == 1:
        alphas, betas = alphas[: draw.randint(0, len(alphas))], betas[: draw.randint(0, len(betas))]
    spelled = [draw.choice([name, name, name.lower(), name.upper()]) for name in names]
    found = {"activations": spelled, "activation_alpha": alphas, "activation_beta": betas}
    return {name: value for name, value in found.items() if value}


def run(seeds, paths):
    """(case, kind of tensor, exact, naive of every order, peer, ours) for all tensors of all cases."""
    cases = [Case(seed) for seed in seeds]
    found = []
    with tempfile.TemporaryDirectory() as root:
        folders = [os.path.join(root, str(i)) for i in range(len(cases))]
        peers = [case.peer_outputs() for case in cases]
        for case, folder, peer in zip(cases, folders, peers, strict=True):
            case.write(folder, peer)
        subprocess.run([paths.run_onnx_nodes, *folders], check=True)
        for case, folder, peer in zip(cases, folders, peers, strict=True):
            ours, naive = case.read_ours(folder), case.naive_outputs()
            found += [(case, _KINDS[name], case.exact[name], naive[name], peer[name], ours[name]) for name in case.outputs]
    return found
