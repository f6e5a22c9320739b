# Sourced by the scripts beside it: where the project is, and how it is built.
# shellcheck shell=bash

script=$(realpath "$0")
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root" || exit

jobs=$(nproc)
export CMAKE_BUILD_PARALLEL_LEVEL=$jobs CTEST_PARALLEL_LEVEL=$jobs

# A user's build has to get past a new compiler's warnings, CI's has not.
# shellcheck disable=SC2034
if [[ ${CI:-} == true ]]; then release_preset=ci; else release_preset=release; fi

# configure PRESET [cmake argument...]: prints what the build has to standard error.
configure() {
  local log
  log=$(mktemp)
  if ! cmake --preset "$@" >"$log" 2>&1; then
    cat "$log" >&2
    rm -f "$log"
    return 1
  fi
  sed -n '/^-- Recur /,/^--   tests/p' "$log" | cut -c4- >&2
  rm -f "$log"
}

# build PRESET [TARGET...]: configures and builds. Prints to standard error only.
build() {
  local preset=$1
  shift
  configure "$preset" || return
  cmake --build --preset "$preset" ${1:+--target "$@"} >&2
}

# print_help_and_exit_if_asked ARGUMENT: for -h and --help, before anything is installed or built, the comment at the script's head.
print_help_and_exit_if_asked() {
  [[ $1 == -h || $1 == --help ]] || return 0
  awk 'NR > 1 && !/^#/ { exit } NR > 1 { sub(/^# ?/, ""); print }' "$script"
  exit 0
}
