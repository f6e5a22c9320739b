"""ONNX Runtime's recurrent operators."""

import time

import numpy
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from recur_perf.peer import Refused, Run

NAME = "onnxruntime"

# Of operators that every release of the last years knows.
_OPSET = 14
_IR_VERSION = 8
_TYPES = {"f32": (numpy.float32, TensorProto.FLOAT), "f64": (numpy.float64, TensorProto.DOUBLE),
          "f16": (numpy.float16, TensorProto.FLOAT16)}
_PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}

_threads = 1
_processors = ()


def facts(_device):
    """Versions."""
    return {"onnxruntime": onnxruntime.__version__, "onnx": onnx.__version__}


def is_usable(device):
    """Why not, or an empty string."""
    if _PROVIDERS[device] not in onnxruntime.get_available_providers():
        return f"onnxruntime has no {_PROVIDERS[device]}"
    return ""


def set_threads(threads, processors):
    """Threads of the sessions that are made from now on, and where they stay."""
    global _threads, _processors  # noqa: PLW0603  options of a session, as the library has it
    _threads, _processors = threads, processors


def runs(shape, dtype, timed, device):
    """The ways to run a case. Raises Refused."""
    if timed in ("forward", "backward"):
        raise Refused("has no training")
    if shape.mean_episode and timed != "step":
        raise Refused("reset marks are not ONNX's")
    if shape.cell == "rnn-residual":
        raise Refused(f"cell {shape.cell} is not one of ONNX's")
    if dtype not in _TYPES:
        raise Refused(f"dtype {dtype} is not one of its recurrent operators'")
    steps = 1 if timed == "step" else shape.T
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = _threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    if 1 < _threads <= len(_processors):
        # Of all threads but the caller's; the first processor is 1.
        options.add_session_config_entry("session.intra_op_thread_affinities",
                                         ";".join(str(processor + 1) for processor in _processors[1:_threads]))
    try:
        session = onnxruntime.InferenceSession(_model(shape, dtype, timed).SerializeToString(), options,
                                               providers=[_PROVIDERS[device]])
        binding = _bind(session, shape, dtype, steps, timed, device)
        session.run_with_iobinding(binding)
    except Exception as error:  # the library's own kinds share no base but this one
        raise Refused(str(error).strip().splitlines()[0]) from error

    def seconds():
        start = time.perf_counter()
        session.run_with_iobinding(binding)
        binding.synchronize_outputs()
        return time.perf_counter() - start

    return [Run("wall", lambda: None, seconds)]


def _bind(session, shape, dtype, steps, timed, device):
    binding = session.io_binding()
    values = {"x": _random((steps, shape.B, shape.I), 1, _TYPES[dtype][0])}
    lengths = None if timed == "step" else shape.lengths()
    if lengths is not None:
        values["lengths"] = numpy.array(lengths, numpy.int32)
    if timed == "step":
        # Without states of its own the first step has no recurrent product.
        state = (shape.directions, shape.B, shape.H)
        names = ("h", "c") if shape.cell.startswith("lstm") else ("h",)
        values |= {f"{name}{layer}": _random(state, 1, _TYPES[dtype][0]) for layer in range(shape.L) for name in names}
    for name, value in values.items():
        binding.bind_ortvalue_input(name, onnxruntime.OrtValue.ortvalue_from_numpy(value, device, 0))
    for output in session.get_outputs():
        binding.bind_output(output.name, device)
    return binding


_generator = numpy.random.default_rng(1)


def _random(sizes, bound, kind):
    """Values that no other tensor has: equal weights would be kept once, and stay in a cache that they all would not fit."""
    return _generator.uniform(-bound, bound, sizes).astype(kind)


def _model(shape, dtype, timed):
    """x [T][B][I] (and lengths [B]) to y [T][B][D*H], one operator a layer."""
    kind, onnx_type = _TYPES[dtype]
    D, H, rows = shape.directions, shape.H, shape.gates * shape.H
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
    for layer in range(shape.L):
        K = shape.I if layer == 0 else D * H
        weights = {"W": _random((D, rows, K), K**-0.5, kind), "R": _random((D, rows, H), H**-0.5, kind),
                   "b": _random((D, 2 * rows), 0.5, kind)}
        inputs = [source, f"W{layer}", f"R{layer}", f"b{layer}", "lengths" if has_lengths else ""]
        states = [] if timed != "step" else [f"h{layer}", f"c{layer}"] if operator == "LSTM" else [f"h{layer}"]
        state_inputs += [helper.make_tensor_value_info(name, onnx_type, [D, shape.B, H]) for name in states]
        state_outputs += [helper.make_tensor_value_info(f"{name}_next", onnx_type, [D, shape.B, H]) for name in states]
        inputs += states
        if shape.cell == "lstm-peephole":
            weights["p"] = _random((D, 3 * H), 0.5, kind)
            inputs += [""] * (2 - len(states)) + [f"p{layer}"]
        initializers += [numpy_helper.from_array(value, f"{name}{layer}") for name, value in weights.items()]
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
