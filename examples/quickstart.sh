#!/usr/bin/env bash
# From a bare Debian 12 to a report: installs what the build needs, builds the standalone program,
# enriches job adverts with it and says where the report lies.
#
#   examples/quickstart.sh                      the 72 adverts in examples/data/
#   examples/quickstart.sh --input FILE         your own: JSON Lines or CSV
#   examples/quickstart.sh --input FILE --ai-url local: --concurrency 32 …
#   OPENAI_API_KEY=sk-… examples/quickstart.sh  with OpenAI's model, some $0.002 an advert
#   examples/quickstart.sh --ai-url http://HOST:PORT/v1   any service that speaks its protocol
#
# Other arguments go to the program; see `build/quickstart/bin/standalone --help`. Data are kept in
# ./rwp-data (--data-dir DIR). Kill it whenever you like: the same command continues.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
for argument in "$@"; do
  [[ "$argument" == --help || "$argument" == -h ]] && { sed -n '2,13s/^# \{0,1\}//p' "$0"; exit 0; }
done

"$root/examples/build.sh" standalone

printf '\n== Enrich\n'
arguments=("$@")
has_input=no
has_model="${RWP_AI_URL:+yes}${RWP_AI_URL_FILE:+yes}"
for argument in "$@"; do
  [[ "$argument" == --input || "$argument" == --input=* ]] && has_input=yes
  [[ "$argument" == --ai-url || "$argument" == --ai-url=* ]] && has_model=yes
done
if [[ -z "$has_model" && -n "${OPENAI_API_KEY:-}${OPENAI_API_KEY_FILE:-}" ]]; then
  export RWP_AI_URL=openai:
  echo "OPENAI_API_KEY is set, so openai: answers (gpt-4.1-mini; --ai-model NAME takes another). It"
  echo "costs some \$0.002 an advert, \$0.15 for the 72 of the sample; --ai-url local: is free."
fi
[[ "$has_input" == yes ]] || arguments=(--input "$root/examples/data/job_ads.jsonl" "$@")
exec "$root/build/quickstart/bin/standalone" "${arguments[@]}"
