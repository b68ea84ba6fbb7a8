#!/usr/bin/env bash
# From a bare Debian 12 to all tests passed. Ends with ctest's own count.
#   tests/run.sh [--full] [--stage NAME]…
#     --full        also coverage, all of UBSan, clang-tidy on every file, the endurance benchmarks, the cluster
#     --stage NAME  only this one: deps checks release install asan tsan tidy
#                   coverage ubsan tidy_all endurance cluster
# Needs no network but apt's and npm's, some 50 minutes on two cold cores; ccache is used where it is.
set -euo pipefail

readonly stages=(deps checks release install asan tsan tidy)
readonly more_stages=(coverage ubsan tidy_all endurance cluster)
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"

usage() {
  sed -n '3,6s/^# //p' tests/run.sh >&2
  exit 2
}

wanted=()
full=
while [[ $# -gt 0 ]]; do
  case "$1" in
    --full) full=yes ;;
    --stage)
      [[ $# -ge 2 && " ${stages[*]} ${more_stages[*]} " == *" $2 "* ]] || usage
      wanted+=("$2")
      shift
      ;;
    *) usage ;;
  esac
  shift
done
if [[ ${#wanted[@]} -eq 0 ]]; then
  wanted=("${stages[@]}")
  [[ -z "$full" ]] || wanted+=("${more_stages[@]}")
fi

# --- What the stages share --------------------------------------------------------------------

summary=  # The file with the last ctest's closing lines.

# build PRESET MOST_SECONDS_A_FILE [TARGET …]
build() {
  local preset=$1 limit=$2 started options=(-DRWP_WERROR=ON)
  shift 2
  if command -v ccache >/dev/null; then
    options+=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache -DCMAKE_C_COMPILER_LAUNCHER=ccache)
  else
    options+=(-DRWP_PRECOMPILE=ON)  # The one spoils the other.
  fi
  started=$(date +%s)
  cmake --preset "$preset" "${options[@]}" >"build/$preset-configure.log" 2>&1 || {
    grep -A 20 'CMake Error' "build/$preset-configure.log" || tail -n 20 "build/$preset-configure.log"
    return 1
  }
  cmake --build "build/$preset" -j "$(nproc)" ${1:+--target "$@"} >"build/$preset-build.log" 2>&1 || {
    grep -A 30 -m 3 -E '^FAILED|error:' "build/$preset-build.log" || tail -n 60 "build/$preset-build.log"
    return 1
  }
  python3 tests/slowest_files.py "build/$preset" --since "$started" --limit "$limit"
}

# run_tests PRESET [CTEST_ARGUMENT …]
run_tests() {
  local preset=$1 log="build/$1-ctest.log" code=0 judged=0
  shift
  # Two at once, so that a sanitizer's slowness does not look like a missed deadline. What fails runs once
  # more; tests/second_tries.py says for which tests a pass then counts.
  ctest --test-dir "build/$preset" -j 2 --output-on-failure --no-tests=error --repeat until-pass:2 "$@" \
    >"$log" 2>&1 || code=$?
  summary="build/$preset-ctest-summary.txt"
  sed -n '/% tests passed/,/^Total Test time/p' "$log" >"$summary"
  ctest --test-dir "build/$preset" -N -L "conformance|integration" "$@" >"build/$preset-may-retry.txt"
  python3 tests/second_tries.py "$log" "build/$preset-may-retry.txt" || judged=1
  [[ $code -eq 0 || $judged -ne 0 ]] || tail -n 20 "$log"  # It is ctest itself that failed.
  [[ $code -eq 0 && $judged -eq 0 ]] || return 1
  head -n 1 "$summary"
}

# --- The stages -------------------------------------------------------------------------------

stage_deps() {
  cmake/install-deps.sh --tests
}

stage_checks() {
  python3 cmake/check_layering.py --self-test
  python3 cmake/check_layering.py
  git ls-files '*.cpp' '*.hpp' '*.c' '*.h' |
    xargs clang-format-14 --dry-run --Werror >build/format.log 2>&1 || {
    echo "to be formatted (clang-format-14 -i):"
    sed -n 's/^\([^ :]*\):[0-9]*:.*/  \1/p' build/format.log | sort -u
    return 1
  }
  local script
  while read -r script; do bash -n "$script"; done < <(git ls-files '*.sh' .ci/run)
}

stage_release() {
  build release 30
  build release 30 public_headers
  run_tests release
  # A skipped integration test has shown nothing: what it lacked is to be installed.
  local skipped
  skipped=$(sed -n 's/^\t *[0-9]* - \(.*\) (Skipped)$/\1/p' build/release-ctest.log | sort)
  skipped=$(comm -12 <(echo "$skipped") <(ctest --test-dir build/release -N -L integration |
    sed -n 's/^ *Test *#[0-9]*: //p' | sort) | grep . || true)
  if [[ -n "$skipped" ]]; then
    printf 'integration tests were skipped:\n%s\n' "$skipped"
    return 1
  fi
}

stage_install() {
  [[ -f build/release/build.ninja ]] || build release 30
  tests/install/run.sh build/release build/install-test
}

stage_asan() {
  build asan 60
  # The release stage runs the property tests at their full length.
  RWP_PROPERTY_SEQUENCES=1000 \
    ASAN_OPTIONS=detect_leaks=1:detect_stack_use_after_return=1:check_initialization_order=1:strict_string_checks=1:abort_on_error=1 \
    UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1:abort_on_error=1 run_tests asan
}

stage_tsan() {
  build tsan 60 tests  # The preset registers the threaded tests only.
  RWP_PROPERTY_SEQUENCES=300 TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1 run_tests tsan
}

# tidy SECONDS FILE …: as many of the files as the time allows.
tidy() {
  local seconds=$1
  shift
  cmake --preset tidy >build/tidy-configure.log 2>&1 || {
    cat build/tidy-configure.log
    return 1
  }
  # Sources that the build makes must be there to be included.
  ninja -C build/tidy -t targets rule CUSTOM_COMMAND | grep -E '\.(hpp|h|inc|cpp)$' |
    xargs -r ninja -C build/tidy >build/tidy-build.log
  printf '%s\n' "$@" | python3 tests/tidy.py build/tidy --seconds "$seconds"
}

stage_tidy() {
  local base
  if base=$(git rev-parse --verify --quiet origin/main) &&
    [[ $base != $(git rev-parse HEAD) ]]; then
    base=$(git merge-base "$base" HEAD)
  elif ! base=$(git rev-parse --verify --quiet HEAD~1); then
    echo "skipped: no commit to compare with"
    return 0
  fi
  local files
  mapfile -t files < <(git diff --name-only --diff-filter=d "$base" -- 'src/*.cpp' 'examples/*.cpp' 'benchmarks/*.cpp')
  if [[ ${#files[@]} -eq 0 ]]; then
    echo "no source has changed since $(git rev-parse --short "$base")"
    return 0
  fi
  tidy 360 "${files[@]}"
}

stage_tidy_all() {
  local files
  mapfile -t files < <(git ls-files 'src/*.cpp' 'examples/*.cpp' 'benchmarks/*.cpp')
  tidy 7200 "${files[@]}"
}

stage_coverage() {
  build coverage 60
  find build/coverage -name '*.gcda' -delete
  run_tests coverage
  python3 tests/coverage.py build/coverage
}

stage_ubsan() {
  build full 120
  UBSAN_OPTIONS=print_stacktrace=1 run_tests full
}

stage_endurance() {
  benchmarks/run.sh --long --json build/benchmarks.json
}

# The deployment's processes on this machine, restarted and killed under load, each alert fired.
stage_cluster() {
  cmake/install-deps.sh --cluster
  [[ -x build/release/bin/api_pod ]] || build release 30
  local code=0
  deploy/local/cluster.sh up --programs build/release/bin
  deploy/local/cluster.sh chaos --seconds 600 || code=1
  deploy/local/cluster.sh alerts --rate 8 || code=1
  deploy/local/cluster.sh down
  return $code
}

# --- Run them ---------------------------------------------------------------------------------

mkdir -p build
times=()
closing=  # The closing lines of the release tests, or of the last that ran.
for stage in "${wanted[@]}"; do
  printf '\n== %s\n' "$stage"
  started=$SECONDS
  summary=
  # In a subshell, so that `set -e` holds inside; it leaves the summary's name in a file.
  set +e
  (
    set -e
    trap 'echo "$summary" >build/summary-name.txt' EXIT
    "stage_$stage"
  )
  code=$?
  set -e
  summary=$(cat build/summary-name.txt)
  times+=("$(printf '%-10s %5d s' "$stage" $((SECONDS - started)))")
  [[ -z "$summary" || ($stage != release && -n "$closing") ]] || closing=$summary
  if [[ $code -ne 0 ]]; then
    printf '\nstage %s failed (code %d)\n' "$stage" "$code"
    [[ -z "$summary" ]] || cat "$summary"
    exit 1
  fi
done

printf '\n== times\n'
printf '%s\n' "${times[@]}" "$(printf '%-10s %5d s' all $SECONDS)"
if [[ -n "$closing" ]]; then
  printf '\n== %s\n' "$(basename "$closing" -ctest-summary.txt)"
  cat "$closing"
fi
