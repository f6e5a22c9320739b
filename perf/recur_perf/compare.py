"""Two results of one machine: which changes are more than noise."""

from recur_perf.results import describe, row_key
from recur_perf.tables import microseconds

# Facts that make two runs runs of different machines.
MACHINE = ("device", "cpu", "cpu_simd", "cpu_processors", "cuda_driver", "cuda_runtime")


def changes(before, after, tolerance):
    """Rows of both whose medians' confidence intervals, each widened by `tolerance` of the median, do not meet.

    Two medians whose intervals overlap may be the same; the widening is for what one run cannot know, the mood
    of the machine that day. Returns (factor, row before, row after), slower ones (factor above 1) first.
    """
    old = {row_key(row): row for row in before["rows"]}
    found = []
    for new in after["rows"]:
        row = old.get(row_key(new))
        if row is None:
            continue
        low = new["seconds_low"] - tolerance * new["seconds"]
        high = new["seconds_high"] + tolerance * new["seconds"]
        apart = low > row["seconds_high"] + tolerance * row["seconds"] or \
            high < row["seconds_low"] - tolerance * row["seconds"]
        if apart:
            found.append((new["seconds"] / row["seconds"], row, new))
    return sorted(found, key=lambda change: -change[0])


def drift(before, after):
    """The median factor of the references' times, or None without any: their code did not change."""
    old = {row_key(row): row for row in before["rows"] if row["reference"]}
    factors = sorted(row["seconds"] / old[row_key(row)]["seconds"] for row in after["rows"] if row_key(row) in old)
    return factors[len(factors) // 2] if factors else None


def _lines(title, found):
    if not found:
        return []
    lines = [f"## {title}\n", "| case | engine | timing | inputs | us before | us after | factor |", "|" + "---|" * 7]
    for factor, old, new in found:
        lines.append(f"| {describe(new)} | {new['engine']} | {new['timing']} | {new['inputs']} | "
                     f"{microseconds(old['seconds'])} | {microseconds(new['seconds'])} | {factor:.2f} |")
    return [*lines, ""]


def report(before, after, tolerance):
    """The comparison as Markdown."""
    found = changes(before, after, tolerance)
    slower = [change for change in found if change[0] > 1]
    faster = [change for change in reversed(found) if change[0] < 1]
    keys = {row_key(row) for row in before["rows"]}
    common = sum(row_key(row) in keys for row in after["rows"])
    lines = [f"{common} rows of both runs: {len(slower)} slower, {len(faster)} faster, {common - len(found)} within the noise "
             f"(intervals of the medians, and {100 * tolerance:g} % on either side).", ""]
    for name in MACHINE:
        pair = before["facts"].get(name), after["facts"].get(name)
        if pair[0] != pair[1]:
            lines += [f"**Not the same machine:** {name} was {pair[0]}, is {pair[1]}.", ""]
    moved = drift(before, after)
    if moved is not None:
        lines += [f"The references' times, whose code did not change with ours, moved by a factor of {moved:.3f}.", ""]
    lines += _lines("Slower", slower) + _lines("Faster", faster)
    return "\n".join(lines).rstrip("\n") + "\n"
