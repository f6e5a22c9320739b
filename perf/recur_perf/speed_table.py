"""README's table of speeds: what perf/report beside prints of committed results, between two marks.

The first mark names the folder of the results and which cases are shown:

    <!-- speed: perf/results/DEVICE shape=a,b pass=inference,step dtype=f32 threads=2 -->
    ...
    <!-- end of speed -->
"""

import json
import os
import re
import subprocess
import sys

from recur_perf.source import source_hash

BLOCK = re.compile(r"<!-- speed: (?P<folder>\S+)(?P<options>(?: [a-z]+=\S+)*) -->\n(?P<table>.*?)<!-- end of speed -->\n", re.DOTALL)
OURS = "result.json"


def find(readme):
    """The block of a text. Raises ValueError unless there is exactly one."""
    blocks = list(BLOCK.finditer(readme))
    if len(blocks) != 1:
        raise ValueError(f"README.md: expected one table between '<!-- speed: FOLDER ... -->' and '<!-- end of speed -->', found {len(blocks)}")
    return blocks[0]


def json_files(folder):
    """Ours first, then those of other programs."""
    others = sorted(name for name in os.listdir(folder) if name.endswith(".json") and name != OURS)
    return [os.path.join(folder, name) for name in (OURS, *others)]


def table(root, block):
    """What perf/report beside prints for a block."""
    options = [f"--{option}" for option in block["options"].split()]
    files = json_files(os.path.join(root, block["folder"]))
    done = subprocess.run([sys.executable, os.path.join(root, "perf", "report"), "beside", *files, *options], capture_output=True, text=True,
                          check=False)
    if done.returncode:
        raise ValueError(f"perf/report beside: {done.stderr.strip()}")
    return done.stdout


def replaced(root, readme, folder=None, threads=None):
    """The text with its table made anew, of another folder or number of threads where they are given."""
    block = find(readme)
    options = re.sub(r"\bthreads=\d+", f"threads={threads}", block["options"]) if threads else block["options"]
    start = f"<!-- speed: {folder or block['folder']}{options} -->\n"
    readme = readme[:block.start()] + start + block["table"] + "<!-- end of speed -->\n" + readme[block.end():]
    readme = readme.replace(f"({block['folder']}/", f"({folder or block['folder']}/")  # pictures beside it
    block = find(readme)
    return readme[:block.start("table")] + table(root, block) + readme[block.end("table"):]


def problems(root):
    """Why README's table is not what this source was measured to be: sentences, none where it is."""
    with open(os.path.join(root, "README.md"), encoding="utf-8") as file:
        readme = file.read()
    try:
        block = find(readme)
        files = json_files(os.path.join(root, block["folder"]))
        facts = {}
        for path in files:
            with open(path, encoding="utf-8") as file:
                facts[os.path.relpath(path, root)] = json.load(file)["facts"]
        made = table(root, block)
    except (OSError, ValueError, KeyError) as error:
        return [str(error)]
    found = []
    if block["table"] != made:
        found.append(f"README.md: the table is not what perf/report beside prints of {block['folder']}")
    commits = {name: of.get("commit", "unknown") for name, of in facts.items()}
    if len(set(commits.values())) > 1:
        found.append("results of one table come from several commits: " + ", ".join(f"{name} {commit}" for name, commit in commits.items()))
    found += [f"{name}: measured on {commit}, which no commit is" for name, commit in commits.items()
              if commit == "unknown" or commit.endswith("-dirty")]
    ours = next(iter(facts))
    measured, is_now = facts[ours].get("source", "unknown"), source_hash(root)
    if measured != is_now:
        found.append(f"{ours}: measured with source {measured}, which is {is_now} now: host/cpu, kernels/cells or what times them has changed")
    return found
