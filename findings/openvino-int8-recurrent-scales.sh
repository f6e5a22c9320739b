#!/usr/bin/env bash
# findings/openvino-int8-recurrent-scales.sh
#
# OpenVINO 2026.4.1 on x86-64 CPUs with AVX-512 VNNI: LSTMSequence and GRUSequence of a quantised model execute in int8 with scales other
# than the model's, silently. Expected: the outputs of the same model in f32, but for rounding (0.01). Seen:
#   1. x and the state h have scales of their own in the model: that of x is used for both. States, which are the outputs, stop at
#      what x reaches to, and an initial state is multiplied by the ratio of the scales.
#   2. W and R have scales of their own: one is used for both (off by 0.4).
#   3. LSTM, a scale for each row of W and R: the gates f and i get each other's scales (off by 0.1). GRU is right.
#   4. nncf.quantize with its default settings makes such models: its LSTM is off by 1.4, its GRU by 4.4, with outputs of 3.9.
# Equal scales, one for W and R, give right numbers. A constant initial state keeps the operator in f32: that is what numbers are
# compared with here, the same quantised model with zeros as a constant and as an input.
#
# Needs python3 with venv, and PyPI. Exit code 0: as described; 1: the behaviour has changed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check openvino==2026.4.1 nncf==3.4.0 numpy==2.4.6

cat >"$folder/check.py" <<'PYTHON'
import logging
import sys

import numpy as np
import openvino as ov
from openvino import opset13 as ops

import nncf

logging.getLogger("nncf").setLevel(logging.ERROR)
B, T, I, H = 3, 10, 32, 32
core = ov.Core()
print("openvino", ov.__version__, "nncf", nncf.__version__)


def fake_quantize(node, low, high, levels=256):
    low, high = (ops.constant(np.asarray(limit, np.float32)) for limit in (low, high))
    return ops.fake_quantize(node, low, high, low, high, levels)


def most(matrix, is_per_row):
    return np.abs(matrix).max(axis=2 if is_per_row else None, keepdims=True)


def model(kind, W, R, quantise=None, is_h_constant=False):
    """A layer; quantise says what each of x, h, W, R reaches to."""
    gates = {"lstm": 4, "gru": 3}[kind]
    x = ops.parameter([B, T, I], np.float32, name="x")
    zeros = np.zeros((B, 1, H), np.float32)
    h = ops.constant(zeros) if is_h_constant else ops.parameter([B, 1, H], np.float32, name="h")
    inputs = [x] if is_h_constant else [x, h]
    W, R = ops.constant(W), ops.constant(R)
    lengths, bias = ops.constant(np.full(B, T, np.int64)), ops.constant(np.zeros((1, gates * H), np.float32))
    xq, hq = x, h
    if quantise:
        xq, hq = (fake_quantize(node, -quantise[name], quantise[name]) for node, name in ((x, "x"), (h, "h")))
        W, R = (fake_quantize(node, -quantise[name], quantise[name], 255) for node, name in ((W, "W"), (R, "R")))
    if kind == "lstm":
        node = ops.lstm_sequence(xq, hq, ops.constant(zeros), lengths, W, R, bias, H, "forward")
    else:
        node = ops.gru_sequence(xq, hq, lengths, W, R, bias, H, "forward")
    return ov.Model([node.output(0)], inputs)


def run(which, values):
    compiled = core.compile_model(which, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    request = compiled.create_infer_request()
    request.infer(values[:len(compiled.inputs)])
    information = [node.get_rt_info() for node in compiled.get_runtime_model().get_ordered_ops()]
    (precision,) = [one["runtimePrecision"].value for one in information if one["layerType"].value == "RNNSeq"]
    return np.array(request.get_output_tensor(0).data), precision


failures = 0


def expect(what, y, expected, precision, is_wrong):
    global failures
    difference = float(np.abs(y - expected).max())
    seen = difference > 0.08 if is_wrong else difference < 0.02
    failures += not seen or precision not in ("u8", "i8")
    print(f"{what:45} in {precision}: off by {difference:.3f}, largest output {np.abs(y).max():.3f} for {np.abs(expected).max():.3f}"
          + ("" if seen else "  CHANGED"))


numbers = np.random.default_rng(1)
for kind, gates in (("lstm", 4), ("gru", 3)):
    W, R = (numbers.uniform(-0.2, 0.2, (1, gates * H, K)).astype(np.float32) for K in (I, H))
    rows = np.repeat(np.linspace(0.3, 2.5, gates), H).reshape(1, -1, 1).astype(np.float32)
    for what, x_most, h_most, W_factor, R_factor, is_per_row, is_wrong in (
            ("equal scales", 1, 1, 1, 1, False, False),
            ("1. x to 0.25, h to 1, equal for W and R", 0.25, 1, 8, 8, False, True),
            ("2. W to 0.6, R to 0.2", 1, 1, 3, 1, False, True),
            ("3. scales of rows, equal for W and R", 1, 1, rows, rows, True, kind == "lstm")):
        w, r = W * W_factor, R * R_factor
        limits = {"x": x_most, "h": h_most, "W": most(w, is_per_row), "R": most(r, is_per_row)}
        if "equal" in what:
            limits["W"] = limits["R"] = np.maximum(limits["W"], limits["R"])
        x = numbers.uniform(-x_most, x_most, (B, T, I)).astype(np.float32)
        values = [x, np.zeros((B, 1, H), np.float32)]
        expected, precision = run(model(kind, w, r, limits, is_h_constant=True), values)
        assert precision == "f32"
        y, precision = run(model(kind, w, r, limits), values)
        expect(f"{kind}: {what}", y, expected, precision, is_wrong)

    plain = model(kind, 3 * W, R)
    samples = [{"x": numbers.uniform(-4, 4, (B, T, I)).astype(np.float32), "h": numbers.uniform(-1, 1, (B, 1, H)).astype(np.float32)}
               for _ in range(50)]
    y, precision = run(nncf.quantize(plain.clone(), nncf.Dataset(samples)), list(samples[0].values()))
    expect(f"{kind}: 4. nncf.quantize", y, run(plain, list(samples[0].values()))[0], precision, True)

sys.exit(failures > 0)
PYTHON
PYTHONWARNINGS=ignore "$folder/venv/bin/python" "$folder/check.py" 2>&1 | grep -E '^(openvino|lstm|gru|Traceback|[A-Za-z]*Error)'
exit "${PIPESTATUS[0]}"
