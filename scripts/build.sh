#!/usr/bin/env bash
# Builds target/release/octoporty, guided by the profile in pgo/ where that fits: on x86_64 Linux with glibc, by the
# compiler that it was made with. Elsewhere the same binary comes without it, somewhat slower.
#
#   scripts/build.sh              the release binary
#   scripts/build.sh plain        the same without the profile
#   scripts/build.sh instrumented FOLDER    one that writes what it ran into FOLDER when it ends; prints where it lies
set -euo pipefail
cd "$(dirname "$0")/.."

read -ra cargo <<<"${CARGO:-cargo}"
rustc=("${RUSTC:-rustc}")
# `cargo +1.95.0` asks rustup for that compiler.
[[ ${cargo[1]:-} == +* ]] && rustc+=("${cargo[1]}")
target=${CARGO_TARGET_DIR:-target}
fits=x86_64-unknown-linux-gnu
host=$("${rustc[@]}" -vV | sed -n 's/^host: //p')
made_by=$(cat pgo/rustc)

# flag...: builds with these flags of the compiler beside those that were asked for, for the host by name: that keeps them from
# build scripts, and what is built so apart from what is built without.
build_with() {
  local build=("${cargo[@]}" build --release --target "$host" -p octoporty) flags flag
  # Cargo takes flags from one place only, and from the environment first.
  if [ -n "${CARGO_ENCODED_RUSTFLAGS:-}" ] || [ -n "${RUSTFLAGS:-}" ]; then
    flags=${CARGO_ENCODED_RUSTFLAGS:-${RUSTFLAGS// /$'\x1f'}}
    for flag in "$@"; do flags+=$'\x1f'$flag; done
    CARGO_ENCODED_RUSTFLAGS=$flags "${build[@]}"
  else
    # One that is set and empty would count as well.
    unset CARGO_ENCODED_RUSTFLAGS RUSTFLAGS
    flags=""
    for flag in "$@"; do flags+="${flags:+, }'$flag'"; done
    "${build[@]}" --config "target.$host.rustflags=[$flags]"
  fi
}

case ${1:-guided} in
  instrumented)
    build_with "-Cprofile-generate=$(realpath -m "$2")" >&2
    realpath "$target/$host/release/octoporty"
    ;;
  guided)
    version=$("${rustc[@]}" --version)
    if [ "$host" = $fits ] && [ "$version" = "$made_by" ]; then
      # What has changed since the profile was made is built without it, and that is nothing to warn of.
      build_with "-Cprofile-use=$PWD/pgo/octoporty.profdata" -Cllvm-args=-no-pgo-warn-mismatch
      mkdir -p "$target/release"
      cmp -s "$target/$host/release/octoporty" "$target/release/octoporty" ||
        install -m 755 "$target/$host/release/octoporty" "$target/release/octoporty"
    else
      echo "build: without the profile, which is for $fits and $made_by; this is $host and $version"
      "${cargo[@]}" build --release -p octoporty
    fi
    ;;
  plain) "${cargo[@]}" build --release -p octoporty ;;
  *)
    echo "build: knows no $1: guided, plain, instrumented" >&2
    exit 2
    ;;
esac
