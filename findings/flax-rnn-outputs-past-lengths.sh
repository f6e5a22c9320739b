#!/usr/bin/env bash
# findings/flax-rnn-outputs-past-lengths.sh
#
# flax 0.12.8 (layers for JAX), `flax.linen.RNN` with `seq_lengths`: the final carry is that of each sequence's last step, but outputs past a
# sequence's end are those of a layer that goes on through the padding. Expected: zeros there, as PyTorch's `pad_packed_sequence`, ONNX's
# `sequence_lens` and cuDNN give. Seen, for LSTMCell and GRUCell alike:
#   1. Final carries, and outputs of valid steps, are those of the sequence alone.
#   2. No output past the end is zero, and other values in the padding of x give other outputs: a mean or a maximum over time, or a layer
#      above that reads them without `seq_lengths`, reads padding.
#   3. With `reverse` and `keep_order` the same, valid outputs in the order of x.
#
# Needs python3 with venv, and PyPI. Exit code 0: as described; 1: the behaviour has changed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check flax==0.12.8 jax==0.10.2 jaxlib==0.10.2 numpy==2.4.6

cat >"$folder/check.py" <<'PYTHON'
import importlib.metadata
import sys

import flax.linen as nn
import jax
import jax.numpy as jnp

print("flax", importlib.metadata.version("flax"), "jax", jax.__version__)
B, T, I, H = 3, 7, 4, 6
LENGTHS = [7, 4, 1]
x = jax.random.normal(jax.random.key(0), (B, T, I))
is_padding = jnp.arange(T)[None, :, None] >= jnp.array(LENGTHS)[:, None, None]


def h_of(carry):
    return carry[1] if isinstance(carry, tuple) else carry


as_described = True
for cell in (nn.LSTMCell(H), nn.GRUCell(H)):
    for options in ({}, {"reverse": True, "keep_order": True}):
        layer = nn.RNN(cell, return_carry=True, **options)
        weights = layer.init(jax.random.key(1), x)
        run = lambda values: layer.apply(weights, values, seq_lengths=jnp.array(LENGTHS))
        carry, y = run(x)
        _, y_of_others = run(jnp.where(is_padding, 3.0, x))
        off = 0.0
        for b, length in enumerate(LENGTHS):
            carry_alone, y_alone = layer.apply(weights, x[b : b + 1, :length])
            off = max(off, float(abs(y[b, :length] - y_alone[0]).max()), float(abs(h_of(carry)[b] - h_of(carry_alone)[0]).max()))
        past = jnp.where(is_padding, abs(y), jnp.inf).min()
        moved = jnp.where(is_padding, abs(y - y_of_others), 0).max()
        print(f"{type(cell).__name__} {options}: valid off by {off:.1e}; past the end at least {past:.1e}, moved by padding {moved:.2f}")
        as_described &= off < 1e-6 and float(past) > 0 and float(moved) > 0.1

sys.exit(0 if as_described else 1)
PYTHON
"$folder/venv/bin/python" "$folder/check.py"
