#!/bin/sh
# Writes what differs between deployments, holds the relay to the media nodes,
# and becomes an ordinary user before coturn reads its first packet.
#
# Every value comes from the environment; README.md here tells them one by one.
set -eu
: "${TURN_DOMAIN:?name of the relay}" "${TURN_SECRET:?secret shared with the service}"
: "${TURN_PEERS:?address:port or address:first-last of each media node, parted by spaces}"
conf=${TURN_CONF:-/etc/turn} tls=${TURN_TLS:-/tls} run=${TURN_RUN:-/run/turn}
tls_port=${TURN_TLS_PORT:-5349}

# "192.0.2.10:41000-41003" and "[2001:db8::10]:41000", one a line: address, space, ports.
peers() {
  for peer in $TURN_PEERS; do
    address=${peer%:*} ports=${peer##*:}
    address=${address#[} address=${address%]}
    if [ -z "$address" ] || [ -z "$ports" ] || [ "$address" = "$peer" ]; then
      echo "turn: TURN_PEERS: $peer is no address:port" >&2
      return 1
    fi
    echo "$address $ports"
  done
}
media=$(peers)

umask 077
cat "$tls/fullchain.pem" >"$run/fullchain.pem"
cat "$tls/privkey.pem" >"$run/privkey.pem"
{
  cat "$conf/turnserver.conf"
  echo "realm=$TURN_DOMAIN"
  echo "static-auth-secret=$TURN_SECRET"
  for address in ${TURN_LISTEN:-}; do echo "listening-ip=$address"; done
  echo "tls-listening-port=$tls_port"
  echo "$media" | while read -r address _; do echo "allowed-peer-ip=$address"; done
  echo "cert=$run/fullchain.pem"
  echo "pkey=$run/privkey.pem"
} >"$run/turnserver.conf"
chown -R turnserver:turnserver "$run"

{
  cat "$conf/egress.nft"
  echo "$media" | while read -r address ports; do
    case $address in *:*) set=media6 ;; *) set=media4 ;; esac
    echo "add element inet visioplainte_relay $set { $address . $ports }"
  done
} | nft -f -

# An ordinary user may bind port 443 only where the kernel or a capability says so.
bind=
[ "$tls_port" -ge "$(cat /proc/sys/net/ipv4/ip_unprivileged_port_start)" ] || bind=,+net_bind_service
exec setpriv --reuid=turnserver --regid=turnserver --clear-groups \
  --inh-caps=-all"$bind" --ambient-caps=-all"$bind" --no-new-privs \
  turnserver -c "$run/turnserver.conf" --pidfile="$run/turnserver.pid"
