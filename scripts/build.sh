#!/usr/bin/env bash
# Builds target/release/octoporty, guided by the profile in pgo/ where that fits: on x86_64 Linux with glibc, by the
# compiler that it was made with. Elsewhere the same binary comes without it, somewhat slower.
#
#   scripts/build.sh              the release binary
#   scripts/build.sh plain        the same without the profile
#   scripts/build.sh instrumented FOLDER    one that writes what it ran into FOLDER when it ends; prints where it lies
set -euo pipefail
cd "$(dirname "$0")/.."

cargo=${CARGO:-cargo}
target=${CARGO_TARGET_DIR:-target}
fits=x86_64-unknown-linux-gnu
host=$(rustc -vV | sed -n 's/^host: //p')

# flag...: builds with these flags of the compiler, for the host by name, which keeps them from build scripts, and what
# is built so apart from what is built without.
build_with() {
  local flags="${CARGO_ENCODED_RUSTFLAGS:-}" flag
  for flag in "$@"; do flags+="${flags:+$'\x1f'}$flag"; done
  CARGO_ENCODED_RUSTFLAGS=$flags "$cargo" build --release --target "$host" -p octoporty
}

case ${1:-guided} in
  instrumented)
    build_with "-Cprofile-generate=$(realpath -m "$2")" >&2
    echo "$target/$host/release/octoporty"
    ;;
  guided)
    if [ "$host" = $fits ] && [ "$(rustc --version)" = "$(cat pgo/rustc)" ]; then
      # What has changed since the profile was made is built without it, and that is nothing to warn of.
      build_with "-Cprofile-use=$PWD/pgo/octoporty.profdata" -Cllvm-args=-no-pgo-warn-mismatch
      mkdir -p "$target/release"
      cmp -s "$target/$host/release/octoporty" "$target/release/octoporty" ||
        install -m 755 "$target/$host/release/octoporty" "$target/release/octoporty"
    else
      echo "build: without the profile, which is for $fits and $(cat pgo/rustc); this is $host and $(rustc --version)"
      "$cargo" build --release -p octoporty
    fi
    ;;
  plain) "$cargo" build --release -p octoporty ;;
  *)
    echo "build: knows no $1: guided, plain, instrumented" >&2
    exit 2
    ;;
esac
