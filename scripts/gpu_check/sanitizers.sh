# Sourced by run: device tests under compute-sanitizer.
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # run and the files beside share their variables

sanitizers=(memcheck racecheck synccheck initcheck)

# Every kernel in every cell and type, in few launches: a tool makes each take a hundred times as long.
small_tests='Devices/Buffers.NothingBetweenRowsIsWritten/*:Devices/Graphs.*:Devices/TwoStreams.*'

# All tools side by side. under_compute_sanitizer knows what they say.
run_sanitizers() {
  local tool status log reason
  for tool in "${sanitizers[@]}"; do
    (
      limited "$part_seconds" "$scratch/$tool.log" env LD_LIBRARY_PATH="$library_path" \
        "$here/under_compute_sanitizer" "$tool" "$here/recur_gpu_tests" --gtest_filter="$small_tests"
      echo $? >"$scratch/$tool.status"
    ) &
  done
  wait
  for tool in "${sanitizers[@]}"; do
    status=$(<"$scratch/$tool.status") log=$scratch/$tool.log
    log_of "$tool" "$status" "$log" >>"$scratch/sanitizers.log"
    reason=$(sed -n 's/^every test was skipped: //p' "$log" | tail -n 1)
    count_tests "$log"
    if ((status == 99)); then
      result FAILED "$tool" "$(grep -oE '[A-Z]+ SUMMARY: .*' "$log" | tail -n 1)"
    elif ((status)); then
      result FAILED "$tool" "$(how_it_ended "$status" "$log")"
    elif [[ -n $reason ]]; then
      result skipped "$tool" "$reason"
    elif ((passed_here)); then
      result passed "$tool" "$passed_here tests"
    else
      result FAILED "$tool" "no test passed"
    fi
  done
  keep "$scratch/sanitizers.log" sanitizers.log
}
