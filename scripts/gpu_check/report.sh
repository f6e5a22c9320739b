# Sourced by run: what was found out, and the files it is written to.
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # run and the files beside share their variables

# The names of what a run may leave, and the most bytes of each: some ways back from a machine take files up to 16 MiB.
result_files=(summary.txt device.txt device_tests.json device_tests.log sanitizers.log perf.json perf.log cudnn.json)
file_bytes=$((15 * 1024 * 1024))

facts=() results=() failed_tests=()
passed_parts=0 failed_parts=0 skipped_parts=0

# fact LABEL TEXT: a line at the head of the summary.
fact() {
  facts+=("$(printf '%-13s %s' "$1" "$2")")
  printf '%s\n' "${facts[-1]}"
}

# result passed|FAILED|skipped PART DETAIL: the verdict on a part.
result() {
  local detail=${3//$'\n'/ }
  case $1 in
    passed) passed_parts=$((passed_parts + 1)) ;;
    FAILED) failed_parts=$((failed_parts + 1)) ;;
    skipped) skipped_parts=$((skipped_parts + 1)) ;;
  esac
  results+=("$(printf '%-8s %-13s %s' "$1" "$2" "${detail:0:200}")")
  printf '%s\n' "${results[-1]}"
}

bytes_of() { stat -c %s "$1"; }

# keep FILE NAME: FILE becomes NAME among the results. One that is too large is compressed where it is JSON, and loses its
# middle where it is a log.
keep() {
  local file=$1 name=$2 target=$out/$2 part=$((file_bytes / 3))
  [[ -s $file ]] || return
  rm -f "$target" "$target.gz"
  if (($(bytes_of "$file") <= file_bytes)); then
    cp "$file" "$target"
  elif [[ $name == *.json ]]; then
    gzip -c "$file" >"$file.gz"
    if (($(bytes_of "$file.gz") <= file_bytes)); then
      cp "$file.gz" "$target.gz"
    else
      result FAILED "$name" "left out: larger than $file_bytes bytes even when compressed"
    fi
  else
    {
      head -c "$part" "$file"
      printf '\n[%d bytes left out]\n' $(($(bytes_of "$file") - 2 * part))
      tail -c "$part" "$file"
    } >"$target"
  fi
}

# log_of LABEL STATUS LOG: a log under its headline.
log_of() {
  printf '==== %s: exit code %s\n' "$1" "$2"
  cat "$3"
}

# finish STATUS CONCLUSION: the summary, at most 30 lines, on standard output and in summary.txt; ends the run.
finish() {
  local most=8
  {
    printf '%s\n' "${facts[@]}" "${results[@]}"
    if ((${#failed_tests[@]})); then
      printf 'failed test: %s\n' "${failed_tests[@]:0:most}" | cut -c1-200
      if ((${#failed_tests[@]} > most)); then echo "and $((${#failed_tests[@]} - most)) more: device_tests.log"; fi
    fi
    printf '%d passed, %d failed, %d skipped, in %d s: %s\n' \
      "$passed_parts" "$failed_parts" "$skipped_parts" "$SECONDS" "$2"
  } >"$scratch/summary.txt"
  keep "$scratch/summary.txt" summary.txt
  printf '\n'
  cat "$scratch/summary.txt"
  exit "$1"
}
