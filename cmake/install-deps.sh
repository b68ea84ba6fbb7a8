#!/usr/bin/env bash
# Installs from Debian 12's packages what building, testing and running librwp needs; idempotent.
#   cmake/install-deps.sh          build and run
#   cmake/install-deps.sh --tests  also what tests/run.sh needs
#   cmake/install-deps.sh --cluster  also what deploy/local/cluster.sh runs
#   cmake/install-deps.sh --peers  also the job queues of benchmarks/peers
set -euo pipefail

packages=(
  g++ cmake ninja-build pkg-config ca-certificates
  libboost1.81-dev libboost-url1.81-dev
  nlohmann-json3-dev libsqlite3-dev libvalijson-dev libssl-dev libcurl4-openssl-dev zlib1g-dev
  libhiredis-dev
  libpq-dev
  prometheus-cpp-dev libspdlog-dev libfmt-dev libcli11-dev
  libpoppler-cpp-dev libxml2-dev libzip-dev libseccomp-dev
)
if [[ "${1:-}" == --tests ]]; then
  packages+=(
    libgtest-dev libgmock-dev libbenchmark-dev json-schema-test-suite sqlite3 python3 git curl
    clang-format-14 clang-tidy-14 openssl nghttp2-server
    redis-tools spin
    python3-dev pybind11-dev python3-pytest mypy
    postgresql-15 pgbouncer
    python3-yaml python3-jsonschema prometheus pgbackrest rclone
    radosgw ceph-mon ceph-osd ceph-common s3cmd
    patroni python3-etcd python3-psycopg2 etcd-server haproxy
    prometheus-alertmanager prometheus-node-exporter prometheus-postgres-exporter
  )
elif [[ "${1:-}" == --cluster ]]; then
  packages+=(
    python3 python3-yaml curl postgresql-15 patroni python3-etcd python3-psycopg2 etcd-server haproxy
    redis-tools prometheus prometheus-alertmanager prometheus-node-exporter prometheus-postgres-exporter
    pgbackrest radosgw ceph-mon ceph-osd ceph-common s3cmd openssl
  )
elif [[ "${1:-}" == --peers ]]; then
  packages+=(python3 python3-rq python3-celery python3-redis redis-server ruby-sidekiq postgresql)
elif [[ $# -gt 0 ]]; then
  echo "install-deps.sh: unknown argument '$1'; there are --tests, --cluster and --peers" >&2
  exit 2
fi

# Another source of Node.js serves as well, and Debian's npm would stand in its way.
if [[ "${1:-}" == --tests ]] && ! { command -v node && command -v npm; } >/dev/null; then
  packages+=(nodejs npm)
fi

# A current kubectl serves as well as Debian's.
if [[ "${1:-}" == --tests ]] && ! command -v kubectl >/dev/null; then
  packages+=(kubernetes-client)
fi

missing=()
for package in "${packages[@]}"; do
  status=$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null || true)
  [[ "$status" == installed ]] || missing+=("$package")
done
[[ ${#missing[@]} -gt 0 ]] || exit 0

as_root=()
if [[ $(id -u) -ne 0 ]]; then
  command -v sudo >/dev/null || {
    echo "install-deps.sh: needs root (or sudo) to install: ${missing[*]}" >&2
    exit 1
  }
  as_root=(sudo)
fi
echo "Installing: ${missing[*]}"
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
  apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
