# Sourced by run: time. Every command gets a limit, and the whole run an end.
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # run and the files beside share their variables

# What comes after the last part: stopping what does not stop by itself, and the summary.
closing_seconds=12

# start_clock SECONDS WEIGHT...: the run ends within SECONDS, and its parts share them by their weights.
start_clock() {
  parts_end=$((SECONDS + $1 - closing_seconds))
  weights=("${@:2}")
}

# begin_part: the next part begins. Sets part_seconds: its share of the time that is left, so that what a part does not use
# goes to those after it.
begin_part() {
  local left=$((parts_end - SECONDS)) sum=0 weight
  for weight in "${weights[@]}"; do sum=$((sum + weight)); done
  part_seconds=$((left > 0 ? left * weights[0] / sum : 0))
  weights=("${weights[@]:1}")
}

# limited SECONDS LOG COMMAND...: output to LOG. The exit code is 137 where the command was killed at its limit; without
# grace, since what hangs with its kernels does not answer. Nothing that it started outlives it, but for what waits for a
# driver: that cannot be killed, and is left behind.
limited() {
  local seconds=$1 log=$2 pid last
  shift 2
  if ((SECONDS + seconds > parts_end)); then seconds=$((parts_end - SECONDS)); fi
  if ((seconds <= 0)) || [[ -e $scratch/stopping ]]; then
    echo "no time left" >"$log"
    return 137
  fi
  timeout --signal=KILL "$seconds" "$@" >"$log" 2>&1 </dev/null & # the leader of a group of its own
  pid=$!
  : >"$scratch/running/$pid"
  last=$((SECONDS + seconds + 5))
  while kill -0 "$pid" 2>/dev/null; do
    if ((SECONDS > last)); then
      echo "process $pid cannot be killed" >>"$log"
      return 137
    fi
    sleep 0.1
  done
  kill -KILL -- "-$pid" 2>/dev/null
  # On a busy machine what is killed takes a while to end.
  while has_processes "$pid" && ((SECONDS <= last)); do sleep 0.1; done
  rm -f "$scratch/running/$pid"
  wait "$pid" 2>/dev/null
}

# has_processes GROUP: whether one of the group has yet to end. One that has ended and that nobody asked about does not count.
has_processes() {
  local group=$1 file line fields
  kill -0 -- "-$group" 2>/dev/null || return
  for file in /proc/[0-9]*/stat; do
    { read -r line <"$file"; } 2>/dev/null || continue
    read -ra fields <<<"${line##*) }" # after the name: state, parent, group
    if [[ ${fields[2]} == "$group" && ${fields[0]} != [ZX] ]]; then return 0; fi
  done
  return 1
}

# stop_all: ends what `limited` has running, with all that it started, and waits for those that wait for it: nothing writes
# after the summary. What cannot be killed is left behind after some seconds.
stop_all() {
  local running left last=$((SECONDS + 8))
  : >"$scratch/stopping"
  while :; do
    left=$(jobs -pr)
    for running in "$scratch"/running/*; do
      [[ -e $running ]] || continue
      kill -KILL -- "-${running##*/}" 2>/dev/null
      if has_processes "${running##*/}"; then left=$running; fi
    done
    if [[ -z $left ]] || ((SECONDS > last)); then break; fi
    sleep 0.1
  done
}
