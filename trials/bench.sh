#!/usr/bin/env bash
# The trials of recovery: how long a call is without voice after each kind of
# break. Arguments go to `trials`; without any, 200 trials of each kind, or ten
# with BENCH_QUICK=1. The service must be built (`make build`).
set -euo pipefail
cd "$(dirname "$0")/.."

if ((EUID != 0)); then
  echo 'bench: the trials make network namespaces, which takes root' >&2
  exit 1
fi
if ! command -v ip >/dev/null; then
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -q >&2
  apt-get install -q -y --no-install-recommends iproute2 >&2
fi
if [[ ! -c /dev/net/tun ]]; then
  echo 'bench: the links of the trials are TUN devices, and /dev/net/tun is missing' >&2
  exit 1
fi
# As fast as the load generator: unoptimised, twenty participants fill two cores.
# Both programs at once: apart, each would choose other features of what they share.
"${CARGO:-cargo}" build --profile measure -p load -p trials
if (($# == 0)) && [[ ${BENCH_QUICK-} == 1 ]]; then
  set -- --trials 10 --repair 15
fi
mkdir -p target/bench
target/measure/trials "$@" | tee target/bench/sfu-recovery.txt
