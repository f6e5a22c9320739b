# Sourced by run: the device tests, in as many processes as there are cores, and GoogleTest's output.
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # run and the files beside share their variables

# More processes than this wait for the device more than for the oracle, and each takes some of its memory.
most_processes=16

# count_tests LOG: sets passed_here, failed_here and skipped_here. Lines with a time are verdicts; others repeat them.
count_tests() {
  passed_here=$(grep -cE '^\[       OK \] .*\([0-9]+ ms\)$' "$1")
  failed_here=$(grep -cE '^\[  FAILED  \] .*\([0-9]+ ms\)$' "$1")
  skipped_here=$(grep -cE '^\[  SKIPPED \] .*\([0-9]+ ms\)$' "$1")
}

# how_it_ended STATUS LOG: in words, with the test that was running, else the last line.
how_it_ended() {
  local test words
  case $1 in
    137) words="stopped at its limit" ;;
    *) words="exit code $1" ;;
  esac
  test=$(awk '/^\[ RUN      \] / { test = $4 } /^\[(       OK|  FAILED | SKIPPED) / { test = "" } END { print test }' "$2")
  if [[ -n $test ]]; then echo "$words in $test"; else echo "$words: $(grep -v '^$' "$2" | tail -n 1)"; fi
}

# Runs them and gives the verdict, but where there is no device: no_device is set then.
run_device_tests() {
  local processes i status log passed=0 failed=0 skipped=0 endings=() begin=$SECONDS counts separator='['
  processes=$(nproc)
  if ((processes > most_processes)); then processes=$most_processes; fi
  for ((i = 0; i < processes; ++i)); do
    (
      limited "$part_seconds" "$scratch/tests.$i.log" env LD_LIBRARY_PATH="$library_path" GTEST_TOTAL_SHARDS="$processes" \
        GTEST_SHARD_INDEX="$i" "$here/recur_gpu_tests" --gtest_output=json:"$scratch/tests.$i.json"
      echo $? >"$scratch/tests.$i.status"
    ) &
  done
  wait

  no_device=1
  for ((i = 0; i < processes; ++i)); do
    status=$(<"$scratch/tests.$i.status") log=$scratch/tests.$i.log
    if ((status)) || ! grep -qx 'every test was skipped: no CUDA device' "$log"; then no_device=0; fi
    count_tests "$log"
    passed=$((passed + passed_here)) failed=$((failed + failed_here)) skipped=$((skipped + skipped_here))
    if ((status > 1 || (status && !failed_here))); then endings+=("$(how_it_ended "$status" "$log")"); fi
    mapfile -t -O "${#failed_tests[@]}" failed_tests \
      < <(sed -nE 's/^\[  FAILED  \] ([^ ,]+).* \([0-9]+ ms\)$/\1/p' "$log")
    log_of "process $((i + 1)) of $processes" "$status" "$log" >>"$scratch/device_tests.log"
    # An array of GoogleTest's reports; a process that did not end by itself has none.
    if [[ -s $scratch/tests.$i.json ]]; then
      { echo "$separator" && cat "$scratch/tests.$i.json"; } >>"$scratch/device_tests.json"
      separator=','
    fi
  done
  if [[ $separator == ',' ]]; then echo ']' >>"$scratch/device_tests.json"; fi
  keep "$scratch/device_tests.json" device_tests.json
  keep "$scratch/device_tests.log" device_tests.log

  if ((no_device)); then return; fi
  counts="$passed passed, $failed failed, $skipped skipped in $((SECONDS - begin)) s"
  if ((${#endings[@]})); then
    result FAILED "device tests" "$counts; ${#endings[@]} of $processes processes: ${endings[0]}"
  elif ((failed || !passed)); then
    result FAILED "device tests" "$counts"
  else
    result passed "device tests" "$counts"
  fi
}
