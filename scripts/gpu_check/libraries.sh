# Sourced by run: where the CUDA Toolkit, its tools and NVIDIA's libraries are on this machine.
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # run and the files beside share their variables

# Folders of CUDA toolkits, those that the environment names first.
toolkit_folders() {
  local nvcc folder
  nvcc=$(readlink -f "$(command -v nvcc || echo /nowhere)")
  for folder in "${CUDA_HOME:-}" "${CUDA_PATH:-}" "${nvcc%/bin/nvcc}" /usr/local/cuda /usr/local/cuda-*; do
    if [[ -n $folder && -d $folder ]]; then (cd "$folder" && pwd -P); fi
  done | awk '!seen[$0]++'
}

# Folders of libraries in the nvidia-* packages of Python environments: of the python3 on PATH, then where environments
# usually are.
python_folders() {
  local environment folder program='import glob, sys
for path in sys.path: print("\n".join(sorted(glob.glob(path + "/nvidia/*/lib"))))'
  {
    if command -v python3 >/dev/null; then timeout --kill-after=1 10 python3 -c "$program" 2>/dev/null </dev/null; fi
    for environment in "${VIRTUAL_ENV:-/nowhere}" "${CONDA_PREFIX:-/nowhere}" "${HOME:-/nowhere}"/{.local,.venv,*conda*} \
      /opt/* /opt/*/{.venv,venv} /usr/local /usr; do
      printf '%s\n' "$environment"/lib/python3*/{site,dist}-packages/nvidia/*/lib
    done
  } | awk '!seen[$0]++' | while IFS= read -r folder; do
    if [[ -d $folder ]]; then printf '%s\n' "$folder"; fi
  done
}

# Folders to look for libraries in, first to last, each after its origin and a tab.
library_folders() {
  local folder
  tr : '\n' <<<"${LD_LIBRARY_PATH:-}" | sed -n 's/^./LD_LIBRARY_PATH\t&/p'
  toolkit_folders | while IFS= read -r folder; do
    printf 'CUDA Toolkit\t%s\n' "$folder/lib64" "$folder/targets/x86_64-linux/lib"
  done
  printf 'system\t%s\n' /usr/lib/x86_64-linux-gnu /usr/lib64
  printf 'driver\t%s\n' /usr/local/nvidia/lib64 /usr/local/nvidia/lib # where containers get it
  python_folders | sed 's/^/Python packages\t/'
}

# use_library LABEL SONAME FOLDERS: adds the first of FOLDERS with the library to library_path, unless the loader looks there
# anyway, and says which it is, or that it is in none.
use_library() {
  local label=$1 soname=$2 origin folder
  while IFS=$'\t' read -r origin folder; do
    [[ -e $folder/$soname ]] || continue
    if [[ $origin != system && :$library_path: != *:"$folder":* ]]; then library_path+=${library_path:+:}$folder; fi
    fact "$label" "$folder/$soname ($origin)"
    return
  done <<<"$3"
  fact "$label" "no $soname in a CUDA Toolkit, the system's folders or a Python environment"
}
