"""Every interleaving of a small protocol between blocks of a GPU.

A protocol is a description: actors, each of a block and with a list of operations that it does in turn. An actor is what runs in one
piece on a chip: a warp, or the one thread that matters. What an actor writes others see at once; that weak memory order does no
harm is for simt's late mode and ThreadSanitizer to find out. Stores to other blocks arrive in any order, at any time.

Operations:

    read(cell, value)            the cell has this value, else the protocol is wrong
    write(cell, value)           in the actor's own block
    push(cell, value, barrier)   a store to another block, that its barrier counts; arrives later
    arrive(barrier, bytes)       on an mbarrier; expects so many pushes in this phase
    wait(barrier, parity)        until the phase of this parity is complete
    join(name), leave(name)      a barrier of all actors that have it in their lists, in two halves
    raise_flag(name, value)      a release
    until(name, value)           until the flag is at least that high
    leave_chip()                 the actor ends; a block ends with its last actor

`explore` goes through all states that can be reached, and raises ProtocolError, with the way there, where an actor reads what it
should not, arrives at a barrier whose phase has all its arrivals, pushes to a block that has ended or ends while what it pushed is
under way, where nobody can go on, and where pushes are left over.
"""

import collections


class ProtocolError(Exception):
    pass


def read(cell, value):
    return ("read", cell, value)


def write(cell, value):
    return ("write", cell, value)


def push(cell, value, barrier):
    return ("push", cell, value, barrier)


def arrive(barrier, count):
    return ("arrive", barrier, count)


def wait(barrier, parity):
    return ("wait", barrier, parity)


def join(name):
    return ("join", name)


def leave(name):
    return ("leave", name)


def raise_flag(name, value):
    return ("raise_flag", name, value)


def until(name, value):
    return ("until", name, value)


def leave_chip():
    return ("leave_chip",)


class Protocol:
    """`cells` name a block first: (block, ...); so do mbarriers."""

    def __init__(self):
        self.programs = {}  # (block, actor): operations
        self.cells = {}  # cell: first value
        self.barriers = {}  # mbarrier: [arrivals missing, pushes missing, completed phases], each phase with one arrival
        self.flags = {}

    def actor(self, block, name, operations):
        self.programs[(block, name)] = list(operations)


_State = collections.namedtuple("_State", "places cells barriers joined flags flight")


class _Explorer:
    def __init__(self, protocol):
        self.actors = sorted(protocol.programs)
        self.cells = sorted(protocol.cells, key=repr)
        self.barriers = sorted(protocol.barriers, key=repr)
        self.flags = sorted(protocol.flags, key=repr)
        programs = [protocol.programs[actor] for actor in self.actors]
        self.names = sorted({operation[1] for program in programs for operation in program if operation[0] == "join"}, key=repr)
        self.members = [sum(any(operation == ("join", name) for operation in program) for program in programs) for name in self.names]
        self.programs = [self._compiled(program) for program in programs]
        self.of_block = [actor[0] for actor in self.actors]
        self.first = _State((0,) * len(programs), tuple(protocol.cells[cell] for cell in self.cells),
                            tuple(tuple(protocol.barriers[barrier]) for barrier in self.barriers), (0,) * len(self.names),
                            tuple(protocol.flags[flag] for flag in self.flags), ())

    def _compiled(self, program):
        """Names become places in the state; leaving a barrier knows how often it must have been joined."""
        result, left = [], collections.Counter()
        for operation in program:
            kind, *rest = operation
            if kind in ("read", "write"):
                rest[0] = self.cells.index(rest[0])
            elif kind == "push":
                rest = [self.cells.index(rest[0]), rest[1], self.barriers.index(rest[2]), rest[0][0]]
            elif kind in ("arrive", "wait"):
                rest[0] = self.barriers.index(rest[0])
            elif kind == "join":
                rest[0] = self.names.index(rest[0])
            elif kind == "leave":
                which = self.names.index(rest[0])
                left[which] += 1
                rest = [which, left[which] * self.members[which]]
            elif kind in ("raise_flag", "until"):
                rest[0] = self.flags.index(rest[0])
            result.append((kind, *rest))
        return result

    def _ended(self, state, block):
        return all(place == len(program) for place, program, of in zip(state.places, self.programs, self.of_block) if of == block)

    def after(self, state, actor):
        """The state after the actor's next operation; None where it has to wait."""
        kind, *rest = self.programs[actor][state.places[actor]]
        moved = state._replace(places=state.places[:actor] + (state.places[actor] + 1,) + state.places[actor + 1:])
        if kind == "read":
            cell, value = rest
            if state.cells[cell] != value:
                raise ProtocolError(f"reads {state.cells[cell]} in {self.cells[cell]}, where {value} should be")
            return moved
        if kind == "write":
            return moved._replace(cells=_with(state.cells, *rest))
        if kind == "push":
            cell, value, barrier, block = rest
            if self._ended(state, block):
                raise ProtocolError(f"pushes to block {block}, which has ended")
            return moved._replace(flight=tuple(sorted(state.flight + ((cell, value, barrier, self.of_block[actor]),))))
        if kind == "arrive":
            barrier, count = rest
            missing, pushes, phase = state.barriers[barrier]
            if missing == 0:
                raise ProtocolError(f"arrives at {self.barriers[barrier]}, whose phase has all its arrivals")
            return moved._replace(barriers=_with(state.barriers, barrier, _completed(missing - 1, pushes + count, phase)))
        if kind == "wait":
            barrier, parity = rest
            return moved if state.barriers[barrier][2] % 2 != parity else None
        if kind == "join":
            return moved._replace(joined=_with(state.joined, rest[0], state.joined[rest[0]] + 1))
        if kind == "leave":
            return moved if state.joined[rest[0]] >= rest[1] else None
        if kind == "raise_flag":
            return moved._replace(flags=_with(state.flags, *rest))
        if kind == "until":
            return moved if state.flags[rest[0]] >= rest[1] else None
        block = self.of_block[actor]
        if self._ended(moved, block) and any(sent[3] == block for sent in state.flight):
            raise ProtocolError(f"block {block} ends while what it pushed is under way")
        return moved

    def delivered(self, state, which):
        cell, value, barrier, _ = state.flight[which]
        missing, pushes, phase = state.barriers[barrier]
        return state._replace(flight=state.flight[:which] + state.flight[which + 1:], cells=_with(state.cells, cell, value),
                              barriers=_with(state.barriers, barrier, _completed(missing, pushes - 1, phase)))

    def steps(self, state):
        """(what happens, the state after it), of all that can happen next.

        Barriers are only ever joined, and flags only rise: what an actor does there commutes with whatever others can do before it,
        and stays possible. So the first actor that can, does it, and the orders in which others come before are left out.
        """
        for actor, place in enumerate(state.places):
            if place < len(self.programs[actor]) and self.programs[actor][place][0] in ("join", "leave", "raise_flag", "until"):
                after = self.after(state, actor)
                if after is not None:
                    yield f"{self.actors[actor]}: {self.programs[actor][place]}", after
                    return
        for actor, place in enumerate(state.places):
            program = self.programs[actor]
            if place == len(program):
                continue
            label = f"{self.actors[actor]}: {program[place]}"
            try:
                after = self.after(state, actor)
            except ProtocolError as error:
                yield label, error
                continue
            if after is None:
                continue
            yield label, after
        for which, sent in enumerate(state.flight):
            if which == 0 or state.flight[which - 1] != sent:
                yield f"arrives: {self.cells[sent[0]]} = {sent[1]}", self.delivered(state, which)


def _with(values, index, value):
    return values[:index] + (value,) + values[index + 1:]


def _completed(missing, pushes, phase):
    return (1, 0, phase + 1) if missing == 0 and pushes == 0 else (missing, pushes, phase)


def explore(protocol, most_states=2_000_000):
    """The number of states; raises ProtocolError."""
    explorer = _Explorer(protocol)
    before = {explorer.first: None}
    queue = collections.deque([explorer.first])

    def way_to(state, last):
        labels = [last]
        while before[state] is not None:
            state, label = before[state]
            labels.append(label)
        return "\n  ".join(reversed(labels))

    while queue:
        state = queue.popleft()
        alone = True
        for label, after in explorer.steps(state):
            alone = False
            if isinstance(after, ProtocolError):
                raise ProtocolError(f"{after}:\n  {way_to(state, label)}")
            if after not in before:
                before[after] = (state, label)
                queue.append(after)
        if len(before) > most_states:
            raise ProtocolError(f"more than {most_states} states: make the case smaller")
        if alone:
            if any(place < len(program) for place, program in zip(state.places, explorer.programs)):
                raise ProtocolError(f"nobody can go on:\n  {way_to(state, 'deadlock')}")
    return len(before)
