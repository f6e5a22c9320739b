"""perf/publish and README's table of speeds, in a small tree with programs that only pretend to measure.

    publish_test.py PERF_FOLDER
"""

import json
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import unittest

FOLDER = sys.argv.pop(1)
HERE = os.path.dirname(os.path.abspath(__file__))
CHECK = os.path.join(HERE, "..", "readme", "check_speed")
sys.dont_write_bytecode = True
sys.path.insert(0, FOLDER)

from recur_perf import results, rounds, source, speed_table  # noqa: E402

DEVICE = "perf/results/some-cpu-avx512-{}-cores"
README = """# Small

<!-- speed: perf/results/old dtype=f32 threads=1 -->
<!-- end of speed -->

![picture](perf/results/old/beside.svg)
"""
# Writes the golden result that is named, as if it were of the commit and source of the tree, and its options to a log.
PROGRAM = """#!{python}
import json, os, sys
sys.dont_write_bytecode = True
root = {root!r}
sys.path.insert(0, os.path.join(root, "perf"))
from recur_perf import source
with open(os.path.join(root, "log"), "a") as log:
    print({name!r}, *sys.argv[1:], file=log)
with open({golden!r}) as file:
    result = json.load(file)
result["facts"] |= dict(cpu="Some CPU", cpu_simd="AVX3_BF16", cpu_processors="2 of 2", source=source.source_hash(root),
                        commit=source.commit_of(root))
for row in result["rows"]:
    row["threads"] = len(os.sched_getaffinity(0))
with open(sys.argv[sys.argv.index("--json") + 1], "w") as file:
    json.dump(result, file)
"""
STUB = """#!/bin/sh
echo guard "$@" >>{log}
"""


class Tree(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = folder.name
        self.threads = len(os.sched_getaffinity(0))
        for name in ("report", "publish"):
            self.write(f"perf/{name}", self.read_own(name), run=True)
        shutil.copytree(os.path.join(FOLDER, "recur_perf"), self.path("perf/recur_perf"), ignore=shutil.ignore_patterns("__pycache__"))
        for path in ("host/cpu/engine.cpp", "host/cpu/simd/tile.hpp", "kernels/cells/lstm.cuh", "perf/floors/cpu.cpp",
                     *(f"perf/{part}.{kind}" for part in source.PARTS for kind in ("cpp", "hpp"))):
            self.write(path, f"// {path}\nint x = 1;\n")
        for name in ("shapes/named.json", "result.schema.json"):
            self.write(f"perf/{name}", self.read_own(name))
        self.write("README.md", README)
        for name in ("recur-perf", "perf/peers"):
            golden = os.path.join(HERE, "golden", "peers.json" if "peers" in name else "result.json")
            self.write(name, PROGRAM.format(python=sys.executable, root=self.root, name=name, golden=golden), run=True)
        self.write("perf/guard", STUB.format(log=self.path("log")), run=True)
        self.write(".gitignore", "log\nbuild/\n")
        self.write("build/peers/bin/python3", "", run=True)
        self.git("init", "--quiet")
        self.commit()

    def path(self, name):
        return os.path.join(self.root, name)

    def read_own(self, name):
        with open(os.path.join(FOLDER, name), encoding="utf-8") as file:
            return file.read()

    def read(self, name):
        with open(self.path(name), encoding="utf-8") as file:
            return file.read()

    def write(self, name, text, run=False):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        if run:
            os.chmod(self.path(name), stat.S_IRWXU)

    def git(self, *arguments):
        identity = ["-c", "user.name=test", "-c", "user.email=test@example.org"]
        subprocess.run(["git", "-C", self.root, *identity, *arguments], check=True, capture_output=True)

    def commit(self):
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "test")

    def publish(self, *options):
        return subprocess.run([self.path("perf/publish"), "--program", self.path("recur-perf"), *options], capture_output=True, text=True,
                              check=False)

    def problems(self):
        done = subprocess.run([sys.executable, CHECK, self.root], capture_output=True, text=True, check=False)
        found = speed_table.problems(self.root)
        self.assertEqual(done.returncode, 1 if found else 0)
        for problem in found:
            self.assertIn(problem, done.stderr)
        return "\n".join(found)


class Publish(Tree):
    def test_measures_writes_and_fits_together(self):
        self.write(DEVICE.format(self.threads) + "/pytorch.json", "{}")
        self.write(DEVICE.format(self.threads) + "/old.svg", "")
        self.commit()
        done = self.publish("--shape", "speech-b16,double-b8")
        self.assertEqual(done.returncode, 0, done.stderr)
        folder = DEVICE.format(self.threads)
        self.assertEqual(sorted(name for name in os.listdir(self.path(folder)) if not name.endswith(".svg")),
                         ["peers.json", "report.md", "result.json"], "what others measured before is gone")
        self.assertFalse(os.path.exists(self.path(folder + "/old.svg")))
        self.assertIn("beside.svg", os.listdir(self.path(folder)))
        readme = self.read("README.md")
        self.assertIn(f"<!-- speed: {folder} dtype=f32 threads={self.threads} -->\n| shape |", readme)
        self.assertIn(f"![picture]({folder}/beside.svg)", readme)
        *measured, guard = self.read("log").splitlines()
        self.assertEqual([line.split()[0] for line in measured], ["recur-perf", "perf/peers"] * 2, "in turns, in two rounds")
        for line in measured:
            self.assertIn(f"--dtype f32,bf16 --threads {'1,' if self.threads > 1 else ''}{self.threads} --seconds 0.1 ", line)
            self.assertIn(" --shape speech-b16 ", line, "and not the one that has neither type")
        self.assertTrue(guard.startswith("guard --update --program "), guard)
        self.assertEqual(self.problems(), "")
        self.commit()
        self.assertEqual(self.problems(), "", "what is committed afterwards changes no source")

    def test_after_its_minutes_nothing_is_measured_again(self):
        self.assertEqual(self.publish("--shape", "speech-b16", "--rounds", "5", "--minutes", "1e-9").returncode, 0)
        self.assertEqual(len(self.read("log").splitlines()), 3, "one round, and the guard")

    def test_more_rounds_of_the_same_commit(self):
        once = ["--shape", "speech-b16", "--rounds", "1"]
        self.assertEqual(self.publish(*once).returncode, 0)
        self.assertEqual(self.publish(*once).returncode, 2, "the tree has changes")
        done = self.publish(*once, "--more")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.problems(), "")
        self.commit()
        self.assertEqual(self.publish(*once, "--more").returncode, 0, "what was committed since changes no source")
        self.write("host/cpu/engine.cpp", "int x = 2;\n")
        self.commit()
        done = self.publish(*once, "--more")
        self.assertEqual(done.returncode, 2)
        self.assertIn("of the source that is checked out", done.stderr)

    def test_an_unknown_shape(self):
        done = self.publish("--shape", "speech-b61")
        self.assertEqual(done.returncode, 1)
        self.assertIn("got 'speech-b61'", done.stderr)
        self.assertFalse(os.path.exists(self.path("log")), "nothing ran")

    def test_a_tree_with_changes_is_refused(self):
        self.write("host/cpu/engine.cpp", "int x = 2;\n")
        done = self.publish()
        self.assertEqual(done.returncode, 2)
        self.assertIn("the tree has changes", done.stderr)
        self.assertFalse(os.path.exists(self.path("log")), "nothing ran")

    def test_peers_are_left_out_only_when_someone_says_so(self):
        os.remove(self.path("build/peers/bin/python3"))
        self.assertEqual(self.publish().returncode, 2)
        self.assertEqual(self.publish("--without-peers", "--shape", "speech-b16").returncode, 0)
        self.assertNotIn("peers", self.read("log"))

    def test_a_program_that_fails_is_no_result(self):
        self.write("perf/peers", "#!/bin/sh\nexit 3\n", run=True)
        self.commit()
        self.assertEqual(self.publish().returncode, 1)
        self.assertEqual(self.read("README.md"), README)


class Rounds(unittest.TestCase):
    """Runs of two cases, a and b, by two engines each."""

    def setUp(self):
        with open(os.path.join(HERE, "golden", "result.json"), encoding="utf-8") as file:
            self.golden = json.load(file)

    def run_of(self, **seconds):
        """seconds: a=(ours, theirs)."""
        rows = [dict(self.golden["rows"][0], T=ord(case), engine=engine, seconds=taken, inputs="warm", prediction_factor=taken)
                for case, times in seconds.items() for engine, taken in zip(("cpu", "onednn"), times)]
        return dict(self.golden, rows=rows, refused=[], left_out=[], calls=[])

    def seconds(self, *results):
        found = {}
        for row in rounds.merged(results, "command")["rows"]:
            found.setdefault(chr(row["T"]), []).append(row["seconds"])
        return found

    def test_a_case_is_of_one_run_whoever_gains_by_it(self):
        self.assertEqual(self.seconds(self.run_of(a=(1, 9), b=(5, 5)), self.run_of(a=(2, 2), b=(6, 6))), {"a": [2, 2], "b": [5, 5]})

    def test_what_only_one_run_has(self):
        self.assertEqual(self.seconds(self.run_of(a=(1, 1)), self.run_of(b=(2, 3))), {"a": [1, 1], "b": [2, 3]})

    def test_the_rest_of_a_result(self):
        first, second = self.run_of(a=(1, 4)), self.run_of(b=(8, 1))
        case = {key: value for key, value in second["rows"][0].items() if key in results.CASE}
        first["left_out"] = [case]
        first["refused"] = second["refused"] = [case | {"engine": "pytorch", "reason": "none"}]
        first["calls"] = [{"engine": "pytorch", "dtype": "f32", "seconds": 3}]
        second["calls"] = [{"engine": "pytorch", "dtype": "f32", "seconds": 2}]
        whole = rounds.merged([first, second], "command")
        self.assertEqual(whole["facts"]["command"], "command")
        self.assertEqual(whole["left_out"], [], "the second run has it")
        self.assertEqual(len(whole["refused"]), 1)
        self.assertEqual([call["seconds"] for call in whole["calls"]], [2])
        self.assertEqual(whole["worst_prediction_factor"], 8)


class SpeedTable(Tree):
    def setUp(self):
        super().setUp()
        self.assertEqual(self.publish("--shape", "speech-b16").returncode, 0)
        self.folder = DEVICE.format(self.threads)

    def change(self, name, old, new):
        text = self.read(name)
        self.assertIn(old, text)
        self.write(name, text.replace(old, new))

    def facts(self, name, **facts):
        path = f"{self.folder}/{name}"
        result = json.loads(self.read(path))
        result["facts"] |= facts
        self.write(path, json.dumps(result))

    def test_another_number(self):
        self.change("README.md", " | inference | ", " | inference | 1")
        self.assertIn("the table is not what perf/report beside prints", self.problems())

    def test_another_result(self):
        self.change(f"{self.folder}/result.json", '"seconds": ', '"seconds": 1')
        self.assertIn("the table is not what perf/report beside prints", self.problems())

    def test_several_commits(self):
        self.facts("peers.json", commit="0123456789ab")
        self.assertIn("results of one table come from several commits", self.problems())

    def test_no_commit(self):
        for commit in ("unknown", "0123456789ab-dirty"):
            self.facts("peers.json", commit=commit)
            self.facts("result.json", commit=commit)
            self.assertIn(f"measured on {commit}, which no commit is", self.problems())

    def test_a_later_change_of_the_source(self):
        for path in ("host/cpu/simd/tile.hpp", "kernels/cells/lstm.cuh", "perf/measure.cpp", "perf/floors/cpu.cpp"):
            text = self.read(path)
            self.write(path, text.replace("1", "2"))
            self.assertIn("has changed", self.problems(), path)
            self.write(path, text.replace("x = 1;", "x  =\n1;  // a comment"))
            self.assertEqual(self.problems(), "", path)
            self.write(path, text)
        self.write("host/cpu/another.cpp", "")
        self.assertIn("has changed", self.problems(), "a new file")

    def test_results_without_a_source(self):
        result = json.loads(self.read(f"{self.folder}/result.json"))
        del result["facts"]["source"]
        self.write(f"{self.folder}/result.json", json.dumps(result))
        self.assertIn("measured with source unknown", self.problems())

    def test_no_table_or_two(self):
        readme = self.read("README.md")
        for text in ("", readme + readme[readme.index("<!--"):]):
            self.write("README.md", text)
            self.assertIn("expected one table", self.problems())


class Commit(Tree):
    def head(self):
        done = subprocess.run(["git", "-C", self.root, "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def of_cmake(self):
        output = self.path("build/commit.cpp")
        subprocess.run(["cmake", f"-DSOURCE={self.root}", f"-DOUTPUT={output}", "-P", os.path.join(FOLDER, "commit.cmake")], check=True,
                       capture_output=True)
        return re.search('kCommit = "(.*)"', self.read("build/commit.cpp"))[1]

    def expect(self, commit, why):
        self.assertEqual(source.commit_of(self.root), commit, why)
        self.assertEqual(self.of_cmake(), commit, why)

    def test_as_committed(self):
        self.expect(self.head(), "nothing has changed")

    def test_what_no_figure_comes_from(self):
        for path in ("README.md", "docs/performance.md", "perf/results/some-cpu/result.json", "tests/perf/a_test.py", "perf/guard.json"):
            self.write(path, "before\n")
        self.commit()
        for path in ("README.md", "docs/performance.md", "perf/results/some-cpu/result.json", "tests/perf/a_test.py", "perf/guard.json"):
            self.write(path, "after\n")
            self.expect(self.head(), path)

    def test_what_figures_come_from(self):
        for path in ("host/cpu/simd/tile.hpp", "kernels/cells/lstm.cuh", "perf/measure.cpp", "perf/recur_perf/peer.py", "perf/peers"):
            text = self.read(path)
            self.write(path, text + "// other\n")
            self.expect(f"{self.head()}-dirty", path)
            self.write(path, text)
        os.remove(self.path("host/cpu/engine.cpp"))
        self.expect(f"{self.head()}-dirty", "a file is gone")

    def test_outside_of_a_repository(self):
        shutil.rmtree(self.path(".git"))
        self.expect("unknown", "carried somewhere")

    def test_documents_written_meanwhile(self):
        program = self.read("perf/peers")
        self.write("perf/peers", program + "with open(os.path.join(root, 'README.md'), 'a') as file:\n    file.write('more\\n')\n", run=True)
        self.commit()
        done = self.publish("--shape", "speech-b16")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.problems(), "")
        self.assertIn("more\n", self.read("README.md"))


class Hash(unittest.TestCase):
    def test_cmake_and_python_agree(self):
        root = os.path.dirname(os.path.abspath(FOLDER))
        with tempfile.TemporaryDirectory() as folder:
            output = os.path.join(folder, "commit.cpp")
            subprocess.run(["cmake", f"-DSOURCE={root}", f"-DOUTPUT={output}", "-P", os.path.join(FOLDER, "commit.cmake")], check=True,
                           capture_output=True)
            with open(output, encoding="utf-8") as file:
                self.assertIn(f'kSource = "{source.source_hash(root)}"', file.read())

    def test_what_counts(self):
        root = os.path.dirname(os.path.abspath(FOLDER))
        paths = source.paths(root)
        for path in ("host/cpu/simd/product.hpp", "host/cpu/cpu_engine.cpp", "kernels/cells/lstm.cuh", "perf/floors/multiply_adds.cpp",
                     "perf/measure.cpp"):
            self.assertIn(path, paths)
        self.assertFalse([path for path in paths if not os.path.exists(os.path.join(root, path))])


if __name__ == "__main__":
    unittest.main()
