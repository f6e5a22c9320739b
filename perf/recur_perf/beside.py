"""Our times beside everybody else's: references of the same run, and other programs."""

import dataclasses

from recur_perf.results import case_key


@dataclasses.dataclass
class Case:
    """A case, our fastest row of it, and the seconds of each other that has it."""

    ours: dict
    others: dict[str, float]

    @property
    def ratio(self):
        """The fastest other's time over ours, or None without any."""
        return min(self.others.values()) / self.ours["seconds"] if self.others else None


def _without_threads(row):
    return case_key({**row, "threads": None})


def cases(result, peers=()):
    """All cases of ours with warm inputs. Of another's timings, and of its numbers of threads up to ours, the fastest."""
    ours = {}
    for row in result["rows"]:
        if row["inputs"] == "warm" and not row["reference"]:
            best = ours.get(case_key(row))
            if best is None or row["seconds"] < best["seconds"]:
                ours[case_key(row)] = row
    theirs = {}
    for run in (result, *peers):
        for row in run["rows"]:
            if row["inputs"] == "warm" and row["reference"]:
                theirs.setdefault(_without_threads(row), []).append(row)
    found = []
    for row in ours.values():
        others = {}
        for other in theirs.get(_without_threads(row), []):
            if other.get("threads", 0) > row.get("threads", 0):
                continue
            # An algorithm is part of a reference's name.
            name = other["engine"].split()[0]
            others[name] = min(other["seconds"], others.get(name, other["seconds"]))
        found.append(Case(row, others))
    return found
