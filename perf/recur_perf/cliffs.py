"""Cliffs: where a smaller problem takes longer than a larger one, or rows get dearer, in a result of recur-perf --walk."""

import dataclasses
import json
import os
import subprocess
import tempfile

from recur_perf import results
from recur_perf.tables import microseconds

REASONS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cliffs.json")
FIELDS = {"kind", "cells", "dtypes", "B", "H", "reason"}
KINDS = {
    "B": "fewer rows take longer",
    "H": "narrower takes longer",
    "row": "a row costs more",
}
# What two minima of one case may differ by.
TOLERANCE = 0.03
# By how much a row may cost more in the next larger batch: tiles have whole rows, so that some must.
RISE = 0.15
ROUNDS = 3


@dataclasses.dataclass
class Cliff:
    """`row` is what should have been cheaper than `other`: the smaller problem; of kind "row", the larger batch."""

    kind: str
    row: dict
    other: dict
    factor: float

    @property
    def key(self):
        return (self.kind, results.row_key(self.row))


def _lowest(row):
    return row["seconds_lowest"]


def _series(rows, axis):
    """Rows that differ by B or H alone, in its order. In a walk I is H."""
    groups = {}
    for row in rows:
        fixed = {**row, axis: 0}
        if axis == "H" and row["I"] == row["H"]:
            fixed["I"] = 0
        groups.setdefault(results.row_key(fixed), []).append(row)
    return [sorted(group, key=lambda row: row[axis]) for group in groups.values()]


def find(rows, tolerance=TOLERANCE, rise=RISE):
    """All cliffs among rows, by their lowest times, steepest first."""
    rows = [row for row in rows if not row["reference"]]
    found = []
    for axis in ("B", "H"):
        for series in _series(rows, axis):
            for i, row in enumerate(series[:-1]):
                fastest = min(series[i + 1:], key=_lowest)
                factor = _lowest(row) / _lowest(fastest)
                if factor > 1 + tolerance:
                    found.append(Cliff(axis, row, fastest, factor))
    for series in _series(rows, "B"):
        for row, after in zip(series, series[1:], strict=False):
            factor = (_lowest(after) / after["B"]) / (_lowest(row) / row["B"])
            if factor > 1 + rise:
                found.append(Cliff("row", after, row, factor))
    return sorted(found, key=lambda cliff: -cliff.factor)


def confirm(rows, time_again, rounds=ROUNDS, tolerance=TOLERANCE, rise=RISE):
    """The cliffs that are left when both sides of each were timed `rounds` times more and the lowest time counts.

    `time_again` takes rows and gives them timed once more. A lower time of one case can make a cliff of another, which
    is then timed as often, until all that are named have been; what goes on to change beyond that is noise.
    """
    rows = [dict(row) for row in rows]
    timed = {}
    for _ in range(3 * rounds):
        sides = {results.row_key(row): row for cliff in find(rows, tolerance, rise) for row in (cliff.row, cliff.other)}
        wanted = [row for key, row in sides.items() if timed.get(key, 0) < rounds]
        if not wanted:
            break
        lowest = {results.row_key(row): _lowest(row) for row in time_again(wanted)}
        for row in wanted:
            key = results.row_key(row)
            timed[key] = timed.get(key, 0) + 1
            row["seconds_lowest"] = min(_lowest(row), lowest.get(key, _lowest(row)))
    return [cliff for cliff in find(rows, tolerance, rise)
            if all(timed.get(results.row_key(row), 0) >= rounds for row in (cliff.row, cliff.other))], rows


def time_with(program, seconds):
    """Times rows with recur-perf, in one run for each engine and number of threads."""

    def time_again(rows):
        runs = {}
        for row in rows:
            runs.setdefault((row["engine"], row.get("threads", 1), row["inputs"]), []).append(row)
        timed = []
        for (engine, threads, inputs), group in runs.items():
            shapes = [{"name": f"{i}", "stands_for": "a cliff", "worth": 1, **{name: row[name] for name in "TBIHL"},
                       "cell": row["cell"], "direction": row["direction"], "dtypes": [row["dtype"]], "passes": [row["pass"]]}
                      for i, row in enumerate(group)]
            with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as file:
                json.dump({"shapes": shapes}, file)
                file.flush()
                command = [program, "--shapes", file.name, "--engine", engine, "--threads", str(threads), "--inputs", inputs,
                           "--no-floors", "--seconds", str(seconds), "--quiet", "--json", "-"]
                done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                raise results.ResultError(f"{' '.join(command)}: {done.stderr.strip()}")
            timed += json.loads(done.stdout)["rows"]
        return timed

    return time_again


def load_reasons(path):
    """The list of reasons in a file. Raises ResultError, naming what is wrong."""
    try:
        with open(path, encoding="utf-8") as file:
            reasons = list(json.load(file)["reasons"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise results.ResultError(f"{path}: {error!r}") from error
    for reason in reasons:
        unknown = set(reason) - FIELDS
        if unknown or not reason.get("reason") or reason.get("kind") not in KINDS:
            raise results.ResultError(f"{path}: expected kind ({', '.join(KINDS)}), reason and at most "
                                      f"{', '.join(sorted(FIELDS))}, got {reason}")
    return reasons


def _applies(reason, cliff):
    def within(axis):
        return axis not in reason or reason[axis][0] <= cliff.row[axis] <= reason[axis][1]

    return (reason["kind"] == cliff.kind and cliff.row["cell"] in reason.get("cells", [cliff.row["cell"]])
            and cliff.row["dtype"] in reason.get("dtypes", [cliff.row["dtype"]]) and within("B") and within("H"))


def reason_of(cliff, reasons):
    """The first reason that is about a cliff, or None."""
    return next((reason for reason in reasons if _applies(reason, cliff)), None)


def _line(cliff, reason):
    row, other = cliff.row, cliff.other
    against = f"H={other['H']}" if cliff.kind == "H" else f"B={other['B']}"
    return (f"| {KINDS[cliff.kind]} | {row['cell']} {row['dtype']} {row['pass']} | {row['H']} | {row['B']} | "
            f"{microseconds(_lowest(row))} | {against}: {microseconds(_lowest(other))} | {cliff.factor:.2f} | "
            f"{reason['reason'] if reason else '**none**'} |")


def _places(cliffs):
    """How many cliffs of a kind, cell and type there are at one B (at one H for those along H), and the steepest; most cases first."""
    places = {}
    for cliff in cliffs:
        axis = "H" if cliff.kind == "H" else "B"
        places.setdefault((cliff.kind, cliff.row["cell"], cliff.row["dtype"], f"{axis}={cliff.row[axis]}"), []).append(cliff.factor)
    lines = ["| cliff | cell | at | cases | steepest |", "|" + "---|" * 5]
    for (kind, cell, dtype, place), factors in sorted(places.items(), key=lambda item: -len(item[1])):
        lines.append(f"| {KINDS[kind]} | {cell} {dtype} | {place} | {len(factors)} | {max(factors):.2f} |")
    return [*lines, ""]


def report(cliffs, reasons, count):
    """Markdown: where cliffs without a reason are, then each of them, those without a reason first."""
    with_reasons = [(cliff, reason_of(cliff, reasons)) for cliff in cliffs]
    without = [pair for pair in with_reasons if pair[1] is None]
    lines = ["## Cliffs\n", f"{count} cases, {len(cliffs)} cliffs, {len(without)} of them without a reason. Times are the lowest of "
             f"each case; fewer rows or units that take more than {100 * TOLERANCE:g} % longer than more of them, and rows that cost "
             f"more than {100 * RISE:g} % more than in the batch before, are named.\n"]
    if without:
        lines += _places([cliff for cliff, _ in without])
    if cliffs:
        lines += ["| cliff | case | H | B | us | against, us | factor | reason |", "|" + "---|" * 8]
        lines += [_line(*pair) for pair in sorted(with_reasons, key=lambda pair: pair[1] is not None)]
    for reason in reasons:
        if not any(used is reason for _, used in with_reasons):
            lines.append(f"\nNo cliff is left for the reason: {reason['reason']}")
    return "\n".join(lines) + "\n"


def add_command(commands):
    """`cliffs`, among perf/report's."""
    parser = commands.add_parser("cliffs")
    parser.add_argument("result")
    parser.add_argument("--again", metavar="RECUR_PERF", help="time what is suspected again, with this program")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="how often")
    parser.add_argument("--seconds", type=float, default=0.02, help="for one figure of a round")
    parser.add_argument("--reasons", default=REASONS, metavar="FILE")
    parser.add_argument("--json", metavar="FILE", help="the result, with the lowest times of all rounds")


def run(arguments):
    """What perf/report cliffs does. Returns its exit code."""
    result = results.load(arguments.result)
    reasons = load_reasons(arguments.reasons)
    cliffs = find(result["rows"])
    if arguments.again:
        cliffs, result["rows"] = confirm(result["rows"], time_with(arguments.again, arguments.seconds), arguments.rounds)
    if arguments.json:
        with open(arguments.json, "w", encoding="utf-8") as file:
            json.dump(result, file, indent=1)
            file.write("\n")
    print(report(cliffs, reasons, len(result["rows"])), end="")
    return 1 if any(reason_of(cliff, reasons) is None for cliff in cliffs) else 0
