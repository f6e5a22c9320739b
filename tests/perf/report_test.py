"""perf/report: a small result as Markdown, pictures of it, and the rule by which two results differ.

    report_test.py PERF_FOLDER
"""

import copy
import json
import math
import os
import random
import subprocess
import sys
import tempfile
import unittest

FOLDER = sys.argv.pop(1)
HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
sys.path.insert(0, FOLDER)

import jsonschema  # noqa: E402

from recur_perf import beside, compare, noise, programs, results, tables  # noqa: E402


def golden(name):
    return os.path.join(HERE, "golden", name)


def load(name="result.json"):
    return results.load(golden(name))


def report(*arguments):
    return subprocess.run([sys.executable, os.path.join(FOLDER, "report"), *arguments], capture_output=True, text=True,
                          check=False)


class Schema(unittest.TestCase):
    def setUp(self):
        with open(os.path.join(FOLDER, "result.schema.json"), encoding="utf-8") as file:
            self.schema = json.load(file)

    def test_golden_results_are_results(self):
        for name in ("result.json", "peers.json"):
            jsonschema.validate(load(name), self.schema)

    def test_mistakes_are_found(self):
        def without(field):
            return lambda result: result["rows"][0].pop(field)

        mistakes = [
            without("seconds"),
            without("floor_bound"),
            without("best_reference"),
            without("prediction_factor"),
            lambda result: result["rows"][0].update(seconds=0),
            lambda result: result["rows"][0].update(dtype="i8"),
            lambda result: result["rows"][0].update(T=1.5),
            lambda result: result["facts"].pop("commit"),
            lambda result: result.pop("left_out"),
            lambda result: result.update(more=1),
            lambda result: result["refused"][0].update(reason=""),
            lambda result: result["rates"][0].update(levels=[]),
        ]
        for mistake in mistakes:
            result = load()
            mistake(result)
            with self.assertRaises(jsonschema.ValidationError):
                jsonschema.validate(result, self.schema)

    def test_mistakes_in_calls_are_found(self):
        for mistake in (lambda call: call.pop("dtype"), lambda call: call.update(seconds=0), lambda call: call.update(dtype="i8"),
                        lambda call: call.update(threads=1)):
            result = load("peers.json")
            mistake(result["calls"][0])
            with self.assertRaises(jsonschema.ValidationError):
                jsonschema.validate(result, self.schema)


class Table(unittest.TestCase):
    maxDiff = None

    def test_golden(self):
        with open(golden("table.md"), encoding="utf-8") as file:
            self.assertEqual(tables.report(load(), [load("peers.json")]), file.read())

    def test_command(self):
        done = report("table", golden("result.json"))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout, tables.report(load()))

    def test_what_is_no_result(self):
        for path in ("/none", os.path.join(FOLDER, "result.schema.json")):
            done = report("table", path)
            self.assertEqual(done.returncode, 2)
            self.assertIn(path, done.stderr)


def times(result, factor, engine):
    """The result with all of an engine's times multiplied."""
    changed = copy.deepcopy(result)
    for row in changed["rows"]:
        if row["engine"] == engine:
            for field in ("seconds", "seconds_low", "seconds_high"):
                row[field] *= factor
    return changed


def row(engine, microseconds, **fields):
    """A row of a named shape, of a reference unless the engine is ours."""
    base = {**load()["rows"][0], "engine": engine, "reference": engine not in ("cpu", "stepwise"), "seconds": 1e-6 * microseconds}
    return {**base, **fields}


def result_of(*rows, **more):
    return {**load(), "rows": list(rows), **more}


class Beside(unittest.TestCase):
    def lines(self, text):
        return [line for line in text.splitlines() if line.startswith("|")]

    def test_bf16_stands_in_the_line_of_f32(self):
        ours = result_of(row("cpu", 100), row("cpu", 40, dtype="bf16"), row("onednn", 120), row("onednn", 70, dtype="bf16"))
        peer = result_of(row("openvino", 110), row("openvino", 50, dtype="bf16"), row("pytorch", 300))
        header, _, *lines = self.lines(tables.compared(ours, [peer]))
        self.assertEqual(header, "| shape | layer | pass | `cpu` | `cpu` bf16 | oneDNN | OpenVINO | PyTorch | others' bf16 | ratio | "
                                 "of floor |")
        self.assertEqual(lines, ["| stream-b1 | lstm T=100 B=1 I=128 H=128 | inference | 100.0 | 40.0 | 120 | 110 | 300 | "
                                 "50.0 (OpenVINO) | 1.10 | 50 % |"])

    def test_bf16_does_not_decide_the_ratio(self):
        ours = result_of(row("cpu", 100), row("cpu", 40, dtype="bf16"), row("onednn", 90), row("onednn", 10, dtype="bf16"))
        text = tables.compared(ours)
        self.assertIn("| 100.0 | 40.0 | 90.0 | **10.0 (oneDNN)** | **0.90** |", text)
        self.assertIn("over 1 named case in f32: **0.90**", text)

    def test_bf16_alone_has_its_own_line(self):
        text = tables.compared(result_of(row("cpu", 40, dtype="bf16"), row("onednn", 50, dtype="bf16"), row("cpu", 9, dtype="f64")))
        self.assertIn("| inference | bf16 | 40.0 | 50.0 | 1.25 |", text)
        self.assertNotIn("others' bf16", text)

    def test_int8_is_compared_with_nothing(self):
        peer = result_of(row("onnxruntime", 150), row("onnxruntime", 20, dtype="int8", threads=1),
                         row("openvino", 25, dtype="int8", threads=1))
        (case,) = beside.cases(result_of(row("cpu", 100)), [peer])
        self.assertEqual((case.others, case.ratio), ({"onnxruntime": 1.5e-4}, 1.5))
        text = tables.compared(result_of(row("cpu", 100)), [peer])
        before, after = text.split("In int8")
        self.assertNotIn("20.0", before)
        self.assertEqual(self.lines(after)[0], "| shape | layer | pass | ONNX Runtime | OpenVINO |")
        self.assertEqual(self.lines(after)[2], "| stream-b1 | lstm T=100 B=1 I=128 H=128 | inference | 20.0 | 25.0 |")
        # Their numbers of threads are not chosen with ours; the rest is.
        self.assertIn("25.0", tables.compared(result_of(row("cpu", 100)), [peer], {"threads": ["2"]}))
        self.assertNotIn("int8", tables.compared(result_of(row("cpu", 100)), [peer], {"pass": ["step"]}))

    def test_mean_is_of_all_named_cases_in_f32(self):
        ours = result_of(row("cpu", 100), row("onednn", 50), row("cpu", 100, **{"pass": "step"}), row("onednn", 800, **{"pass": "step"}),
                         row("cpu", 100, **{"pass": "backward"}),  # nobody to be compared with
                         row("cpu", 100, dtype="f64"), row("onednn", 1, dtype="f64"),  # another type
                         row("cpu", 100, shape="lstm T=3", T=3), row("onednn", 1, shape="lstm T=3", T=3),  # no named shape
                         row("cpu", 100, threads=1), row("onednn", 300, threads=1))
        found = beside.mean_ratio(beside.cases(ours), {"stream-b1"})
        self.assertEqual({threads: (round(mean, 9), *counts) for threads, (mean, *counts) in found.items()},
                         {2: (2, 2, 1), 1: (3, 1, 0)})
        # The mean is not of the lines that are shown, but for their threads.
        text = tables.compared(ours, choice={"pass": ["step"], "threads": ["2"]})
        self.assertEqual(len(self.lines(text)), 3)
        self.assertIn("Geometric mean of the ratio on 2 threads, over 2 named cases in f32: 2.00; 1 more", text)
        self.assertNotIn("on 1 thread", text)

    def test_losing_lines_come_first(self):
        ours = result_of(row("cpu", 100), row("onednn", 110), row("cpu", 100, **{"pass": "backward"}),
                         row("cpu", 100, **{"pass": "step"}), row("onednn", 90, **{"pass": "step"}))
        ratios = [line.split(" | ")[-2] for line in self.lines(tables.compared(ours))[2:]]
        self.assertEqual(ratios, ["**0.90**", "1.10", "-"])

    def test_columns_of_what_differs(self):
        ours = result_of(row("cpu", 100), row("stepwise", 50, threads=1))
        header, _, one, two = self.lines(tables.compared(ours))
        self.assertEqual(header, "| shape | layer | pass | threads | engine | ours | ratio | of floor |")
        self.assertIn("| inference | 1 | stepwise | 50.0 |", one + two)

    def test_calls(self):
        self.assertIn("The Python call alone (an lstm of H=8, one step, B=1, one thread) costs OpenVINO 13.1 us in bf16, 12.5 us in int8; "
                      "PyTorch 60.0 us in f32.", tables.compared(load(), [load("peers.json")]))
        self.assertNotIn("Python call", tables.compared(load()))

    def test_command(self):
        done = report("beside", golden("result.json"), golden("peers.json"), "--pass", "inference,step", "--threads", "2")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout, tables.compared(load(), [load("peers.json")]))
        self.assertEqual(len(self.lines(report("beside", golden("result.json"), "--shape", "none").stdout)), 2)


class Compare(unittest.TestCase):
    def test_equal_runs_do_not_differ(self):
        self.assertEqual(compare.changes(load(), load(), 0), [])

    # The golden rows of `cpu` have intervals of 1 % on either side: with 2 % more the medians may move by about 6 %.
    def test_inside_and_outside_the_noise(self):
        before = load()
        self.assertEqual(compare.changes(before, times(before, 1.05, "cpu"), 0.02), [])
        self.assertEqual(compare.changes(before, times(before, 0.95, "cpu"), 0.02), [])
        found = compare.changes(before, times(before, 1.08, "cpu"), 0.02)
        self.assertEqual([round(change[0], 9) for change in found], [1.08] * 3)
        self.assertEqual(len(compare.changes(before, times(before, 0.92, "cpu"), 0.02)), 3)
        self.assertEqual(len(compare.changes(before, times(before, 1.05, "cpu"), 0)), 3)

    def test_noisy_rows_need_larger_changes(self):
        before = load()
        for row in before["rows"]:
            row["seconds_high"] = 1.5 * row["seconds"]
        self.assertEqual(compare.changes(before, times(before, 1.4, "cpu"), 0), [])

    def test_rows_of_one_run_only_are_no_changes(self):
        before, after = load(), times(load(), 2, "cpu")
        after["rows"] = after["rows"][1:]
        self.assertEqual(len(compare.changes(before, after, 0.02)), 2)

    def test_drift_is_that_of_references(self):
        self.assertEqual(compare.drift(load(), times(load(), 3, "cpu")), 1)
        self.assertAlmostEqual(compare.drift(load(), times(load(), 1.1, "onednn")), 1.1)
        self.assertIsNone(compare.drift({"rows": []}, {"rows": []}))

    def test_command(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "after.json")
            after = times(load(), 1.5, "cpu")
            after["facts"]["cpu"] = "another"
            with open(path, "w", encoding="utf-8") as file:
                json.dump(after, file)
            done = report("compare", golden("result.json"), path)
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertIn("4 rows of both runs: 3 slower, 0 faster, 1 within the noise", done.stdout)
            self.assertIn("Not the same machine:** cpu was", done.stdout)
            self.assertIn("| 1.50 |", done.stdout)
            self.assertEqual(report("compare", path, golden("result.json")).returncode, 0, "faster is no failure")


class Draw(unittest.TestCase):
    def test_pictures(self):
        with tempfile.TemporaryDirectory() as folder:
            result = load()
            base = result["rows"][0]
            for H in (64, 256, 512):  # a sweep of three sizes
                result["rows"].append({**base, "H": H, "I": H, "seconds_per_step": H * 1e-8})
            path = os.path.join(folder, "result.json")
            with open(path, "w", encoding="utf-8") as file:
                json.dump(result, file)
            done = report("draw", path, os.path.join(folder, "pictures"))
            self.assertEqual(done.returncode, 0, done.stderr)
            paths = done.stdout.split()
            names = [os.path.basename(one) for one in paths]
            self.assertEqual(sorted(names)[:2], ["beside.svg", "fraction_of_floor.svg"])
            self.assertTrue(any(name.startswith("step_against_H_lstm_f32_inference") for name in names), names)
            self.assertFalse(any("_against_B" in name or "_against_T" in name for name in names), "one batch, one length only")
            for one in paths:
                with open(one, encoding="utf-8") as file:
                    self.assertIn("<svg", file.read(2000))

    def test_a_sweep_is_curves_by_size(self):
        from recur_perf import plots

        for along, name in (("T", "call_against_T"), ("B", "step_against_B"), ("H", "step_against_H")):
            rows = []
            for size in (16, 64, 256):
                for engine, seconds in (("cpu", 100), ("onednn", 150)):
                    one = row(engine, seconds * size, stands_for="sizes of the command line", floor_fraction=0.5, **{along: size}, **({"I": size} if along == "H" else {}))
                    rows.append({**one, "seconds_per_step": one["seconds"] / one["T"]} | ({"ratio": 1.5} if engine == "cpu" else {}))
            with tempfile.TemporaryDirectory() as folder:
                paths = plots.draw(result_of(*rows), folder)
                self.assertEqual([os.path.basename(path)[:len(name)] for path in paths], [name], "curves, and neither bars nor lists")
                with open(paths[0], encoding="utf-8") as file:
                    picture = file.read()
                for size in (16, 64, 256):
                    self.assertIn(f">{size}</text>", picture)
                for engine in ("cpu", "onednn"):
                    self.assertIn(programs.program(engine).colour, picture)
                pair = plots.draw(result_of(*(one for one in rows if one[along] != 64)), folder)
                self.assertFalse([path for path in pair if "_against_" in path], "two points are no curve")
                self.assertTrue([path for path in pair if path.endswith("beside.svg")])

    def beside_of(self, *peers, **fields):
        """The picture `beside` of one case, as text."""
        from recur_perf import plots

        with tempfile.TemporaryDirectory() as folder:
            ours = result_of(row("cpu", 100, **fields))
            (path,) = plots.draw_beside(ours, folder, [result_of(*peers)])
            with open(path, encoding="utf-8") as file:
                return file.read()

    def test_a_single_case_has_numbers(self):
        for theirs in (98, 101, 150, 3000):
            picture = self.beside_of(row("pytorch", theirs), floor_fraction=0.9)
            for number in ("0.5", "1", "2"):
                self.assertIn(f">{number}</text>", picture, theirs)

    def test_a_program_keeps_its_colour(self):
        names = ("onednn", "onnxruntime", "openvino", "pytorch")
        colours = [programs.program(name).colour for name in names]
        self.assertEqual(len(set(colours)), len(names))
        for name, colour in zip(names, colours, strict=True):
            for others in ((), names):
                picture = self.beside_of(*(row(other, 150) for other in {name, *others}))
                self.assertIn(colour, picture)
                self.assertIn(f">{programs.program(name).title}</text>", picture)
            alone = self.beside_of(row(name, 150))
            self.assertFalse([other for other in colours if other != colour and other in alone])
        together = self.beside_of(*(row(name, 150) for name in names))
        self.assertEqual(len({together.count(colour) for colour in colours}), 1, "one point and one entry of the legend each")
        self.assertEqual(programs.program("cudnn persist-static"), programs.program("cudnn"))
        self.assertEqual(programs.program("another").title, "another")


class Noise(unittest.TestCase):
    """The rules that perf/peers shares with perf/statistics.cpp, on the numbers of statistics_test.cpp."""

    def test_quantiles(self):
        self.assertEqual(noise.quantile([1, 2, 4, 8, 16], 0.625), 6)
        self.assertEqual(noise.quantile([7], 0.99), 7)

    def test_interval(self):
        low, high = noise.median_interval(list(range(1, 26)))
        self.assertTrue(7 <= low <= 8 and 18 <= high <= 19, (low, high))
        self.assertEqual(noise.median_interval([1, 5, 9]), (1, 9))

    def test_interval_holds_the_median(self):
        numbers = random.Random(1)
        inside = 0
        for _ in range(2000):
            low, high = noise.median_interval(sorted(math.exp(numbers.gauss(0, 1)) for _ in range(41)))
            inside += low <= 1 <= high
        self.assertTrue(1880 <= inside <= 1980, inside)

    def test_rule(self):
        rule = noise.StoppingRule(fewest=9, tolerance=0.02, least_seconds=0.1, most_seconds=1)
        noisy = [1 + 0.1 * (i % 10) for i in range(100)]
        self.assertEqual(rule.judge([1] * 3, 0.5), "go on")
        self.assertEqual(rule.judge([1] * 9, 0.05), "go on")
        self.assertEqual(rule.judge([1] * 9, 0.1), "settled")
        self.assertEqual(rule.judge(noisy, 0.5), "go on")
        self.assertEqual(rule.judge(noisy, 1), "given up")
        self.assertEqual(rule.judge([1, 2, 3], 3.9), "go on")
        self.assertEqual(rule.judge([1, 2, 3], 4), "given up")


if __name__ == "__main__":
    unittest.main()
