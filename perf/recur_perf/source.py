"""A hash of the source that the CPU's figures come from: perf/source.cmake computes the same for recur-perf."""

import hashlib
import pathlib
import re

PATTERNS = (("host/cpu", "*.cpp"), ("host/cpu", "*.hpp"), ("kernels/cells", "*.cuh"), ("perf/floors", "*.cpp"), ("perf/floors", "*.hpp"))
PARTS = ("floor", "job", "lengths", "measure", "statistics", "suite", "tensors", "work")


def paths(root):
    """Files that count, from the root, in order."""
    root = pathlib.Path(root)
    found = [path.relative_to(root).as_posix() for folder, pattern in PATTERNS for path in (root / folder).rglob(pattern)]
    found += [f"perf/{part}.{kind}" for part in PARTS for kind in ("cpp", "hpp")]
    return sorted(found)


def code_of(text):
    """What of a file counts: neither comments nor white space."""
    return re.sub(rb"[ \t\r\n]+", b"", re.sub(rb"//[^\n]*", b"", text))


def source_hash(root):
    lines = [f"{path} {hashlib.sha256(code_of((pathlib.Path(root) / path).read_bytes())).hexdigest()}\n" for path in paths(root)]
    return hashlib.sha256("".join(lines).encode()).hexdigest()[:16]
