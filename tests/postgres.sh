#!/bin/sh
# A throw-away PostgreSQL for the tests, on 127.0.0.1, fast because it promises
# nothing after a power cut.
#
#   export VISIOPLAINTE_TEST_POSTGRES=$(tests/postgres.sh start)
#   tests/postgres.sh stop
#
# `start` prints its address alone on standard output; started twice, it gives
# the running one. PostgreSQL refuses to run as root: then it runs as the
# account `postgres` that Debian's package makes.
set -eu

port=${VISIOPLAINTE_TEST_POSTGRES_PORT:-15432}
folder=${VISIOPLAINTE_TEST_POSTGRES_DIR:-${TMPDIR:-/tmp}/visioplainte-test-postgres-$port}
url="postgres://app@127.0.0.1:$port/postgres"

bin=
for candidate in /usr/lib/postgresql/*/bin; do
    if [ -x "$candidate/initdb" ]; then bin=$candidate; fi
done
if [ -z "$bin" ]; then
    echo "PostgreSQL's server is missing (Debian: apt-get install postgresql)" >&2
    exit 1
fi

as_postgres() {
    if [ "$(id -u)" = 0 ]; then su postgres -s /bin/sh -c "$1"; else sh -c "$1"; fi
}

case "${1:-}" in
start)
    if as_postgres "cd / && $bin/pg_ctl -D '$folder' status" >/dev/null 2>&1; then
        echo "$url"
        exit 0
    fi
    rm -rf "$folder"
    mkdir -p "$folder"
    chmod 700 "$folder"
    if [ "$(id -u)" = 0 ]; then chown postgres "$folder"; fi
    as_postgres "cd / && $bin/initdb -D '$folder' -U app --auth=trust -E UTF8 --locale=C.UTF-8 --no-sync" >&2
    as_postgres "cd / && $bin/pg_ctl -D '$folder' -l '$folder/log' -w start -o \
        '-p $port -c listen_addresses=127.0.0.1 -k $folder -c fsync=off -c synchronous_commit=off \
         -c full_page_writes=off -c max_connections=600'" >&2
    echo "$url"
    ;;
stop)
    as_postgres "cd / && $bin/pg_ctl -D '$folder' -m immediate -w stop" >&2 || true
    rm -rf "$folder"
    ;;
*)
    echo "usage: $0 start|stop" >&2
    exit 2
    ;;
esac
