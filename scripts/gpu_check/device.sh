# Sourced by run: the machine, and whether the programs have code for its device.
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # run and the files beside share their variables

# of_manifest KEY: what the build wrote down.
of_manifest() { sed -n "s/^$1  *//p" "$here/manifest.txt"; }

# The first device as the driver tells it. Sets listed_device and capability (9.0), to nothing where there is none.
look_at_device() {
  listed_device='' capability=''
  if limited 15 "$scratch/listed" nvidia-smi --query-gpu=name,compute_cap,driver_version --format=csv,noheader; then
    listed_device=$(head -n 1 "$scratch/listed")
    capability=$(awk -F', *' 'NR == 1 { print $2 }' "$scratch/listed")
    limited 15 "$scratch/state" nvidia-smi -q -d CLOCK,COMPUTE,ECC,MEMORY,PERFORMANCE,POWER,TEMPERATURE,UTILIZATION
  fi
  fact device "${listed_device:-nvidia-smi lists none}"
}

describe_machine() {
  {
    cat "$here/manifest.txt"
    printf '\nrun at %s on Linux %s, %s\n' "$(date -u +%FT%TZ)" "$(uname -rm)" "$(getconf GNU_LIBC_VERSION)"
    printf '%d cores, %s\n' "$(nproc)" "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)"
    grep MemTotal: /proc/meminfo
    printf '\n'
    printf '%s\n' "${facts[@]}"
    if [[ -s $scratch/state ]]; then cat "$scratch/state"; fi
  } >"$scratch/device.txt"
  keep "$scratch/device.txt" device.txt
}

# has_code_for CAPABILITY: whether the programs have machine code or PTX for such a device.
has_code_for() {
  local device=${1/./} chip number
  for chip in $(of_manifest chips); do
    number=${chip%%-*}
    case $chip in
      *[af]-*) if ((${number%?} == device)); then return 0; fi ;;
      *-virtual) if ((number <= device)); then return 0; fi ;;
      *) if ((number <= device && number / 10 == device / 10)); then return 0; fi ;;
    esac
  done
  return 1
}
