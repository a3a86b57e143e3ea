#!/usr/bin/env bash
# What the tests need besides Rust and Node: browsers, a PostgreSQL server, a
# TURN server and what its network namespaces are made of, PDF tools. Installs
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

mapfile -t packages < <(missing)
((${#packages[@]} == 0)) && exit 0

if ((EUID == 0)) && command -v apt-get >/dev/null; then
  echo "needs: installing ${packages[*]}"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -q
  apt-get install -q -y --no-install-recommends "${packages[@]}"
  mapfile -t packages < <(missing)
  ((${#packages[@]} == 0)) && exit 0
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
