"""How exact ours are beside PyTorch, by H: the RMS of our errors over that of PyTorch's, both against float64."""

import os
import subprocess
import tempfile

import torch

from recur_peers.tolerance import times_the_peers
from recur_peers.torch_cases import Case

UNITS = (64, 256, 512, 1024, 2048)
CELLS = ("rnn", "rnn-relu", "gru", "lstm", "lstm-projection")
MOST = 2.0  # times PyTorch's error
# Units from which on that is asked for. In products as small as that of 4 rows, 256 values and 64 columns the kernels that OpenBLAS 0.3.21
# (of Debian's PyTorch 1.13) has for AVX-512 are 2.4 (rnn) and 3.5 (rnn-relu) times as exact as ours, which are one chain of multiply-adds;
# its kernels for AVX2 (OPENBLAS_CORETYPE=Haswell) and PyTorch 2.15 are 1.1 to 1.9 times. Shorter chains would cost each product another
# pass over its result for every one of them.
JUDGED_FROM = 256
_KINDS = {"y": "y", "dx": "dx", "dweight": "gradients of weights"}


class SizedCase(Case):
    """One plain layer of H units, few steps and rows: the sums over units are what grows."""

    def __init__(self, cell, H):
        self.seed, self.cell, self.H, self.I = f"H={H}", cell, H, 256
        self.P = H // 2 if cell == "lstm-projection" else 0
        self.T, self.B, self.L, self.D, self.threads = 4, 4, 1, 1, 1
        self.bias, self.batch_first, self.batch_invariant, self.lengths = True, False, False, None
        self._make(H, has_states=True)
        if cell == "rnn-relu":
            self._keep_off_the_kink()

    def _keep_off_the_kink(self):
        """Terms of one sign in each sum: among so many units a relu is sure to be near its kink, where no slope is right."""
        signs = torch.where(torch.rand(self.H) < 0.5, -1.0, 1.0)
        with torch.no_grad():
            for values in self.module.parameters():
                values.copy_(values.abs() * (signs[:, None] if values.dim() == 2 else signs))
            self.module.weight_hh_l0 /= self.H**0.5  # the state grows no more
        self.x, self.states = self.x.abs(), {name: values.abs() for name, values in self.states.items()}


def measure(paths):
    """(line, whether it is well) for each cell and H."""
    torch.set_num_threads(1)
    for cell in CELLS:
        for units in UNITS:
            case = SizedCase(cell, units)
            with tempfile.TemporaryDirectory() as folder:
                case.write(folder)
                subprocess.run([paths.run_layers, folder], stdout=subprocess.DEVNULL, check=True)
                exact, peer = case.peer(torch.float64), case.peer(torch.float32)
                ours = case.read(folder, "ours", exact)
            ratios = {}
            for start, kind in _KINDS.items():
                names = [name for name in exact if name.split("_")[0] == start]
                ratios[kind] = times_the_peers(*([found[name] for name in names] for found in (exact, peer, ours)))
            yield (f"{cell} H={units}: " + ", ".join(f"{kind} {ratio:.2f}" for kind, ratio in ratios.items()),
                   units < JUDGED_FROM or all(ratio <= MOST for ratio in ratios.values()))
