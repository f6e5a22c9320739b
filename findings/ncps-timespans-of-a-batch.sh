#!/usr/bin/env bash
# findings/ncps-timespans-of-a-batch.sh
#
# ncps 1.0.1 (closed-form continuous-time and liquid time-constant layers for PyTorch): `timespans` [B][T], the time between two steps of
# each sequence, is applied to units in place of sequences. Expected: a batch gives what its sequences give one by one. Seen, for CfC and
# LTC alike:
#   1. B differs from the number of units: RuntimeError.
#   2. B equals it: no error. Unit j of every sequence gets the time span of sequence j, so that outputs of up to 0.9 are off by more than
#      0.2. A last axis of 1, [B][T][1], changes nothing.
#   3. Time spans that are repeated for every unit, [B][T][units], give the expected values.
#
# Needs python3 with venv, and PyPI. Exit code 0: as described; 1: the behaviour has changed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check ncps==1.0.1 torch==2.15.0 numpy==2.4.6 packaging==26.4

cat >"$folder/check.py" <<'PYTHON'
import importlib.metadata
import sys

import torch
from ncps.torch import CfC, LTC

torch.manual_seed(0)
torch.set_grad_enabled(False)
print("ncps", importlib.metadata.version("ncps"), "torch", torch.__version__)
T, I, UNITS = 9, 5, 8


def one_by_one(layer, x, spans):
    return torch.cat([layer(x[b : b + 1], timespans=spans[b : b + 1])[0] for b in range(len(x))])


def is_refused(layer, x, spans):
    try:
        layer(x, timespans=spans)
    except RuntimeError as error:
        print("  refused:", error)
        return True
    return False


as_described = True
for kind in (CfC, LTC):
    layer = kind(I, UNITS, batch_first=True)
    print(kind.__name__)
    as_described &= is_refused(layer, torch.randn(3, T, I), torch.rand(3, T) + 0.1)

    x, spans = torch.randn(UNITS, T, I), torch.rand(UNITS, T) + 0.1
    expected = one_by_one(layer, x, spans)

    def off(given):
        return float((layer(x, timespans=given)[0] - expected).abs().max())

    plain, with_axis = off(spans), off(spans.unsqueeze(-1))
    repeated = off(spans.unsqueeze(-1).expand(-1, -1, UNITS))
    print(f"  B = units: off by {plain:.2f}, with a last axis of 1 {with_axis:.2f}, repeated for every unit {repeated:.1e}")
    as_described &= plain > 0.2 and with_axis > 0.2 and repeated < 1e-5

    # Unit j with the span of sequence j: what a layer gives that gets these spans for every sequence.
    crossed = spans.transpose(0, 1).unsqueeze(0).expand(UNITS, -1, -1)
    difference = float((layer(x, timespans=spans)[0] - layer(x, timespans=crossed)[0]).abs().max())
    print(f"  from unit j with the span of sequence j: {difference:.1e}")
    as_described &= difference < 1e-5

sys.exit(0 if as_described else 1)
PYTHON
"$folder/venv/bin/python" "$folder/check.py"
