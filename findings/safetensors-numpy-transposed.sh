#!/usr/bin/env bash
# findings/safetensors-numpy-transposed.sh
#
# safetensors 0.8.0, safetensors.numpy: what save and save_file make of an array that is no dense row-major one, as a kernel of Keras,
# [inputs][gates], becomes by `.T` on its way to PyTorch's weight_ih_l0, [gates][inputs]. Expected: a copy in the order of the rows, as
# 0.7.0 makes it, or an error, as safetensors.torch raises. Seen in 0.8.0: no error, the shape of the transposed array, and the
# bytes of the memory under it, so that the file reads back as other numbers.
#
# Needs python3 with venv, and PyPI. Exit code 0: as described; 1: the behaviour has changed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

cat >"$folder/check.py" <<'PYTHON'
import sys

import numpy as np
import safetensors
from safetensors.numpy import load, load_file, save, save_file

dense_only = {"0.7.0": False, "0.8.0": True}[safetensors.__version__]
kernel = np.arange(12, dtype=np.float32).reshape(3, 4)
views = {
    "dense": kernel,
    "transposed": kernel.T,
    "every other column": kernel[:, ::2],
    "Fortran order": np.asfortranarray(kernel),
}
failures = 0
for name, view in views.items():
    results = {}
    for how in ("save", "save_file"):
        try:
            if how == "save":
                read = load(save({"weight": view}))["weight"]
            else:
                save_file({"weight": view}, sys.argv[1])
                read = load_file(sys.argv[1])["weight"]
            results[how] = "right" if read.shape == view.shape and np.array_equal(read, view) else "other numbers"
        except Exception as error:
            results[how] = type(error).__name__
    expected = "other numbers" if dense_only and not view.flags.c_contiguous else "right"
    changed = set(results.values()) != {expected}
    failures += changed
    print(f"safetensors {safetensors.__version__}: {name:20} {results}{'  CHANGED' if changed else ''}")
sys.exit(failures > 0)
PYTHON

for version in 0.7.0 0.8.0; do
  python3 -m venv "$folder/$version"
  "$folder/$version/bin/pip" install --quiet --disable-pip-version-check "safetensors==$version" numpy==2.4.6
  "$folder/$version/bin/python" "$folder/check.py" "$folder/weights.safetensors"
done
