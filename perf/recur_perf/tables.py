"""Results as Markdown."""

import math

from recur_perf import beside, shapes
from recur_perf.programs import program
from recur_perf.results import describe, loses

SIDE_BY_SIDE = ("Microseconds, warm inputs. Ratio is the fastest other's time over ours in the same type: below 1 (bold) it is the faster "
                "one. In bf16 the best other is bold where it is faster than ours. Others may have as many threads or fewer, their best "
                "counts; those of other programs (perf/peers) were timed in a run of their own.")


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


def _layer(row):
    return f"{row['cell']} T={row['T']} B={row['B']} I={row['I']} H={row['H']}" + \
        (f" L={row['L']}" if row["L"] > 1 else "") + ("" if row["direction"] == "forward" else f" {row['direction']}")


def _ratio(ratio):
    return "-" if ratio is None else f"{ratio:.2f}" if ratio >= 1 else f"**{ratio:.2f}**"


def _times(programs, seconds):
    return [microseconds(seconds[name]) if name in seconds else "-" for name in programs]


def _bf16(case):
    """Our time and the best other's, with its name."""
    if case.bf16 is None:
        return ["-", "-"]
    ours = microseconds(case.bf16.ours["seconds"])
    if not case.bf16.others:
        return [ours, "-"]
    name = case.bf16.best_other
    best = f"{microseconds(case.bf16.others[name])} ({program(name).title})"
    return [ours, best if case.bf16.ratio >= 1 else f"**{best}**"]


def side_by_side(cases):
    """A line for each case: our best engine's time, each other's, the fastest of them over ours, and the floor over ours.

    What is the same in all lines has no column. bf16 stands in the line of f32: our time, and the best other's.
    """
    rows = [case.ours for case in cases]
    others = sorted({name for case in cases for name in case.others})
    ours = {row["engine"] for row in rows} | {case.bf16.ours["engine"] for case in cases if case.bf16}
    title = program(ours.pop()).title if len(ours) == 1 else "ours"
    has = {"dtype": len({row["dtype"] for row in rows}) > 1, "threads": len({row.get("threads") for row in rows}) > 1,
           "engine": len({row["engine"] for row in rows}) > 1, "bf16": any(case.bf16 for case in cases)}
    header = ["shape", "layer", "pass", *(name for name in ("dtype", "threads", "engine") if has[name]), title,
              *([f"{title} bf16"] if has["bf16"] else []), *(program(name).title for name in others),
              *(["others' bf16"] if has["bf16"] else []), "ratio", "of floor"]
    lines = []
    for case in sorted(cases, key=lambda case: case.ratio or math.inf):
        row = case.ours
        line = [row["shape"], _layer(row), row["pass"]]
        line += [str(row.get(name, "-")) for name in ("dtype", "threads", "engine") if has[name]]
        bf16 = _bf16(case)
        line += [microseconds(row["seconds"]), *(bf16[:1] if has["bf16"] else [])]
        line += [*_times(others, case.others), *(bf16[1:] if has["bf16"] else []), _ratio(case.ratio)]
        line.append(f"{100 * row['floor_fraction']:.0f} %" if "floor_fraction" in row else "-")
        lines.append(line)
    return _table(header, lines)


def _geometric_mean(cases):
    """What the ratios of the named cases in f32 come to; nothing where there are none."""
    named = {shape.name for shape in shapes.load_named(shapes.NAMED)}
    lines = []
    for threads, (mean, count, without) in beside.mean_ratio(cases, named).items():
        on = "" if threads is None else f" on {threads} thread{'s' if threads > 1 else ''}"
        more = f"; {without} more have nobody to be compared with" if without else ""
        lines.append(f"Geometric mean of the ratio{on}, over {count} named case{'s' if count > 1 else ''} in f32: {_ratio(mean)}{more}.\n")
    return lines


def _int8(peers, choice):
    """Layers in 8 bits, which ours does not have: a table of their own, whose times are to be compared with each other's alone."""
    cases = [case for case in beside.of_others_alone(peers)
             if beside.is_chosen(next(iter(case.values())), choice, ("shape", "dtype", "pass"))]
    if not cases:
        return []
    others = sorted({name for case in cases for name in case})
    lines = []
    for case in cases:
        row = next(iter(case.values()))
        lines.append([row["shape"], _layer(row), row["pass"], *_times(others, {name: one["seconds"] for name, one in case.items()})])
    return ["In int8, which no engine of ours has, with their best counts of threads: outputs are less exact than those above.\n",
            _table(["shape", "layer", "pass", *(program(name).title for name in others)], lines)]


def _calls(peers):
    """What the Python call alone costs each program."""
    costs = {}
    for call in (call for peer in peers for call in peer.get("calls", ())):
        costs.setdefault(call["engine"], {})[call["dtype"]] = microseconds(call["seconds"])
    if not costs:
        return []
    each = "; ".join(f"{program(name).title} " + ", ".join(f"{costs[name][dtype]} us in {dtype}" for dtype in shapes.DTYPES
                                                          if dtype in costs[name]) for name in sorted(costs))
    return [f"The Python call alone (an lstm of H=8, one step, B=1, one thread) costs {each}. It is part of their times.\n"]


def compared(result, peers=(), choice=None):
    """The lines of the chosen cases, what all named ones come to, and what must be known of the others' times."""
    choice = choice or {}
    cases = beside.cases(result, peers)
    parts = [side_by_side([case for case in cases if beside.is_chosen(case.ours, choice)]),
             *_geometric_mean([case for case in cases if beside.is_chosen(case.ours, choice, ("threads",))]),
             *_calls(peers), *_int8(peers, choice)]
    return "\n".join(parts)


def report(result, peers=()):
    """A result, and those of other programs on the same machine, as Markdown: what loses first."""
    losing = sorted((row for row in result["rows"] if loses(row)), key=lambda row: row["ratio"])
    others = [row for row in result["rows"] if not loses(row)]
    parts = ["# " + result["facts"]["device"] + ", " + result["facts"]["date"][:10] + "\n"]
    if any(case.others for case in beside.cases(result, peers)):
        parts += ["## Side by side\n", f"{SIDE_BY_SIDE}\n", compared(result, peers)]
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
