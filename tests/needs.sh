#!/usr/bin/env bash
# What the tests need besides Rust and Node: browsers, a PostgreSQL server, a
# TURN server and what its network namespaces are made of, PDF tools, schemathesis. Installs
# what is missing where it may (root, apt); elsewhere it says what is missing and
# how to get it, and fails.
set -euo pipefail

# Each line: Debian's package, then how to see that it is there.
wanted() {
  cat <<'LIST'
chromium          test -x /usr/bin/chromium
firefox-esr       test -x /usr/bin/firefox-esr
postgresql        found initdb /usr/lib/postgresql/*/bin/initdb
coturn            found turnserver
iproute2          found ip /sbin/ip
nftables          found nft /usr/sbin/nft
dnsmasq-base      found dnsmasq /usr/sbin/dnsmasq
nginx             found nginx /usr/sbin/nginx
libnginx-mod-stream test -e /usr/lib/nginx/modules/ngx_stream_module.so
libnss3-tools     found certutil
poppler-utils     found pdfsig
qpdf              found qpdf
openssl           found openssl
procps            found ps
gcc               found cc
python3-venv      python3 -c 'import ensurepip, venv, sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null
fonts-liberation  found-font liberation
LIST
}

# found COMMAND [FILE…]: on the PATH, or one of the files.
found() {
  command -v "$1" >/dev/null && return
  shift
  local file
  for file in "$@"; do [[ -x $file ]] && return; done
  return 1
}

found-font() {
  compgen -G "/usr/share/fonts/*/$1*" >/dev/null || { command -v fc-list >/dev/null && fc-list | grep -qi "$1"; }
}

missing() {
  local package check
  while read -r package check; do
    eval "$check" || printf '%s\n' "$package"
  done < <(wanted)
}

# Debian's own Node is too old on some releases and rustup is the usual way to
# Rust, so these two are asked for and never installed.
if ! command -v cargo >/dev/null; then
  echo 'needs: cargo is missing. Install Rust (https://rustup.rs).' >&2
  exit 1
fi
if ! command -v npm >/dev/null || ! node --eval 'process.exit(parseInt(process.versions.node) >= 20 ? 0 : 1)'; then
  echo 'needs: Node 20 or later, with npm, is missing. See https://nodejs.org.' >&2
  exit 1
fi

# The OpenID provider that is none of ours: its packages are locked.
if ! cmp -s tests/oidc/package-lock.json tests/oidc/node_modules/.of; then
  npm --prefix tests/oidc ci --no-audit --no-fund
  cp tests/oidc/package-lock.json tests/oidc/node_modules/.of
fi

# What asks the scheduling interface by its own description, in a folder of its own:
# its packages are locked, with their hashes.
schemathesis() {
  local venv=target/schemathesis wanted=tests/schemathesis/requirements.txt
  cmp -s "$wanted" "$venv/.of" && return
  rm -rf "$venv"
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r "$wanted"
  cp "$wanted" "$venv/.of"
}

mapfile -t packages < <(missing)
if ((${#packages[@]} == 0)); then
  schemathesis
  exit 0
fi

if ((EUID == 0)) && command -v apt-get >/dev/null; then
  echo "needs: installing ${packages[*]}"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -q
  apt-get install -q -y --no-install-recommends "${packages[@]}"
  mapfile -t packages < <(missing)
  if ((${#packages[@]} == 0)); then
    schemathesis
    exit 0
  fi
  echo "needs: still missing after the installation: ${packages[*]}" >&2
  exit 1
fi

cat >&2 <<MESSAGE
needs: missing: ${packages[*]}
On Debian or a relative of it:
    sudo apt-get install --no-install-recommends ${packages[*]}
Elsewhere, install the programs of these packages; the browsers are looked for
at /usr/bin/chromium and /usr/bin/firefox-esr (a link there is enough).
MESSAGE
exit 1
