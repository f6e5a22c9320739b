"""What compilers made of the register tiles: the inner loop of each, as counts of its instructions.

A tile (host/cpu/simd/product.hpp) is a function `product_tile<type, vectors, rows, panels>` of the namespace of its instruction
set. Its inner loops are found in the disassembly as the shortest runs of instructions that a jump closes and that hold a
multiplication of vectors.
"""

import re
import subprocess
from dataclasses import dataclass

HEADER = re.compile(r"^[0-9a-f]+ <(?P<name>.*)>:$")
LINE = re.compile(r"^\s*(?P<at>[0-9a-f]+):\t(?P<what>.*)$")
TILE = re.compile(r"::(?P<set>N_\w+)::product_tile<(?P<type>[\w:]+), (?P<v>\d+), (?P<r>\d+), (?P<p>\d+)>\(")
JUMP = re.compile(r"^j\w+\s+(?P<to>[0-9a-f]+)\b")
VECTOR = re.compile(r"%[xyz]mm\d+")
STACK = re.compile(r"\(%rsp\b")
FRAME = re.compile(r"\((?:%rsp|%rbp)\b")
MEMORY = re.compile(r"\([^)]*%r")


@dataclass(frozen=True, order=True)
class Tile:
    """Which tile."""

    set: str
    type: str
    vectors: int
    rows: int
    panels: int


@dataclass(frozen=True)
class Loop:
    """What one loop is made of. `loads` and `broadcasts` count what is read from memory, also as an operand of
    arithmetic; `spills` are moves of vectors to or from the stack, `reloads` those of other registers."""

    multiply: int
    add: int
    loads: int
    broadcasts: int
    spills: int
    reloads: int
    calls: int
    other: int

    def __str__(self):
        return " ".join(f"{getattr(self, name):4d}" for name in self.__dataclass_fields__)


def functions(lines):
    """(name, [(address, instruction)]) of each function of a disassembly."""
    name, body = None, []
    for line in lines:
        if header := HEADER.match(line):
            if name:
                yield name, body
            name, body = header["name"], []
        elif (found := LINE.match(line)) and found["what"]:
            body.append((int(found["at"], 16), found["what"].split("#")[0].strip()))
    if name:
        yield name, body


def is_multiplication(instruction):
    """Of vectors: a fused multiply-add, a product of pairs or a plain product."""
    return re.match(r"v?(fn?m(add|sub)\w*p[sd]|dpbf16ps|mulp[sd])\b", instruction) is not None


def loop_of(body, stack):
    """Counts of one run of instructions; `stack` matches operands that lie there."""
    counts = dict.fromkeys(Loop.__dataclass_fields__, 0)
    for _, instruction in body:
        operation = instruction.split()[0]
        if operation.startswith("call"):
            counts["calls"] += 1
        vector = VECTOR.search(instruction)
        if stack.search(instruction):
            counts["spills" if vector else "reloads"] += 1
            continue
        if vector and MEMORY.search(instruction):
            broadcast = "{1to" in instruction or "broadcast" in operation or re.match(r"v?movs[sd]\b|v?movd\b|v?movddup", operation)
            counts["broadcasts" if broadcast else "loads"] += 1
        if is_multiplication(instruction):
            counts["multiply"] += 1
        elif re.match(r"v?addp[sd]\b", operation):
            counts["add"] += 1
        elif vector and not MEMORY.search(instruction):
            counts["other"] += 1
    return Loop(**counts)


def inner_loops(body):
    """The loops of a function that multiply vectors and hold no other such loop."""
    # Where the frame pointer is none it is a register like others.
    has_frame = any(re.fullmatch(r"mov\s+%rsp,%rbp", what) for _, what in body)
    stack = FRAME if has_frame else STACK
    index = {at: i for i, (at, _) in enumerate(body)}
    spans = []
    for i, (_, instruction) in enumerate(body):
        jump = JUMP.match(instruction)
        start = index.get(int(jump["to"], 16)) if jump else None
        if start is not None and start <= i and any(is_multiplication(what) for _, what in body[start : i + 1]):
            spans.append((start, i))
    return [loop_of(body[a : b + 1], stack) for a, b in spans if not any(a <= c and d <= b and (a, b) != (c, d) for c, d in spans)]


def tiles_of(objdump, objects):
    """{Tile: [Loop]} of all tiles in some objects."""
    found = {}
    for path in objects:
        run = subprocess.run([objdump, "--disassemble", "--demangle", "--no-show-raw-insn", path], capture_output=True, text=True, check=True)
        for name, body in functions(run.stdout.splitlines()):
            if match := TILE.search(name):
                kind = match["type"].rsplit("::", 1)[-1].lower()
                kind = {"float": "f32", "double": "f64"}.get(kind, kind)
                tile = Tile(match["set"][2:], kind, int(match["v"]), int(match["r"]), int(match["p"]))
                found.setdefault(tile, []).extend(inner_loops(body))
    return found
