"""PyTorch's recurrent layers: on a GPU those are cuDNN's."""

import time
import warnings

import torch

from recur_perf.peer import Refused, Run

NAME = "pytorch"

_DTYPES = {"f32": torch.float32, "tf32": torch.float32, "f64": torch.float64, "bf16": torch.bfloat16, "f16": torch.float16,
           "int8": torch.float32}
_MODULES = {"rnn": torch.nn.RNN, "rnn-relu": torch.nn.RNN, "gru": torch.nn.GRU, "lstm": torch.nn.LSTM}


def facts(device):
    """Versions."""
    found = {"torch": torch.__version__}
    if device == "cuda":
        found |= {"device": torch.cuda.get_device_name(), "torch_cuda": str(torch.version.cuda),
                  "cudnn": str(torch.backends.cudnn.version())}
    else:
        config = torch.__config__.show().splitlines()
        found["torch_libraries"] = "; ".join(line.strip(" -") for line in config if "Math Kernel" in line or "MKL-DNN" in line)
    return found


def is_usable(device):
    """Why not, or an empty string."""
    if device == "cuda" and not torch.cuda.is_available():
        return "torch finds no CUDA device"
    return ""


def set_threads(threads, _processors):
    """Threads that the CPU's kernels use; OpenMP binds them."""
    torch.set_num_threads(threads)


def runs(shape, dtype, timed, device):
    """The ways to run a case. Raises Refused."""
    if shape.cell not in _MODULES:
        raise Refused(f"cell {shape.cell} is not one of PyTorch's")
    if shape.direction == "reverse":
        raise Refused("direction reverse alone is not one of PyTorch's")
    if shape.mean_episode:
        raise Refused("reset marks are not PyTorch's")
    if dtype == "tf32" and device == "cpu":
        raise Refused("no CPU rounds to TF32")
    if dtype == "int8" and (device != "cpu" or timed in ("forward", "backward") or shape.cell not in ("gru", "lstm")):
        raise Refused("its int8 layers are lstm and gru on the CPU, without training")
    # Its default is to round.
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = dtype == "tf32"
    try:
        job = _Job(shape, dtype, timed, device)
        job.prepare()
        job.call()
        job.wait()
    except (RuntimeError, NotImplementedError) as error:  # out of memory is a RuntimeError, too
        if device == "cuda":
            torch.cuda.empty_cache()
        raise Refused(str(error).strip().splitlines()[0]) from error
    found = [Run("wall" if device == "cpu" or timed == "step" else "events", job.prepare, job.seconds)]
    if device == "cuda" and timed in ("inference", "step"):
        graph = job.graph_seconds()
        if graph is not None:
            found.append(Run("graph", lambda: None, graph))
    return found


class _Job:
    def __init__(self, shape, dtype, timed, device):
        kind = _DTYPES[dtype]
        self.timed, self.device = timed, device
        self.is_training = timed in ("forward", "backward")
        steps = 1 if timed == "step" else shape.T
        extra = {"nonlinearity": "relu"} if shape.cell == "rnn-relu" else {}
        self.layer = _MODULES[shape.cell](shape.I, shape.H, shape.L, bidirectional=shape.directions == 2, **extra)
        self.layer = self.layer.to(device=device, dtype=kind).train(self.is_training)
        if dtype == "int8":
            self.layer = _quantised(self.layer)
        self.x = (2 * torch.rand(steps, shape.B, shape.I, device=device) - 1).to(kind).requires_grad_(self.is_training)
        self.input = self.x
        lengths = None if timed == "step" else shape.lengths()
        if lengths is not None:
            # Packed ahead: what reads and writes the padding is not what is timed.
            packed = torch.nn.utils.rnn.pack_padded_sequence(self.x.detach(), torch.tensor(lengths), enforce_sorted=False)
            if self.is_training:
                packed.data.requires_grad_(True)
            self.input = packed
        self.state = None
        if timed == "step":
            h = torch.zeros(shape.L, shape.B, shape.H, device=device, dtype=kind)
            self.state = (h, h.clone()) if shape.cell == "lstm" else h
        self.dy = None
        self.output = None

    def wait(self):
        if self.device == "cuda":
            torch.cuda.synchronize()

    def _data(self, output):
        return output.data if isinstance(output, torch.nn.utils.rnn.PackedSequence) else output

    def _forward(self):
        output, state = self.layer(self.input) if self.state is None else self.layer(self.input, self.state)
        if self.state is not None:
            self.state = state
        return self._data(output)

    def prepare(self):
        """What comes before the call and is not timed: for backward its forward."""
        if self.timed != "backward":
            return
        self.layer.zero_grad(set_to_none=True)
        self._data(self.input).grad = None
        self.output = self._forward()
        if self.dy is None:
            self.dy = 2 * torch.rand_like(self.output) - 1

    def call(self):
        if self.timed == "backward":
            self.output.backward(self.dy)
        elif self.timed == "forward":
            self.output = self._forward()
        else:
            with torch.inference_mode():
                self.output = self._forward()

    def seconds(self):
        """Of one call, after `prepare`: by events on a GPU, by the clock on the CPU and for steps."""
        if self.device == "cpu" or self.timed == "step":
            self.wait()
            start = time.perf_counter()
            self.call()
            self.wait()
            return time.perf_counter() - start
        return _between_events(self.call)

    def graph_seconds(self):
        """A function that times a replay of the call as a CUDA graph, or None where it cannot be captured."""
        try:
            self.wait()
            graph = torch.cuda.CUDAGraph()
            with torch.inference_mode(), torch.cuda.graph(graph):
                self._forward()
        except RuntimeError:
            torch.cuda.synchronize()
            return None

        def replay():
            if self.timed != "step":
                return _between_events(graph.replay)
            torch.cuda.synchronize()
            start = time.perf_counter()
            graph.replay()
            torch.cuda.synchronize()
            return time.perf_counter() - start

        return replay


def _quantised(layer):
    """The layer with weights of 8 bits, x and h quantised in each run, by PyTorch's own tool."""
    try:
        from torch.ao.quantization import quantize_dynamic  # a package of its own in later versions
    except ImportError as error:
        raise Refused("this version has no quantize_dynamic") from error
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # It exchanges what is inside of a module: a layer by itself would come back as it is.
        (found,) = quantize_dynamic(torch.nn.Sequential(layer), {type(layer)}, dtype=torch.qint8)
    if type(found) is type(layer):
        raise Refused("quantize_dynamic leaves this layer in f32")
    return found


def _between_events(work):
    start, stop = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    start.record()
    work()
    stop.record()
    stop.synchronize()
    return 1e-3 * start.elapsed_time(stop)
