#!/usr/bin/env bash
# The relay, tried in a small internet of network namespaces: coturn as turn/
# ships it, the proxy as deploy/ ships it, the service, a media node, a citizen
# behind a firewall of ours, an officer elsewhere, and those the relay must
# never reach.
#
#   tests/turn.sh                       all of it
#   tests/turn.sh relay                 only what the relay lets through, and `check` (no browser)
#   tests/turn.sh browsers              only the ways that browsers find
#   tests/turn.sh nat                   only the node behind a 1:1 NAT
#   tests/turn.sh narrow                only the image that yields on a narrow link
#   VISIOPLAINTE_BIN=… tests/turn.sh    another binary than target/debug's
#
#   citizen 10.77.1.2 ─┐          ┌─ server 10.77.3.2  proxy :443, service, media :41000-41001,
#                      ├─ router ─┤                    and on :7000 what is not for the relay
#   office  10.77.2.2 ─┘          ├─ relay  10.77.4.2  coturn :3478 and :443
#                                 └─ other  10.77.5.2 and 169.254.169.254, open ports
#
# Needs root. The machine's own network is not touched: every interface is born
# inside a namespace, and goes with it.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=$(realpath "${VISIOPLAINTE_BIN:-target/debug/visioplainte}")
for file in "$bin" web/dist/manifest.json; do
  [[ -e $file ]] && continue
  echo "turn: $file is missing; run: make build" >&2
  exit 1
done
only=${1:-all}
while read -r name; do unset "$name"; done < <(compgen -v VISIOPLAINTE_ || true)

lab=turn-$$
places=(router citizen office server relay other)
folder=$(mktemp -d)
# coturn's own user reads its configuration in it.
chmod 711 "$folder"

down() {
  local place
  for place in "${places[@]}"; do ip netns delete "$lab-$place" 2>/dev/null || true; done
  rm -rf "$folder"
}
trap down EXIT
trap 'exit 130' INT TERM

if ! ip netns add "$lab-router" 2>"$folder/refused"; then
  cat >&2 <<MESSAGE
turn: this machine lets us make no network namespace: $(cat "$folder/refused")
The test needs root with CAP_SYS_ADMIN and CAP_NET_ADMIN; in a container,
run it privileged. It is not left out in silence, because nothing else shows that
the relay keeps to the media nodes.
MESSAGE
  exit 1
fi

network() {
  local place number=0
  ip -n "$lab-router" link set lo up
  ip netns exec "$lab-router" sysctl --quiet --write net.ipv4.ip_forward=1
  for place in "${places[@]:1}"; do
    number=$((number + 1))
    ip netns add "$lab-$place"
    ip -n "$lab-$place" link set lo up
    ip -n "$lab-$place" link add eth0 type veth peer name "$place" netns "$lab-router"
    ip -n "$lab-$place" address add "10.77.$number.2/24" dev eth0
    ip -n "$lab-router" address add "10.77.$number.1/24" dev "$place"
    ip -n "$lab-$place" link set eth0 up
    ip -n "$lab-router" link set "$place" up
    ip -n "$lab-$place" route add default via "10.77.$number.1"
  done
  # What cloud machines ask for their secrets.
  ip -n "$lab-other" address add 169.254.169.254/32 dev lo
  ip -n "$lab-router" route add 169.254.169.254/32 via 10.77.5.2
  # The proxy's template calls its neighbours by the compose file's names. The relay
  # is reached at its own address; the last line, once it is made the first, lets
  # it be reached through the proxy, by name.
  cat >"$folder/hosts" <<HOSTS
127.0.0.1 localhost service media
10.77.4.2 turn
10.77.3.2 plainte.test
10.77.4.2 relais.plainte.test
HOSTS
}

# An authority of the test's own, and one certificate for both names.
certificates() {
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj '/CN=VisioPlainte tests' \
    -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign \
    -keyout "$folder/ca.key" -out "$folder/ca.pem" 2>/dev/null
  certificate tls 90
  certificate soon 3
}

# certificate FOLDER DAYS
certificate() {
  mkdir "$folder/$1"
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=plainte.test \
    -keyout "$folder/$1/privkey.pem" -out "$folder/$1/request.pem" 2>/dev/null
  openssl x509 -req -in "$folder/$1/request.pem" -CA "$folder/ca.pem" -CAkey "$folder/ca.key" -days "$2" \
    -extfile <(echo 'subjectAltName=DNS:plainte.test,DNS:relais.plainte.test') \
    -out "$folder/$1/fullchain.pem" 2>/dev/null
}

network
certificates
# Names are told by a resolver beside the firewall, as at home or in an office: a
# closed network still has one. Chromium asks nobody else for a relay by UDP.
echo 'nameserver 10.77.1.1' >"$folder/resolv.conf"
# at PLACE COMMAND…: there, with the names of the lab.
cat >"$folder/at" <<SCRIPT
#!/bin/sh
place=\$1
shift
exec ip netns exec "$lab-\$place" sh -c 'mount --bind "$folder/hosts" /etc/hosts && mount --bind "$folder/resolv.conf" /etc/resolv.conf && exec "\$@"' at "\$@"
SCRIPT
chmod 755 "$folder/at"

# The office's browser, for whoever starts it from elsewhere.
printf '#!/bin/sh\nexec "%s/at" office /usr/bin/chromium "$@"\n' "$folder" >"$folder/chromium-at-office"
chmod 755 "$folder/chromium-at-office"
# Chromium asks the store in its user's home besides its own list of authorities.
mkdir -p "$folder/home/.pki/nssdb"
certutil -N --empty-password -d "sql:$folder/home/.pki/nssdb"
certutil -A -n tests -t C,, -i "$folder/ca.pem" -d "sql:$folder/home/.pki/nssdb"

export TURN_LAB=$folder TURN_LAB_BIN=$bin
[[ $only != all && $only != relay ]] || "$folder/at" citizen node --test --test-concurrency=1 tests/turn/relay.test.mjs tests/turn/check.test.mjs
# Firefox is spoken to over the citizen's own loopback, so this one runs there.
[[ $only != all && $only != browsers ]] || NODE_EXTRA_CA_CERTS=$folder/ca.pem "$folder/at" citizen node tests/turn/browsers.mjs
[[ $only != all && $only != narrow ]] || NODE_EXTRA_CA_CERTS=$folder/ca.pem "$folder/at" citizen node tests/turn/narrow.mjs
[[ $only != all && $only != nat ]] || NODE_EXTRA_CA_CERTS=$folder/ca.pem "$folder/at" citizen node tests/turn/nat.mjs
