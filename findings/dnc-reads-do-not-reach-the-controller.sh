#!/usr/bin/env bash
# findings/dnc-reads-do-not-reach-the-controller.sh
#
# dnc 1.1.0 (differentiable neural computer for PyTorch). Expected, from Graves et al. 2016: the controller reads [x_t; r_{t-1}], what was
# read from the memory a step before. Seen, with one layer:
#   1. Within a call the controller reads [x_t; the reads that the call began with] at every step: its states are those of a plain LSTM on
#      [x_t; 0], whatever the memory holds. So a sequence in two calls, the state handed on, gives other outputs than in one call.
#   2. Without a state given, the controller's first state is drawn anew in every call, in eval mode too: the same input gives other
#      outputs, and no seed of the module fixes them.
#   3. A call changes the controller's state that it is given: the list is the caller's. A second call with it starts somewhere else.
#
# Needs python3 with venv, and PyPI. Exit code 0: as described; 1: the behaviour has changed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check dnc==1.1.0 torch==2.15.0 numpy==2.4.6

cat >"$folder/check.py" <<'PYTHON'
import copy
import importlib.metadata
import sys

import torch
from dnc import DNC

torch.manual_seed(0)
torch.set_grad_enabled(False)
print("dnc", importlib.metadata.version("dnc"), "torch", torch.__version__)
B, T, I, H, CELLS, WIDTH, HEADS = 2, 8, 6, 10, 5, 4, 2
model = DNC(input_size=I, hidden_size=H, rnn_type="lstm", num_layers=1, num_hidden_layers=1, nr_cells=CELLS, cell_size=WIDTH, read_heads=HEADS, gpu_id=-1)
model.eval()
x = torch.randn(B, T, I)


def difference(a, b):
    return float((a - b).abs().max())


def first_state():
    zeros = torch.zeros(1, B, H)
    return [(zeros, zeros)], None, None


as_described = True

_, (controller, _, reads) = model(x, first_state(), reset_experience=True)
plain, (h, c) = model.rnns[0](torch.cat([x, torch.zeros(B, T, HEADS * WIDTH)], 2))
from_plain = max(difference(controller[0][0], h), difference(controller[0][1], c))
print(f"states from those of a plain LSTM on [x; 0]: {from_plain:.1e}; what was read last is up to {float(reads.abs().max()):.3f}")
as_described &= from_plain < 1e-6 and float(reads.abs().max()) > 0.01

whole, _ = model(x, first_state(), reset_experience=True)
first, state = model(x[:, :4], first_state(), reset_experience=True)
second, _ = model(x[:, 4:], copy.deepcopy(state), reset_experience=False)
pieces = torch.cat([first, second], 1)
print(f"two calls from one call: {difference(pieces, whole):.1e}, of outputs up to {float(whole.abs().max()):.2f}")
as_described &= difference(pieces, whole) > 1e-5

again = difference(model(x, reset_experience=True)[0], model(x, reset_experience=True)[0])
print(f"the same input twice, without a state: {again:.2f}")
as_described &= again > 0.01

given = first_state()
model(x, given, reset_experience=True)
changed = float(given[0][0][0].abs().max())
print(f"zeros given as the controller's state are up to {changed:.2f} after the call")
as_described &= changed > 0.01

sys.exit(0 if as_described else 1)
PYTHON
"$folder/venv/bin/python" "$folder/check.py"
