"""perf/in-turns on programs that only pretend to measure: who runs when, what counts, and what is said of failures.

    in_turns_test.py PERF_FOLDER
"""

import json
import os
import stat
import subprocess
import sys
import tempfile
import unittest

SCRIPT = os.path.join(sys.argv.pop(1), "in-turns")

# Writes its name to a log and gives two cases: one as fast as the round is slow, one always the same.
PROGRAM = """#!{python}
import json, os, sys
here = os.path.dirname(os.path.abspath(__file__))
name = os.path.basename(__file__)
with open(os.path.join(here, "log"), "a+") as log:
    log.write(name + " " + " ".join(sys.argv[1:]) + "\\n")
    log.seek(0)
    calls = len(log.readlines())
drift = 1 + (calls - 1) // 2  # a machine that slows down from round to round
row = dict(cell="lstm", T=1, B=1, I=1, H=1, L=1, direction="forward", lengths=False, dtype="f32", threads=1, engine="cpu",
           timing="wall", inputs="warm", shape="small")
rows = [dict(row, **{{"pass": "inference"}}, seconds=drift * {seconds}), dict(row, **{{"pass": "step"}}, seconds=drift * 1e-6)]
print(json.dumps(dict(rows=rows[:{rows}])))
sys.exit({code})
"""


class InTurns(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def program(self, name, seconds=1e-6, code=0, rows=2):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(PROGRAM.format(python=sys.executable, seconds=seconds, code=code, rows=rows))
        os.chmod(path, stat.S_IRWXU)
        return path

    def run_script(self, *arguments):
        return subprocess.run([sys.executable, SCRIPT, *arguments], capture_output=True, text=True, check=False)

    def log(self):
        with open(os.path.join(self.folder, "log"), encoding="utf-8") as file:
            return [line.split() for line in file]

    def test_rounds_begin_with_either_program_and_only_the_factor_within_counts(self):
        json_file = os.path.join(self.folder, "rounds.json")
        done = self.run_script(self.program("before"), self.program("after", seconds=2e-6), "--rounds", "3", "--json", json_file,
                               "--shape", "small")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual([line[0] for line in self.log()], ["before", "after", "after", "before", "before", "after"])
        for line in self.log():
            self.assertEqual(line[-2:], ["--shape", "small"], "options of recur-perf's")
        rows = done.stdout.splitlines()[2:]
        self.assertEqual(len(rows), 2)
        self.assertIn("small f32 inference on 1 thread | warm | 2 | 4 | 2.00 | 2.00 to 2.00", rows[0])
        self.assertIn("small f32 step on 1 thread | warm | 2 | 2 | 1.00 ~ | 1.00 to 1.00", rows[1])
        with open(json_file, encoding="utf-8") as file:
            self.assertEqual([sorted(pair) for pair in json.load(file)], [["after", "before"]] * 3)

    def test_a_case_that_one_program_lacks_is_left_out(self):
        done = self.run_script(self.program("before"), self.program("after", rows=1), "--rounds", "1")
        self.assertEqual(len(done.stdout.splitlines()), 3, done.stdout)

    def test_failures_have_their_exit_codes(self):
        good = self.program("good")
        self.assertEqual(self.run_script(good, self.program("bad", code=3)).returncode, 1)
        self.assertEqual(self.run_script(good, os.path.join(self.folder, "absent")).returncode, 1)
        self.assertEqual(self.run_script(good, good, "--rounds", "0").returncode, 2)


if __name__ == "__main__":
    unittest.main()
