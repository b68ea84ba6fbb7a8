#!/usr/bin/env bash
# A backup of a plain machine's PostgreSQL, as cron runs it (deploy/recovery/crontab):
#   postgres_backup.sh full|incr
#     PGBACKREST_CONFIG      pgBackRest's configuration; /etc/pgbackrest.conf
#     BACKUP_STANZA          main
#     BACKUP_METRICS_FILE    where the times of success are written for node_exporter
# pgBackRest runs as the owner of the database's files, never as root.
set -euo pipefail

[[ $# -eq 1 && ("$1" == full || "$1" == incr) ]] || { sed -n '3,6s/^# \{0,1\}//p' "$0" >&2; exit 2; }
export PGBACKREST_CONFIG=${PGBACKREST_CONFIG:-/etc/pgbackrest.conf}
stanza=${BACKUP_STANZA:-main}
pgbackrest --stanza="$stanza" --type="$1" backup
if [[ -n "${BACKUP_METRICS_FILE:-}" ]]; then
  pgbackrest --stanza="$stanza" info --output=json |
    "$(dirname "${BASH_SOURCE[0]}")/backup_metrics.py" "$BACKUP_METRICS_FILE"
fi
