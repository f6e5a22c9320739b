# Sourced by run: the perf suite, and PyTorch's table of cuDNN.
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # run and the files beside share their variables

# timed PART JSON COMMAND...: COMMAND writes the file JSON of the scratch folder.
timed() {
  local part=$1 json=$2 log=$scratch/$1.log status
  shift 2
  limited "$part_seconds" "$log" "$@"
  status=$?
  log_of "$part" "$status" "$log" >>"$scratch/all_perf.log"
  keep "$scratch/all_perf.log" perf.log
  keep "$scratch/$json" "$json"
  if ((status)); then
    result FAILED "$part" "$(how_it_ended "$status" "$log")"
  elif [[ ! -s $scratch/$json ]]; then
    result FAILED "$part" "it wrote no figures"
  else
    result passed "$part" "$(bytes_of "$scratch/$json") bytes of figures in $json"
  fi
}

# Both end by themselves within the minutes they are told, but for what comes before and after their timings.
margin=20
minutes_of_part() { awk -v seconds=$((part_seconds - margin)) 'BEGIN { printf "%.2f", seconds / 60 }'; }

run_perf() {
  if [[ ! -x $here/recur-perf ]]; then
    result skipped perf "recur-perf is not in this set"
  elif ((part_seconds < 2 * margin)); then
    result skipped perf "no time left"
  else
    timed perf perf.json env LD_LIBRARY_PATH="$library_path" "$here/recur-perf" --device cuda --json "$scratch/perf.json" \
      --minutes "$(minutes_of_part)"
  fi
}

# In the environment as it is: PyTorch brings its own cuDNN.
run_cudnn_table() {
  local sees_device='import sys, torch; sys.exit(not torch.cuda.is_available())'
  if [[ ! -x $here/peers ]]; then
    result skipped "cuDNN table" "perf/peers is not in this set"
  elif ((part_seconds < 2 * margin)); then
    result skipped "cuDNN table" "no time left"
  elif ! command -v python3 >/dev/null; then
    result skipped "cuDNN table" "no python3"
  elif ! limited 30 "$scratch/torch.log" python3 -c "$sees_device"; then
    result skipped "cuDNN table" "python3 has no PyTorch that finds the device: $(tail -n 1 "$scratch/torch.log")"
  else
    timed "cuDNN table" cudnn.json python3 "$here/peers" --device cuda --engine pytorch --json "$scratch/cudnn.json" \
      --minutes "$(minutes_of_part)"
  fi
}
