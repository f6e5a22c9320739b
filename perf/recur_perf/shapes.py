"""Named shapes, as recur-perf carries them, and sweeps over sizes."""

import dataclasses
import itertools
import json
import os
import random

from recur_perf import noise

NAMED = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "shapes", "named.json")
SCHEMA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "result.schema.json")
with open(SCHEMA, encoding="utf-8") as _schema:
    CELLS = tuple(json.load(_schema)["definitions"]["case"]["properties"]["cell"]["enum"])
DTYPES = ("f32", "tf32", "f64", "bf16", "f16", "int8")
DIRECTIONS = ("forward", "reverse", "bidirectional")
PASSES = ("inference", "forward", "backward", "step")
# Whom shapes stand for that nobody named; recur-perf says the same.
COMMAND_LINE = "sizes of the command line"


@dataclasses.dataclass
class Shape:
    """A job: perf/shape.hpp has the same fields."""

    name: str
    stands_for: str
    cell: str
    T: int
    B: int
    I: int  # noqa: E741  the letter that everything else uses
    H: int
    L: int = 1
    direction: str = "forward"
    quantiles: tuple = ()
    mean_episode: float = 0.0
    dtypes: tuple = ("f32",)
    passes: tuple = ("inference",)
    worth: int = 0

    @property
    def directions(self):
        return 2 if self.direction == "bidirectional" else 1

    @property
    def gates(self):
        return {"rnn": 1, "gru": 3, "lstm": 4}[self.cell.split("-")[0]]

    def lengths(self):
        """Lengths of the batch's sequences, of the distribution that perf/lengths.hpp makes them; None without."""
        if not self.quantiles:
            return None
        at = [noise.quantile(self.quantiles, (b + 0.5) / self.B) for b in range(self.B)]
        lengths = [min(max(round(length), 1), self.T) for length in at]
        random.Random(7).shuffle(lengths)
        return lengths

    def case(self, dtype, timed):
        """The fields of a row that say what it is about."""
        return {"shape": self.name, "stands_for": self.stands_for, "cell": self.cell, "T": self.T, "B": self.B, "I": self.I,
                "H": self.H, "L": self.L, "direction": self.direction, "lengths": bool(self.quantiles),
                "mean_episode": self.mean_episode, "dtype": dtype, "pass": timed}


def load_named(path):
    """The shapes of a file, those of most worth first."""
    with open(path, encoding="utf-8") as file:
        objects = json.load(file)["shapes"]
    shapes = []
    for one in objects:
        fields = {name: one[name] for name in ("name", "stands_for", "cell", "T", "B", "I", "H", "worth")}
        shapes.append(Shape(**fields, L=one.get("L", 1), direction=one.get("direction", "forward"),
                            quantiles=tuple(one["lengths"]["quantiles"]) if "lengths" in one else (),
                            mean_episode=one.get("mean_episode", 0.0), dtypes=tuple(one["dtypes"]),
                            passes=tuple(one["passes"])))
    return sorted(shapes, key=lambda shape: -shape.worth)


def parse_sizes(text):
    """"1,16,64", and "128..2048" for sizes that double."""
    sizes = []
    for part in text.split(","):
        first, dots, last = part.partition("..")
        size, end = int(first), int(last) if dots else int(first)
        if size < 1 or end < size:
            raise ValueError(f"expected sizes like 1,16 or 128..2048, got '{text}'")
        while size <= end:
            sizes.append(size)
            size *= 2
    return sizes


def parse_choices(option, text, known):
    """"a,b", each of which must be known."""
    chosen = text.split(",")
    for one in chosen:
        if one not in known:
            raise ValueError(f"--{option}: expected one of {', '.join(known)}, got '{one}'")
    return chosen


def describe(shape):
    """The name of a shape of the command line, as recur-perf makes it."""
    text = f"{shape.cell} T={shape.T} B={shape.B} I={shape.I} H={shape.H}"
    if shape.L != 1:
        text += f" L={shape.L}"
    if shape.direction != "forward":
        text += f" {shape.direction}"
    return text + (" lengths" if shape.quantiles else "") + (" resets" if shape.mean_episode else "")


AXES = ("cell", "direction", "T", "B", "I", "H", "L")


def combine(base, axes):
    """All combinations of axes, a list of values for each of AXES or None, on top of a shape and in recur-perf's order.

    A layer is as wide as its input, unless someone says otherwise.
    """
    def values(name):
        return axes[name] or [getattr(base, name)]

    found = []
    for cell, L, H in itertools.product(values("cell"), values("L"), values("H")):
        widths = axes["I"] or ([H] if axes["H"] else [base.I])
        for I, T, B, direction in itertools.product(widths, values("T"), values("B"), values("direction")):  # noqa: E741
            shape = dataclasses.replace(base, cell=cell, T=T, B=B, I=I, H=H, L=L, direction=direction)
            found.append(dataclasses.replace(shape, name=describe(shape)))
    return found


def of_command_line(passes):
    """What axes are combined on top of where no shape is named: recur-perf's sizes."""
    return Shape("", COMMAND_LINE, "lstm", 100, 1, 256, 256, passes=tuple(passes))
