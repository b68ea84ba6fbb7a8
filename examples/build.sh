#!/usr/bin/env bash
# Installs what the build needs and builds the named programs of examples/, in Release, into
# build/quickstart/bin. The scripts beside it call it.
#
#   examples/build.sh PROGRAM…
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build="$root/build/quickstart"
log="$build/build.log"
[[ $# -gt 0 ]] || { sed -n '5s/^# *//p' "$0" >&2; exit 2; }

printf '\n== Dependencies\n'
"$root/cmake/install-deps.sh"
echo "all there"

printf '\n== Build (the first time takes some minutes)\n'
mkdir -p "$build"
build_it() {
  cmake --preset release -S "$root" -B "$build" -DRWP_BUILD_TESTS=OFF -DRWP_BUILD_BENCHMARKS=OFF \
    -DRWP_BUILD_EXAMPLES=ON -DRWP_PRECOMPILE=ON >"$log" 2>&1 &&
    cmake --build "$build" --target "$@" >>"$log" 2>&1
}
started=$SECONDS
if [[ -t 1 ]]; then
  build_it "$@" & pid=$!
  while kill -0 "$pid" 2>/dev/null; do
    printf '\r%s s  %s\033[K' "$((SECONDS - started))" \
      "$(tail -n 1 "$log" 2>/dev/null | grep -o '^\[[0-9]*/[0-9]*\]' || true)"
    sleep 1
  done
  printf '\r\033[K'
  wait "$pid" && built=yes || built=no
else
  build_it "$@" && built=yes || built=no
fi
if [[ "$built" == no ]]; then
  echo "${0##*/}: the build failed; the end of $log:" >&2
  tail -n 30 "$log" >&2
  exit 1
fi
echo "built in $((SECONDS - started)) s: $build/bin"
