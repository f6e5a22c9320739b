"""Random layers of PyTorch: outputs and gradients, in float64 and float32 by PyTorch, and by run_layers."""

import copy
import itertools
import os
import random
import subprocess
import tempfile

import numpy
import torch

from recur_peers import renumbering, safetensors
from recur_peers.min_gru import MinGru
from recur_peers.tolerance import LEAST_VALUES

NAME = "PyTorch"
VERSION = torch.__version__

# What is pooled together.
_KINDS = {"y": "y", "hN": "final states", "cN": "final states", "dx": "dx", "dh0": "gradients of states", "dc0": "gradients of states",
          "dweight": "gradients of weights", "dbias": "gradients of biases"}
_MODULES = {"rnn": torch.nn.RNN, "rnn-relu": torch.nn.RNN, "gru": torch.nn.GRU, "lstm": torch.nn.LSTM,
            "lstm-projection": torch.nn.LSTM, "min-gru": MinGru}
_LEAST_UNITS = {"gru": 6, "lstm": 4}  # that have LEAST_VALUES biases
_GATES = {"RNN_TANH": 1, "RNN_RELU": 1, "GRU": 3, "LSTM": 4, "MIN_GRU": 2}
# A relu this near to its kink has no right slope (docs/design.md, section 10): layers with one are left out.
_KINK = 64 * 2.0**-23


class Case:
    """A module with its weights, inputs, and the gradients of its outputs; arrays are float32."""

    def __init__(self, seed):
        self.seed = seed
        draw = random.Random(seed)
        self.cell = draw.choice(list(_MODULES))
        # Large layers of relus all have one at its kink.
        large = draw.random() < 0.1 and self.cell != "rnn-relu"
        self.T, self.B = draw.randint(1, 20), draw.randint(1, 40 if large else 6)
        self.I, self.H = (draw.randint(2, 150 if large else 40) for _ in range(2))
        if draw.random() < 0.1:
            self.I = 1
        self.L, self.D = draw.randint(1, 3), draw.randint(1, 2)
        # The largest of few values may be small by chance, and is no measure of errors then: a tensor has several.
        self.H = max(self.H, _LEAST_UNITS.get(self.cell, LEAST_VALUES))
        self.P = draw.randint(1, self.H - 1) if self.cell == "lstm-projection" else 0
        self.B = max(self.B, LEAST_VALUES // (self.P or self.H), LEAST_VALUES // (self.T * self.I))
        self.threads = draw.randint(1, 2)
        self.bias, self.batch_first, self.batch_invariant = (draw.random() < p for p in (0.7, 0.4, 0.3))
        self.lengths = [draw.randint(1, self.T) for _ in range(self.B)] if draw.random() < 0.4 else None
        self._make(draw.getrandbits(63), has_states=draw.random() < 0.6)
        for name in list(self.upstream):
            if len(self.upstream) > 1 and draw.random() < 0.25:
                del self.upstream[name]

    def _make(self, seed, has_states):
        """Module and tensors."""
        options = {"nonlinearity": "relu"} if self.cell == "rnn-relu" else {}
        if self.P:
            options["proj_size"] = self.P
        torch.manual_seed(seed)
        self.module = _MODULES[self.cell](self.I, self.H, self.L, bias=self.bias, batch_first=self.batch_first,
                                          bidirectional=self.D == 2, **options)
        rows = (self.B, self.T) if self.batch_first else (self.T, self.B)
        states = (self.L * self.D, self.B)
        def uniform(*shape):
            return 2 * torch.rand(*shape) - 1
        self.x = uniform(*rows, self.I)
        self.states = {"h0": uniform(*states, self.size)} if has_states else {}
        self.upstream = {"dy": uniform(*rows, self.D * self.size), "dhN": uniform(*states, self.size)}
        if self.is_lstm:
            if has_states:
                self.states["c0"] = uniform(*states, self.H)
            self.upstream["dcN"] = uniform(*states, self.H)

    @property
    def is_lstm(self):
        return self.cell.startswith("lstm")

    @property
    def size(self):
        """Of h."""
        return self.P or self.H

    def __str__(self):
        text = (f"case {self.seed}: {self.cell} T={self.T} B={self.B} I={self.I} H={self.H} L={self.L} D={self.D} "
                f"bias={self.bias} batch_first={self.batch_first} batch_invariant={self.batch_invariant} threads={self.threads}")
        if self.P:
            text += f" P={self.P}"
        if self.lengths:
            text += f" lengths={self.lengths}"
        return text + f" with {', '.join(self.states) or 'no states'}; from {', '.join(self.upstream)}"

    def group(self):
        """What pools its errors with others."""
        return self.cell

    def peer(self, dtype):
        """All outputs and gradients by name, as PyTorch computes them in a type."""
        module = copy.deepcopy(self.module).to(dtype)
        x = self.x.to(dtype, copy=True).requires_grad_(True)
        states = {name: value.to(dtype, copy=True).requires_grad_(True) for name, value in self.states.items()}
        sequences = x
        if self.lengths:
            sequences = torch.nn.utils.rnn.pack_padded_sequence(x, torch.tensor(self.lengths), self.batch_first, enforce_sorted=False)
        initial = tuple(states.values()) if self.is_lstm else states.get("h0")
        y, final = module(sequences, initial) if states else module(sequences)
        if self.lengths:
            y, _ = torch.nn.utils.rnn.pad_packed_sequence(y, self.batch_first, total_length=self.T)
        outputs = dict(zip(("y", "hN", "cN"), (y, *final) if self.is_lstm else (y, final)))
        inputs = {"x": x} | states | dict(module.named_parameters())
        gradients = torch.autograd.grad([outputs[name[1:]] for name in self.upstream], list(inputs.values()),
                                        [value.to(dtype) for value in self.upstream.values()], allow_unused=True)
        for (name, value), gradient in zip(inputs.items(), gradients, strict=True):
            outputs[f"d{name}"] = torch.zeros_like(value) if gradient is None else gradient
        return {name: value.detach().numpy() for name, value in outputs.items()}

    def write(self, folder):
        """What run_layers reads."""
        def time_major(name, values):
            return values.transpose(0, 1) if self.batch_first and name in ("x", "dy") else values
        tensors = {"x": self.x} | self.states | self.upstream
        tensors = {name: time_major(name, values).numpy() for name, values in tensors.items()}
        if self.lengths:
            tensors["lengths"] = numpy.array(self.lengths, numpy.int32)
        tensors |= {name: values.numpy() for name, values in self.module.state_dict().items()}
        facts = {"cell": self.cell.split("-projection")[0]}
        facts |= {name: str(int(getattr(self, name)))
                  for name in ("T", "B", "I", "H", "P", "L", "D", "bias", "batch_first", "batch_invariant", "threads")}
        safetensors.write(os.path.join(folder, "layer.safetensors"), tensors, facts)

    def renumbered(self, orders):
        """This layer in another order, and what brings its outputs and gradients, by name, back into this one's."""
        axes = self._axes(orders)
        def moved(name, values):
            return torch.from_numpy(renumbering.moved(values.numpy(), axes[name]))
        other = copy.copy(self)
        other.module = copy.deepcopy(self.module)
        other.module.load_state_dict({name: moved(name, values) for name, values in self.module.state_dict().items()})
        other.x = moved("x", self.x)
        other.states = {name: moved(name, values) for name, values in self.states.items()}
        other.upstream = {name: moved(name[1:], values) for name, values in self.upstream.items()}
        if self.lengths:
            other.lengths = [self.lengths[b] for b in axes["lengths"][0]]

        def back(found):
            return {name: renumbering.moved_back(values, axes.get(name) or axes[name[1:]]) for name, values in found.items()}
        return other, back

    def _axes(self, orders):
        """For each tensor the new order along each of its axes; all layers have their units in the same order."""
        rows, inputs, units = (orders.permutation(size) for size in (self.B, self.I, self.H))
        outputs = orders.permutation(self.P) if self.P else units
        gate_rows, between = renumbering.side_by_side(units, _GATES[self.module.mode]), renumbering.side_by_side(outputs, self.D)
        def sequence(columns):
            return (rows, None, columns) if self.batch_first else (None, rows, columns)
        h, c = (None, rows, outputs), (None, rows, units)
        found = {"x": sequence(inputs), "y": sequence(between), "lengths": (rows,), "h0": h, "hN": h, "c0": c, "cN": c}
        for name in self.module.state_dict():
            kind, layer = name.split("_l")
            columns = inputs if layer.split("_")[0] == "0" else between
            found[name] = {"weight_ih": (gate_rows, columns), "weight_hh": (gate_rows, outputs), "weight_hr": (outputs, units)}.get(kind, (gate_rows,))
        return found

    def read(self, folder, whose, exact):
        """What run_layers wrote, in PyTorch's shapes."""
        found = {}
        for name, values in safetensors.read(os.path.join(folder, f"{whose}.safetensors")).items():
            if name not in exact:
                if values.size and name not in ("dh0", "dc0"):  # computed whether h0 and c0 are given or not
                    raise RuntimeError(f"{self}: PyTorch has no {name}")
                continue
            shape = exact[name].shape
            if self.batch_first and name in ("y", "dx"):
                found[name] = values.reshape(shape[1], shape[0], shape[2]).swapaxes(0, 1)
            else:
                found[name] = values.reshape(shape)
        return found


def run(seeds, paths):
    """(case, kind of tensor, exact, naive of every order, peer, ours) for all tensors of all cases."""
    torch.set_num_threads(1)
    cases = [Case(seed) for seed in seeds]
    found, relus, at_kinks = [], 0, 0
    with tempfile.TemporaryDirectory() as root:
        layers, folders = [], []
        for i, case in enumerate(cases):
            orders = numpy.random.default_rng(i)
            layers.append([(case, lambda found: found)] + [case.renumbered(orders) for _ in range(1, renumbering.ORDERS)])
            folders.append([os.path.join(root, f"{i}.{order}") for order in range(renumbering.ORDERS)])
            for (layer, _), folder in zip(layers[-1], folders[-1], strict=True):
                os.mkdir(folder)
                layer.write(folder)
        command = [paths.run_layers, *itertools.chain(*folders)]
        lines = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()
        for i, case in enumerate(cases):
            relus += case.cell == "rnn-relu"
            if float(lines[i * renumbering.ORDERS]) < _KINK:
                at_kinks += 1
                continue
            exact, peer = case.peer(torch.float64), case.peer(torch.float32)
            ours = case.read(folders[i][0], "ours", exact)
            naive = [back(layer.read(folder, "naive", exact)) for (layer, back), folder in zip(layers[i], folders[i], strict=True)]
            found += [(case, _KINDS[name.split("_")[0]], exact[name], [one[name] for one in naive], peer[name], ours[name]) for name in exact]
    if len(cases) > 1 and 2 * at_kinks > relus:
        raise RuntimeError(f"{at_kinks} of {relus} layers of relus are unfit")
    return found
