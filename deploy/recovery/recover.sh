#!/usr/bin/env bash
# Brings a PostgreSQL back from pgBackRest's repository, in four steps: 1 restore to a chosen time,
# 2 redeploy configuration, 3 verify services, 4 check that the data hold together. Prints the point and
# the time that it reached.
#   recover.sh --config FILE --data DIR --to TIME|latest [OPTION]…
#     --config FILE      pgBackRest's configuration
#     --data DIR         where the database goes; what is there is replaced by what was backed up
#     --to TIME          2026-11-23 09:01:29+00, or `latest`: all that was archived
#     --stanza NAME      main
#     --redeploy CMD     puts settings and pods in place: kubectl apply -k deploy/kubernetes/overlays/production
#     --ready URL        a pod's /ready, which must say 200; may stand several times
#     --redis URL        of tiered: jobs, without a password (REDISCLI_AUTH); emptied: what it would hand out
#                        is of a time that is gone
#     --verify URL       the jobs' database, for `rwpctl verify`
#     --rwpctl FILE      the program; on the path
#     --postgres DIR     PostgreSQL's programs; /usr/lib/postgresql/15/bin
#     --log FILE         PostgreSQL's log; DIR.log
#     --patience SECONDS until something that does not come is given up; 600
# Run it as root or as the owner of the database's files; it becomes `postgres` for them.
set -euo pipefail

usage() { sed -n '5,19s/^# \{0,1\}//p' "$0"; }
give_up() { echo "recover: $1" >&2; exit "${2:-1}"; }
config='' data='' target='' stanza=main redeploy='' verify='' redis='' rwpctl=rwpctl log='' patience=600
bin=/usr/lib/postgresql/15/bin
ready=()
while [[ $# -gt 0 ]]; do
  case "$1" in
    --help | -h) usage; exit 0 ;;
    --config | --data | --to | --stanza | --redeploy | --ready | --redis | --verify | --rwpctl | --postgres | --log | --patience)
      [[ $# -ge 2 ]] || give_up "$1: needs a value" 2
      case "$1" in
        --config) config=$2 ;;
        --data) data=$2 ;;
        --to) target=$2 ;;
        --stanza) stanza=$2 ;;
        --redeploy) redeploy=$2 ;;
        --ready) ready+=("$2") ;;
        --redis) redis=$2 ;;
        --verify) verify=$2 ;;
        --rwpctl) rwpctl=$2 ;;
        --postgres) bin=$2 ;;
        --log) log=$2 ;;
        --patience) patience=$2 ;;
      esac
      shift 2
      ;;
    *) give_up "unknown argument '$1'; see --help" 2 ;;
  esac
done
[[ -r "$config" && -n "$data" && -n "$target" ]] || give_up "needs --config, --data and --to; see --help" 2
[[ "$patience" =~ ^[0-9]+$ ]] || give_up "--patience '$patience': must be a number of seconds" 2
log=${log:-$data.log}

# As the owner of the database's files; pgBackRest and PostgreSQL refuse root.
as_owner() {
  if [[ $(id -u) -eq 0 ]]; then
    setpriv --reuid=postgres --regid=postgres --init-groups -- "$@"
  else
    "$@"
  fi
}
begun=$(date +%s%3N)
elapsed() { local ms=$(($(date +%s%3N) - begun)); printf '%d.%d' $((ms / 1000)) $((ms % 1000 / 100)); }
step() { printf '%6s s  %s\n' "$(elapsed)" "$*"; }
backrest() { as_owner pgbackrest --config="$config" --stanza="$stanza" "$@"; }

step "1 restore the database to $target"
if as_owner "$bin/pg_ctl" -D "$data" status >/dev/null 2>&1; then
  as_owner "$bin/pg_ctl" -D "$data" -m immediate -w stop >/dev/null
fi
# While there is no database, nothing is handed out anew.
[[ -z "$redis" ]] || redis-cli -u "$redis" flushall >/dev/null || give_up "$redis cannot be emptied"
# Its shared memory may have been left by a server that was killed.
rm -f "$data/postmaster.pid"
options=(--target-action=promote)
if [[ "$target" == latest ]]; then
  options=()
else
  options+=(--type=time "--target=$target")
fi
if [[ -e "$data/PG_VERSION" ]]; then
  options+=(--delta)
else
  rm -rf -- "${data:?}"
  mkdir -p "$data"
  chmod 700 "$data"
  [[ $(id -u) -ne 0 ]] || chown postgres: "$data"
fi
backrest --log-level-console=warn "${options[@]}" restore
as_owner "$bin/pg_ctl" -D "$data" -l "$log" -t "$patience" -w start >/dev/null ||
  give_up "PostgreSQL does not start; see $log"
port=$(sed -n 4p "$data/postmaster.pid")
socket=$(sed -n 5p "$data/postmaster.pid")
ask() { as_owner "$bin/psql" -X -At -h "$socket" -p "$port" -d postgres -c "$1"; }
since=$SECONDS
until [[ $(ask 'SELECT pg_is_in_recovery()') == f ]]; do
  [[ $((SECONDS - since)) -lt $patience ]] || give_up "PostgreSQL is still in recovery; see $log"
  sleep 0.2
done
point=$(ask "SELECT coalesce(to_char(pg_last_xact_replay_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.MSZ'), 'the backup itself')")

if [[ -n "$redeploy" ]]; then
  step "2 redeploy configuration"
  bash -c "$redeploy" || give_up "the redeployment failed"
else
  step "2 no configuration to redeploy"
fi

step "3 verify services"
for url in "${ready[@]}"; do
  since=$SECONDS
  until [[ $(curl -s -m 5 -o /dev/null -w '%{http_code}' "$url") == 200 ]]; do
    [[ $((SECONDS - since)) -lt $patience ]] || give_up "$url is not ready"
    sleep 0.2
  done
done

if [[ -n "$verify" ]]; then
  step "4 check that the data hold together"
  since=$SECONDS
  # 4: not all could be looked at. A pod may have been ready before it saw that its Redis was emptied.
  while RWP_JOBS_URL=$verify "$rwpctl" verify && code=0 || code=$? && [[ $code -eq 4 ]]; do
    [[ $((SECONDS - since)) -lt $patience ]] || give_up "rwpctl verify could not look at all of it"
    sleep 1
  done
  [[ $code -eq 0 ]] || give_up "rwpctl verify ended with $code"
else
  step "4 no store to verify"
fi
step "done"
printf 'recovery point  %s\nrecovery time   %s s\n' "$point" "$(elapsed)"
