#!/usr/bin/env bash
# Asks the scheduling interface by its own description, in all the ways schemathesis
# thinks of, right and wrong, against a service of its own; every answer must be as
# described. The same requests each time.
#
#   VISIOPLAINTE_BIN=… tests/schemathesis/run.sh   another binary than target/debug's
set -euo pipefail
cd "$(dirname "$0")/../.."
root=$PWD

bin=$(realpath "${VISIOPLAINTE_BIN:-target/debug/visioplainte}")
venv=$root/target/schemathesis
for file in "$bin" "$venv/bin/schemathesis"; do
  [[ -e $file ]] && continue
  echo "schemathesis: $file is missing; run: make needs build" >&2
  exit 1
done

# The service refuses settings it does not know, and the developer's own are not the tests'.
while read -r name; do unset "$name"; done < <(compgen -v VISIOPLAINTE_ || true)

folder=$(mktemp -d)
service=
stop() {
  if [[ -n $service ]]; then
    kill -INT "$service" 2>/dev/null || true
    wait "$service" 2>/dev/null || true
  fi
  rm -rf "$folder"
}
trap stop EXIT
trap 'exit 130' INT TERM

port=$(node tests/free-port.mjs)
export VISIOPLAINTE_LISTEN=127.0.0.1:$port VISIOPLAINTE_DATA_DIR=$folder/data VISIOPLAINTE_MEDIA_PORTS='[0]'
VISIOPLAINTE_LOG=warn "$bin" migrate
VISIOPLAINTE_LOG=warn "$bin" seed
NO_COLOR=1 "$bin" serve >"$folder/log" 2>&1 </dev/null &
service=$!

# The key is the demonstration's. Beyond its budget it is told to wait, and does.
ask() (
  local config=$1
  shift
  # In the folder that is thrown away: it leaves notes where it stands.
  cd "$folder"
  "$venv/bin/schemathesis" --no-color --config-file "$root/tests/schemathesis/$config.toml" run \
    "http://localhost:$port/api/visioplainte/openapi.json" --wait-for-schema 60 \
    --header 'X-VISIOPLAINTE-API-KEY: cle-du-bac-a-sable' \
    --checks all --rate-limit auto --seed 1 --generation-database none "$@"
)

TODAY=$(date +%F)
export TODAY
if ! ask schemathesis --max-examples 50 || ! ask stateful --phases stateful --max-examples 50; then
  grep -E 'ERROR|WARN|panicked' "$folder/log" >&2 || true
  exit 1
fi
if grep panicked "$folder/log" >&2; then exit 1; fi
