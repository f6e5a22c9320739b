"""The source that the CPU's figures come from: a hash of it, which perf/source.cmake computes too for recur-perf, and its commit."""

import hashlib
import pathlib
import re
import subprocess

PATTERNS = (("host/cpu", "*.cpp"), ("host/cpu", "*.hpp"), ("kernels/cells", "*.cuh"), ("perf/floors", "*.cpp"), ("perf/floors", "*.hpp"))
PARTS = ("floor", "job", "lengths", "measure", "statistics", "suite", "tensors", "work")
# What times other programs, and the shapes that all are timed on.
OTHERS = ("perf/peers", "perf/recur_perf", "perf/shapes")


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


def _git(root, *arguments):
    """What git prints in a folder, None where it fails or is missing."""
    try:
        done = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True, check=False, timeout=30)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def commit_of(root):
    """The commit that is checked out, "unknown" outside of a repository. "-dirty" stands behind it where a file that figures come from
    differs from the commit's. Documents, results and tests do not count: they may be written while programs are timed.
    """
    commit = _git(root, "describe", "--always", "--abbrev=12", "--exclude=*")
    if not commit:
        return "unknown"
    folders = {folder for folder, _ in PATTERNS}
    parts = {f"perf/{part}.{kind}" for part in PARTS for kind in ("cpp", "hpp")}
    changed = _git(root, "status", "--porcelain", "--", *sorted(folders | parts | set(OTHERS)))
    return commit if changed == "" else f"{commit}-dirty"
