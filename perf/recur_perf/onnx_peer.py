"""ONNX Runtime's recurrent operators."""

import time

import numpy
import onnx
import onnxruntime

from recur_perf import layers, onnx_models
from recur_perf.peer import Refused, Run

NAME = "onnxruntime"

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
    if shape.cell not in onnx_models.CELLS:
        raise Refused(f"cell {shape.cell} is not one of ONNX's")
    if dtype not in onnx_models.TYPES:
        raise Refused(f"dtype {dtype} is not one of its recurrent operators'")
    if dtype == "f16" and device == "cpu":
        raise Refused("on the CPU its recurrent operators compute f16 in f32, between casts")
    if dtype == "int8" and not shape.cell.startswith("lstm"):
        raise Refused("of its recurrent operators LSTM alone has an int8 twin")
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
        model = onnx_models.model(shape, dtype, timed, layers.weights(shape, onnx_models.TYPES[dtype][0]))
        if dtype == "int8":
            model = onnx_models.quantized(model)
        session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=[_PROVIDERS[device]])
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
    kind = onnx_models.TYPES[dtype][0]
    values = {"x": layers.random((steps, shape.B, shape.I), 1, kind)}
    lengths = None if timed == "step" else shape.lengths()
    if lengths is not None:
        values["lengths"] = numpy.array(lengths, numpy.int32)
    if timed == "step":
        # Without states of its own the first step has no recurrent product.
        state = (shape.directions, shape.B, shape.H)
        names = ("h", "c") if shape.cell.startswith("lstm") else ("h",)
        values |= {f"{name}{layer}": layers.random(state, 1, kind) for layer in range(shape.L) for name in names}
    for name, value in values.items():
        binding.bind_ortvalue_input(name, onnxruntime.OrtValue.ortvalue_from_numpy(value, device, 0))
    for output in session.get_outputs():
        binding.bind_output(output.name, device)
    return binding
