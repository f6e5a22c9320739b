"""Results as JSON: result.schema.json says what is in one."""

import json

FORMAT = "recur-perf"
FORMAT_VERSION = 1

# Fields that make two rows the same case.
CASE = ("cell", "T", "B", "I", "H", "L", "direction", "lengths", "mean_episode", "dtype", "pass", "threads")

# Of what a call alone costs.
CALL_FIELDS = ("seconds", "seconds_low", "seconds_high")


class ResultError(Exception):
    """A file that is no result, with its name."""


def load(path):
    """The result in a file. Raises ResultError for what is none."""
    try:
        with open(path, encoding="utf-8") as file:
            result = json.load(file)
    except (OSError, ValueError) as error:
        raise ResultError(f"{path}: {error}") from error
    if not isinstance(result, dict) or result.get("format") != FORMAT:
        raise ResultError(f"{path}: expected a result of {FORMAT}")
    if result.get("format_version") != FORMAT_VERSION:
        raise ResultError(f"{path}: expected format version {FORMAT_VERSION}, got {result.get('format_version')}")
    return result


def case_key(row):
    """What a row is about, whatever its shape is called."""
    return tuple(row.get(field) for field in CASE)


def row_key(row):
    """A row's place among those of one result."""
    return (*case_key(row), row["engine"], row["timing"], row["inputs"])


def describe(row):
    """A case in words: shape, type, pass and threads."""
    threads = f" on {row['threads']} thread{'s' if row['threads'] > 1 else ''}" if "threads" in row else ""
    return f"{row['shape']} {row['dtype']} {row['pass']}{threads}"


def loses(row):
    """Whether a row is one of ours that a reference is faster than."""
    return not row["reference"] and row.get("ratio", 1) < 1
