"""Our times beside everybody else's: references of the same run, and other programs."""

import dataclasses
import math

from recur_perf.programs import name_of
from recur_perf.results import case_key

# Types of a case that are told in the line of its f32, not in one of their own.
_ASIDE = "bf16"
# Types that no engine of ours has.
_OTHERS_ALONE = "int8"

# By what cases are chosen.
CHOICES = ("shape", "dtype", "pass", "threads")


def is_chosen(row, choice, by=CHOICES):
    """Whether a row is of the values that a choice lists, of each name in `by` for which it has some."""
    return all(str(row.get(name)) in choice[name] for name in by if choice.get(name))


@dataclasses.dataclass
class Case:
    """A case, our fastest row of it, and the seconds of each other that has it; the same in bf16, where the case is one in f32."""

    ours: dict
    others: dict[str, float]
    bf16: "Case | None" = None

    @property
    def ratio(self):
        """The fastest other's time over ours in the same type, or None without any."""
        return min(self.others.values()) / self.ours["seconds"] if self.others else None

    @property
    def best_other(self):
        """The name of the fastest other."""
        return min(self.others, key=self.others.get)


def _key(row, **other):
    return case_key({**row, **other})


def _fastest(rows, key):
    best = {}
    for row in rows:
        if key(row) not in best or row["seconds"] < best[key(row)]["seconds"]:
            best[key(row)] = row
    return best


def _warm(result, is_reference):
    return [row for row in result["rows"] if row["inputs"] == "warm" and row["reference"] == is_reference]


def cases(result, peers=()):
    """All cases of ours with warm inputs. Of another's timings, and of its numbers of threads up to ours, the fastest."""
    theirs = {}
    for run in (result, *peers):
        for row in _warm(run, is_reference=True):
            theirs.setdefault(_key(row, threads=None), []).append(row)
    found = {}
    for key, row in _fastest(_warm(result, is_reference=False), case_key).items():
        others = {}
        for other in theirs.get(_key(row, threads=None), []):
            if other.get("threads", 0) <= row.get("threads", 0):
                name = name_of(other["engine"])
                others[name] = min(other["seconds"], others.get(name, other["seconds"]))
        found[key] = Case(row, others)
    lines = []
    for key, case in found.items():
        if case.ours["dtype"] == "f32":
            case.bf16 = found.get(_key(case.ours, dtype=_ASIDE))
        if case.ours["dtype"] != _ASIDE or _key(case.ours, dtype="f32") not in found:
            lines.append(case)
    return lines


def of_others_alone(peers):
    """Cases in a type that no engine of ours has: their fastest row of each program, by case."""
    rows = [row for peer in peers for row in _warm(peer, is_reference=True) if row["dtype"] == _OTHERS_ALONE]
    found = {}
    for (key, name), row in _fastest(rows, lambda row: (_key(row, threads=None), name_of(row["engine"]))).items():
        found.setdefault(key, {})[name] = row
    return list(found.values())


def mean_ratio(cases, named):
    """For each number of threads of ours: the geometric mean of the ratios of named cases in f32, how many have one, and how many not."""
    ratios, without = {}, {}
    for case in cases:
        if case.ours["dtype"] == "f32" and case.ours["shape"] in named:
            threads = case.ours.get("threads")
            ratios.setdefault(threads, [])
            if case.ratio is None:
                without[threads] = without.get(threads, 0) + 1
            else:
                ratios[threads].append(case.ratio)
    return {threads: (math.exp(sum(map(math.log, some)) / len(some)), len(some), without.get(threads, 0))
            for threads, some in ratios.items() if some}
