"""Results as pictures."""

import os

import matplotlib

from recur_perf import beside, shapes
from recur_perf.results import describe, loses
from recur_perf.programs import program
from recur_perf.style import DASHES, MARKS, plt, save

MOST_BARS = 40


def _save(figure, folder, name):
    return save(figure, os.path.join(folder, name + ".svg"))


def _title(result):
    return f"{result['facts']['device']}, {result['facts']['date'][:10]}, {result['facts']['commit']}"


def _threads(threads):
    return "" if threads is None else f", {threads} thread{'s' if threads > 1 else ''}"


SIZES = ("T", "B", "H")
FEWEST_POINTS = 3  # of a curve


def _series(rows, along):
    """Curves over one size: {what a picture shares: {(engine, what its curves have of the others): {size: row}}}.

    A picture over H or B has curves of several B or H, one over T of several of both.
    """
    figures = {}
    for row in rows:
        if row["inputs"] != "warm":
            continue
        # The input is as wide as the layer in sweeps of H; else it is a size of its own.
        wide = "I=H" if row["I"] == row["H"] else f"I={row['I']}"
        others = tuple((name, row[name]) for name in SIZES if name != along and (along == "T" or name != "T"))
        shared = (row["cell"], row["dtype"], row["pass"], None if along == "T" else row["T"], row["L"], row["direction"],
                  "" if along == "B" else wide, row["lengths"], row.get("threads"))
        line = (f"{row['engine']} {row['timing']}", others, wide)
        figures.setdefault(shared, {}).setdefault(line, {})[row[along]] = row
    figures = {shared: {line: points for line, points in lines.items() if len(points) >= FEWEST_POINTS}
               for shared, lines in figures.items()}
    return {shared: lines for shared, lines in figures.items() if lines}


def _in_curves(rows):
    """The rows that curves show and nothing else does, by identity: those of a sweep. A named shape is a case of its own as well."""
    return {id(row) for along in SIZES for lines in _series(rows, along).values() for points in lines.values() for row in points.values()
            if row["stands_for"] == shapes.COMMAND_LINE}


def _compact(value):
    return f"{value:g}" if value < 1e4 else f"{value:.0e}".replace("e+0", "e")


def _number_times(axes):
    """A logarithmic axis of times that has at least two numbers."""
    low, high = axes.get_ylim()
    steps = (1, 2, 5) if high / low < 200 else (1,)
    ticks = [step * 10.0**power for power in range(-4, 9) for step in steps]
    ticks = [tick for tick in ticks if low <= tick <= high]
    if len(ticks) < 2:
        middle = (low * high) ** 0.5
        low, high = min(low, middle / 2), max(high, 2 * middle)
        axes.set_ylim(low, high)
        ticks = [step * 10.0**power for power in range(-4, 9) for step in (1, 2, 5) if low <= step * 10.0**power <= high]
    axes.yaxis.set_major_locator(matplotlib.ticker.FixedLocator(ticks))
    axes.yaxis.set_major_formatter(matplotlib.ticker.FuncFormatter(lambda value, _: _compact(value)))
    axes.yaxis.set_minor_formatter(matplotlib.ticker.NullFormatter())


def draw_sweeps(result, folder, along):
    """Time against T, B or H, one picture for each cell, type and pass with at least three sizes: a step's, of T the whole call's."""
    paths = []
    for shared, lines in _series(result["rows"], along).items():
        cell, dtype, timed, T, L, direction, wide, lengths, threads = shared
        engines = sorted({line[0] for line in lines})
        sizes = sorted({line[1] for line in lines})
        widths = {line[2] for line in lines}
        figure, axes = plt.subplots(figsize=(7, 4.2))
        value = "seconds" if along == "T" else "seconds_per_step"
        for line in sorted(lines):
            points = sorted(lines[line].items())
            mark, dash = MARKS[engines.index(line[0]) % len(MARKS)], DASHES[sizes.index(line[1]) % len(DASHES)]
            name = ", ".join([program(line[0]).title.strip("`") + line[0][len(line[0].split()[0]):], *(f"{size}={of}" for size, of in line[1])])
            axes.plot([size for size, _ in points], [1e6 * row[value] for _, row in points],
                      color=program(line[0]).colour, marker=mark, linestyle=dash, markersize=4,
                      label=name + (f", {line[2]}" if len(widths) > 1 else ""))
        axes.set_xscale("log", base=2)
        axes.set_yscale("log")
        ticks = sorted({size for points in lines.values() for size in points})
        axes.set_xticks(ticks, [str(tick) for tick in ticks], fontsize=8, rotation=0 if len(ticks) <= 12 else 90)
        axes.xaxis.set_minor_locator(matplotlib.ticker.NullLocator())
        _number_times(axes)
        axes.set_xlabel({"T": "T, steps", "B": "B, sequences", "H": "H, hidden size"}[along])
        axes.set_ylabel("microseconds a call" if along == "T" else "microseconds a step")
        axes.set_title(f"{cell} {dtype} {timed}, " + (f"T={T} " if T else "") + f"L={L} {direction}" + (f" {wide}" if wide else "")
                       + (" lengths" if lengths else "") + _threads(threads) + f"\n{_title(result)}", fontsize=9)
        axes.legend(fontsize=7, frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
        name = "_".join([f"{'call' if along == 'T' else 'step'}_against_{along}", cell, dtype, timed, *([f"T{T}"] if T else []), f"L{L}", direction,
                         *([wide.replace("=", "")] if wide not in ("", "I=H") else []), *(["lengths"] if lengths else []),
                         *([str(threads)] if threads else [])])
        paths.append(_save(figure, folder, name))
    return paths


def _draw_bars(result, folder, name, rows, value, label, line_at_one):
    rows = sorted(rows, key=value)[:MOST_BARS]
    if not rows:
        return []
    figure, axes = plt.subplots(figsize=(8, 0.8 + 0.24 * len(rows)))
    for place, row in enumerate(reversed(rows)):
        axes.barh(place, value(row), color=program(row["engine"]).colour, height=0.7,
                  hatch="//" if loses(row) else None, edgecolor="white")
        axes.text(value(row), place, f" {value(row):.2f}", va="center", fontsize=7)
    axes.set_yticks(range(len(rows)), [f"{describe(row)}, {row['engine']} {row['timing']}" for row in reversed(rows)],
                    fontsize=7)
    if line_at_one:
        axes.axvline(1, color="black", linewidth=1)
    axes.set_xlabel(label)
    axes.grid(axis="y", visible=False)
    axes.set_title(_title(result), fontsize=9)
    return [_save(figure, folder, name)]


def _alone(result):
    """Our rows with warm inputs that are no points of curves."""
    curves = _in_curves(result["rows"])
    return [row for row in result["rows"] if not row["reference"] and row["inputs"] == "warm" and id(row) not in curves]


def draw_ratios(result, folder):
    """Times of the best reference over ours, lowest first: bars that end before the line lose, and are hatched. Sweeps are curves."""
    rows = [row for row in _alone(result) if "ratio" in row]
    return _draw_bars(result, folder, "ratio_to_reference", rows, lambda row: row["ratio"],
                      "times as fast as the best reference of the same run", True)


def draw_floors(result, folder):
    """Floors over our times, lowest first. Sweeps are curves."""
    rows = [row for row in _alone(result) if "floor_fraction" in row]
    return _draw_bars(result, folder, "fraction_of_floor", rows, lambda row: row["floor_fraction"],
                      "floor over time: 1 is what the machine could do", True)


def _number_ratios(axes):
    """A logarithmic axis of ratios that has numbers wherever it ends: at least 0.5, 1 and 2, and no more than fit."""
    low, high = axes.get_xlim()
    low, high = min(low, 0.45), max(high, 2.2)
    axes.set_xlim(low, high)
    steps = (1, 2, 5) if high / low < 200 else (1,)
    ticks = [step * 10.0**power for power in range(-4, 7) for step in steps if low <= step * 10.0**power <= high]
    axes.xaxis.set_major_locator(matplotlib.ticker.FixedLocator(ticks))
    axes.xaxis.set_major_formatter(matplotlib.ticker.FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(matplotlib.ticker.NullFormatter())


def draw_beside(result, folder, peers):
    """Everybody else's times over ours, for each shape in its first type with the most threads: a panel for each pass.

    A mark left of the line is someone who is faster. A tick at the line's left is the floor. Sweeps are curves.
    """
    curves = _in_curves(result["rows"])
    cases = [case for case in beside.cases(result, peers) if id(case.ours) not in curves]
    threads = max((case.ours.get("threads", 0) for case in cases), default=0)
    cases = [case for case in cases if case.others and case.ours.get("threads", 0) == threads]
    dtype = cases[0].ours["dtype"] if cases else ""
    cases = [case for case in cases if case.ours["dtype"] == dtype]
    names = sorted({name for case in cases for name in case.others})
    passes = [timed for timed in ("step", "inference", "forward", "backward") if any(case.ours["pass"] == timed for case in cases)]
    if not passes:
        return []
    panels = [sorted((case for case in cases if case.ours["pass"] == timed), key=lambda case: -case.ratio) for timed in passes]
    columns = min(len(panels), 2)
    rows = [panels[i:i + columns] for i in range(0, len(panels), columns)]
    heights = [max(len(panel) for panel in row) + 1 for row in rows]
    figure, all_axes = plt.subplots(len(rows), columns, figsize=(5.5 * columns, max(1.9, 0.9 * len(rows) + 0.19 * sum(heights))),
                                    sharex=True, squeeze=False, gridspec_kw={"height_ratios": heights})
    for i, axes in enumerate(axes for line in all_axes for axes in line):
        if i >= len(panels):
            axes.set_visible(False)
            continue
        for place, case in enumerate(panels[i]):
            for name, seconds in case.others.items():
                axes.plot(seconds / case.ours["seconds"], place, program(name).mark, color=program(name).colour, markersize=5)
            if "floor_fraction" in case.ours:
                axes.plot(case.ours["floor_fraction"], place, "|", color="black", markersize=7)
        axes.axvline(1, color="black", linewidth=1)
        axes.set_xscale("log")
        axes.set_yticks(range(len(panels[i])), [case.ours["shape"] for case in panels[i]], fontsize=7)
        axes.set_ylim(-0.7, len(panels[i]) - 0.3)
        axes.set_title({"forward": "forward of training", "step": "single steps"}.get(passes[i], passes[i]), fontsize=9)
    for axes in all_axes[-1]:
        axes.set_xlabel("their time / ours")
    _number_ratios(all_axes[0, 0])  # whose axis all share
    handles = [plt.Line2D([], [], linestyle="", marker=program(name).mark, color=program(name).colour, label=program(name).title)
               for name in names]
    handles.append(plt.Line2D([], [], linestyle="", marker="|", color="black", label="floor"))
    figure.legend(handles=handles, loc="upper center", ncols=len(handles), frameon=False, fontsize=8, bbox_to_anchor=(0.5, 0.0))
    figure.suptitle(f"{_title(result)}: {dtype}{_threads(threads or None)}; right of the line we are faster", fontsize=9)
    figure.tight_layout()
    return [_save(figure, folder, "beside")]


def draw(result, folder, peers=()):
    """All pictures that a result has data for. Returns their paths."""
    os.makedirs(folder, exist_ok=True)
    curves = {**result, "rows": [*result["rows"], *(row for peer in peers for row in peer["rows"])]}
    sweeps = [path for along in ("H", "B", "T") for path in draw_sweeps(curves, folder, along)]
    return [*draw_beside(result, folder, peers), *sweeps, *draw_ratios(result, folder), *draw_floors(result, folder)]
