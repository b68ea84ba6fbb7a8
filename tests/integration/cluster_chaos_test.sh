#!/usr/bin/env bash
# The deployment as real processes, one pod of each role restarted, a worker, an AI pod, an api pod, Redis' master and
# PostgreSQL's primary killed under load: nothing acknowledged is lost or recorded twice, and a planted loss is told.
#   cluster_chaos_test.sh ROOT PROGRAMS PORT
set -u
root=$1 programs=$2 port=$3
dir=$(mktemp -d /tmp/rwp-chaos-test.XXXXXX)/cluster
chmod 755 "${dir%/*}"  # PostgreSQL is another user.
cluster() { "$root/deploy/local/cluster.sh" "$1" --dir "$dir" --port "$port" "${@:2}"; }
trap 'cluster down >/dev/null 2>&1; rm -rf "${dir%/*}"' EXIT
# A machine that stalls can have a first start fail, which nobody is promised anything about.
start() { cluster up --programs "$programs"; }
{ start || { cluster down; start; }; } && cluster chaos --short --prove --seconds 30 --rate 5
code=$?
[[ $code -eq 0 ]] || tail -n 5 "$dir"/log/*.log "$dir/supervisor.log"
exit $code
