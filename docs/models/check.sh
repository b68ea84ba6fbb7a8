#!/usr/bin/env bash
# Checks tiered.pml by spin, and that it fails where a rule of the protocol is taken away.
#   docs/models/check.sh [--full]
# Some 40 s; --full also what takes minutes. Ends with 77 when spin is not installed.
set -euo pipefail

full=
[[ "${1:-}" == --full ]] && full=yes
command -v spin >/dev/null || {
  echo "SKIPPED: spin is not installed (Debian's package spin)"
  exit 77
}
model=$(cd "$(dirname "$0")" && pwd)/tiered.pml
scratch=$(mktemp -d)
trap 'rm -rf -- "$scratch"' EXIT
cd "$scratch"

# verify DEFINES…: the errors that spin finds, on standard output.
verify() {
  rm -f pan*
  spin -a "$@" "$model" >spin.log 2>&1 || { cat spin.log >&2; return 1; }
  gcc -O1 -DSAFETY -DCOLLAPSE -DMEMLIM=6000 -w -o pan pan.c
  ./pan -m200000 >pan.log 2>&1 || { cat pan.log >&2; return 1; }
  if grep -q 'max search depth too small\|reached -DMEMLIM' pan.log; then cat pan.log >&2; return 1; fi
  grep -o 'errors: [0-9]*' pan.log | cut -d' ' -f2
}

holds() {
  local errors
  errors=$(verify "$@")
  if [[ "$errors" != 0 ]]; then
    cat pan.log
    echo "FAILED: $*"
    exit 1
  fi
  echo "holds: $* ($(grep -o '[0-9]* states, stored' pan.log))"
}

# Without the rule there is a way to do harm, so the rule is needed and the model can tell.
breaks() {
  local errors
  errors=$(verify "$@")
  if [[ "$errors" == 0 ]]; then
    echo "FAILED: nothing is found without a rule: $*"
    exit 1
  fi
  echo "breaks, as it should: $*"
}

# with TICKETS LOSSES CRASHES STALLS TAKEOVERS RETRIES CANCELS MOVES FINDS
with() {
  defines=(-DTICKETS="$1" -DLOSSES="$2" -DCRASHES="$3" -DSTALLS="$4" -DTAKEOVERS="$5" -DRETRIES="$6"
    -DCANCELS="$7" -DMOVES="$8" -DFINDS="$9")
}
with 3 0 0 0 1 1 1 0 0
holds "${defines[@]}"
with 3 0 0 0 1 0 0 1 1
holds "${defines[@]}"
with 2 0 0 1 1 0 1 0 1
holds "${defines[@]}"
with 2 0 0 0 2 0 1 0 0
holds "${defines[@]}"
with 3 0 0 0 1 0 0 0 0
breaks "${defines[@]}" -DWITHOUT_WATERMARK
breaks "${defines[@]}" -DWATERMARK_TOO_LOW
breaks "${defines[@]}" -DWITHOUT_CONFIRMATION
breaks "${defines[@]}" -DWITHOUT_LAST_LOOK
with 2 1 0 0 1 0 0 0 0
holds "${defines[@]}"
breaks "${defines[@]}" -DWITHOUT_WATERMARK
breaks "${defines[@]}" -DOPEN_AT_ONCE
# Jobs that are taken from the record itself.
with 2 0 0 1 1 0 1 0 0
holds "${defines[@]}" -DTAKES=1
with 1 1 0 0 1 0 0 0 0
holds "${defines[@]}" -DTAKES=1
[[ -n "$full" ]] || exit 0
with 2 0 0 0 1 1 1 0 0
holds "${defines[@]}" -DTAKES=1
with 2 0 0 0 2 1 1 0 0
holds "${defines[@]}"
with 3 0 0 0 2 0 1 0 0
holds "${defines[@]}"
with 3 0 1 0 1 1 0 0 1
holds "${defines[@]}"
with 2 0 1 1 1 0 1 0 0
holds "${defines[@]}"
with 2 1 0 0 1 0 1 0 0
holds "${defines[@]}"
