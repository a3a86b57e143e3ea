# shellcheck shell=bash
# Sourced by scripts that do several things in order: each is named and timed,
# and the first that fails ends the script with one clear line.

steps_began=$SECONDS

# step NAME COMMAND…
step() {
  local name=$1 began=$SECONDS
  shift
  printf '\n== %s\n' "$name"
  if "$@"; then
    printf '== %s: done in %s\n' "$name" "$(spent $((SECONDS - began)))"
  else
    printf '== FAILED: %s, after %s. The command was: %s\n' "$name" "$(spent $((SECONDS - began)))" "$*" >&2
    exit 1
  fi
}

# spent SECONDS, for a person
spent() {
  if (($1 < 60)); then printf '%d s' "$1"; else printf '%d min %02d s' $(($1 / 60)) $(($1 % 60)); fi
}

# What all steps took together.
total() {
  printf '\n== %s: all done in %s\n' "$1" "$(spent $((SECONDS - steps_began)))"
}
