"""check_docs on a small tree with one fault each: a test of the test."""

import pathlib
import subprocess
import sys
import tempfile
import unittest

TOOL = pathlib.Path(__file__).resolve().parent / "check_docs"
STOPS = "".join(f"{i}. [`host/run.cpp:{i}`](../host/run.cpp#L{i}) `line {i};`\n   What to see.\n" for i in range(1, 11))
FILES = {
    "host/run.cpp": "".join(f"line {i};\n" for i in range(1, 11)),
    "host/cpu/tile.hpp": "tile\n",
    "include/recur/run.hpp": "",
    "scripts/test": "",
    "tests/oracle/cell.hpp": "",
    "README.md": "# Title\n\n[design](docs/design.md#3-the-house), `host/run.cpp`, `run.cpp:3`, `recur/run.hpp`, `other.h`\n\n    scripts/test --peers\n",
    "docs/design.md": "## 3. The house\n\n    host/    one folder each: cpu/\n    tests/   oracle/ (again),\n             more in oracle/\n\n[up](../README.md)\n",
    "docs/glossary.md": "one word\n",
    "docs/tour.md": f"# A tour\n\n## One\n\n{STOPS}\n## Two\n\n{STOPS}",
}


class CheckDocs(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        for path, text in FILES.items():
            self.write(path, text)

    def write(self, path, text):
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text, encoding="utf-8")

    def replace(self, path, old, new):
        self.assertIn(old, FILES[path])
        self.write(path, FILES[path].replace(old, new, 1))

    def run_tool(self, *arguments):
        return subprocess.run([sys.executable, str(TOOL), str(self.root), *arguments], capture_output=True, text=True, check=False)

    def fails_with(self, text):
        result = self.run_tool()
        self.assertEqual(result.returncode, 1, result)
        self.assertIn(text, result.stderr)
        self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr)

    def test_right(self):
        result = self.run_tool()
        self.assertEqual((result.returncode, result.stderr), (0, ""))

    def test_a_line_that_moved_is_reported_and_updated(self):
        self.write("host/run.cpp", "new\n" + FILES["host/run.cpp"])
        result = self.run_tool()
        self.assertEqual(result.returncode, 1)
        self.assertIn("docs/tour.md:5: `line 1;` of host/run.cpp:1 is on line 2", result.stderr)
        self.assertEqual(self.run_tool("--update").returncode, 0)
        self.assertIn("10. [`host/run.cpp:11`](../host/run.cpp#L11) `line 10;`\n", (self.root / "docs/tour.md").read_text(encoding="utf-8"))
        self.assertEqual(self.run_tool().returncode, 0)

    def test_a_file_that_moved_is_found(self):
        (self.root / "host/run.cpp").rename(self.root / "host/cpu/run.cpp")
        self.write("README.md", "")
        self.assertIn("there is no host/run.cpp; it is at host/cpu/run.cpp:3", self.run_tool().stderr)
        self.assertEqual(self.run_tool("--update").returncode, 0)
        self.assertEqual(self.run_tool().returncode, 0)

    def test_a_text_that_is_gone(self):
        self.replace("host/run.cpp", "line 7;", "gone")
        result = self.run_tool("--update")
        self.assertEqual(result.returncode, 1)
        self.assertIn("host/run.cpp has no line with `line 7;`", result.stderr)

    def test_a_text_that_is_there_twice(self):
        self.replace("host/run.cpp", "line 7;", "line 7; line 8;")
        self.assertIn("has `line 8;` on lines 7, 8", self.run_tool().stderr)

    def test_a_stop_less(self):
        self.replace("docs/tour.md", STOPS.splitlines()[-2] + "\n", "")
        self.fails_with("walk 'One' has 9 stops, not 10")

    def test_a_link_to_nowhere(self):
        self.replace("docs/design.md", "../README.md", "../READ.md")
        self.fails_with("docs/design.md:7: the link ../READ.md leads nowhere")

    def test_a_heading_that_is_not_there(self):
        self.replace("README.md", "#3-the-house", "#4-the-house")
        self.fails_with("docs/design.md has no heading for the link docs/design.md#4-the-house")

    def test_a_path_that_is_not_there(self):
        self.replace("README.md", "`host/run.cpp`", "`host/walk.cpp`")
        self.fails_with("README.md:3: there is no host/walk.cpp")

    def test_a_header_that_is_not_there(self):
        self.replace("README.md", "recur/run.hpp", "recur/runs.hpp")
        self.fails_with("README.md:3: there is no include/recur/runs.hpp")

    def test_a_name_that_no_file_has(self):
        self.replace("README.md", "`run.cpp:3`", "`runs.cpp:3`")
        self.fails_with("README.md:3: no file is called runs.cpp")

    def test_a_command_that_is_not_there(self):
        self.replace("README.md", "scripts/test", "scripts/tests")
        self.fails_with("README.md:5: there is no scripts/tests")

    def test_a_folder_of_the_tree_that_is_not_there(self):
        self.replace("docs/design.md", "more in oracle/", "more in naive/")
        self.fails_with("docs/design.md:5: the tree names the folder naive/, which is not there")

    def test_a_design_that_is_too_long(self):
        self.write("docs/design.md", FILES["docs/design.md"] + "word " * 1800)
        self.fails_with("more than 1800")


if __name__ == "__main__":
    unittest.main()
