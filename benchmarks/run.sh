#!/usr/bin/env bash
# Builds the benchmarks (preset release), runs them and prints one table; a ratio at or above its
# goal is good.
#   benchmarks/run.sh [FILTER] [--json FILE] [--long] [--peers]
#     FILTER       only rows whose name contains it, such as jobs_sqlite/drain
#     --json FILE  also write the rows as an array of objects
#     --long       also the endurance rows, which take minutes each
#     --peers      also job queues of others (benchmarks/peers), which come from npm and Debian
# Ends with 1 when a program failed, 2 on wrong usage; a missed goal is in the table.
set -euo pipefail

usage() {
  sed -n '4p' "$0" | sed 's/^# */usage: /' >&2
  exit 2
}

filter= json= long=() peers=
while [[ $# -gt 0 ]]; do
  case "$1" in
    --json) [[ $# -ge 2 ]] || usage; json=$(realpath -m -- "$2"); shift ;;
    --long) long=(--long) ;;
    --peers) peers=yes ;;
    -*) usage ;;
    *) [[ -z "$filter" ]] || usage; filter=$1 ;;
  esac
  shift
done

root=$(cd "$(dirname "$0")/.." && pwd)
build="$root/build/release"
cd "$root"
cmake/install-deps.sh --tests >&2
mkdir -p "$root/build"
log="$root/build/benchmarks-build.log"
launcher=()
if command -v ccache >/dev/null; then launcher=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache); fi
cmake --preset release -DRWP_BUILD_BENCHMARKS=ON "${launcher[@]}" >"$log" 2>&1 &&
  cmake --build "$build" --target benchmarks >>"$log" 2>&1 || {
  tail -n 40 "$log" >&2
  echo "benchmarks/run.sh: the build failed" >&2
  exit 1
}

# Files of the measurements lie in the build tree: /tmp may be memory, where a sync costs nothing.
data=$(mktemp -d "$build/benchmark-data.XXXXXX")
trap 'rm -rf -- "$data"' EXIT

failed=0
while read -r program; do
  echo "running $program" >&2
  # No single program may eat the run's 40 minutes; endurance rows have their own time.
  limit=900
  [[ ${#long[@]} -eq 0 ]] || limit=14400
  timeout "$limit" "$build/bin/$program" --filter "$filter" --directory "$data" "${long[@]}" \
    >>"$data/rows.jsonl" || {
    echo "benchmarks/run.sh: $program ended with code $?" >&2
    failed=1
  }
done <"$build/benchmarks.txt"

if [[ -z "$filter" || "jobadder/sync" == *"$filter"* || "$filter" == jobadder* ]]; then
  echo "running jobadder_sync" >&2
  timeout 900 python3 "$root/benchmarks/jobadder_sync.py" "$build/bin" --directory "$data" \
    --rows "$data/rows.jsonl" >&2 || {
    echo "benchmarks/run.sh: jobadder_sync.py ended with code $?" >&2
    failed=1
  }
fi

if [[ ${#long[@]} -gt 0 && "endurance/" == *"$filter"* ]]; then
  echo "running endurance" >&2
  timeout 14400 python3 "$root/benchmarks/peers/on_servers/endurance.py" --jobs 10000000 --held 1800 \
    --rows "$data/rows.jsonl" || {
    echo "benchmarks/run.sh: peers/on_servers/endurance.py ended with code $?" >&2
    failed=1
  }
fi

if [[ -n "$peers" ]]; then
  echo "running peers" >&2
  timeout 3600 python3 "$root/benchmarks/peers/on_servers/run.py" --ours --rows "$data/rows.jsonl" || {
    echo "benchmarks/run.sh: peers/on_servers/run.py ended with code $?" >&2
    failed=1
  }
fi

python3 "$root/benchmarks/table.py" --filter "$filter" ${json:+--json "$json"} "$data/rows.jsonl" ||
  failed=1
exit "$failed"
