#!/usr/bin/env bash
# Ours beside other job queues, on this machine in one run; see README.md.
#   benchmarks/peers/run.sh [PEER…] [--rounds N] [--json FILE]   two worker processes on sqlite:
#   benchmarks/peers/run.sh servers [ARGUMENT…]   postgres: and tiered: beside BullMQ, graphile-worker,
#     pg-boss, Sidekiq and libpq on one PostgreSQL and one Redis; arguments of on_servers/run.py
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
build="$root/build/release"
"$root/cmake/install-deps.sh" --tests >&2
"$root/cmake/install-deps.sh" --peers >&2
mkdir -p "$build"
log="$root/build/peers-build.log"
if [[ "${1:-}" == servers ]]; then
  cmake --preset release -S "$root" -DRWP_BUILD_BENCHMARKS=ON >"$log" 2>&1 &&
    cmake --build "$build" --target jobs_load baseline_libpq_loop >>"$log" 2>&1 || {
    tail -n 40 "$log" >&2
    echo "benchmarks/peers/run.sh: the build failed" >&2
    exit 1
  }
  exec python3 "$root/benchmarks/peers/on_servers/run.py" --ours "${@:2}"
fi
cmake --preset release -S "$root" -DRWP_PYTHON=ON >"$log" 2>&1 &&
  cmake --build "$build" --target rwp_python >>"$log" 2>&1 || {
  tail -n 40 "$log" >&2
  echo "benchmarks/peers/run.sh: the build failed" >&2
  exit 1
}
# Files of the measurements lie in the build tree: /tmp may be memory, where a sync costs nothing.
data=$(mktemp -d "$build/peers-data.XXXXXX")
trap 'rm -rf -- "$data"' EXIT
# Debian's Python, whose packages the peers are.
PYTHONPATH="$build/bindings/python/package" PYTHONDONTWRITEBYTECODE=1 \
  /usr/bin/python3 "$root/benchmarks/peers/run.py" --directory "$data" "$@"
