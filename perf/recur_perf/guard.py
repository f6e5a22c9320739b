"""Speeds that must not get lost: fractions of floors that were reached, by instruction set, and predictions."""

import json
import os
import re
import subprocess
import tempfile

# A case may reach this much of the committed fraction of its floor.
LEAST_SHARE = 0.7
# On a machine that no fractions were committed on: others of the instruction set have other caches and pipelines.
LEAST_SHARE_ELSEWHERE = 0.5
# And what was predicted may be this much of what was measured.
PREDICTED = (0.6, 1.6)
# Sequences are cut to so many rows of all steps, but not to less than so many steps: calls of milliseconds, of which the shortest
# had the processor to itself, also where others want it.
MOST_ROWS = 256
FEWEST_STEPS = 4
NAMED = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "shapes", "named.json")


class GuardError(Exception):
    """A file that is no guard's, or a program that failed."""


def load(path):
    """cases, unpredicted and fractions of a file. Raises GuardError."""
    try:
        with open(path, encoding="utf-8") as file:
            guard = json.load(file)
        for case in guard["cases"]:
            if not case["shape"] or not case["passes"] or not case["dtypes"]:
                raise ValueError(f"expected shape, passes and dtypes, got {case}")
        for one in guard["unpredicted"]:
            if not one["cases"] or not one["reason"]:
                raise ValueError(f"expected cases and a reason, got {one}")
        for machines in guard["fractions"].values():
            for machine in machines.values():
                if not all(value > 0 for value in machine["cases"].values()):
                    raise ValueError("expected fractions above 0")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise GuardError(f"{path}: {error!r}") from error
    return guard


def save(guard, path):
    """Replaces the file as a whole, or not at all."""
    with open(path + ".part", "w", encoding="utf-8") as file:
        json.dump(guard, file, indent=1)
        file.write("\n")
    os.replace(path + ".part", path)


def name_of(row):
    """A case as guard.json names it."""
    return f"{row['shape']} {row['dtype']} {row['pass']}"


def all_names(guard):
    """Names of all cases, in their order."""
    return [f"{case['shape']} {dtype} {timed}" for case in guard["cases"] for dtype in case["dtypes"] for timed in case["passes"]]


def machine_name(cpuinfo="/proc/cpuinfo"):
    """The processor's name, family and model: some have the name in common and not much else."""
    fields = {}
    try:
        with open(cpuinfo, encoding="utf-8") as file:
            for line in file:
                name, _, value = line.partition(":")
                fields.setdefault(name.strip(), value.strip())
    except OSError:
        return "unknown"
    return f"{fields.get('model name', 'CPU')}, family {fields.get('cpu family', '?')} model {fields.get('model', '?')}"


def cut(shape):
    """A shape with fewer steps."""
    return {**shape, "T": min(shape["T"], max(FEWEST_STEPS, MOST_ROWS // shape["B"]))}


class Timer:
    """Times cases with recur-perf: one thread, warm inputs, with the floors of the same run."""

    def __init__(self, program, guard, seconds, minutes):
        self.program = program
        self.guard = guard
        self.seconds = seconds
        self.minutes = minutes

    def _shapes(self, names, named):
        """Entries of named.json with the types and passes that are wanted: one for each type, named after it."""
        known = {one["name"]: one for one in named}
        entries = {}
        for case in self.guard["cases"]:
            if case["shape"] not in known:
                raise GuardError(f"no shape is named '{case['shape']}'")
            for dtype in case["dtypes"]:
                for timed in case["passes"]:
                    if f"{case['shape']} {dtype} {timed}" in names:
                        name = f"{case['shape']} {dtype}"
                        entry = entries.setdefault(name, {**cut(known[case["shape"]]), "name": name, "dtypes": [dtype], "passes": []})
                        entry["passes"].append(timed)
        return list(entries.values())

    def __call__(self, names):
        """The rows of some cases by their names, and the facts. Cases for which there was no time are absent."""
        with open(NAMED, encoding="utf-8") as file:
            entries = self._shapes(set(names), json.load(file)["shapes"])
        with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as file:
            json.dump({"shapes": entries}, file)
            file.flush()
            command = [self.program, "--shapes", file.name, "--engine", "cpu", "--threads", "1", "--inputs", "warm", "--seconds",
                       str(self.seconds), "--minutes", str(self.minutes), "--quiet", "--json", "-"]
            try:
                done = subprocess.run(command, capture_output=True, text=True, check=False)
            except OSError as error:
                raise GuardError(f"{self.program}: {error}") from error
        if done.returncode:
            raise GuardError(f"{' '.join(command)}: exit code {done.returncode}: {done.stderr.strip()}")
        result = json.loads(done.stdout)
        rows = {}
        for row in result["rows"]:
            row["shape"] = row["shape"].rsplit(" ", 1)[0]
            rows[name_of(row)] = row
        return rows, result["facts"]


def fraction(row):
    """Of the floor, by the lowest time; None where the type has no floor."""
    return row["floor_seconds"] / row["seconds_lowest"] if "floor_seconds" in row else None


def factor(row):
    """Predicted over the lowest time; None where nothing was predicted."""
    return row["predicted_seconds"] / row["seconds_lowest"] if "predicted_seconds" in row else None


def committed(guard, simd):
    """The fractions that count for an instruction set: of each case the lowest of all machines."""
    lowest = {}
    for machine in guard["fractions"].get(simd, {}).values():
        for name, value in machine["cases"].items():
            lowest[name] = min(value, lowest.get(name, value))
    return lowest


def unpredicted(guard, name):
    """Whether the predictions of a case are known to be wrong. Patterns are regular expressions of whole names."""
    return any(re.fullmatch(one["cases"], name) for one in guard["unpredicted"])


def least_share(guard, simd, machine):
    """Of the committed fractions, what a machine has to reach."""
    return LEAST_SHARE if machine in guard["fractions"].get(simd, {}) else LEAST_SHARE_ELSEWHERE


def faults(guard, row, lowest, share):
    """What is wrong with a case in one round: of "floor" and "prediction"."""
    found = {}
    reached, wanted = fraction(row), lowest.get(name_of(row))
    if reached is not None and wanted is not None and reached < share * wanted:
        found["floor"] = (f"{100 * reached:.0f} % of the floor ({row['floor_bound']}), expected {100 * share * wanted:.0f} % or "
                          f"more, {share:g} of the committed {100 * wanted:.0f} %")
    predicted = factor(row)
    if predicted is not None and not unpredicted(guard, name_of(row)) and not PREDICTED[0] <= predicted <= PREDICTED[1]:
        found["prediction"] = f"predicted {predicted:.2f} times as long as measured, expected {PREDICTED[0]:g} to {PREDICTED[1]:g}"
    return found


def judge(guard, time, rounds, machine, wait=lambda: None, say=lambda _: None):
    """(faults that are left, cases never timed, rows of each case's last round, facts).

    What is wrong with a case in one round is no fault if it is right in another, whose floors are measured anew: a machine that
    others use too is slow for seconds at a time, which `wait` lets pass.
    """
    wanted = all_names(guard)
    left, last, facts = {}, {}, {}
    for i in range(rounds):
        if i:
            wait()
        rows, facts = time(wanted)
        simd = facts.get("cpu_simd", "")
        lowest, share = committed(guard, simd), least_share(guard, simd, machine)
        last.update(rows)
        for name, row in rows.items():
            now = faults(guard, row, lowest, share)
            left[name] = now if name not in left else {kind: text for kind, text in now.items() if kind in left[name]}
        wanted = [name for name in wanted if name not in rows or left[name]]
        if not wanted:
            break
        say(f"round {i + 1} of {rounds}: {len(wanted)} cases are not what they should be: {', '.join(wanted)}")
    missing = [name for name in all_names(guard) if name not in last]
    return {name: found for name, found in left.items() if found}, missing, last, facts


def update(guard, time, rounds, machine):
    """Commits the best fractions of some rounds for the instruction set and this machine. Returns rows and facts of the last.

    The best, as floors are of the better of two measurements and times the lowest: what other work took away is no part of it.
    """
    series = {}
    rows, facts = {}, {}
    for _ in range(rounds):
        rows, facts = time(all_names(guard))
        for name, row in rows.items():
            if fraction(row) is not None:
                series.setdefault(name, []).append(fraction(row))
    if "cpu_simd" not in facts or not series:
        raise GuardError("nothing was timed that has a floor")
    cases = {name: round(max(series[name]), 3) for name in all_names(guard) if name in series}
    machines = guard["fractions"].setdefault(facts["cpu_simd"], {})
    machines[machine] = {"date": facts["date"][:10], "commit": facts["commit"], "cases": cases}
    return rows, facts


def table(guard, rows, simd):
    """Markdown: what each case reached, and what is committed."""
    lowest = committed(guard, simd)
    lines = ["| case | us | of floor | committed | floor is by | predicted |", "|---|---|---|---|---|---|"]
    for name in all_names(guard):
        if name not in rows:
            continue
        row = rows[name]
        reached, predicted = fraction(row), factor(row)
        lines.append(f"| {name} | {1e6 * row['seconds_lowest']:.4g} | " + (f"{100 * reached:.0f} %" if reached else "-") + " | " +
                     (f"{100 * lowest[name]:.0f} %" if name in lowest else "-") + f" | {row.get('floor_bound', '-')} | " +
                     (f"{predicted:.2f}" if predicted else "-") + (" (not judged)" if unpredicted(guard, name) else "") + " |")
    return "\n".join(lines)

