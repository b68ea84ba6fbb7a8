#!/usr/bin/env bash
# Installs a build tree, moves the installed tree, and builds and runs the outside projects in this
# folder against it.
#   tests/install/run.sh BUILD_DIR SCRATCH_DIR
set -euo pipefail

[[ $# -eq 2 ]] || { echo "usage: $0 BUILD_DIR SCRATCH_DIR" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
build=$(realpath -- "$1")
scratch=$(realpath -m -- "$2")
prefix="$scratch/moved"

fail() {
  echo "install test: $*" >&2
  exit 1
}

# configure NAME [ARGUMENT …]: the outside project in folder NAME, against the moved prefix.
configure() {
  local name=$1
  shift
  cmake -S "$here/$name" -B "$scratch/$name" -G Ninja -DCMAKE_BUILD_TYPE=Release \
    -DCMAKE_PREFIX_PATH="$prefix" "$@" >"$scratch/$name.log" 2>&1 || {
    cat "$scratch/$name.log" >&2
    return 1
  }
}

build() {
  cmake --build "$scratch/$1" -- -v >>"$scratch/$1.log" 2>&1 || {
    cat "$scratch/$1.log" >&2
    return 1
  }
}

rm -rf -- "$scratch"
mkdir -p "$scratch"
cmake --install "$build" --prefix "$scratch/installed" >/dev/null
mv "$scratch/installed" "$prefix"  # Nothing in it may know where it was installed first.
if grep -rlF -e "$scratch/installed" -e "$(cd "$here/../.." && pwd)/include" "$prefix"/lib*/cmake; then
  fail "the CMake files above name a place of the build machine"
fi
for file in LICENSE NOTICE; do
  [[ -n $(find "$prefix/share/doc" -name "$file") ]] || fail "$file was not installed"
done

echo "core_only: finds and links neither SQLite nor libpq"
configure core_only -DCMAKE_DISABLE_FIND_PACKAGE_SQLite3=ON -DCMAKE_DISABLE_FIND_PACKAGE_PostgreSQL=ON
build core_only
if grep -Eq -- '-lsqlite3|libsqlite3|-lpq|libpq' "$scratch/core_only.log"; then
  fail "the link line of core_only names SQLite or libpq"
fi
if ldd "$scratch/core_only/core_consumer" | grep -E 'libsqlite3|libpq'; then
  fail "core_only needs the libraries above"
fi
"$scratch/core_only/core_consumer"

echo "jobs: submits a job to a file and runs it; links SQLite, and neither libpq nor libcurl"
configure jobs -DCMAKE_DISABLE_FIND_PACKAGE_PostgreSQL=ON
build jobs
"$scratch/jobs/jobs_consumer" "sqlite:$scratch/jobs/jobs.db"
# Not through a pipe: `grep -q` leaves at the first match, and ldd may then die of the closed pipe.
libraries=$(ldd "$scratch/jobs/jobs_consumer")
[[ "$libraries" == *libsqlite3* ]] || fail "jobs does not need SQLite?"
if grep -E 'libpq|libcurl' <<<"$libraries"; then
  fail "jobs needs the libraries above"
fi
integrity=$(sqlite3 "$scratch/jobs/jobs.db" 'PRAGMA integrity_check')
[[ "$integrity" == ok ]] || fail "the file that jobs left: $integrity"

# Where the build had what the Python package needs.
module=$(find "$prefix" -name '_native.*.so')
if [[ -n "$module" ]]; then
  echo "python: imports rwp from where it was installed, and runs a job"
  packages=$(dirname "$(dirname "$module")")
  (cd "$scratch" && PYTHONPATH="$packages" PYTHONDONTWRITEBYTECODE=1 \
    /usr/bin/python3 "$here/python_consumer.py" "$packages") ||
    fail "the installed Python package does not work"
fi

echo "an unknown component and a later version are refused"
mkdir -p "$scratch/refused_source"
refused() {  # refused FIND_PACKAGE_ARGUMENTS EXPECTED_TEXT
  printf 'cmake_minimum_required(VERSION 3.25)\nproject(refused LANGUAGES CXX)\nfind_package(rwp %s)\n' \
    "$1" >"$scratch/refused_source/CMakeLists.txt"
  if cmake -S "$scratch/refused_source" -B "$scratch/refused" -G Ninja \
    -DCMAKE_PREFIX_PATH="$prefix" >"$scratch/refused.log" 2>&1; then
    fail "find_package(rwp $1) was answered"
  fi
  grep -qF -- "$2" "$scratch/refused.log" || fail "find_package(rwp $1): no '$2' in the answer"
}
refused "0.1 REQUIRED COMPONENTS core nonsense" "no component 'nonsense'"
refused "0.2 REQUIRED COMPONENTS core" "requested version"

echo "install test: passed"
