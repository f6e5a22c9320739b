"""perf/peers with a peer that only pretends: shapes, cases, and results of the form that recur-perf's have.

    peers_test.py PERF_FOLDER
"""

import contextlib
import importlib.machinery
import importlib.util
import io
import json
import os
import re
import sys
import tempfile
import time
import types
import unittest

FOLDER = sys.argv.pop(1)
sys.dont_write_bytecode = True
sys.path.insert(0, FOLDER)

import jsonschema  # noqa: E402

from recur_perf import noise, peer, results, shapes  # noqa: E402


def load_script():
    loader = importlib.machinery.SourceFileLoader("peers", os.path.join(FOLDER, "peers"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("peers", loader))
    loader.exec_module(module)
    return module


PEERS = load_script()
NAMED = os.path.join(FOLDER, "shapes", "named.json")


def arguments_of(*arguments):
    sys.argv = ["peers", *arguments]
    return PEERS.options()


class Shapes(unittest.TestCase):
    def test_sizes(self):
        self.assertEqual(shapes.parse_sizes("1,16,64"), [1, 16, 64])
        self.assertEqual(shapes.parse_sizes("128..1024,7"), [128, 256, 512, 1024, 7])
        for text in ("", "0", "9..3", "x", "1,"):
            with self.assertRaises(ValueError):
                shapes.parse_sizes(text)

    def test_named(self):
        named = {shape.name: shape for shape in shapes.load_named(NAMED)}
        ragged = named["translate-train-ragged"]
        lengths = ragged.lengths()
        self.assertEqual(len(lengths), ragged.B)
        self.assertTrue(all(1 <= length <= ragged.T for length in lengths))
        self.assertAlmostEqual(sum(lengths) / len(lengths), 29.5, delta=1)
        self.assertIsNone(named["stream-b1"].lengths())
        self.assertEqual((named["ocr-bidirectional"].directions, named["ocr-bidirectional"].gates), (2, 4))
        self.assertEqual(max(named.values(), key=lambda shape: shape.worth).name, next(iter(named)))

    def test_gpu_starts_with_the_sweep(self):
        chosen = PEERS.shapes_of(arguments_of("--device", "cuda"))
        self.assertEqual(len(chosen), 2 * 5 * 5 + len(shapes.load_named(NAMED)))
        first = chosen[0]
        self.assertEqual((first.cell, first.T, first.H, first.I, first.B), ("lstm", 512, 128, 128, 1))
        self.assertEqual(first.dtypes, ("f16", "bf16", "f32", "tf32"))
        self.assertEqual({shape.H for shape in chosen[:50]}, {128, 256, 512, 1024, 2048})
        self.assertEqual({shape.B for shape in chosen[:50]}, {1, 4, 16, 64, 256})

    def test_axes_and_names(self):
        (one,) = PEERS.shapes_of(arguments_of("--cell", "gru", "-T", "3", "-B", "2", "-H", "8", "--dtype", "f32", "--pass", "step"))
        self.assertEqual((one.name, one.dtypes, one.passes), ("gru T=3 B=2 I=8 H=8", ("f32",), ("step",)))
        for wrong in (["--shape", "none"], ["--cell", "lsmt"], ["--dtype", "i8"], ["--pass", "up"], ["-B", "0"],
                      ["--direction", "up"]):
            with self.assertRaises(ValueError):
                PEERS.shapes_of(arguments_of(*wrong))

    def test_axes_are_those_of_recur_perf(self):
        names = [shape.name for shape in PEERS.shapes_of(arguments_of("-I", "3,5", "-L", "1,2", "-H", "8", "--T", "4"))]
        self.assertEqual(names, ["lstm T=4 B=1 I=3 H=8", "lstm T=4 B=1 I=5 H=8", "lstm T=4 B=1 I=3 H=8 L=2", "lstm T=4 B=1 I=5 H=8 L=2"])
        (one,) = PEERS.shapes_of(arguments_of("-L", "2", "--direction", "bidirectional", "--pass", "inference,step"))
        self.assertEqual((one.name, one.passes), ("lstm T=100 B=1 I=256 H=256 L=2 bidirectional", ("inference",)))
        self.assertEqual(one.dtypes, ("f32",))
        # On top of a named shape: what is not typed stays its own.
        one, two = PEERS.shapes_of(arguments_of("--shape", "tagging-ragged", "-B", "2,4"))
        self.assertEqual((one.cell, one.T, one.B, one.I, two.B), ("gru-reset-before", 102, 2, 128, 4))
        self.assertEqual(one.name, "gru-reset-before T=102 B=2 I=128 H=128 bidirectional lengths")
        self.assertEqual(len(one.lengths()), 2)
        # A width follows H, unless it is typed.
        self.assertEqual([shape.I for shape in PEERS.shapes_of(arguments_of("--shape", "stream-b1", "-H", "64"))], [64])
        self.assertEqual([shape.I for shape in PEERS.shapes_of(arguments_of("--shape", "stream-b1", "-T", "9"))], [240])

    def test_named_shapes_end_with_int8_on_the_cpu(self):
        named = {shape.name: shape for shape in PEERS.shapes_of(arguments_of())}
        self.assertEqual(named["stream-b1"].dtypes, ("f32", "f16", "bf16", "int8"))
        self.assertEqual(named["double-b8"].dtypes, ("f64",))
        self.assertEqual(PEERS.shapes_of(arguments_of("--shape", "stream-b1", "--dtype", "f32"))[0].dtypes, ("f32",))
        self.assertNotIn("int8", PEERS.shapes_of(arguments_of("--device", "cuda", "--shape", "stream-b1"))[0].dtypes)

    def test_options_have_recur_perfs_names(self):
        with open(os.path.join(FOLDER, "options.cpp"), encoding="utf-8") as file:
            theirs = set(re.findall(r'app\.add_(?:option|flag)\("(?:-\w,)?(--[\w-]+)"', file.read()))
        with open(os.path.join(FOLDER, "peers"), encoding="utf-8") as file:
            ours = set(re.findall(r'add_argument\((?:"-\w", )?"(--[\w-]+)"', file.read()))
        # Peers' inputs are warm, and the floors are of the machine that recur-perf measures.
        self.assertEqual(theirs - ours, {"--inputs", "--walk", "--no-floors", "--list-engines"})
        self.assertEqual(ours - theirs, {"--named"})
        self.assertEqual(arguments_of("--tolerance", "5", "--quiet").tolerance, 5)

    def test_every_shape_comes_before_the_next_type(self):
        a = shapes.Shape("a", "", "lstm", 1, 1, 1, 1, dtypes=("f16", "f32"), passes=("inference", "step"))
        b = shapes.Shape("b", "", "lstm", 1, 1, 1, 1)
        self.assertEqual([(shape.name, dtype) for shape, dtype, _ in PEERS.cases_of([a, b])],
                         [("a", "f16"), ("a", "f16"), ("b", "f32"), ("a", "f32"), ("a", "f32")])


def pretend(seconds):
    """A module of a peer that does lstm only."""

    def runs(shape, dtype, timed, device):
        if shape.cell != "lstm":
            raise peer.Refused("not an lstm")
        return [peer.Run("events", lambda: None, lambda: seconds), peer.Run("graph", lambda: None, lambda: 2 * seconds)]

    return types.SimpleNamespace(runs=runs, facts=lambda device: {"pretended": "1"}, is_usable=lambda device: "",
                                 set_threads=lambda threads, processors: None)


class Results(unittest.TestCase):
    def run_with(self, module, *arguments):
        PEERS.load_peers = lambda wanted, device: ({"pretender": module}, {})
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "result.json")
            code = PEERS.run(arguments_of(*arguments, "--seconds", "0.001", "--json", path))
            result = results.load(path)
            self.assertEqual(os.listdir(folder), ["result.json"], "nothing is left beside it")
        with open(os.path.join(FOLDER, "result.schema.json"), encoding="utf-8") as file:
            jsonschema.validate(result, json.load(file))
        return code, result

    def test_rows_and_refusals(self):
        code, result = self.run_with(pretend(1e-5), "--cell", "lstm,gru", "--T", "10", "--B", "1,2", "--H", "8", "--pass",
                                     "inference,step", "--threads", "1")
        self.assertEqual(code, 0)
        self.assertEqual(len(result["rows"]), 2 * 2 * 2, "batches, passes, timings")
        self.assertEqual(len(result["refused"]), 2 * 2)
        row = result["rows"][0]
        self.assertEqual((row["seconds"], row["seconds_per_step"], row["timing"]), (1e-5, 1e-5 / 10, "events"))
        self.assertTrue(row["settled"])
        steps = [row for row in result["rows"] if row["pass"] == "step" and row["timing"] == "events"]
        self.assertEqual([row["seconds_per_step"] for row in steps], [1e-5, 1e-5], "a step is one")
        self.assertEqual(result["facts"]["pretended"], "1")
        (call,) = result["calls"]
        self.assertEqual((call["engine"], call["dtype"], call["seconds"]), ("pretender", "f32", 1e-5))

    def test_calls_are_of_each_type(self):
        asked = []

        def runs(shape, dtype, timed, device):
            asked.append((shape.H, shape.T, shape.B, timed, dtype))
            if dtype == "bf16":
                raise peer.Refused("no bf16")
            return pretend(1e-5).runs(shape, dtype, timed, device)

        module = pretend(1e-5)
        module.runs = runs
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            _, result = self.run_with(module, "--cell", "lstm", "-T", "2", "-H", "16", "--dtype", "f32,bf16,int8", "--pass", "inference")
        self.assertEqual(asked[:3], [(8, 1, 1, "step", "bf16"), (8, 1, 1, "step", "f32"), (8, 1, 1, "step", "int8")])
        self.assertEqual([call["dtype"] for call in result["calls"]], ["f32", "int8"])
        self.assertEqual([line for line in said.getvalue().splitlines() if line.startswith("the call alone")],
                         ["the call alone, f32: pretender 10.0 us", "the call alone, int8: pretender 10.0 us"])
        self.assertEqual({row["dtype"] for row in result["rows"]}, {"f32", "int8"})

    def test_threads(self):
        code, result = self.run_with(pretend(1e-5), "--cell", "lstm", "--T", "10", "--B", "1", "--H", "8", "--pass", "inference",
                                     "--threads", "1,2")
        self.assertEqual(code, 0)
        self.assertEqual([row["threads"] for row in result["rows"]], [1, 1, 2, 2], "two timings each")

    def test_out_of_time(self):
        code, result = self.run_with(pretend(1e-3), "--cell", "lstm", "--T", "10", "--B", "1", "--H", "8", "--minutes", "0")
        self.assertEqual(code, 1)
        self.assertEqual(len(result["left_out"]), 3)

    def test_deadline_ends_a_noisy_case(self):
        values = iter(range(1, 10**6))
        rows = peer.measure([peer.Run("wall", lambda: None, lambda: 1e-2 * next(values))], noise.StoppingRule(),
                            time.monotonic() - 1)
        self.assertEqual(rows[0]["samples"], 3)
        self.assertFalse(rows[0]["settled"])


if __name__ == "__main__":
    unittest.main()
