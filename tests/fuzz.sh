#!/usr/bin/env bash
# Each fuzz target under libFuzzer, FUZZ_INPUTS times, one after another; prints
# how many inputs each was given. Those of the service are in fuzz/, those of the
# media node in signaling/fuzz/. In either, seeds/ holds what a run begins with,
# corpus/ what it learns, artifacts/ what breaks a target.
#
#   tests/fuzz.sh                   every target
#   tests/fuzz.sh fuzz link         that one of that folder
#
# Needs a nightly compiler and cargo-fuzz, as nothing else does:
#   rustup toolchain install nightly --profile minimal && cargo install cargo-fuzz --locked
set -euo pipefail
cd "$(dirname "$0")/.."

inputs=${FUZZ_INPUTS:-100000}
folders=(fuzz signaling/fuzz)
if (($# > 0)); then folders=("$1") && shift; fi

if ! command -v cargo-fuzz >/dev/null || ! cargo +nightly --version >/dev/null 2>&1; then
  echo 'fuzz: needs cargo-fuzz and a nightly compiler:' >&2
  sed -n 's/^#   \(rustup\)/\1/p' tests/fuzz.sh >&2
  exit 1
fi

# No unsafe code is under test, so the sanitizers have nothing to add; without
# them a run is twice as fast. Overflows and failed promises still end it.
build=(--fuzz-dir . --sanitizer none)
log=$(mktemp)
trap 'rm -f "$log"' EXIT

try() {
  local target=$1 longest=2048 started=$SECONDS tried
  mkdir -p "corpus/$target"
  # Longer than any datagram where datagrams are read; pages may say more, and
  # an input of `demux` or `transport` is many short steps.
  case $target in demux) longest=1024 ;; sdp_answer | client_json | control_json | transport) longest=4096 ;; esac
  if ! cargo +nightly fuzz run "${build[@]}" "$target" "corpus/$target" "seeds/$target" -- \
    -runs="$inputs" -max_len="$longest" -timeout=10 -rss_limit_mb=1024 -print_final_stats=1 -close_fd_mask=1 >"$log" 2>&1; then
    tail -n 40 "$log" >&2
    echo "fuzz: $target fell" >&2
    exit 1
  fi
  tried=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
  echo "fuzz: $target: $tried inputs in $((SECONDS - started)) s, none fell"
}

for folder in "${folders[@]}"; do
  pushd "$folder" >/dev/null
  if (($# > 0)); then targets=("$@"); else mapfile -t targets < <(sed -n 's/^name = "\([a-z_]*\)"$/\1/p' Cargo.toml); fi
  ((${#targets[@]} > 0)) || { echo "fuzz: no targets in $folder" >&2; exit 1; }
  cargo +nightly fuzz build "${build[@]}"
  for target in "${targets[@]}"; do try "$target"; done
  popd >/dev/null
done
