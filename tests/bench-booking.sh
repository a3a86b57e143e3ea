#!/usr/bin/env bash
# `make bench-booking`: on SQLite, and on a throw-away PostgreSQL of this run alone
# or the server that VISIOPLAINTE_TEST_POSTGRES names. The release build, because
# what is measured is mostly our own work.
#
#   BENCH_QUICK=1 make bench-booking    a rough run: a short past, few attempts
set -euo pipefail
cd "$(dirname "$0")/.."
if [[ -z ${VISIOPLAINTE_TEST_POSTGRES-} ]]; then
  VISIOPLAINTE_TEST_POSTGRES_PORT=$(node tests/free-port.mjs)
  VISIOPLAINTE_TEST_POSTGRES_DIR=${TMPDIR:-/tmp}/visioplainte-bench-$$
  export VISIOPLAINTE_TEST_POSTGRES_PORT VISIOPLAINTE_TEST_POSTGRES_DIR
  trap 'tests/postgres.sh stop' EXIT
  VISIOPLAINTE_TEST_POSTGRES=$(tests/postgres.sh start)
  export VISIOPLAINTE_TEST_POSTGRES
fi
"${CARGO:-cargo}" bench --quiet --features sandbox --bench booking
