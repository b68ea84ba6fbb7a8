#!/usr/bin/env bash
# The deployment's four roles as processes of this machine: enriches job adverts through the API,
# kills each pod while it works, stops each one orderly, and compares what came out with what one
# process makes of the same adverts.
#
#   examples/four_pods.sh                    the 72 adverts in examples/data/
#   examples/four_pods.sh --input FILE       your own: JSON Lines with the fields of the sample
#     --data-dir DIR   where everything is kept (./rwp-four-pods), made anew
#     --port N         the first of five ports (3000: api, then worker, ai, analytics, and the one
#                      process that is compared)
#     --client NAME    what submits and asks: rwpctl (as it is), or curl
#     --calm           kill and stop nobody
#     --keep           go on serving at the end, until Ctrl-C
#     --programs DIR   built programs to use; otherwise they are built
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
input="$root/examples/data/job_ads.jsonl"
data="$PWD/rwp-four-pods"
port=3000
client=rwpctl
calm=
keep=
programs=

usage() { sed -n '2,15s/^# \{0,1\}//p' "$0"; }
stop_with() { echo "four_pods: $1" >&2; exit "${2:-1}"; }

while [[ $# -gt 0 ]]; do
  case "$1" in
    --help | -h) usage; exit 0 ;;
    --calm) calm=yes ;;
    --keep) keep=yes ;;
    --input | --data-dir | --port | --client | --programs)
      [[ $# -ge 2 ]] || stop_with "$1: needs a value" 2
      case "$1" in
        --input) input=$2 ;;
        --data-dir) data=$(realpath -m -- "$2") ;;
        --port) port=$2 ;;
        --client) client=$2 ;;
        --programs) programs=$2 ;;
      esac
      shift
      ;;
    *) stop_with "unknown argument '$1'; see --help" 2 ;;
  esac
  shift
done
[[ -r "$input" && -f "$input" ]] || stop_with "--input '$input': is no file that can be read" 2
[[ "$port" =~ ^[0-9]{4,5}$ && "$port" -le 65531 ]] || stop_with "--port '$port': must be 1024 to 65531" 2
[[ "$client" == rwpctl || "$client" == curl ]] || stop_with "--client '$client': must be rwpctl or curl" 2
if [[ -z "$programs" ]]; then
  "$root/examples/build.sh" api_pod worker_pod ai_pod analytics_pod standalone rwpctl
  programs="$root/build/quickstart/bin"
fi
command -v curl >/dev/null || stop_with "needs curl"

lines_of() { cat "$@" 2>/dev/null | wc -l || true; }
step() { printf '\n== %s\n' "$*"; }
readonly pods=(api worker ai analytics)
readonly patience=60  # Seconds until something that does not come is given up.
url_of() {
  local i=0 pod
  for pod in "${pods[@]}" standalone; do
    [[ "$pod" != "$1" ]] || echo "http://127.0.0.1:$((port + i))"
    i=$((i + 1))
  done
}

# Only what this script made is made anew.
if [[ -e "$data" ]]; then
  [[ -f "$data/.four_pods" ]] || stop_with "--data-dir '$data': is there, and is not of this script" 2
  rm -rf -- "$data"
fi
mkdir -p "$data"/{log,pid,state}
touch "$data/.four_pods"

# --- Settings, shared by the pods as they would be in a deployment ------------------------------

export RWP_JOBS_URL="sqlite:$data/jobs.db"
export RWP_OBJECTS_URL="file:$data/objects"
export RWP_API_KEYS_FILE="$data/api-keys"
export RWP_DRAIN_DELAY=1s
export RWP_LOG_FORMAT=json
unset RWP_LISTEN RWP_METRICS_LISTEN RWP_AI_URL RWP_ANALYTICS_URL RWP_DATA_DIR RWP_API_URL RWP_API_KEY

umask 077
new_key() {
  local make=("$programs/rwpctl" keys create --tenant)
  [[ "$client" == rwpctl ]] || make=("$programs/api_pod" --new-key)
  "${make[@]}" four-pods --scopes "$1" >"$2" 2>"$data/log/new-key.log" ||
    stop_with "$(<"$data/log/new-key.log")"
}
new_key jobs:read,jobs:write,queues:write "$data/key-client"
new_key ai:use "$data/key-ai"
new_key events:write "$data/key-analytics"
# curl reads the key from a file: arguments are seen by everybody on the machine.
printf 'header = "Authorization: Bearer %s"\n' "$(<"$data/key-client")" >"$data/curl-client"
printf 'header = "Authorization: Bearer %s"\n' "$(<"$data/key-ai")" >"$data/curl-ai"
printf 'url = "%s/mp/collect?measurement_id=G-FOURPODS&api_secret=%s"\n' \
  "$(url_of analytics)" "$(<"$data/key-analytics")" >"$data/curl-analytics"
umask 022

start() {
  local listen
  listen=$(url_of "$1")
  listen=${listen#http://}
  case "$1" in
    worker)
      RWP_AI_URL="$(url_of ai)/v1" RWP_AI_API_KEY_FILE="$data/key-ai" \
        RWP_ANALYTICS_URL="$(url_of analytics)" \
        RWP_ANALYTICS_API_KEY_FILE="$data/key-analytics" \
        exec "$programs/worker_pod" --listen "$listen"
      ;;
    ai) RWP_AI_URL=local: exec "$programs/ai_pod" --listen "$listen" ;;
    analytics)
      RWP_ANALYTICS_URL="jsonl:$data/events.jsonl" exec "$programs/analytics_pod" --listen "$listen"
      ;;
    api) exec "$programs/api_pod" --listen "$listen" ;;
  esac
}

# Starts a pod, and again whenever it ends, as a supervisor would.
supervise() {
  local pod=$1 code
  while [[ ! -e "$data/state/stopping" ]]; do
    start "$pod" >>"$data/log/$pod.log" 2>&1 &
    echo $! >"$data/pid/$pod"
    code=0
    wait $! || code=$?
    echo "$code" >>"$data/state/$pod.ends"
    if [[ $code -ne 0 && $code -ne 137 ]]; then
      echo "$pod ended with $code: $(tail -n 1 "$data/log/$pod.log")" >"$data/state/broken"
      return
    fi
  done
}

signal() { kill "-$1" "$(<"$data/pid/$2")" 2>/dev/null || true; }
is_ready() { [[ $(curl -s -m 2 -o /dev/null -w '%{http_code}' "$(url_of "$1")/ready") == 200 ]]; }
await_ready() {
  local since=$SECONDS
  until is_ready "$1"; do
    [[ ! -e "$data/state/broken" ]] || stop_with "$(<"$data/state/broken")"
    [[ $((SECONDS - since)) -lt $patience ]] || stop_with "$1 is not ready; see $data/log/$1.log"
    sleep 0.05
  done
}

# Waits until a pod has ended so many times.
await_ends() {
  local since=$SECONDS
  until [[ $(lines_of "$data/state/$1.ends") -ge $2 ]]; do
    [[ $((SECONDS - since)) -lt $patience ]] || stop_with "$1 does not end"
    sleep 0.02
  done
}

supervisors=()
reference=
end_everything() {
  touch "$data/state/stopping"
  local pod
  for pod in "${pods[@]}"; do [[ ! -e "$data/pid/$pod" ]] || signal TERM "$pod"; done
  [[ -z "$reference" ]] || kill "$reference" 2>/dev/null || true
  [[ ${#supervisors[@]} -eq 0 ]] || wait "${supervisors[@]}" 2>/dev/null || true
}
trap end_everything EXIT
trap 'exit 130' INT TERM

step "Four pods"
for pod in "${pods[@]}"; do
  supervise "$pod" 2>>"$data/log/supervisor.log" &
  supervisors+=($!)
done
for pod in "${pods[@]}"; do
  await_ready "$pod"
  printf '%-10s %s  log %s\n' "$pod" "$(url_of "$pod")" "$data/log/$pod.log"
done

# --- The client: submits the adverts in order, each under a key of its own ----------------------

# On the store itself: nothing that a death leaves behind may be damage.
verify() {
  "$programs/rwpctl" verify >"$data/log/verify.log" 2>&1 ||
    stop_with "rwpctl verify: $(<"$data/log/verify.log")"
}
# Through a pod's API.
ctl() {  # POD ARGUMENTS…
  RWP_API_URL=$(url_of "$1") RWP_API_KEY_FILE="$data/key-client" "$programs/rwpctl" "${@:2}"
}

readonly lot=20
total=$(grep -c . "$input")
submit_all() {  # POD: a pod that is away is waited for.
  ctl "$1" jobs submit --file "$input" --kind job_ad.enrich --queue ads --batch $lot -o json \
    >"$data/state/submit-$1" 2>"$data/log/submit-$1.log" || cp "$data/log/submit-$1.log" "$data/state/refused"
}
grep . "$input" | awk -v lot=$lot -v folder="$data/state" '
  (NR - 1) % lot == 0 { if (file) { print "]}" > file; close(file) }
                        file = sprintf("%s/lot-%06d.json", folder, (NR - 1) / lot)
                        printf "{\"jobs\":[" > file; comma = "" }
  { printf "%s{\"kind\":\"job_ad.enrich\",\"queue\":\"ads\",\"max_attempts\":20,\"idempotency_key\":\"ad/%d\",\"payload\":%s}\n", comma, NR, $0 > file
    comma = "," }
  END { if (file) print "]}" > file }'

post() {  # POD FILE ANSWER: prints the status; 000 when no whole answer came.
  curl -s -m 30 -K "$data/curl-client" -H 'Content-Type: application/json' --data-binary "@$2" \
    -o "$3" -w '%{http_code}' "$(url_of "$1")/v1/jobs" || true
}

post_all() {  # POD
  if [[ "$client" == rwpctl ]]; then
    submit_all "$1"
    return
  fi
  local file answer status
  for file in "$data"/state/lot-*.json; do
    answer="$data/state/$1-${file##*lot-}"
    while true; do
      status=$(post "$1" "$file" "$answer")
      case "$status" in
        201 | 200) break ;;
        4[0-9][0-9]) [[ "$status" == 429 ]] || { cp "$answer" "$data/state/refused"; return; } ;;
      esac
      # Safe to repeat: each advert goes under its key.
      echo "$status" >>"$data/state/post.retries"
      [[ ! -e "$data/state/broken" ]] || return
      sleep 0.1
    done
  done
}

# How many adverts have ended; the last known number while the API is away.
ended=0
look() {  # POD
  local counts
  if [[ "$client" == rwpctl ]]; then
    counts=$(ctl "$1" queues list -o ndjson 2>>"$data/log/look.log" || true)
    if [[ "$counts" =~ \"name\":\"ads\"[^}]*\"succeeded\":([0-9]+) ]]; then ended=${BASH_REMATCH[1]}; fi
    return
  fi
  counts=$(curl -s -m 5 -K "$data/curl-client" "$(url_of "$1")/v1/queues" || true)
  if [[ "$counts" =~ \"name\":\"ads\"[^}]*\"succeeded\":([0-9]+) ]]; then ended=${BASH_REMATCH[1]}; fi
}
await_ended() {  # POD COUNT
  local since=$SECONDS before=-1
  while true; do
    look "$1"
    [[ $ended -lt $2 ]] || return 0
    [[ $ended -eq $before ]] || { since=$SECONDS before=$ended; }
    [[ ! -e "$data/state/refused" ]] || stop_with "refused: $(<"$data/state/refused")"
    [[ ! -e "$data/state/broken" ]] || stop_with "$(<"$data/state/broken")"
    [[ $((SECONDS - since)) -lt $patience ]] ||
      stop_with "no advert has ended for $patience s; $ended of $total have; see $data/log"
    sleep 0.05
  done
}

step "$total adverts"
begun=$SECONDS
post_all api &
poster=$!
kills=0
if [[ -z "$calm" ]]; then
  # Two rounds, spread over the first two thirds of the run.
  steps=$((2 * ${#pods[@]}))
  for ((i = 0; i < steps; ++i)); do
    await_ended api $((total * (i + 1) * 2 / (3 * (steps + 1))))
    pod=${pods[i % ${#pods[@]}]}
    printf '%5d of %d ended: kill -9 %s\n' "$ended" "$total" "$pod"
    signal KILL "$pod"
    kills=$((kills + 1))
    await_ends "$pod" "$(((i / ${#pods[@]}) + 1))"
    verify
    await_ready "$pod"
  done
fi
wait "$poster" || true
await_ended api "$total"
printf '%5d of %d ended, in %d s\n' "$ended" "$total" "$((SECONDS - begun))"
if [[ "$client" == rwpctl ]]; then
  cat "$data/state/submit-api"
  grep -o '"submit":"[0-9a-f]*"' "$data/state/submit-api" | cut -d '"' -f 4 >"$data/state/submit-name"
  ctl api jobs wait --submit "$(<"$data/state/submit-name")" --timeout ${patience}s -o json
else
  printf '%d posts were tried again\n' "$(lines_of "$data/state/post.retries")"
fi

# --- Orderly stops: clients that ask /ready first must see no failed request --------------------

ask() {  # POD: one request of a client; prints the status.
  local common=(-s -m 30 -o /dev/null -w '%{http_code}')
  case "$1" in
    api) curl "${common[@]}" -K "$data/curl-client" "$(url_of api)/v1/jobs?limit=5" ;;
    ai)
      curl "${common[@]}" -K "$data/curl-ai" -H 'Content-Type: application/json' \
        -d '{"model":"rwp-local","input":"Staff nurse, nights, Leeds"}' "$(url_of ai)/v1/embeddings"
      ;;
    analytics)
      curl "${common[@]}" -K "$data/curl-analytics" -H 'Content-Type: application/json' \
        -d '{"client_id":"four-pods","events":[{"name":"orderly_stop"}]}'
      ;;
    worker) curl "${common[@]}" "$(url_of worker)/health" ;;
  esac || true
}
ask_on() {  # POD NUMBER: until the stop is over.
  local status
  while [[ ! -e "$data/state/asked-enough" ]]; do
    if ! is_ready "$1"; then
      sleep 0.02
      continue
    fi
    status=$(ask "$1")
    if [[ "$status" == 2* ]]; then echo . >>"$data/state/asked"; else echo "$1 $status" >>"$data/state/failed"; fi
  done
}

if [[ -z "$calm" ]]; then
  step "SIGTERM to each pod, with four clients that ask /ready first"
  for pod in "${pods[@]}"; do
    await_ready "$pod"
    rm -f "$data/state/asked" "$data/state/asked-enough"
    clients=()
    for ((i = 0; i < 4; ++i)); do
      ask_on "$pod" &
      clients+=($!)
    done
    ends=$(lines_of "$data/state/$pod.ends")
    signal TERM "$pod"
    await_ends "$pod" $((ends + 1))
    await_ready "$pod"
    sleep 0.5  # The clients' turn with the new one.
    touch "$data/state/asked-enough"
    wait "${clients[@]}"
    printf '%-10s %5d requests, %d failed\n' "$pod" "$(wc -l <"$data/state/asked")" \
      "$(grep -c "^$pod " "$data/state/failed" 2>/dev/null || true)"
  done
fi

# --- What came out ------------------------------------------------------------------------------

step "Compared with one process"
env -u RWP_JOBS_URL -u RWP_OBJECTS_URL -u RWP_ANALYTICS_URL -u RWP_AI_URL \
  "$programs/standalone" --data-dir "$data/reference" --listen "$(url_of standalone | cut -c 8-)" \
  >"$data/log/standalone.log" 2>&1 &
reference=$!
await_ready standalone
post_all standalone
ended_in_pods=$ended
await_ended standalone "$total"
ended=$ended_in_pods
kill "$reference"
wait "$reference" || true
reference=
wrong=0
for file in "$data"/reference/objects/enriched/*.json; do
  cmp -s "$file" "$data/objects/enriched/${file##*/}" && continue
  wrong=$((wrong + 1))
  [[ $wrong -gt 5 ]] || echo "differs: ${file##*/}"
done
records=$(find "$data/objects/enriched" -name '*.json' | wc -l)
expected=$(find "$data/reference/objects/enriched" -name '*.json' | wc -l)
ids_of_jobs() {
  if [[ "$client" == rwpctl ]]; then
    "$programs/rwpctl" jobs list --all --tag "submit:$(<"$data/state/submit-name")" -o ndjson
  else
    cat "$data"/state/api-*.json
  fi | grep -o '"id":"[0-9a-f]\{8\}-[0-9a-f-]*"' | sort -u
}
jobs=$(ids_of_jobs | wc -l)
verify
# Each event has an id of its own, by which one that is delivered twice is known.
events_of_ads() { grep '"name":"job_ad_enriched"' "$data/events.jsonl" | grep -o '"id":"[0-9a-f-]*"' | sort -u | wc -l || true; }
since=$SECONDS
events=$(events_of_ads)
while [[ $events -lt $total && $((SECONDS - since)) -lt $patience ]]; do
  sleep 0.1
  events=$(events_of_ads)
done
failed=$(lines_of "$data/state/failed")
killed=$(cat "$data"/state/*.ends 2>/dev/null | grep -c 137 || true)

printf '\n'
printf '  Adverts posted             %s\n' "$total"
printf '  Jobs, each with one id     %s\n' "$jobs"
printf '  Enriched                   %s\n' "$ended"
printf '  Records                    %s of %s, %s unlike the one process'"'"'s\n' "$records" "$expected" "$wrong"
printf '  Events, by their id        %s\n' "$events"
printf '  Pods killed                %s\n' "$killed"
printf '  Failed orderly requests    %s\n' "$failed"
if [[ $ended -ne $total || $jobs -ne $total || $records -ne $expected || $wrong -ne 0 ||
  $events -ne $total || $killed -ne $kills || $failed -ne 0 ]]; then
  stop_with "not all is right; see $data"
fi
printf '\nNothing lost, nothing twice, all as one process makes it.\n'

if [[ -n "$keep" ]]; then
  printf '\nServing until Ctrl-C. The key is in %s.\n' "$data/key-client"
  while true; do sleep 1; done
fi
