#!/usr/bin/env bash
# From a bare Debian 12 to a report: installs what the build needs, builds the standalone program,
# enriches job adverts with it and says where the report lies.
#
#   examples/quickstart.sh                      the 72 adverts in examples/data/
#   examples/quickstart.sh --input FILE         your own: JSON Lines or CSV
#   examples/quickstart.sh --input FILE --ai-url local: --concurrency 32 …
#
# Other arguments go to the program; see `build/quickstart/bin/standalone --help`. Data are kept in
# ./rwp-data (--data-dir DIR). Kill it whenever you like: the same command continues.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
for argument in "$@"; do
  [[ "$argument" == --help || "$argument" == -h ]] && { sed -n '2,11s/^# \{0,1\}//p' "$0"; exit 0; }
done

"$root/examples/build.sh" standalone

printf '\n== Enrich\n'
arguments=("$@")
has_input=no
for argument in "$@"; do
  [[ "$argument" == --input || "$argument" == --input=* ]] && has_input=yes
done
[[ "$has_input" == yes ]] || arguments=(--input "$root/examples/data/job_ads.jsonl" "$@")
exec "$root/build/quickstart/bin/standalone" "${arguments[@]}"
