#!/usr/bin/env bash
# What `make test` runs, in order; it stops at the first failure. `make` has
# seen to what the tests need (tests/needs.sh) and to the pages (web/dist).
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/steps.sh

if [[ ! -e web/dist/manifest.json ]]; then
  echo 'tests: the pages are not built; run: make test' >&2
  exit 1
fi

# A server of this run alone: two runs on one machine do not meet.
postgres() {
  VISIOPLAINTE_TEST_POSTGRES_PORT=$postgres_port VISIOPLAINTE_TEST_POSTGRES_DIR=$postgres_folder tests/postgres.sh "$1"
}
postgres_port=$(node tests/free-port.mjs)
postgres_folder=${TMPDIR:-/tmp}/visioplainte-tests-$$
trap '[[ ! -d $postgres_folder ]] || postgres stop' EXIT
trap 'exit 130' INT TERM

start_postgres() {
  VISIOPLAINTE_TEST_POSTGRES=$(postgres start) && export VISIOPLAINTE_TEST_POSTGRES
}

# A pattern that matches nothing must fail, not pass for want of tests.
node_tests() {
  local files
  if ! files=$(compgen -G "$1"); then
    echo "no test matches $1" >&2
    return 1
  fi
  mapfile -t files <<<"$files"
  # One browser at a time: two cores are soon full of them.
  node --test --test-concurrency=1 "${files[@]}"
}

step 'documentation and deployment in step with the settings' node_tests 'tests/*.test.mjs'
step 'scripts of the pages' npm --prefix web run --silent test
step 'throw-away PostgreSQL' start_postgres
step 'build of the Rust tests' cargo test --workspace --features sandbox --no-run
step 'rules and stories, on SQLite and PostgreSQL' cargo test --workspace --features sandbox
step 'behaviours in a browser' node_tests 'tests/browser/*.test.mjs'
# The stories start the real binary, so the step above has built it.
[[ -d tests/stories ]] || step 'build of the service' cargo build --features sandbox
step 'the scheduling interface, against its own description' tests/schemathesis/run.sh
step 'the relay and every way into it, in network namespaces' tests/turn.sh
step 'the whole journey, in Chromium and with Firefox' tests/journey.sh
total 'make test'
