"""What another program's recurrent layers have to offer to be timed, and the timing."""

import dataclasses
import time
from collections.abc import Callable

from recur_perf import noise


class Refused(Exception):
    """A case that a peer does not do, with the reason."""


@dataclasses.dataclass
class Run:
    """A way to run a case."""

    timing: str
    prepare: Callable[[], None]  # before each call, not timed
    seconds: Callable[[], float]  # runs the case once and says how long it took


def measure(runs, rule, deadline):
    """Samples of all runs in turns, until each is settled or its time is up: rows' fields, one set for each run.

    Past the deadline (of time.monotonic) three samples of each will do.
    """
    warm_up_seconds = 0.02
    series = [[] for _ in runs]
    spent = [0.0] * len(runs)
    verdicts = ["go on"] * len(runs)
    judged_at = [0.0] * len(runs)
    for run in runs:
        start = time.perf_counter()
        while True:
            run.prepare()
            run.seconds()
            if time.perf_counter() - start > warm_up_seconds:
                break
    while "go on" in verdicts:
        for i, run in enumerate(runs):
            if verdicts[i] != "go on":
                continue
            run.prepare()
            seconds = run.seconds()
            series[i].append(seconds)
            spent[i] += seconds
            if len(series[i]) >= judged_at[i]:
                judged_at[i] = 1.2 * len(series[i])
                verdicts[i] = rule.judge(series[i], spent[i])
            if verdicts[i] == "go on" and len(series[i]) >= 3 and time.monotonic() > deadline:
                verdicts[i] = "given up"
    return [{"timing": run.timing, "inputs": "warm", **noise.summarize(seconds), "calls_per_sample": 1,
             "settled": verdict == "settled"} for run, seconds, verdict in zip(runs, series, verdicts, strict=True)]
