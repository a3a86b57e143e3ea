#!/usr/bin/env bash
# `make bench-identity`: against a throw-away PostgreSQL of this run alone, or the
# server that VISIOPLAINTE_TEST_POSTGRES names. What is measured waits for the
# database, so the build of the tests will do.
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
cargo=${CARGO:-cargo}
"$cargo" bench --quiet --profile dev --features sandbox --bench identity
# What tests count: cells of the table of rights, and what becomes of ten thousand
# messages while the service is killed (five minutes).
"$cargo" test --quiet --features sandbox --test stories -- rights --nocapture | grep '^bench: '
VISIOPLAINTE_MESSAGES=${BENCH_MESSAGES:-10000} \
  "$cargo" test --quiet --features sandbox --test kill -- many_messages --nocapture | grep '^bench: '
