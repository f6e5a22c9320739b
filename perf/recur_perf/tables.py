"""Results as Markdown."""

import math

from recur_perf import beside
from recur_perf.results import describe, loses

SIDE_BY_SIDE = ("Warm inputs. Ratio is the fastest other's time over ours: below 1 (bold) it is the faster one. Others may have as many "
                "threads or fewer, their best counts; those of other programs (perf/peers) were timed in a run of their own.")


def microseconds(seconds):
    """Seconds as microseconds, with three digits or more."""
    value = 1e6 * seconds
    if value < 10:
        return f"{value:.3g}"
    return f"{value:.1f}" if value < 100 else f"{value:.0f}"


def _table(header, lines):
    text = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    text += ["| " + " | ".join(cells) + " |" for cells in lines]
    return "\n".join(text) + "\n"


def _noise(row):
    """Half the width of the median's interval, in per cent; ! where that is not what was asked for."""
    half = (row["seconds_high"] - row["seconds_low"]) / 2 / row["seconds"]
    return f"{100 * half:.1f}" + ("" if row["settled"] else "!")


ROW_HEADER = ["shape", "dtype", "pass", "threads", "engine", "timing", "inputs", "us", "+-%", "us a step", "p99 us", "ratio",
              "against", "of floor", "floor is by", "predicted us"]


def _row(row):
    return [
        row["shape"],
        row["dtype"],
        row["pass"],
        str(row.get("threads", "-")),
        row["engine"],
        row["timing"],
        row["inputs"],
        microseconds(row["seconds"]),
        _noise(row),
        microseconds(row["seconds_per_step"]),
        microseconds(row["seconds_p99"]) if row["pass"] == "step" else "-",
        f"{row['ratio']:.2f}" if "ratio" in row else "-",
        row.get("best_reference", "-"),
        f"{100 * row['floor_fraction']:.0f} %" if "floor_fraction" in row else "-",
        row.get("floor_bound", "-"),
        f"{microseconds(row['predicted_seconds'])} ({row['prediction_factor']:.2f})" if "predicted_seconds" in row else "-",
    ]


def _worst_prediction(rows):
    """The row whose prediction is off by the largest factor, in words; empty where nothing was predicted."""
    predicted = [row for row in rows if "predicted_seconds" in row]
    if not predicted:
        return []
    worst = max(predicted, key=lambda row: abs(math.log(row["prediction_factor"])))
    return [f"Worst prediction: {worst['prediction_factor']:.2f} times as long as measured, {worst['engine']} on "
            f"{describe(worst)}.\n"]


def _facts(result):
    return _table(["", ""], [[name, value] for name, value in result["facts"].items()])


def _number(value):
    return f"{value:.3g}"


def _rates(rates):
    lines = [[f"products, {name}", f"{value:.3g} operations/s", ""] for name, value in
             rates["operations_per_second"].items()]
    lines += [[f"sigmoid and tanh, {name}", f"{value:.3g} values/s", ""] for name, value in
              rates.get("activations_per_second", {}).items()]
    for level in rates["levels"]:
        size = f"{level['bytes'] / 1024:.0f} KiB" if "bytes" in level else ""
        lines.append([level["name"], f"{level['bytes_per_second']:.3g} bytes/s", size])
    for hop in rates["hops"]:
        size = f"holds {hop['holds_bytes'] / 1024:.0f} KiB of R" if "holds_bytes" in hop else ""
        lines.append([f"hop: {hop['name']}", f"{1e6 * hop['seconds']:.3f} us", size])
    lines += [[name, f"{1e6 * rates[field]:.3f} us", ""] for name, field in
              (("call of a team", "call_seconds"), ("barrier", "barrier_seconds"), ("launch after launch", "launch_seconds"))
              if rates.get(field)]
    lines += [[name, _number(value), ""] for name, value in rates["measured"].items()]
    title = f"{rates['threads']} thread{'s' if rates['threads'] > 1 else ''}:\n\n" if "threads" in rates else ""
    return title + _table(["rate", "measured", ""], lines)


def _refused(result):
    cases = {}
    for one in result["refused"]:
        cases.setdefault(f"{one['engine']}: {one['reason']}", []).append(describe(one))
    lines = []
    for reason, names in cases.items():
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        lines.append(f"- {reason} ({names[0]}{more})")
    return "\n".join(lines) + "\n"


def _case(row):
    return [row["shape"], f"{row['cell']} T={row['T']} B={row['B']} I={row['I']} H={row['H']}" +
            (f" L={row['L']}" if row["L"] > 1 else "") + ("" if row["direction"] == "forward" else f" {row['direction']}"),
            row["dtype"], row["pass"], str(row.get("threads", "-"))]


def side_by_side(cases):
    """A line for each case: our best engine's time, each other's, the fastest of them over ours, and the floor over ours."""
    others = sorted({name for case in cases for name in case.others})
    header = ["shape", "layer", "dtype", "pass", "threads", "engine", "us", *(f"{name} us" for name in others), "ratio", "of floor"]
    lines = []
    for case in sorted(cases, key=lambda case: case.ratio or math.inf):
        row = case.ours
        theirs = [microseconds(case.others[name]) if name in case.others else "-" for name in others]
        ratio = "-" if case.ratio is None else f"{case.ratio:.2f}" if case.ratio >= 1 else f"**{case.ratio:.2f}**"
        floor = f"{100 * row['floor_fraction']:.0f} %" if "floor_fraction" in row else "-"
        lines.append([*_case(row), row["engine"], microseconds(row["seconds"]), *theirs, ratio, floor])
    return _table(header, lines)


def report(result, peers=()):
    """A result, and those of other programs on the same machine, as Markdown: what loses first."""
    losing = sorted((row for row in result["rows"] if loses(row)), key=lambda row: row["ratio"])
    others = [row for row in result["rows"] if not loses(row)]
    parts = ["# " + result["facts"]["device"] + ", " + result["facts"]["date"][:10] + "\n"]
    cases = beside.cases(result, peers)
    if any(case.others for case in cases):
        parts += ["## Side by side\n", f"{SIDE_BY_SIDE}\n", side_by_side(cases)]
    if losing:
        parts += ["## Slower than the best reference\n", _table(ROW_HEADER, map(_row, losing))]
    parts += ["## " + ("The others" if losing else "Times") + "\n", _table(ROW_HEADER, map(_row, others))]
    parts += _worst_prediction(result["rows"])
    if result["refused"]:
        parts += ["## Refused\n", _refused(result)]
    if result["left_out"]:
        parts += ["## Left out for want of time\n",
                  "\n".join("- " + describe(case) for case in result["left_out"]) + "\n"]
    if result["rates"]:
        parts += ["## What the machine can do\n", *map(_rates, result["rates"])]
    parts += ["## Where this comes from\n", _facts(result)]
    parts += [f"And the other programs:\n\n{_facts(peer)}" for peer in peers]
    return "\n".join(parts)
