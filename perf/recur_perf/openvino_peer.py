"""OpenVINO's recurrent operators, on the CPU."""

import time

import numpy
import openvino

from recur_perf import layers, openvino_models
from recur_perf.peer import Refused, Run

NAME = "openvino"

# By which precision each type is asked for: left to itself the library takes bf16 wherever the processor has it.
_HINTS = {"f32": "f32", "bf16": "bf16", "int8": "f32"}
# What the graph that executes may say of its recurrent nodes. Sequences of unequal lengths are loops, which do not say what their
# bodies compute in: outputs differ from those in f32 as bf16's do.
_LOOP = "a loop of unknown precision"
_EXECUTED = {"f32": {"f32", _LOOP}, "bf16": {"bf16", _LOOP}, "int8": {"i8", "u8"}}

_core = openvino.Core()
_threads = 1


def facts(_device):
    """Versions."""
    return {"openvino": openvino.__version__}


def is_usable(device):
    """Why not, or an empty string."""
    return "" if device == "cpu" else "openvino has no CUDA device"


def set_threads(threads, _processors):
    """Threads of the models that are compiled from now on; OpenVINO binds them itself."""
    global _threads  # noqa: PLW0603  options of a model, as the library has it
    _threads = threads


def runs(shape, dtype, timed, _device):
    """The ways to run a case. Raises Refused."""
    if timed in ("forward", "backward"):
        raise Refused("has no training")
    if shape.mean_episode and timed != "step":
        raise Refused("reset marks are not OpenVINO's")
    if shape.cell not in openvino_models.CELLS:
        raise Refused(f"cell {shape.cell} is not one of OpenVINO's")
    if dtype not in _HINTS:
        raise Refused(f"dtype {dtype} is not one that its CPU plugin executes recurrent operators in")
    if dtype == "bf16" and "BF16" not in _core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        raise Refused("this processor has no bf16")
    try:
        compiled = compile_model(openvino_models.model(shape, dtype, timed, layers.weights(shape)), dtype)
    except RuntimeError as error:
        raise Refused(_reason(error)) from error
    executed = precisions(compiled)
    if not set(executed) <= _EXECUTED[dtype]:
        raise Refused(f"asked for {dtype} it executes in {' and '.join(sorted(set(executed)))}")
    request = compiled.create_infer_request()
    for i, value in enumerate(inputs(compiled, shape)):
        # Into memory of the request's own, which lives as long as it does.
        request.get_input_tensor(i).data[:] = value

    def seconds():
        start = time.perf_counter()
        request.infer(share_outputs=True)
        return time.perf_counter() - start

    return [Run("wall", lambda: None, seconds)]


def compile_model(model, dtype):
    """The model for one request at a time: one stream, which all threads serve."""
    return _core.compile_model(model, "CPU", {
        "INFERENCE_PRECISION_HINT": _HINTS[dtype], "PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": 1,
        "INFERENCE_NUM_THREADS": _threads, "ENABLE_CPU_PINNING": True,
    })


def precisions(compiled):
    """The precision in which each recurrent node of a compiled model executes."""
    found = []
    for node in compiled.get_runtime_model().get_ordered_ops():
        information = node.get_rt_info()
        kind = information["layerType"].value
        if kind in ("RNNSeq", "RNNCell"):
            found.append(information["runtimePrecision"].value)
        elif kind == "TensorIterator":
            found.append(_LOOP)
    return found


def inputs(compiled, shape):
    """Values for each input of a compiled model."""
    return [numpy.array(shape.lengths(), numpy.int32) if one.element_type == openvino.Type.i32 else layers.random(tuple(one.shape), 1)
            for one in compiled.inputs]


def _reason(error):
    """What the library says last, without advice: before it stand places in its sources."""
    return str(error).strip().splitlines()[-1].split(". Run workload")[0]
