#!/usr/bin/env bash
# Copies what is new or changed in the object store; what is replaced or gone there is kept 30 days.
#   objects_backup.sh backup SOURCE TARGET      TARGET/current, TARGET/replaced/DATE
#   objects_backup.sh restore TARGET DESTINATION
# SOURCE, TARGET and DESTINATION are rclone's: a folder, or REMOTE:BUCKET with rclone.conf (RCLONE_CONFIG).
#     BACKUP_KEEP_DAYS       30
#     BACKUP_METRICS_FILE    where the time of success is written for node_exporter; nowhere by default
set -euo pipefail

usage() { sed -n '3,7s/^# \{0,1\}//p' "$0" >&2; exit 2; }
[[ $# -eq 3 ]] || usage
keep=${BACKUP_KEEP_DAYS:-30}
[[ "$keep" =~ ^[1-9][0-9]*$ ]] || { echo "objects_backup: BACKUP_KEEP_DAYS '$keep': must be a number" >&2; exit 2; }
common=(--checksum --transfers 8 --retries 3 --stats-one-line --stats 0)

case "$1" in
  backup)
    # An empty source is an accident until somebody says otherwise: it would move all away.
    # The list is cut off past its first name, which ends rclone; that is no failure.
    first=$(rclone lsf --max-depth 1 "$2" | head -n 1 || true)
    [[ -n "$first" ]] || { echo "objects_backup: $2 is empty or not there" >&2; exit 1; }
    rclone sync "${common[@]}" --backup-dir "$3/replaced/$(date -u +%F)" "$2" "$3/current"
    limit=$(date -u -d "$keep days ago" +%F)
    { rclone lsf --dirs-only "$3/replaced" 2>/dev/null || true; } | while IFS=/ read -r day _; do
      [[ "$day" < "$limit" ]] || continue
      rclone purge "$3/replaced/$day"
    done
    if [[ -n "${BACKUP_METRICS_FILE:-}" ]]; then
      printf 'rwp_backup_last_success_timestamp_seconds{kind="objects"} %s\n' "$(date +%s)" \
        >"$BACKUP_METRICS_FILE.new"
      mv "$BACKUP_METRICS_FILE.new" "$BACKUP_METRICS_FILE"
    fi
    ;;
  restore) rclone copy "${common[@]}" "$2/current" "$3" ;;
  *) usage ;;
esac
