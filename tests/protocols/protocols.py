"""The protocols of the kernels, described for explorer.py. A mutant is a protocol with one mistake, by its name.

A new protocol is a function here that makes a Protocol, its name and its mutants in PROTOCOLS, and nothing else.
"""

from explorer import Protocol, arrive, join, leave, leave_chip, push, raise_flag, read, until, wait, write


def _meet(name):
    return [join(name), leave(name)]


def resident_exchange(blocks, warps, exchanges, mutant=None, retired=0, tiles=1):
    """kernels/resident/exchange.cuh and its use in forward.cuh: h of a batch tile in two buffers of every block, mbarriers by
    source. Every warp reads the whole of an exchange, stores a piece of the next and pushes one. Of `tiles` batch tiles the first ends after
    `retired` exchanges where that is not 0.
    """
    protocol = Protocol()
    slots = 1 if mutant == "one buffer" else 2
    last_of = [retired if tile == 0 and retired else exchanges for tile in range(tiles)]

    def cell(block, exchange, tile, source, piece):
        return (block, "h", exchange % slots, tile, source, piece)

    def full(block, exchange, tile, source):
        return (block, "full", exchange % 2, tile, source)

    def expected(block, source):
        return 0 if source == block else warps

    for block in range(blocks):
        for tile in range(tiles):
            for source in range(blocks):
                for piece in range(warps):
                    for exchange in (1, 0):
                        protocol.cells[cell(block, exchange, tile, source, piece)] = 0 if exchange == 0 else None
                # As `start` leaves them: exchange 0 is there, exchange 1 is expected.
                protocol.barriers[full(block, 0, tile, source)] = [1, 0, 1]
                protocol.barriers[full(block, 1, tile, source)] = [0, warps, 0] if source != block else [1, 0, 1]
        for warp in range(warps):
            protocol.actor(block, warp, _resident_warp(block, warp, blocks, warps, exchanges, last_of, mutant, cell, full, expected))
    return protocol


def _resident_warp(block, warp, blocks, warps, exchanges, last_of, mutant, cell, full, expected):
    program = []
    for exchange in range(exchanges):
        for tile, end in enumerate(last_of):
            if exchange >= end:
                continue
            last = exchange + 1 == end
            if mutant == "expected too early" and warp == 0:
                program += [arrive(full(block, exchange, tile, source), expected(block, source)) for source in range(blocks)]
            for distance in range(blocks):
                source = (block + distance) % blocks
                parity = exchange // 2 % 2
                if mutant == "wrong phase":
                    parity = exchange % 2
                if not (mutant == "no wait for a source" and source == 1 and block != 1):
                    program.append(wait(full(block, exchange, tile, source), parity))
                program += [read(cell(block, exchange, tile, source, piece), exchange) for piece in range(warps)]
            program.append(write(cell(block, exchange + 1, tile, block, warp), exchange + 1))
            # A thread pushes what another warp has stored.
            piece = (warp + 1) % warps
            pushes = [read(cell(block, exchange + 1, tile, block, piece), exchange + 1)]
            pushes += [push(cell(other, exchange + 1, tile, block, piece), exchange + 1, full(other, exchange + 1, tile, block))
                       for other in range(blocks) if other != block]
            if mutant == "pushed before the barrier" and not last:
                program += pushes
            if mutant != "no barrier of the block":
                program += _meet(("block", block))
            if last and mutant != "last exchange pushed":
                continue
            if mutant != "pushed before the barrier":
                program += pushes
            if warp == 0 and mutant not in ("nothing expected", "expected too early"):
                program += [arrive(full(block, exchange, tile, source), expected(block, source)) for source in range(blocks)]
    if mutant != "no last barrier":
        program += _meet("cluster")
    program.append(leave_chip())
    return program


def fused_backward(blocks, steps, mutant=None):
    """Launches of kernels/fused/backward.cuh, each of which may start when all blocks of the one before have waited. A block reads R ahead
    of its wait, and dgates of the step before and its own carry behind it; the first step does not read R, which the ordinary kernel
    ahead of it transposes. Blocks are those of all launches.
    """
    protocol = Protocol()

    def dgates(step, block):
        return ("memory", "dgates", 0 if mutant == "dgates in place" else step, block)

    protocol.cells[("memory", "R")] = None
    protocol.flags[("ended", "transpose", 0)] = 0
    for block in range(blocks):
        protocol.cells[("memory", "carry", block)] = -1
        for step in range(steps):
            protocol.cells[dgates(step, block)] = None
            protocol.flags[("waited", step, block)] = 0
            protocol.flags[("ended", step, block)] = 0
    transpose = [write(("memory", "R"), 1)]
    protocol.actor((-1, 0), 0, transpose + [raise_flag(("ended", "transpose", 0), 1), leave_chip()])
    for step in range(steps):
        before = [("ended", "transpose", 0)] if step == 0 else [("ended", step - 1, block) for block in range(blocks)]
        may_start = before if step == 0 else [("waited", step - 1, block) for block in range(blocks)]
        for block in range(blocks):
            carry = read(("memory", "carry", block), step - 1)
            program = [until(flag, 1) for flag in may_start if mutant != "starts at once"]
            if step > 0:
                program.append(read(("memory", "R"), 1))
            if mutant == "carry read ahead":
                program.append(carry)
            if mutant != "no wait":
                program += [until(flag, 1) for flag in before]
            program += [raise_flag(("waited", step, block), 1), carry]
            if step > 0:
                program += [read(dgates(step - 1, other), step - 1) for other in range(blocks)]
            program += [write(dgates(step, block), step), write(("memory", "carry", block), step)]
            protocol.actor((step, block), 0, program + [raise_flag(("ended", step, block), 1), leave_chip()])
    return protocol


def pushes_of_words(blocks, warps, steps, mutant=None):
    """`pushes` of perf/floors/hops.cuh: every block sends words to all others, one barrier a buffer counts those of all."""
    protocol = Protocol()
    slots = 1 if mutant == "one buffer" else 2
    bytes_of_all = (blocks - 1) * warps

    def inbox(block, step, source, word):
        return (block, "inbox", step % slots, source, word)

    def full(block, step):
        return (block, "full", step % 2)

    for block in range(blocks):
        for slot in range(2):
            protocol.barriers[full(block, slot)] = [0, bytes_of_all, 0]
            for source in range(blocks):
                for word in range(warps):
                    protocol.cells[inbox(block, slot, source, word)] = None
        for word in range(warps):
            protocol.cells[(block, "own", word)] = 0
        for warp in range(warps):
            program = []
            for step in range(steps):
                program.append(read((block, "own", warp), step))
                program += [push(inbox(other, step, block, warp), step, full(other, step)) for other in range(blocks) if other != block]
                if mutant != "no wait":
                    program.append(wait(full(block, step), step // 2 % 2 if mutant != "wrong phase" else step % 2))
                if warp == 0 and mutant != "nothing expected":
                    program.append(arrive(full(block, step), bytes_of_all))
                program += [read(inbox(block, step, other, warp), step) for other in range(blocks) if other != block]
                program.append(write((block, "own", warp), step + 1))
                program += _meet(("block", block))
            if mutant != "no last barrier":
                program += _meet("cluster")
            program.append(leave_chip())
            protocol.actor(block, warp, program)
    return protocol


def by_barrier(blocks, steps, mutant=None):
    """block_hops, cluster_hops and grid_hops of perf/floors/hops.cuh: two buffers and one barrier a step. The store to the next
    block is plain and seen at once, which its barrier makes true."""
    protocol = Protocol()
    slots = 1 if mutant == "one buffer" else 2
    for block in range(blocks):
        for slot in range(2):
            protocol.cells[(block, "inbox", slot)] = None
        program = []
        for step in range(steps):
            program.append(write(((block + 1) % blocks, "inbox", step % slots), step))
            if mutant != "no barrier":
                program += _meet("all")
            program.append(read((block, "inbox", step % slots), step))
        protocol.actor(block, 0, program + [leave_chip()])
    return protocol


def by_flags(blocks, steps, mutant=None):
    """flag_hops of perf/floors/hops.cuh: data in two buffers of global memory, a flag for each block that rises step by step. Other
    threads of a block wait for the flags, and its first one reads."""
    protocol = Protocol()
    slots = 1 if mutant == "one buffer" else 2
    for block in range(blocks):
        protocol.flags[("flag", block)] = 0
        for slot in range(2):
            protocol.cells[(block, "data", slot)] = None
    for block in range(blocks):
        first, waiter = [], []
        for step in range(steps):
            data = [write((block, "data", step % slots), step)]
            flag = [raise_flag(("flag", block), step + 1)]
            first += flag + data if mutant == "flag before the data" else data + flag
            waiter += [until(("flag", other), step + 1) for other in range(blocks) if mutant != "no wait" or other != 1]
            first += _meet(("block", block))
            waiter += _meet(("block", block))
            first.append(read(((block + 1) % blocks, "data", step % slots), step))
        protocol.actor(block, 0, first + [leave_chip()])
        protocol.actor(block, 1, waiter + [leave_chip()])
    return protocol


# Name: function, cases that must hold, and mutants, each with a case in which it must fail.
_EXCHANGE = {"blocks": 2, "warps": 2, "exchanges": 3}
_ONE_WARP = {"blocks": 2, "warps": 1, "exchanges": 5}
PROTOCOLS = {
    "resident exchange": (resident_exchange,
                          [{"blocks": 1, "warps": 2, "exchanges": 4}, _EXCHANGE, {"blocks": 2, "warps": 1, "exchanges": 7},
                           {"blocks": 3, "warps": 1, "exchanges": 3},
                           {"blocks": 2, "warps": 1, "exchanges": 3, "tiles": 2}, {"blocks": 2, "warps": 1, "exchanges": 3, "tiles": 2, "retired": 1}],
                          {"one buffer": _ONE_WARP, "wrong phase": _ONE_WARP, "no wait for a source": _ONE_WARP,
                           "pushed before the barrier": _EXCHANGE, "no barrier of the block": _EXCHANGE, "nothing expected": _ONE_WARP,
                           "expected too early": _ONE_WARP, "last exchange pushed": _ONE_WARP, "no last barrier": _ONE_WARP}),
    "fused backward": (fused_backward, [{"blocks": 2, "steps": 3}, {"blocks": 3, "steps": 2}, {"blocks": 1, "steps": 5}],
                       {"no wait": {"blocks": 2, "steps": 2}, "carry read ahead": {"blocks": 1, "steps": 2},
                        "dgates in place": {"blocks": 2, "steps": 2}, "starts at once": {"blocks": 1, "steps": 2}}),
    "pushes of words": (pushes_of_words,
                        [{"blocks": 2, "warps": 2, "steps": 3}, {"blocks": 2, "warps": 1, "steps": 6}, {"blocks": 3, "warps": 1, "steps": 2}],
                        {"one buffer": {"blocks": 2, "warps": 1, "steps": 3}, "wrong phase": {"blocks": 2, "warps": 1, "steps": 3},
                         "no wait": {"blocks": 2, "warps": 1, "steps": 2}, "nothing expected": {"blocks": 2, "warps": 1, "steps": 3},
                         }),
    "by a barrier": (by_barrier, [{"blocks": 2, "steps": 5}, {"blocks": 4, "steps": 3}],
                     {"one buffer": {"blocks": 2, "steps": 3}, "no barrier": {"blocks": 2, "steps": 2}}),
    "by flags": (by_flags, [{"blocks": 2, "steps": 4}, {"blocks": 3, "steps": 2}],
                 {"one buffer": {"blocks": 2, "steps": 3}, "no wait": {"blocks": 2, "steps": 2}, "flag before the data": {"blocks": 2, "steps": 2}}),
}
