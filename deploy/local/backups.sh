#!/usr/bin/env bash
# A full backup, then an incremental one each minute (an hour, by the cluster's scale), of whichever database is
# the primary: backups.sh DIR PATRONI_PRIMARY_URL…
set -u
dir=$1
shift
export BACKUP_STANZA=rwp BACKUP_METRICS_FILE=$dir/metrics/backup.prom
kind=full
while :; do
  i=0
  for url in "$@"; do
    if curl -sf -m 5 -o /dev/null "$url"; then
      PGBACKREST_CONFIG=$dir/config/pgbackrest-$i.conf \
        "$(dirname "${BASH_SOURCE[0]}")/../recovery/postgres_backup.sh" "$kind" && kind=incr
      break
    fi
    i=$((i + 1))
  done
  sleep 60
done
