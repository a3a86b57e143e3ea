#!/bin/bash
# Whether the process on a port of this container lives. The image has no HTTP
# client, and needs none for this.
#
#   healthcheck PORT
exec 3<>"/dev/tcp/127.0.0.1/${1:?port}" || exit 1
printf 'GET /health HTTP/1.0\r\n\r\n' >&3
IFS= read -r -t 2 status <&3
[[ $status == 'HTTP/1.'?' 200'* ]]
