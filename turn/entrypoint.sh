#!/bin/sh
# Writes what differs between deployments, holds the relay to the media node,
# and becomes an ordinary user before coturn reads its first packet.
set -eu
: "${TURN_DOMAIN:?name of the relay}" "${TURN_SECRET:?secret shared with the service}"
: "${MEDIA_ADDRESS:?address of the media node, as browsers are told}" "${MEDIA_PORTS:?its UDP ports, parted by commas}"
conf=${TURN_CONF:-/etc/turn} tls=${TURN_TLS:-/tls} run=${TURN_RUN:-/run/turn}

umask 077
cat "$tls/fullchain.pem" >"$run/fullchain.pem"
cat "$tls/privkey.pem" >"$run/privkey.pem"
{
  cat "$conf/turnserver.conf"
  echo "realm=$TURN_DOMAIN"
  echo "static-auth-secret=$TURN_SECRET"
  echo "allowed-peer-ip=$MEDIA_ADDRESS"
  echo "cert=$run/fullchain.pem"
  echo "pkey=$run/privkey.pem"
} >"$run/turnserver.conf"
chown -R turnserver:turnserver "$run"

nft -D "MEDIA=$MEDIA_ADDRESS" -D "PORTS={ $MEDIA_PORTS }" -f "$conf/egress.nft"

exec setpriv --reuid=turnserver --regid=turnserver --clear-groups --inh-caps=-all --no-new-privs \
  turnserver -c "$run/turnserver.conf" --pidfile="$run/turnserver.pid"
