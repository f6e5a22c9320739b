"""The fused step kernels for check_loops: forward_kernel<Operands, gates, tiles, vectors> and backward_kernel<Operands, tiles, vectors>.

What counts is the loop of the product. Its products are all HMMA of the kernel, or of f32 the FFMA that stand before the barrier of the
block: those behind it are the gates'. `way` and `latency` are of one round, which multiplies as many chunks of the depth as a warp holds
ahead (kernels/fused/warp_product.cuh). `local` is of the whole kernel, since a step runs all of it once.
"""

import re

import time_loop
from time_loop import SassError

TITLE = "Instructions in the product loops of the fused step kernels"
COLUMNS = ("total", "way", "latency", "alu", "ldc", "branch", "regs", "hmma", "ffma", "ldg", "local")
TOLERANCES = {column: time_loop.TOLERANCES[column] for column in ("total", "way", "latency", "alu", "ldc", "branch", "regs")}
_FORWARD = re.compile(r"5fused14forward_kernelILNS0_8OperandsE([0-3])ELi(\d)ELi(\d)ELb([01])EEE")
_BACKWARD = re.compile(r"5fused15backward_kernelILNS0_8OperandsE([0-3])ELi(\d)ELb([01])EEE")
_OTHERS = re.compile(r"5fused18transpose_R_kernelI")  # which form no product
_OPERANDS = ("f32", "tf32", "bf16", "f16")  # of kernels/fused/tile.hpp


def name_of(kernel):
    """Nothing for a kernel without a product."""
    if _OTHERS.search(kernel):
        return None
    if forward := _FORWARD.search(kernel):
        operands, gates, tiles, vectors = forward.groups()
        start = f"forward {_OPERANDS[int(operands)]} gates {gates}"
    elif backward := _BACKWARD.search(kernel):
        operands, tiles, vectors = backward.groups()
        start = f"backward {_OPERANDS[int(operands)]}"
    else:
        raise SassError("operands, gates, batch tiles and width of loads were expected among its template arguments")
    return f"{start} tiles {tiles} {'vectors' if vectors == '1' else 'elements'}"


def _base(instruction):
    return instruction.operation.split(".")[0]


def _products(instructions):
    products = {i for i, instruction in enumerate(instructions) if _base(instruction) == "HMMA"}
    if products:
        return products
    barrier = next((i for i, instruction in enumerate(instructions) if _base(instruction) == "BAR"), None)
    if barrier is None:
        raise SassError("no barrier between product and gates")
    return {i for i in range(barrier) if _base(instructions[i]) == "FFMA"}


def counts(instructions):
    loop = time_loop.time_loop(instructions, _products(instructions))
    result = time_loop.counts(loop)
    result["ffma"] = sum(_base(instruction) == "FFMA" for instruction in loop.instructions)
    result["alu"] -= result["ffma"]
    result["local"] = sum(_base(instruction) in ("LDL", "STL") for instruction in instructions)
    others = {column: n for column, n in result.items() if n and column not in COLUMNS and column != "ldgwait"}
    if others:
        raise SassError(f"the product's loop has {', '.join(sorted(others))}, which the table has no columns for")
    return {column: result[column] for column in COLUMNS if column != "regs"}
