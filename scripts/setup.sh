#!/usr/bin/env bash
# Installs what is missing, and says what it does. Quick when all is there.
#
#   scripts/setup.sh build   what `make build` needs: a C compiler, Node, the web page's packages
#   scripts/setup.sh check   cargo-deny and cargo-machete
#   scripts/setup.sh test    programs that tests drive, the browser tests' packages, a Python environment
#   scripts/setup.sh bench   load tools and controls; peers, as far as they can be had
set -euo pipefail
cd "$(dirname "$0")/.."

say() { echo "setup: $*"; }
fail() { echo "setup: $*" >&2; exit 1; }

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; elif command -v sudo >/dev/null; then sudo "$@"; else fail "needs root (or sudo) for: $*"; fi
}

# program package: installs the package if the program is not there. sbin is not on everybody's path.
missing=()
want() { PATH="$PATH:/usr/sbin:/sbin" command -v "$1" >/dev/null || missing+=("$2"); }

install_missing() {
  [ ${#missing[@]} = 0 ] && return
  command -v apt-get >/dev/null || fail "install these by hand, this is no Debian or Ubuntu: ${missing[*]}"
  say "installing ${missing[*]} with apt-get"
  as_root apt-get update -qq
  # RUNLEVEL=1: servers are installed for tests to start, not to run as services.
  as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
  missing=()
}

# folder: what the lock file says, unless it is there. Not `npm ci`: it refuses a lock file that lacks packages of other
# platforms, as a registry makes it that does not carry them all.
npm_packages() {
  [ -f "$1/package-lock.json" ] || return 0
  if [ ! -f "$1/node_modules/.package-lock.json" ] || [ "$1/package-lock.json" -nt "$1/node_modules/.package-lock.json" ]; then
    say "installing the packages of $1 with npm"
    npm --prefix "$1" install --no-save --no-audit --no-fund --loglevel=error
    touch "$1/node_modules/.package-lock.json"
  fi
}

# crate: cargo install, unless it is there.
cargo_tool() {
  command -v "$1" >/dev/null || [ -x "${CARGO_HOME:-$HOME/.cargo}/bin/$1" ] || {
    say "installing $1 $2 with cargo; this takes some minutes, once"
    cargo install --quiet --locked "$1" --version "$2"
  }
}

check_rust() {
  command -v cargo >/dev/null || fail "there is no Rust: see https://rustup.rs (1.95 or newer)"
}

check_node() {
  want node nodejs
  want npm npm
  install_missing
  local version
  version=$(node --version)
  [ "$(printf '%s\n' 20.19.0 "${version#v}" | sort -V | head -n1)" = 20.19.0 ] ||
    fail "Node $version is too old for the web page: 20.19 or newer (or build without the page: cargo build --release -p octoporty --no-default-features)"
}

build() {
  check_rust
  want cc build-essential
  check_node
  npm_packages web
}

check() {
  build
  cargo_tool cargo-deny 0.20.2
  cargo_tool cargo-machete 0.9.2
}

# The WebSocket peer of the tests is Python's `websockets`; it lives in an environment of its own.
python_environment() {
  local stamp=target/python/.requirements
  if ! cmp -s scripts/requirements.txt "$stamp"; then
    say "making a Python environment in target/python"
    mkdir -p target
    python3 -m venv --clear target/python
    target/python/bin/pip --quiet --disable-pip-version-check install -r scripts/requirements.txt
    cp scripts/requirements.txt "$stamp"
  fi
}

tests() {
  build
  want curl curl
  want openssl openssl
  want nginx nginx-light
  want caddy caddy
  want ip iproute2
  want python3 python3
  python3 -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv)
  command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null || missing+=(chromium)
  install_missing
  npm_packages e2e/browser
  python_environment
}

# Peers of the bench are optional: one that cannot be had is named in the report.
peers=target/bench-peers
lacks() { { [ -z "${pinned:-}" ] && PATH="$PATH:/usr/sbin:/sbin" command -v "$1" >/dev/null; } || [ -x "$peers/bin/$1" ] && return 1; return 0; }

# program crate version option...: cargo install into the peers' folder.
cargo_peer() {
  lacks "$1" || return 0
  say "building the peer $1 ($2 $3) with cargo; this takes some minutes, once"
  cargo install --quiet --root "$peers" "$2" --version "$3" "${@:4}" || say "no $1: the bench goes on without it"
}

# program package version option...: go install into the peers' folder.
go_peer() {
  lacks "$1" || return 0
  if ! command -v go >/dev/null; then
    say "no Go toolchain, so no $1: the bench goes on without it"
    return 0
  fi
  say "building the peer $1 ($3) with go; this takes some minutes, once"
  GOBIN="$PWD/$peers/bin" go install "${@:4}" "$2@$3" || say "no $1: the bench goes on without it"
}

bench() {
  tests
  want wrk wrk
  want iperf3 iperf3
  want haproxy haproxy
  want valgrind valgrind
  # rathole's TLS is the system's OpenSSL.
  lacks rathole && { want pkg-config pkg-config; [ -e /usr/include/openssl/ssl.h ] || missing+=(libssl-dev); }
  install_missing
  # rathole's own lock file does not build with compilers of today; bore's does.
  cargo_peer rathole rathole 0.5.0
  cargo_peer bore bore-cli 0.6.0 --locked
  go_peer chisel github.com/jpillora/chisel v1.10.1
  go_peer frps github.com/fatedier/frp/cmd/frps v0.61.0
  go_peer frpc github.com/fatedier/frp/cmd/frpc v0.61.0
  # Not the distribution's, which tests use: it is years older.
  pinned=yes go_peer caddy github.com/caddyserver/caddy/v2/cmd/caddy v2.11.9 \
    -ldflags "-X github.com/caddyserver/caddy/v2.CustomVersion=v2.11.9"
}

for group in "${@:-build}"; do
  case $group in
    build) build ;;
    check) check ;;
    test) tests ;;
    bench) bench ;;
    all) check; bench ;;
    *) fail "knows no $group: build, check, test, bench, all" ;;
  esac
done
