#!/usr/bin/env bash
# Plays the whole journey in real browsers, each time against a service of its
# own: a new data folder, free ports, stopped at the end whatever happens.
#
#   tests/journey.sh                     Chromium, then Firefox as the citizen
#   tests/journey.sh firefox             only that one
#   VISIOPLAINTE_BIN=… tests/journey.sh  another binary than target/debug's
set -euo pipefail
cd "$(dirname "$0")/.."

bin=$(realpath "${VISIOPLAINTE_BIN:-target/debug/visioplainte}")
pictures=target/journey
for file in "$bin" web/dist/manifest.json tests/browser/journey.mjs; do
  [[ -e $file ]] && continue
  echo "journey: $file is missing; run: make build" >&2
  exit 1
done

# The service refuses settings it does not know, and the developer's own are not the tests'.
while read -r name; do unset "$name"; done < <(compgen -v VISIOPLAINTE_ || true)

folder=$(mktemp -d)
service=
stop() {
  if [[ -n $service ]]; then
    # At once: asked politely, the service waits for the calls.
    kill -INT "$service" 2>/dev/null || true
    wait "$service" 2>/dev/null || true
    service=
  fi
}
trap 'stop; rm -rf "$folder"' EXIT
trap 'exit 130' INT TERM

# Waits until the service says that it can serve, as long as it lives.
ready() {
  node - "$1" "$service" <<'NODE'
const [url, service] = process.argv.slice(2)
const deadline = Date.now() + 60_000
for (;;) {
  process.kill(Number(service), 0)
  const answer = await fetch(`${url}/ready`).catch(() => undefined)
  if (answer?.ok) break
  if (Date.now() > deadline) throw new Error(`${url}/ready: ${answer?.status ?? 'no answer'} after a minute`)
  await new Promise((wake) => setTimeout(wake, 100))
}
NODE
}

play() {
  local browser=$1 log=$pictures/service-$1.log words=$pictures/words-$1.log port
  port=$(node tests/free-port.mjs)
  export VISIOPLAINTE_LISTEN=127.0.0.1:$port
  export VISIOPLAINTE_DATA_DIR=$folder/$browser
  export VISIOPLAINTE_MEDIA_PORTS='[0]'
  "$bin" migrate
  "$bin" seed
  NO_COLOR=1 "$bin" serve >"$log" 2>&1 </dev/null &
  service=$!
  if ready "http://localhost:$port" && node tests/browser/journey.mjs "http://localhost:$port" "$browser" 2> >(tee "$words" >&2); then
    stop
    echo "journey with $browser: played to its end"
  else
    # The reason comes last, where a reader of the end of a long log finds it.
    echo "journey with $browser: FAILED. The service's last words ($log):" >&2
    tail -n 20 "$log" | cut -c -200 >&2
    echo "journey with $browser: FAILED, for this reason:" >&2
    tail -n 15 "$words" >&2
    return 1
  fi
}

rm -rf "$pictures"
mkdir -p "$pictures"
for browser in "${@:-chromium firefox}"; do
  for one in $browser; do play "$one"; done
done
echo "pictures: $pictures"

# A call comes back by itself from every break; this one runs a service of its own.
[[ $# -gt 0 ]] || VISIOPLAINTE_BIN=$bin node tests/browser/recovery.mjs
# Whatever a hostile server does to the end-to-end encryption is seen; likewise.
[[ $# -gt 0 ]] || VISIOPLAINTE_BIN=$bin node tests/browser/encryption.mjs
