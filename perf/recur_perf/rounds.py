"""Several runs of one program put together, each case as the quietest of its runs has it."""

import math

from recur_perf.results import case_key


def _rows_by_case(result):
    cases = {}
    for row in result["rows"]:
        cases.setdefault((*case_key(row), row["inputs"]), []).append(row)
    return cases


def _mean_log_seconds(rows):
    return sum(math.log(row["seconds"]) for row in rows) / len(rows)


def merged(results, command):
    """One result of several of one program, of the same commit on the same machine.

    All rows of a case come from one of them, so that a ratio in a row is one of a run: from that in which the rows took the lowest
    geometric mean of time, whoever they are of. Facts, rates and what was refused are those of the first that has them.
    """
    cases, refused, left_out, calls = {}, {}, {}, {}
    for result in results:
        for key, rows in _rows_by_case(result).items():
            if key not in cases or _mean_log_seconds(rows) < _mean_log_seconds(cases[key]):
                cases[key] = rows
        for one in result["refused"]:
            refused.setdefault((*case_key(one), one["engine"]), one)
        for one in result["left_out"]:
            left_out.setdefault(case_key(one), one)
        for call in result.get("calls", ()):
            key = call["engine"], call["dtype"]
            calls[key] = min(call, calls.get(key, call), key=lambda one: one["seconds"])
    rows = [row for of_case in cases.values() for row in of_case]
    timed = {case_key(row) for row in rows}
    whole = dict(results[0], facts=results[0]["facts"] | {"command": command}, rows=rows, refused=list(refused.values()),
                 left_out=[case for key, case in left_out.items() if key not in timed])
    if calls:
        whole["calls"] = list(calls.values())
    factors = [row["prediction_factor"] for row in rows if "prediction_factor" in row]
    if factors:
        whole["worst_prediction_factor"] = max(factors, key=lambda factor: abs(math.log(factor)))
    return whole
