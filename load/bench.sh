#!/usr/bin/env bash
# The capacity benchmark of the media node, beside Debian's Janus and a relay
# floor. Arguments go to `load`; without any, the whole benchmark runs.
#
# Everything runs in a network namespace of its own: no neighbour's packets, no
# firewall, and addresses enough for one each client. Janus binds its sockets to
# an interface, so that the addresses must be local to one that is not loopback.
set -euo pipefail
cd "$(dirname "$0")/.."

if [[ ${1-} != inside ]]; then
  if (($(nproc) < 2)); then
    echo 'bench: two cores are needed, one for the server and one for the clients' >&2
    exit 1
  fi
  missing=()
  command -v janus >/dev/null || missing+=(janus)
  command -v ip >/dev/null || missing+=(iproute2)
  if ((${#missing[@]})); then
    if ((EUID != 0)); then
      echo "bench: missing: ${missing[*]} (sudo apt-get install --no-install-recommends ${missing[*]})" >&2
      exit 1
    fi
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -q >&2
    apt-get install -q -y --no-install-recommends "${missing[@]}" >&2
  fi
  # Both programs at once: apart, each would choose other features of what they share.
  "${CARGO:-cargo}" build --profile measure -p load -p trials
  as_root=()
  ((EUID == 0)) || as_root=(--map-root-user)
  (($#)) || set -- bench
  exec unshare --net "${as_root[@]}" "$0" inside "$@"
fi
shift

ip link set lo up
ip link add load0 type veth peer name load1
ip address add 10.77.255.254/16 dev load0
ip link set load0 up
ip link set load1 up
ip route add local 10.77.0.0/16 dev load0 table local
export LOAD_NETWORK=10.77
# The clients stand for the world outside, which no neighbour slows down: where it
# is allowed, their thread comes first on its core. Servers do not inherit that.
first=(chrt --reset-on-fork --fifo 1)
"${first[@]}" true 2>/dev/null || first=()
exec "${first[@]}" target/measure/load "$@"
