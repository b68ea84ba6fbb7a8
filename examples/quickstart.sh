#!/usr/bin/env bash
# From a bare Debian 12 to a report: installs what the build needs, builds the standalone program,
# enriches job adverts with it and says where the report lies.
#
#   examples/quickstart.sh                      the 72 adverts in examples/data/
#   examples/quickstart.sh --input FILE         your own: JSON Lines or CSV
#   examples/quickstart.sh --input FILE --ai-url local: --concurrency 32 …
#
# Other arguments go to the program; see `build/quickstart/bin/standalone --help`. Data are kept in
# ./rwp-data (--data-dir DIR). Kill it whenever you like: the same command continues.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build="$root/build/quickstart"
log="$build/build.log"

step() { printf '\n== %s\n' "$*"; }

for argument in "$@"; do
  [[ "$argument" == --help || "$argument" == -h ]] && { sed -n '2,11s/^# \{0,1\}//p' "$0"; exit 0; }
done

step "Dependencies"
"$root/cmake/install-deps.sh"
echo "all there"

step "Build (the first time takes some minutes)"
mkdir -p "$build"
build_it() {
  cmake --preset release -S "$root" -B "$build" -DRWP_BUILD_TESTS=OFF -DRWP_BUILD_BENCHMARKS=OFF \
    -DRWP_BUILD_EXAMPLES=ON >"$log" 2>&1 &&
    cmake --build "$build" --target standalone >>"$log" 2>&1
}
started=$SECONDS
if [[ -t 1 ]]; then
  build_it & pid=$!
  while kill -0 "$pid" 2>/dev/null; do
    printf '\r%s s  %s\033[K' "$((SECONDS - started))" \
      "$(tail -n 1 "$log" 2>/dev/null | grep -o '^\[[0-9]*/[0-9]*\]' || true)"
    sleep 1
  done
  printf '\r\033[K'
  wait "$pid" && built=yes || built=no
else
  build_it && built=yes || built=no
fi
if [[ "$built" == no ]]; then
  echo "quickstart: the build failed; the end of $log:" >&2
  tail -n 30 "$log" >&2
  exit 1
fi
echo "built in $((SECONDS - started)) s: $build/bin/standalone"

step "Enrich"
arguments=("$@")
has_input=no
for argument in "$@"; do
  [[ "$argument" == --input || "$argument" == --input=* ]] && has_input=yes
done
[[ "$has_input" == yes ]] || arguments=(--input "$root/examples/data/job_ads.jsonl" "$@")
exec "$build/bin/standalone" "${arguments[@]}"
