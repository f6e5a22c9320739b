"""perf/guard on a program that only pretends to measure: what fails, what is timed again, and what is committed.

    guard_test.py PERF_FOLDER
"""

import json
import os
import stat
import subprocess
import sys
import tempfile
import unittest

FOLDER = sys.argv.pop(1)
sys.dont_write_bytecode = True
sys.path.insert(0, FOLDER)

from recur_perf import guard  # noqa: E402

SCRIPT = os.path.join(FOLDER, "guard")

# Round by round, what each case reaches: a fraction of its floor of one second, predicted over measured, or null for no time.
PROGRAM = """#!{python}
import json, os, sys
here = os.path.dirname(os.path.abspath(__file__))
with open(os.path.join(here, "log"), "a+") as log:
    log.write(" ".join(sys.argv[1:]) + "\\n")
    log.seek(0)
    calls = len(log.readlines())
with open(os.path.join(here, "rounds.json")) as file:
    rounds = json.load(file)
reached = rounds[min(calls, len(rounds)) - 1]
with open(sys.argv[sys.argv.index("--shapes") + 1]) as file:
    shapes = json.load(file)["shapes"]
rows = []
for shape in shapes:
    for timed in shape["passes"]:
        name = shape["name"] + " " + timed
        assert shape["T"] == (32 if shape["B"] == 8 else 100), "T * B is at most 256"
        with open(os.path.join(here, "timed"), "a") as log:
            print(calls, name, file=log)
        fraction, factor = reached.get(name, [0.5, 1.0])
        if fraction:
            seconds = 1 / fraction
            row = dict(shape=shape["name"], dtype=shape["dtypes"][0], seconds_lowest=seconds, seconds=9 * seconds, floor_seconds=1,
                       floor_bound="operations", predicted_seconds=factor * seconds)
            rows.append(dict(row, **{{"pass": timed}}))
facts = dict(cpu_simd="{simd}", date="2026-01-02T03:04:05Z", commit="abc")
print(json.dumps(dict(rows=rows, facts=facts)))
sys.exit({code})
"""
CASES = [{"shape": "stream-b1", "passes": ["inference"], "dtypes": ["f32", "bf16"]},
         {"shape": "stream-b1", "passes": ["step"], "dtypes": ["f32", "bf16"]},
         {"shape": "ocr-b8", "passes": ["backward"], "dtypes": ["f32"]}]
NAMES = ["stream-b1 f32 inference", "stream-b1 bf16 inference", "stream-b1 f32 step", "stream-b1 bf16 step", "ocr-b8 f32 backward"]


class Guard(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def path(self, name):
        return os.path.join(self.folder, name)

    def run_guard(self, rounds, *options, fractions=None, unpredicted=(), simd="AVX9", code=0):
        for name, value in (("rounds.json", rounds),
                            ("guard.json", {"cases": CASES, "unpredicted": list(unpredicted), "fractions": fractions or {}})):
            with open(self.path(name), "w", encoding="utf-8") as file:
                json.dump(value, file)
        for log in ("log", "timed"):
            if os.path.exists(self.path(log)):
                os.remove(self.path(log))
        with open(self.path("recur-perf"), "w", encoding="utf-8") as file:
            file.write(PROGRAM.format(python=sys.executable, simd=simd, code=code))
        os.chmod(self.path("recur-perf"), stat.S_IRWXU)
        return subprocess.run([sys.executable, SCRIPT, "--program", self.path("recur-perf"), "--guard", self.path("guard.json"),
                               "--machine", "here", "--pause", "0", *options],
                              capture_output=True, text=True, check=False)

    def timed(self):
        """Names of cases, for each round."""
        rounds = {}
        with open(self.path("timed"), encoding="utf-8") as file:
            for line in file:
                call, name = line.strip().split(" ", 1)
                rounds.setdefault(call, []).append(name)
        return list(rounds.values())

    def fractions(self, **more):
        """Every case at half its floor, on one machine; more of them by their names."""
        machines = {"here": {"date": "2026-01-01", "commit": "x", "cases": dict.fromkeys(NAMES, 0.5)}}
        return {"AVX9": {**machines, **{name: {"date": "2026-01-01", "commit": "x", "cases": cases} for name, cases in more.items()}}}

    def test_as_fast_as_it_was(self):
        done = self.run_guard([{}], fractions=self.fractions())
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual([sorted(names) for names in self.timed()], [sorted(NAMES)], "each once, whatever entries name its shape")
        self.assertIn("| stream-b1 f32 inference | 2e+06 | 50 % | 50 % | operations | 1.00 |", done.stdout)
        with open(self.path("log"), encoding="utf-8") as file:
            self.assertIn("--engine cpu --threads 1 --inputs warm --seconds 0.05 --minutes 0.4 ", file.read())

    def test_slow_in_every_round_fails(self):
        done = self.run_guard([{NAMES[0]: [0.34, 1.0]}], "--rounds", "3", fractions=self.fractions())
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertEqual(self.timed()[1:], [NAMES[:1], NAMES[:1]], "what fails alone is timed again")
        self.assertIn("guard: stream-b1 f32 inference: 34 % of the floor (operations), expected 35 % or more", done.stderr)
        self.assertEqual(len(done.stderr.splitlines()), 1, "and nothing else fails")
        self.assertEqual(self.run_guard([{NAMES[0]: [0.36, 1.0]}], fractions=self.fractions()).returncode, 0)

    def test_slow_for_a_while_does_not(self):
        slow = {NAMES[0]: [0.1, 1.0], NAMES[4]: [0.1, 1.0]}
        done = self.run_guard([slow, slow, {NAMES[0]: [0.1, 1.0]}, {}], "--rounds", "4", fractions=self.fractions())
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual([len(names) for names in self.timed()], [5, 2, 2, 1])

    def test_predictions_too_high_and_too_low_fail(self):
        for factor, code in ((0.59, 1), (0.61, 0), (1.59, 0), (1.61, 1)):
            done = self.run_guard([{NAMES[2]: [0.5, factor]}], "--rounds", "2", fractions=self.fractions())
            self.assertEqual(done.returncode, code, factor)
            self.assertEqual(f"predicted {factor:.2f} times" in done.stderr, bool(code))

    def test_rounds_are_apart(self):
        waits = []
        rows = {name: {"shape": name.split()[0], "dtype": name.split()[1], "pass": name.split()[2], "seconds_lowest": 1,
                       "predicted_seconds": 9} for name in NAMES}
        guard.judge({"cases": CASES, "unpredicted": [], "fractions": {}}, lambda _: (rows, {}), 3, "here", lambda: waits.append(0))
        self.assertEqual(len(waits), 2, "none before the first or after the last")

    def test_slow_once_and_mispredicted_another_time_is_no_fault(self):
        done = self.run_guard([{NAMES[0]: [0.1, 1.0]}, {NAMES[0]: [0.5, 9.0]}], "--rounds", "2", fractions=self.fractions())
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_predictions_that_are_known_to_be_wrong_are_not_judged(self):
        known = [{"cases": "stream-b1 .* step", "reason": "calls"}]
        self.assertEqual(self.run_guard([{NAMES[2]: [0.5, 0.2]}], fractions=self.fractions(), unpredicted=known).returncode, 0)
        self.assertEqual(self.run_guard([{NAMES[0]: [0.5, 0.2]}], fractions=self.fractions(), unpredicted=known).returncode, 1)
        self.assertEqual(self.run_guard([{NAMES[2]: [0.1, 0.2]}], fractions=self.fractions(), unpredicted=known).returncode, 1)

    def test_the_lowest_of_the_named_machines_counts(self):
        fractions = self.fractions(there={NAMES[0]: 0.2}, elsewhere={NAMES[0]: 0.9})
        self.assertEqual(self.run_guard([{NAMES[0]: [0.15, 1.0]}], fractions=fractions).returncode, 0)
        self.assertEqual(self.run_guard([{NAMES[0]: [0.13, 1.0]}], fractions=fractions).returncode, 1)

    def test_another_machine_of_the_set_has_to_reach_less(self):
        for reached, code in ((0.26, 0), (0.24, 1)):
            done = self.run_guard([{NAMES[0]: [reached, 1.0]}], "--machine", "elsewhere", fractions=self.fractions())
            self.assertEqual(done.returncode, code, done.stderr)
            self.assertIn("no fractions are committed for elsewhere: 0.5 of others' will do", done.stdout)

    def test_an_unknown_instruction_set_has_its_predictions_judged(self):
        done = self.run_guard([{NAMES[0]: [0.01, 1.0]}], fractions=self.fractions(), simd="NEON")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("no fractions are committed for NEON: only predictions were judged", done.stdout)
        self.assertEqual(self.run_guard([{NAMES[0]: [0.01, 2.0]}], fractions=self.fractions(), simd="NEON").returncode, 1)

    def test_cases_without_time_are_tried_again_and_then_said(self):
        done = self.run_guard([{NAMES[1]: [0, 0]}, {}], fractions=self.fractions())
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.timed()[1], [NAMES[1]])
        done = self.run_guard([{NAMES[1]: [0, 0]}], "--rounds", "2", fractions=self.fractions())
        self.assertEqual(done.returncode, 2)
        self.assertIn("stream-b1 bf16 inference: no round had time for it", done.stderr)

    def test_update_commits_the_best_round_and_leaves_other_machines_alone(self):
        rounds = [{NAMES[0]: [fraction, 1.0]} for fraction in (0.3, 0.9, 0.4)]
        done = self.run_guard(rounds, "--update", "--rounds", "3", "--machine", "here", fractions=self.fractions(there={NAMES[0]: 0.8}))
        self.assertEqual(done.returncode, 0, done.stderr)
        committed = guard.load(self.path("guard.json"))
        self.assertEqual(committed["cases"], CASES)
        self.assertEqual(committed["fractions"]["AVX9"]["here"],
                         {"date": "2026-01-02", "commit": "abc", "cases": {**dict.fromkeys(NAMES, 0.5), NAMES[0]: 0.9}})
        self.assertEqual(committed["fractions"]["AVX9"]["there"]["cases"], {NAMES[0]: 0.8})
        self.assertEqual(len(self.timed()), 3)
        with open(self.path("log"), encoding="utf-8") as file:
            self.assertIn(" --minutes 2 ", file.read(), "every round has time for all")

    def test_sequences_are_cut(self):
        self.assertEqual([guard.cut({"T": 200, "B": B})["T"] for B in (1, 2, 16, 63, 64, 512)], [200, 128, 16, 4, 4, 4])
        self.assertEqual(guard.cut({"T": 3, "B": 99})["T"], 3)

    def test_failures_have_their_exit_codes(self):
        self.assertEqual(self.run_guard([{}], code=1).returncode, 2)
        self.assertEqual(self.run_guard([{}], "--program", "/none").returncode, 2)
        self.assertEqual(self.run_guard([{}], "--rounds", "0").returncode, 2)
        self.assertEqual(self.run_guard([{}], "--pause", "60").returncode, 2)
        for text in ("", "[]", '{"cases": [{}], "unpredicted": [], "fractions": {}}',
                     '{"cases": [], "unpredicted": [{"cases": "x"}], "fractions": {}}'):
            with open(self.path("wrong.json"), "w", encoding="utf-8") as file:
                file.write(text)
            self.assertEqual(self.run_guard([{}], "--guard", self.path("wrong.json")).returncode, 2, text)

    def test_the_committed_file(self):
        committed = guard.load(os.path.join(FOLDER, "guard.json"))
        names = guard.all_names(committed)
        self.assertEqual(len(names), len(set(names)))
        for one in committed["unpredicted"]:
            self.assertTrue(any(guard.unpredicted({"unpredicted": [one]}, name) for name in names), one)
        self.assertTrue(committed["fractions"], "perf/guard --update commits them")
        for machines in committed["fractions"].values():
            for machine in machines.values():
                self.assertEqual(sorted(machine["cases"]), sorted(names), "perf/guard --update after a change of the cases")


if __name__ == "__main__":
    unittest.main()
