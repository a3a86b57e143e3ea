#!/usr/bin/env bash
# A throw-away PostgreSQL server for the tests, on a free port of the loopback:
#
#   tests/postgres.sh start DIR   makes it in DIR, prints `export VISIOPLAINTE_TEST_POSTGRES=…`
#   tests/postgres.sh stop DIR    stops it and removes DIR
#
# Nothing of it is ever synchronised to the disk: it holds no data worth keeping.
set -euo pipefail

usage() {
  echo 'usage: tests/postgres.sh start DIR | stop DIR' >&2
  exit 2
}
(($# == 2)) || usage
action=$1 dir=$2

bin=$(dirname "$(compgen -G '/usr/lib/postgresql/*/bin/initdb' | sort -V | tail -1 || command -v initdb || true)")
if [[ ! -x $bin/initdb ]]; then
  echo 'postgres: no PostgreSQL server is installed; run tests/needs.sh' >&2
  exit 1
fi

# The server refuses to run as root; Debian's package comes with a user for it.
as_server() {
  if ((EUID == 0)); then (cd / && runuser --user postgres -- "$@"); else "$@"; fi
}

case $action in
  start)
    mkdir -p "$dir"
    dir=$(cd "$dir" && pwd)
    chmod 700 "$dir"
    if ((EUID == 0)); then chown postgres "$dir"; fi
    port=$(node --eval 'const s = require("node:net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close() })')
    password=$(node --print 'require("node:crypto").randomBytes(16).toString("hex")')
    as_server sh -c 'umask 077; cat >"$1"' - "$dir/password" <<<"$password"
    {
      as_server "$bin/initdb" -D "$dir/data" -U tests --pwfile="$dir/password" \
        --auth-local=reject --auth-host=scram-sha-256 -E UTF8 --locale=C.UTF-8 --no-sync
      as_server "$bin/pg_ctl" -D "$dir/data" -l "$dir/log" -w \
        -o "-p $port -c listen_addresses=127.0.0.1 -k $dir -c fsync=off -c full_page_writes=off -c synchronous_commit=off -c max_connections=300" start
    } >&2 </dev/null
    echo "export VISIOPLAINTE_TEST_POSTGRES=postgres://tests:$password@127.0.0.1:$port/postgres"
    ;;
  stop)
    [[ -d $dir ]] || exit 0
    dir=$(cd "$dir" && pwd)
    # Without this file there is no server, or it has stopped by itself.
    if [[ -e $dir/data/postmaster.pid ]]; then
      as_server "$bin/pg_ctl" -D "$dir/data" -m immediate -w stop >&2
    fi
    rm -rf "$dir"
    ;;
  *) usage ;;
esac
