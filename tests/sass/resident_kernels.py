"""The resident kernels for check_loops: PASS_kernel, a template whose arguments are a cell, a type, the number of a tile and whether
there are many batch tiles. What counts is the time loop."""

import re

import time_loop
from time_loop import COLUMNS, TOLERANCES, SassError  # noqa: F401  for check_loops

TITLE = "Instructions in the time loops of the resident kernels"
_KERNEL = re.compile(r"\d([a-z]+)_kernelI.*5cells\d+([A-Z][A-Za-z]+)I(?:Lb([01])ELb([01])E)?.*\d(__half|__nv_bfloat16)"
                     r"Li(\d+)ELb([01])EE")
# Of kernels/cells/variants.cuh: a cell's template, its two switches, and its name in the table.
_CELLS = {
    ("Rnn", "0", "0"): "rnn_tanh",
    ("Rnn", "1", "0"): "rnn_relu",
    ("Rnn", "0", "1"): "rnn_tanh_residual",
    ("Rnn", "1", "1"): "rnn_relu_residual",
    ("GruResetAfter", None, None): "gru_reset_after",
    ("GruResetBefore", None, None): "gru_reset_before",
    ("Lstm", "0", "0"): "lstm",
    ("Lstm", "1", "0"): "lstm_peephole",
    ("Lstm", "0", "1"): "lstm_coupled",
    ("Lstm", "1", "1"): "lstm_coupled_peephole",
}
_TYPES = {"__half": "f16", "__nv_bfloat16": "bf16"}


def name_of(kernel):
    parameters = _KERNEL.search(kernel)
    cell = _CELLS.get(parameters.group(2, 3, 4)) if parameters else None
    if not cell:
        raise SassError("cell, type, tile and number of batch tiles were expected among its template arguments")
    many = "many" if parameters[7] == "1" else "one"
    return f"{parameters[1]} {_TYPES[parameters[5]]} {cell} tile {parameters[6]} {many}"


def counts(instructions):
    return time_loop.counts(time_loop.time_loop(instructions))
