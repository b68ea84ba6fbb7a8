#!/usr/bin/env bash
# The deployment as real processes, one pod of each role restarted, a worker, an AI pod, an api pod, Redis' master and
# PostgreSQL's primary killed under load: nothing acknowledged is lost or recorded twice, and a planted loss is told.
#   cluster_chaos_test.sh ROOT PROGRAMS
set -u
root=$1 programs=$2
# A range in which nobody listens, below those that the kernel gives away.
port=$(python3 - <<'PYTHON'
import random
import socket


def is_free(port):
    with socket.socket() as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            one.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


bases = list(range(20_000, 32_000, 200))
random.shuffle(bases)
print(next(base for base in bases if all(is_free(base + i) for i in range(200))))
PYTHON
)
dir=$(mktemp -d /tmp/rwp-chaos-test.XXXXXX)/cluster
chmod 755 "${dir%/*}"  # PostgreSQL is another user.
cluster() { "$root/deploy/local/cluster.sh" "$1" --dir "$dir" --port "$port" "${@:2}"; }
# Of one that is killed itself, as for its time limit, the cluster ends all the same, and its logs stay.
trap 'cluster down >/dev/null 2>&1; rm -rf "${dir%/*}"' EXIT
# A machine that stalls can have a first start fail, which nobody is promised anything about.
start() { cluster up --programs "$programs" --with $$; }
{ start || { cluster down; start; }; } && cluster chaos --short --prove --seconds 30 --rate 5
code=$?
[[ $code -eq 0 ]] || tail -n 5 "$dir"/log/*.log "$dir/supervisor.log"
exit $code
