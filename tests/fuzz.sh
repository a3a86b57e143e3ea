#!/usr/bin/env bash
# Each fuzz target of the media node under libFuzzer, FUZZ_INPUTS times, one
# after another; prints how many inputs each was given. The seeds are in
# signaling/fuzz/seeds; what a run learns stays in signaling/fuzz/corpus, and
# what breaks a target in signaling/fuzz/artifacts.
#
# Needs a nightly compiler and cargo-fuzz, as nothing else does:
#   rustup toolchain install nightly --profile minimal && cargo install cargo-fuzz --locked
set -euo pipefail
cd "$(dirname "$0")/../signaling/fuzz"

inputs=${FUZZ_INPUTS:-100000}
mapfile -t targets < <(if (($# > 0)); then printf '%s\n' "$@"; else sed -n 's/^name = "\([a-z_]*\)"$/\1/p' Cargo.toml; fi)
((${#targets[@]} > 0)) || { echo 'fuzz: no targets' >&2; exit 1; }

if ! command -v cargo-fuzz >/dev/null || ! cargo +nightly --version >/dev/null 2>&1; then
  echo 'fuzz: needs cargo-fuzz and a nightly compiler:' >&2
  sed -n 's/^#   //p' ../../tests/fuzz.sh >&2
  exit 1
fi

# No unsafe code is under test, so the sanitizers have nothing to add; without
# them a run is twice as fast. Overflows and failed promises still end it.
build=(--fuzz-dir . --sanitizer none)
cargo +nightly fuzz build "${build[@]}"

log=$(mktemp)
trap 'rm -f "$log"' EXIT
for target in "${targets[@]}"; do
  mkdir -p "corpus/$target"
  # Longer than any datagram where datagrams are read; pages may say more, and
  # an input of `demux` or `transport` is many short steps.
  longest=2048
  case $target in demux) longest=1024 ;; sdp_answer | client_json | control_json | transport) longest=4096 ;; esac
  started=$SECONDS
  if ! cargo +nightly fuzz run "${build[@]}" "$target" "corpus/$target" "seeds/$target" -- \
    -runs="$inputs" -max_len="$longest" -timeout=10 -rss_limit_mb=1024 -print_final_stats=1 -close_fd_mask=1 >"$log" 2>&1; then
    tail -n 40 "$log" >&2
    echo "fuzz: $target fell" >&2
    exit 1
  fi
  tried=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
  echo "fuzz: $target: $tried inputs in $((SECONDS - started)) s, none fell"
done
