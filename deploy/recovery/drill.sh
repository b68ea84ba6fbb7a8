#!/usr/bin/env bash
# Rehearses the recovery on this machine, with real programs: a PostgreSQL that pgBackRest archives, a Redis that
# hands out its jobs, pods that work on them, a client that notes what was acknowledged. Twice everything is lost and brought back by
# recover.sh alone: an operator drops the schema (back to the moment before), and the database's disk is
# destroyed (back to the last archived WAL). Ends with a table; exit code 1 when a promise broke.
#   drill.sh --programs DIR [--jobs N] [--data-dir DIR] [--keep]
#     --programs DIR   api_pod, worker_pod, rwpctl
#     --jobs N         jobs before the first backup; 200
#     --data-dir DIR   where everything is kept; made, and removed at the end; a temporary one
#     --keep           leave it
# Needs PostgreSQL 15, pgBackRest, Redis 7, rclone and curl.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
bin=/usr/lib/postgresql/15/bin
programs='' jobs=200 data='' keep=''
give_up() { echo "drill: $1" >&2; exit "${2:-1}"; }
while [[ $# -gt 0 ]]; do
  case "$1" in
    --help | -h) sed -n '2,11s/^# \{0,1\}//p' "$0"; exit 0 ;;
    --keep) keep=yes ;;
    --programs | --jobs | --data-dir)
      [[ $# -ge 2 ]] || give_up "$1: needs a value" 2
      case "$1" in
        --programs) programs=$(realpath "$2") ;;
        --jobs) jobs=$2 ;;
        --data-dir) data=$(realpath -m "$2") ;;
      esac
      shift
      ;;
    *) give_up "unknown argument '$1'; see --help" 2 ;;
  esac
  shift
done
[[ -x "$programs/api_pod" ]] || give_up "--programs '$programs': has no api_pod" 2
[[ "$jobs" =~ ^[1-9][0-9]{0,5}$ ]] || give_up "--jobs '$jobs': must be 1 to 999999" 2
for tool in "$bin/postgres" pgbackrest redis-check-rdb redis-cli rclone curl; do
  command -v "$tool" >/dev/null || give_up "needs $tool"
done
# It is given to PostgreSQL's owner, and removed at the end.
[[ -z "$data" || ! -e "$data" ]] || give_up "--data-dir '$data': must not be there yet" 2
[[ -n "$data" ]] || data=$(mktemp -d /tmp/rwp-drill.XXXXXX)
mkdir -p "$data"/{log,run,repository,spool,objects,metrics}
readonly patience=120

as_owner() {
  if [[ $(id -u) -eq 0 ]]; then
    setpriv --reuid=postgres --regid=postgres --init-groups -- "$@"
  else
    "$@"
  fi
}
step() { printf '\n== %s\n' "$*"; }

pids=()
end_everything() {
  local pid
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  for pid in "${pids[@]}"; do
    local since=$SECONDS
    while kill -0 "$pid" 2>/dev/null && [[ $((SECONDS - since)) -lt 5 ]]; do sleep 0.05; done
    kill -9 "$pid" 2>/dev/null || true
  done
  as_owner "$bin/pg_ctl" -D "$data/db" -m immediate stop >/dev/null 2>&1 || true
  [[ -n "$keep" ]] || rm -rf -- "$data"
}
trap end_everything EXIT
trap 'exit 130' INT TERM

free_port() {
  python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])'
}
db_port=$(free_port)
api_port=$(free_port)
worker_port=$(free_port)
redis_port=$(free_port)

# --- A running system ------------------------------------------------------------------------------

step "PostgreSQL with pgBackRest, Redis, in $data"
cat >"$data/pgbackrest.conf" <<CONF
[global]
repo1-path=$data/repository
repo1-retention-full-type=time
repo1-retention-full=30
repo1-bundle=y
start-fast=y
compress-type=zst
log-level-file=off
log-level-console=warn
lock-path=$data/run
spool-path=$data/spool
[main]
pg1-path=$data/db
pg1-port=$db_port
pg1-socket-path=$data/run
CONF
[[ $(id -u) -ne 0 ]] || chown -R postgres: "$data"
chmod 755 "$data"
as_owner "$bin/initdb" -D "$data/db" -A trust -E UTF8 --locale=C.UTF-8 --data-checksums >"$data/log/initdb.log"
cat >>"$data/db/postgresql.conf" <<CONF
port = $db_port
listen_addresses = '127.0.0.1'
unix_socket_directories = '$data/run'
archive_mode = on
archive_timeout = 60
archive_command = 'pgbackrest --config=$data/pgbackrest.conf --stanza=main archive-push %p'
CONF
as_owner "$bin/pg_ctl" -D "$data/db" -l "$data/log/postgres.log" -w start >/dev/null
ask() { as_owner "$bin/psql" -X -At -h "$data/run" -p "$db_port" -d "${2:-postgres}" -c "$1"; }
ask 'CREATE DATABASE rwp' >/dev/null
backrest() { as_owner pgbackrest --config="$data/pgbackrest.conf" --stanza=main "$@"; }
backrest stanza-create
backrest check

# Debian's redis-tools has the server's program, under the name by which it checks files.
ln -s "$(command -v redis-check-rdb)" "$data/run/redis-server"
"$data/run/redis-server" --bind 127.0.0.1 --port "$redis_port" --save '' --dir "$data/run" \
  --maxmemory-policy noeviction >"$data/log/redis.log" &
redis_pid=$!
pids+=("$redis_pid")
record="postgres://postgres@127.0.0.1:$db_port/rwp?patience=60s"

unset RWP_API_URL
export RWP_JOBS_URL="tiered:$record,redis://127.0.0.1:$redis_port/0"
export RWP_OBJECTS_URL="file:$data/objects"
export RWP_ANALYTICS_URL="jsonl:$data/events.jsonl" RWP_AI_URL=local: RWP_DRAIN_DELAY=0s
RWP_JOBS_URL=$record "$programs/rwpctl" migrate >/dev/null
# What is deployed; again after each loss, as `kubectl apply` would.
cat >"$data/deploy.sh" <<'DEPLOY'
#!/usr/bin/env bash
# deploy.sh ROLE PORT PROGRAM ARGUMENTS…: the pod, unless it answers.
curl -s -m 5 -o /dev/null "http://127.0.0.1:$2/health" && exit 0
"$3" --listen "127.0.0.1:$2" "${@:4}" >>"$DRILL/log/$1.log" 2>&1 &
echo $! >>"$DRILL/pids"
DEPLOY
export DRILL=$data
redeploy="bash '$data/deploy.sh' api $api_port '$programs/api_pod' --allow-anonymous
bash '$data/deploy.sh' worker $worker_port '$programs/worker_pod'"
bash -c "$redeploy"
await() {  # WHAT COMMAND…
  local since=$SECONDS
  until "${@:2}"; do
    [[ $((SECONDS - since)) -lt $patience ]] || give_up "waited in vain for $1; see $data/log"
    sleep 0.1
  done
}
is_ready() { [[ $(curl -s -m 5 -o /dev/null -w '%{http_code}' "http://127.0.0.1:$1/ready") == 200 ]]; }
await "the api pod" is_ready "$api_port"
await "the worker pod" is_ready "$worker_port"
mapfile -t pids < <(echo "$redis_pid"; cat "$data/pids")

# A client: each job under a key of its own; its id is noted once it was acknowledged.
submit() {  # NUMBER: 0 when it was acknowledged
  local answer
  answer=$(curl -s -m 20 -H 'Content-Type: application/json' -d "{\"kind\": \"job_ad.enrich\",
    \"idempotency_key\": \"drill/$1\", \"payload\": {\"id\": \"$1\", \"title\": \"Cook\",
    \"description\": \"Cooks for guests in Leeds, evenings and weekends.\"}}" \
    "http://127.0.0.1:$api_port/v1/jobs") || return 1
  [[ "$answer" =~ \"id\":\"([0-9a-f-]{36})\" ]] || return 1
  echo "$(date +%s%3N) ${BASH_REMATCH[1]}" >>"$data/acknowledged"
}
number=0
submit_some() {
  local i
  for ((i = 0; i < $1; ++i)); do
    number=$((number + 1))
    submit "$number" || give_up "a job was not taken; see $data/log/api.log"
  done
}
submit_some "$jobs"

step "Full backup, $jobs jobs more, incremental backup, objects"
backup() {
  as_owner env PGBACKREST_CONFIG="$data/pgbackrest.conf" \
    BACKUP_METRICS_FILE="$data/metrics/postgres.prom" bash "$here/postgres_backup.sh" "$1"
}
backup full
submit_some "$jobs"
backup incr
all_ended() {
  ! ask "SELECT 1 FROM rwp.ready UNION ALL SELECT 1 FROM rwp.running LIMIT 1" rwp | grep -q 1
}
await "all jobs to end" all_ended
BACKUP_METRICS_FILE=$data/metrics/objects.prom bash "$here/objects_backup.sh" backup "$data/objects" "$data/objects-backup"
grep -h timestamp_seconds\{ "$data"/metrics/*.prom
rm -rf -- "${data:?}/objects"
mkdir -p "$data/objects"
bash "$here/objects_backup.sh" restore "$data/objects-backup" "$data/objects"
"$programs/rwpctl" verify >"$data/log/verify.log" || give_up "objects are missing: $(<"$data/log/verify.log")"
echo "objects destroyed and restored: $(find "$data/objects" -type f | wc -l), rwpctl verify finds nothing missing"

broken=()
report=()
archived() { ask "SELECT coalesce(last_archived_wal, '') FROM pg_stat_archiver"; }
archive_all() {
  local wal
  wal=$(ask "SELECT pg_walfile_name(pg_switch_wal())")
  is_archived() { [[ ! "$(archived)" < "$wal" ]]; }
  await "WAL $wal to be archived" is_archived
}
ids_there() {
  "$programs/rwpctl" jobs list --all -o ndjson |
    grep -o '"id":"[0-9a-f-]\{36\}"' | cut -d '"' -f 4 | sort >"$data/there"
}
lost_until() {  # MILLISECONDS: acknowledged by then, and not there
  awk -v until="$1" '$1 <= until {print $2}' "$data/acknowledged" | sort >"$data/wanted"
  comm -23 "$data/wanted" "$data/there" | wc -l
}
recover() {  # TARGET
  bash "$here/recover.sh" --config "$data/pgbackrest.conf" --data "$data/db" --to "$1" \
    --redeploy "$redeploy" --ready "http://127.0.0.1:$api_port/ready" \
    --ready "http://127.0.0.1:$worker_port/ready" --verify "$RWP_JOBS_URL" \
    --redis "redis://127.0.0.1:$redis_port" \
    --rwpctl "$programs/rwpctl" --log "$data/log/postgres.log" --patience "$patience" \
    >"$data/log/recover.log" 2>&1 || { cat "$data/log/recover.log"; give_up "the recovery failed"; }
  cat "$data/log/recover.log"
  point=$(sed -n 's/^recovery point  //p' "$data/log/recover.log")
  took=$(sed -n 's/^recovery time   //p' "$data/log/recover.log")
  mapfile -t pids < <(echo "$redis_pid"; cat "$data/pids")
}

# --- 1: the schema is dropped ----------------------------------------------------------------------

step "An operator drops the schema; back to the moment before"
submit_some 20
before=$(ask "SELECT now()")
before_ms=$(date +%s%3N)
submit_some 20  # After that moment: not to be there again.
# The pods go on: one of their transactions may hold what it needs, and it be the one that is told to go.
drop_schema() { ask "DROP SCHEMA rwp CASCADE" rwp >/dev/null 2>&1; }
await "the schema to be dropped" drop_schema
archive_all
recover "$before"
ids_there
lost=$(lost_until "$before_ms")
awk -v from="$before_ms" '$1 > from {print $2}' "$data/acknowledged" | sort >"$data/unwanted"
more=$(comm -12 "$data/unwanted" "$data/there" | wc -l)
[[ $lost -eq 0 ]] || broken+=("$lost jobs acknowledged before the chosen time are lost")
[[ $more -eq 0 ]] || broken+=("$more jobs from after the chosen time are there")
report+=("Schema dropped|$point|$took|$(wc -l <"$data/wanted")|$lost")
# The client learns, as everybody does, that what came later is gone.
awk -v until="$before_ms" '$1 <= until' "$data/acknowledged" >"$data/acknowledged.new"
mv "$data/acknowledged.new" "$data/acknowledged"

# --- 2: the disk is destroyed ----------------------------------------------------------------------

step "The database is killed and its files destroyed; back to the last archived WAL"
submit_some 20
archive_all
archived_ms=$(tail -n 1 "$data/acknowledged" | cut -d ' ' -f 1)
submit_some 5  # In no archived segment: these may be lost.
server=$(sed -n 1p "$data/db/postmaster.pid")
mapfile -t server < <(echo "$server"; cat "/proc/$server/task/$server/children" | tr ' ' '\n' | grep .)
kill -9 "${server[0]}"
server_gone() { local pid; for pid in "${server[@]}"; do ! kill -0 "$pid" 2>/dev/null || return 1; done; }
await "the server's processes to be gone" server_gone
rm -rf -- "${data:?}/db"
recover latest
ids_there
lost=$(lost_until "$archived_ms")
wanted=$(wc -l <"$data/wanted")
unarchived=$(lost_until 99999999999999)
[[ $lost -eq 0 ]] || broken+=("$lost jobs in archived WAL are lost")
[[ $unarchived -le 5 ]] || broken+=("$unarchived jobs are lost, and 5 were in no archived WAL")
report+=("Disk destroyed|$point|$took|$wanted|$lost (and $unarchived of 5 not archived)")

step "It works on"
submit_some 5
await "all jobs to end" all_ended
backup full

printf '\n  %-16s %-26s %-9s %-13s %s\n' "Loss" "Recovery point" "Time" "Acknowledged" "Lost"
for line in "${report[@]}"; do
  IFS='|' read -r what point took wanted lost <<<"$line"
  printf '  %-16s %-26s %-9s %-13s %s\n' "$what" "$point" "$took" "$wanted" "$lost"
done
if [[ ${#broken[@]} -gt 0 ]]; then
  printf 'broken: %s\n' "${broken[@]}"
  exit 1
fi
echo "  every promise held"
