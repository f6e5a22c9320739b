"""The time loop of a kernel in its machine code (SASS), and what it is made of.

`kernels` reads what `cuobjdump -sass` prints. `time_loop` finds the loop in the graph of the kernel's control flow: of the natural
loops (a back edge to a block that dominates its source, and all blocks from which that source is reached without passing the head)
that have a matrix product in them, the largest. It is the one over steps of time, with whatever it has inside: the loop over batch
tiles, over blocks of K, and the spins on barriers, which the compiler puts behind the end of the kernel. The prologue, which loads
the weights, and the epilogue have no part in it. A kernel with a product outside of that loop is an error: then the loop has been
peeled or split, and its counts would not be comparable.

`counts` are of instructions in the code of the loop, not of those that run: both sides of a branch count, a spin counts once. But
`way` is what a warp issues in a visit to a batch tile at least: of all ways through the loop, each of its inner loops passed once, that
have the most of `_WORK`, the shortest. So it forms every product that registers have the weights of and one that shared memory has, finds
its sources there, pushes to one peer, and leaves out what training stores, what ends a sequence, and marks.

`latency` is what that way takes at least, in cycles of one warp that is never kept waiting by others: an instruction is issued when the
compiler's stall counts allow it and the scoreboards that it waits for are free. Scoreboards of what has no fixed latency are free
after `_LATENCIES`, which are cycles that others measured, or less. Loads of global memory take none of it: a wait for one before
the last product of the way is a wait for what should be under way meanwhile, and `ldgwait` counts those, on the way that loads marks
too. An asynchronous copy (LDGSTS) has no scoreboard until LDGDEPBAR commits it, which takes one like a load. DEPBAR is the program's own
wait for it, which `ldgwait` counts before the first product only.
"""

import re
import typing


class SassError(Exception):
    pass


class Instruction(typing.NamedTuple):
    address: int
    guarded: bool  # by a predicate
    operation: str  # with its modifiers
    operands: str
    control: int = 0  # stall counts and scoreboards, as _stall and its neighbours read them


# Bits of the upper half of an instruction, of sm_70 and newer.
_CONTROL = 41


def _stall(instruction):
    return instruction.control & 0xf


def _sets(instruction):
    """The scoreboards that are free again when its result is there, and when its operands have been read; 7: none."""
    return instruction.control >> 5 & 7, instruction.control >> 8 & 7


def _waits(instruction):
    return [board for board in range(6) if instruction.control >> 11 & 1 << board]


_FUNCTION = re.compile(r"^\s*Function : (\S+)")
_INSTRUCTION = re.compile(r"^\s*/\*([0-9a-f]{4,})\*/\s+(@!?U?P\w+\s+)?([A-Z][\w.]*)\s*([^;]*);")
_UPPER_HALF = re.compile(r"^\s*/\* 0x([0-9a-f]{16}) \*/\s*$")
_TARGET = re.compile(r"(?:^|[\s,])0x([0-9a-f]+)$")


def kernels(text):
    """The kernels of a listing: name to instructions."""
    result = {}
    instructions = None
    for line in text.splitlines():
        match = _INSTRUCTION.match(line)
        if match:
            if instructions is None:
                raise SassError("instructions before the first kernel")
            address, guard, operation, operands = match.groups()
            instructions.append(Instruction(int(address, 16), guard is not None, operation, operands.strip()))
            continue
        match = _UPPER_HALF.match(line)
        if match and instructions:
            instructions[-1] = instructions[-1]._replace(control=int(match[1], 16) >> _CONTROL & 0x1ffff)
            continue
        match = _FUNCTION.match(line)
        if match:
            if match[1] in result:
                raise SassError(f"{match[1]} stands there twice")
            instructions = result[match[1]] = []
    return result


def _base(operation):
    return operation.split(".")[0]


def _target(instruction):
    match = _TARGET.search(instruction.operands)
    if not match:
        raise SassError(f"{instruction.address:#x}: {instruction.operation} {instruction.operands}: no address to go to")
    return int(match[1], 16)


def _successors(instructions):
    """Indices that each instruction may be followed by."""
    index = {instruction.address: i for i, instruction in enumerate(instructions)}
    rejoined = {}  # convergence barrier: addresses
    for instruction in instructions:
        if _base(instruction.operation) == "BSSY":
            rejoined.setdefault(instruction.operands.split(",")[0], set()).add(_target(instruction))
    result = []
    for i, instruction in enumerate(instructions):
        base = _base(instruction.operation)
        following = [i + 1] if i + 1 < len(instructions) else []
        if base in ("EXIT", "RET"):
            result.append(following if instruction.guarded else [])
        elif base == "BRA":
            target = _target(instruction)
            if target not in index:
                raise SassError(f"{instruction.address:#x}: a branch to {target:#x}, where no instruction is")
            conditional = instruction.guarded or "," in instruction.operands
            result.append([index[target]] + (following if conditional else []))
        elif base in ("BRX", "JMP", "JMX", "BRXU", "JMXU"):
            raise SassError(f"{instruction.address:#x}: {instruction.operation}: where it goes is not known here")
        else:
            if base == "BSYNC":
                # Threads meet where BSSY said, which is the next instruction wherever the compiler was seen.
                if following and instructions[i + 1].address not in rejoined.get(instruction.operands.split(",")[0], ()):
                    raise SassError(f"{instruction.address:#x}: {instruction.operation} {instruction.operands}: rejoins elsewhere")
            result.append(following)
    return result


class _Block:
    def __init__(self, first, end):
        self.first, self.end = first, end
        self.successors, self.predecessors = [], []


def _blocks(instructions, successors):
    starts = {0}
    for i, after in enumerate(successors):
        if after != [i + 1]:
            starts.update(after)
            starts.add(i + 1)
    starts = sorted(start for start in starts if start < len(instructions))
    blocks = [_Block(first, end) for first, end in zip(starts, starts[1:] + [len(instructions)])]
    number = {block.first: i for i, block in enumerate(blocks)}
    for i, block in enumerate(blocks):
        for after in successors[block.end - 1]:
            block.successors.append(number[after])
            blocks[number[after]].predecessors.append(i)
    return blocks


def _dominators(blocks):
    """The immediate dominator of each block that can be reached (Cooper, Harvey and Kennedy), and their order of visits."""
    order, state, stack = [], {0: iter(blocks[0].successors)}, [0]
    while stack:
        for after in state[stack[-1]]:
            if after not in state:
                state[after] = iter(blocks[after].successors)
                stack.append(after)
                break
        else:
            order.append(stack.pop())
    order.reverse()
    place = {block: i for i, block in enumerate(order)}
    immediate = {0: 0}

    def common(a, b):
        while a != b:
            while place[a] > place[b]:
                a = immediate[a]
            while place[b] > place[a]:
                b = immediate[b]
        return a

    changed = True
    while changed:
        changed = False
        for block in order[1:]:
            new = None
            for before in blocks[block].predecessors:
                if before in immediate:
                    new = before if new is None else common(new, before)
            if immediate.get(block) != new:
                immediate[block] = new
                changed = True
    return immediate, place


def _natural_loops(blocks):
    """Head to the blocks of the loop."""
    immediate, place = _dominators(blocks)

    def dominates(a, b):
        while place[b] > place[a]:
            b = immediate[b]
        return a == b

    loops = {}
    for source in place:
        for head in blocks[source].successors:
            if not dominates(head, source):
                continue
            body = loops.setdefault(head, {head})
            stack = [source]
            while stack:
                block = stack.pop()
                if block not in body:
                    body.add(block)
                    stack.extend(before for before in blocks[block].predecessors if before in place)
    return loops


class Loop(typing.NamedTuple):
    instructions: list  # in the order of their addresses
    way: list  # of instructions
    way_with_marks: list


# Families of instructions that every visit needs.
_WORK = ("hmma", "ldsm", "mufu", "sts16", "sts64", "stas", "ldg")


def _is_work(operation, marks):
    """A mark is a byte: loaded as one, or copied as the part of a word up to it."""
    return _column(operation) in _WORK and (marks or not re.match(r"LDG.*[.](U8|ZFILL)", operation))


def _first_pushes(instructions, blocks, head, body):
    """Of the unrolled pushes of a block to its peers those that follow none since the block's barrier: how many more a visit has depends
    on the size of the cluster."""

    def ends_search(block, end):
        """Whether a search back from `end` finds a push or a barrier in the block; which."""
        return next((column for i in range(end - 1, blocks[block].first - 1, -1)
                     if (column := _column(instructions[i].operation)) in ("stas", "bar")), None)

    result = set()
    for block in body:
        for i in range(blocks[block].first, blocks[block].end):
            if _column(instructions[i].operation) != "stas":
                continue
            seen, stack = {block}, []
            found = ends_search(block, i)
            if not found:
                stack.append(block)
            while stack and found != "bar":
                at = stack.pop()
                for before in blocks[at].predecessors if at != head else ():
                    if before not in seen:
                        seen.add(before)
                        ended = ends_search(before, blocks[before].end)
                        found = "bar" if ended == "bar" else found
                        if not ended:
                            stack.append(before)
                found = "bar" if at == head else found
            if found == "bar":
                result.add(i)
    return result


def _way(instructions, blocks, head, body, marks):
    """The instructions of the shortest way from the head of a loop back to it, of those with the most work."""
    first_pushes = _first_pushes(instructions, blocks, head, body)

    def is_work(i):
        operation = instructions[i].operation
        return _is_work(operation, marks) and (_column(operation) != "stas" or i in first_pushes)

    order, following, stack, entered = [], {}, [(head, iter(blocks[head].successors))], {head}
    following[head] = []
    on_stack = {head}
    while stack:
        block, rest = stack[-1]
        after = next(rest, None)
        if after is None:
            order.append(block)
            on_stack.discard(block)
            stack.pop()
        elif after in body:
            if after == head:
                following[block].append(None)
            elif after not in on_stack:
                following[block].append(after)
                if after not in entered:
                    entered.add(after)
                    on_stack.add(after)
                    following[after] = []
                    stack.append((after, iter(blocks[after].successors)))
    best = {None: (0, 0)}  # block: work and the negative length of the best way from its start to the head
    next_of = {}
    for block in order:
        ways = [best[after] for after in following[block] if after in best]
        if not ways:
            continue
        own = range(blocks[block].first, blocks[block].end)
        work, length = max(ways)
        next_of[block] = next(after for after in following[block] if best.get(after) == (work, length))
        best[block] = (work + sum(map(is_work, own)), length - sum(_base(instructions[i].operation) != "NOP" for i in own))
    way, block = [], head
    while block is not None:
        way += instructions[blocks[block].first:blocks[block].end]
        block = next_of[block]
    return way


# Of what a scoreboard is set for: cycles from issue until the result is there, and until the operands have been read.
_LATENCIES = {"LDS": 29, "LDSM": 30, "MUFU": 18, "SYNCS": 20, "LDC": 30, "ULDC": 20, "S2R": 20, "F2F": 18, "I2F": 18, "F2I": 18, "SHFL": 23}
_READ = 10


def _walk(way):
    """Cycles of the way when it is gone round after round, and its waits for global loads before its last product."""
    products = [i for i, instruction in enumerate(way) if _base(instruction.operation) == "HMMA"]
    now, free, by_global_load, copies, begun, waits = 0, [0] * 6, [False] * 6, False, 0, 0
    for turn in range(3):
        begun, waits = now, 0
        for i, instruction in enumerate(way):
            open_loads = False
            for board in _waits(instruction):
                now = max(now, free[board])
                open_loads = open_loads or by_global_load[board]
                by_global_load[board] = False
            base = _base(instruction.operation)
            waits += open_loads and bool(products) and i <= products[-1]
            if base == "DEPBAR":
                board = int(re.match(r"SB(\d)", instruction.operands)[1])
                waits += by_global_load[board] and bool(products) and i <= products[0]
                by_global_load[board] = False
            result, operands = _sets(instruction)
            copies = copies or base == "LDGSTS"
            global_load = _column(instruction.operation) == "ldg" or base == "LDGDEPBAR" and copies
            copies = copies and base != "LDGDEPBAR"
            if result < 6:
                free[result] = max(free[result], now + (0 if global_load else _LATENCIES.get(base, 0)))
                by_global_load[result] = by_global_load[result] or global_load
            if operands < 6:
                free[operands] = max(free[operands], now + _READ)
            now += max(1, _stall(instruction))
    return now - begun, waits


def time_loop(instructions, products=None):
    """The time loop. products: indices of the instructions that count as products, where they are not all HMMA."""
    if products is None:
        products = {i for i, instruction in enumerate(instructions) if _base(instruction.operation) == "HMMA"}
    if not products:
        raise SassError("no matrix product in the kernel")
    blocks = _blocks(instructions, _successors(instructions))
    largest, way = set(), 0
    for head, body in _natural_loops(blocks).items():
        members = {i for block in body for i in range(blocks[block].first, blocks[block].end)}
        if members & products and len(members) > len(largest):
            largest, way = members, (head, body)
    if not largest:
        raise SassError("no loop has a matrix product")
    if products - largest:
        raise SassError(f"{len(products - largest)} of {len(products)} matrix products are outside of the time loop")
    return Loop([instructions[i] for i in sorted(largest)], _way(instructions, blocks, *way, marks=False),
                _way(instructions, blocks, *way, marks=True))


# Columns of the table. What the architecture makes of the source, one to one: exact. The rest, which follows the compiler's mood and
# harmless edits: within so many per cent.
EXACT = ("hmma", "ldsm", "lds16", "lds32", "lds64", "lds128", "sts16", "sts32", "sts64", "sts128", "stas", "wait", "arrive", "bar",
         "fence", "cctl", "mufu", "ldg", "stg", "local", "call")
TOLERANCES = {"ldc": 10, "branch": 5, "alu": 3, "total": 3, "way": 3, "latency": 3, "regs": 5}
COLUMNS = ("total", "way", "latency", "ldgwait", "alu", "ldc", "branch", "regs") + EXACT

_FAMILIES = {
    "HMMA": "hmma",
    "LDSM": "ldsm",
    "STAS": "stas",  # st.async
    "BAR": "bar", "UCGABAR_ARV": "bar", "UCGABAR_WAIT": "bar",
    "MEMBAR": "fence", "ERRBAR": "fence", "CGAERRBAR": "fence", "FENCE": "fence",
    "CCTL": "cctl",  # of an acquire wider than the block: the first-level cache is emptied
    "MUFU": "mufu",
    "LDG": "ldg", "LDGSTS": "ldg", "LD": "ldg", "STG": "stg", "ST": "stg", "ATOM": "stg", "ATOMG": "stg", "RED": "stg",
    "LDL": "local", "STL": "local",
    "LDC": "ldc", "ULDC": "ldc",
    "BRA": "branch", "BSSY": "branch", "BSYNC": "branch", "BREAK": "branch", "WARPSYNC": "branch", "EXIT": "branch",
    "CALL": "call", "RET": "call",
}
_WIDTHS = {"U8": "16", "S8": "16", "U16": "16", "S16": "16", "64": "64", "128": "128"}


def _column(operation):
    base, *modifiers = operation.split(".")
    if base in ("LDS", "STS"):
        return base.lower() + next((_WIDTHS[modifier] for modifier in modifiers if modifier in _WIDTHS), "32")
    if base == "SYNCS":  # mbarriers
        return "wait" if modifiers[0] == "PHASECHK" else "arrive"
    return _FAMILIES.get(base, "alu")


def counts(loop):
    """Column to the number of instructions; all but the registers."""
    result = dict.fromkeys(COLUMNS, 0)
    del result["regs"]
    result["way"] = sum(_base(instruction.operation) != "NOP" for instruction in loop.way)
    result["latency"], _ = _walk(loop.way)
    _, result["ldgwait"] = _walk(loop.way_with_marks)
    for instruction in loop.instructions:
        if _base(instruction.operation) != "NOP":
            result[_column(instruction.operation)] += 1
            result["total"] += 1
    return result
