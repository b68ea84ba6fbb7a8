#!/usr/bin/env python3
"""Writes when each kind of pgBackRest's backups last succeeded, for node_exporter's textfile collector.

usage: pgbackrest --stanza=main info --output=json | backup_metrics.py FILE
"""

import json
import os
import sys


def series(info):
    last, size = {}, {}
    for stanza in info:
        for backup in stanza.get("backup", []):
            if backup.get("error"):
                continue
            kind, end = backup["type"], backup["timestamp"]["stop"]
            # A full backup is as good as an increment.
            for of in {"full": ("full", "incr"), "diff": ("incr",), "incr": ("incr",)}[kind]:
                last[of] = max(last.get(of, 0), end)
            size[kind] = backup["info"]["repository"]["size"]
    lines = ["# HELP rwp_backup_last_success_timestamp_seconds When a backup last succeeded.",
             "# TYPE rwp_backup_last_success_timestamp_seconds gauge"]
    lines += [f'rwp_backup_last_success_timestamp_seconds{{kind="{kind}"}} {end}'
              for kind, end in sorted(last.items())]
    lines += ["# HELP rwp_backup_size_bytes What the last backup holds in the repository.",
              "# TYPE rwp_backup_size_bytes gauge"]
    lines += [f'rwp_backup_size_bytes{{kind="{kind}"}} {bytes_}' for kind, bytes_ in sorted(size.items())]
    return "\n".join(lines) + "\n"


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__.strip())
    path = sys.argv[1]
    text = series(json.load(sys.stdin))
    with open(path + ".new", "w", encoding="utf-8") as out:
        out.write(text)
    os.replace(path + ".new", path)


if __name__ == "__main__":
    main()
