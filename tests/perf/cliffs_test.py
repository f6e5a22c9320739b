"""perf/report cliffs: what is named, what is timed again, and which reasons count.

    cliffs_test.py PERF_FOLDER
"""

import json
import os
import stat
import subprocess
import sys
import tempfile
import unittest

FOLDER = sys.argv.pop(1)
HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
sys.path.insert(0, FOLDER)

from recur_perf import cliffs, results  # noqa: E402

# A recur-perf that finds every case of its --shapes to take what TIMES says of its (B, H), and counts its calls.
PROGRAM = """#!{python}
import json, os, sys
here = os.path.dirname(os.path.abspath(__file__))
with open(os.path.join(here, "log"), "a") as log:
    log.write(" ".join(sys.argv[1:]) + "\\n")
times = {times}
with open(sys.argv[sys.argv.index("--shapes") + 1]) as file:
    shapes = json.load(file)["shapes"]
rows = [dict({{name: shape[name] for name in ("cell", "T", "B", "I", "H", "L", "direction")}}, shape=shape["name"], lengths=False,
             mean_episode=0, dtype=shape["dtypes"][0], threads=1, engine="cpu", reference=False, timing="wall", inputs="warm",
             seconds_lowest=times[shape["B"], shape["H"]], **{{"pass": shape["passes"][0]}}) for shape in shapes]
print(json.dumps(dict(rows=rows)))
sys.exit({code})
"""


def row(B, H, seconds, **more):
    with open(os.path.join(HERE, "golden", "result.json"), encoding="utf-8") as file:
        base = json.load(file)["rows"][0]
    return {**base, "shape": f"B={B} H={H}", "cell": "lstm", "B": B, "I": H, "H": H, "L": 1, "reference": False, "engine": "cpu",
            "timing": "wall", "inputs": "warm", "dtype": "f32", "threads": 1, "lengths": False, "mean_episode": 0,
            "direction": "forward", "pass": "inference", "seconds_lowest": seconds, **more}


def named(rows):
    return [(cliff.kind, cliff.row["B"], cliff.row["H"], round(cliff.factor, 2)) for cliff in cliffs.find(rows)]


class Find(unittest.TestCase):
    def test_more_work_in_more_time_is_no_cliff(self):
        self.assertEqual(named([row(B, H, B * H) for B in (1, 2, 3) for H in (16, 31, 32)]), [])

    def test_fewer_rows_that_take_longer_than_more(self):
        self.assertEqual(named([row(3, 8, 3.0), row(1, 8, 2.1), row(2, 8, 2.0)]), [("B", 1, 8, 1.05)])
        self.assertEqual(named([row(1, 8, 2.04), row(2, 8, 2.0)]), [], "within what minima differ by")
        self.assertEqual(named([row(1, 8, 2.0), row(2, 8, 2.1), row(4, 8, 1.0)])[0], ("B", 2, 8, 2.1), "steepest first")

    def test_narrower_layers_that_take_longer_than_wider(self):
        self.assertEqual(named([row(1, 31, 2.0), row(1, 32, 1.0), row(1, 33, 1.5)]), [("H", 1, 31, 2.0)])

    def test_rows_that_cost_more_than_in_the_batch_before(self):
        self.assertEqual(named([row(4, 8, 4.0), row(5, 8, 5.8)]), [("row", 5, 8, 1.16)])
        self.assertEqual(named([row(4, 8, 4.0), row(5, 8, 5.7)]), [])

    def test_only_rows_that_differ_by_one_size_are_compared(self):
        for field, value in (("cell", "gru"), ("dtype", "bf16"), ("pass", "forward"), ("threads", 2), ("T", 99), ("inputs", "cold"),
                             ("engine", "stepwise"), ("reference", True)):
            self.assertEqual(named([row(1, 8, 9.0), row(2, 8, 1.0, **{field: value})]), [], field)


class Confirm(unittest.TestCase):
    def test_noise_goes_and_cliffs_stay(self):
        truth = {(1, 8): 1.0, (2, 8): 2.0, (5, 8): 10.0}
        seen = [row(1, 8, 3.0), row(2, 8, 2.0), row(5, 8, 12.0)]  # the first one had a bad moment
        calls = []

        def time_again(rows):
            calls.append(sorted(one["B"] for one in rows))
            return [{**one, "seconds_lowest": truth[one["B"], one["H"]]} for one in rows]

        left, rows = cliffs.confirm(seen, time_again, rounds=2)
        self.assertEqual([(cliff.kind, cliff.row["B"]) for cliff in left], [("row", 5)])
        self.assertEqual([one["seconds_lowest"] for one in rows], [1.0, 2.0, 10.0])
        self.assertEqual(calls[0], [1, 2, 5])
        self.assertEqual(seen[0]["seconds_lowest"], 3.0, "what came in is left alone")

    def test_a_cliff_that_only_another_round_makes_is_timed_as_often(self):
        truth = {1: 2.0, 2: 1.0, 3: 0.9}
        counts = dict.fromkeys(truth, 0)

        def time_again(rows):
            for one in rows:
                counts[one["B"]] += 1
            return [{**one, "seconds_lowest": truth[one["B"]]} for one in rows]

        left, _ = cliffs.confirm([row(1, 8, 2.0), row(2, 8, 1.1), row(3, 8, 3.2)], time_again, rounds=2)
        self.assertEqual({cliff.row["B"] for cliff in left}, {1, 2})
        self.assertTrue(all(count >= 2 for count in counts.values()), counts)


class Command(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def result(self, rows):
        with open(os.path.join(HERE, "golden", "result.json"), encoding="utf-8") as file:
            return self.write("walk.json", json.dumps({**json.load(file), "rows": rows}))

    def program(self, times, code=0):
        path = self.write("recur-perf", PROGRAM.format(python=sys.executable, times=times, code=code))
        os.chmod(path, stat.S_IRWXU)
        return path

    def report(self, *arguments, reasons="[]"):
        command = [sys.executable, os.path.join(FOLDER, "report"), "cliffs", *arguments,
                   "--reasons", self.write("cliffs.json", f'{{"reasons": {reasons}}}')]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    def test_a_cliff_wants_a_reason(self):
        path = self.result([row(4, 8, 4.0), row(5, 8, 9.0), row(5, 16, 10.0)])
        done = self.report(path)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("3 cases, 1 cliffs, 1 of them without a reason", done.stdout)
        self.assertIn("| a row costs more | lstm f32 inference | 8 | 5 | 9000000 | B=4: 4000000 | 1.80 | **none** |", done.stdout)
        self.assertIn("| a row costs more | lstm f32 | B=5 | 1 | 1.80 |", done.stdout, "where they are")
        fits = '{"kind": "row", "cells": ["lstm"], "dtypes": ["f32"], "B": [5, 6], "H": [1, 8], "reason": "tiles of 4 rows"}'
        done = self.report(path, reasons=f"[{fits}]")
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn("| tiles of 4 rows |", done.stdout)
        self.assertNotIn("| B=5 | 1 |", done.stdout)
        for other in (fits.replace('"row"', '"B"'), fits.replace("lstm", "gru"), fits.replace("f32", "bf16"),
                      fits.replace("[5, 6]", "[6, 7]"), fits.replace("[1, 8]", "[9, 99]")):
            done = self.report(path, reasons=f"[{other}]")
            self.assertEqual(done.returncode, 1, other)
            self.assertIn("No cliff is left for the reason: tiles of 4 rows", done.stdout)

    def test_suspects_alone_are_timed_again(self):
        path = self.result([row(1, 8, 3.0), row(2, 8, 2.0), row(4, 8, 4.0), row(4, 9, 4.5)])
        program = self.program({(1, 8): 1.0, (2, 8): 2.0})
        merged = os.path.join(self.folder, "merged.json")
        done = self.report(path, "--again", program, "--rounds", "2", "--json", merged)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual([one["seconds_lowest"] for one in results.load(merged)["rows"]], [1.0, 2.0, 4.0, 4.5])
        with open(os.path.join(self.folder, "log"), encoding="utf-8") as file:
            self.assertIn("--engine cpu --threads 1 --inputs warm", file.readline())

    def test_failures_have_their_exit_codes(self):
        path = self.result([row(1, 8, 3.0), row(2, 8, 2.0)])
        self.assertEqual(self.report(path, "--again", self.program({}, code=1)).returncode, 2)
        for wrong in ('[{"kind": "B"}]', '[{"kind": "T", "reason": "x"}]', '[{"kind": "B", "reason": "x", "b": 1}]', "1"):
            self.assertEqual(self.report(path, reasons=wrong).returncode, 2, wrong)

    def test_committed_reasons_are_reasons(self):
        cliffs.load_reasons(os.path.join(FOLDER, "cliffs.json"))


if __name__ == "__main__":
    unittest.main()
