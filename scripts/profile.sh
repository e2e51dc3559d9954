#!/usr/bin/env bash
# Makes pgo/octoporty.profdata anew: builds a binary that counts what it runs, has the bench send it requests, and merges
# what it wrote. To be run after changes to what a request passes; takes some ten minutes.
set -euo pipefail
cd "$(dirname "$0")/.."

fits=x86_64-unknown-linux-gnu
host=$(rustc -vV | sed -n 's/^host: //p')
[ "$host" = $fits ] || { echo "profile: is for $fits, and this is $host" >&2; exit 1; }
tool="$(rustc --print sysroot)/lib/rustlib/$host/bin/llvm-profdata"
if [ ! -x "$tool" ]; then
  command -v rustup >/dev/null || { echo "profile: needs the llvm-profdata of this compiler ($tool), which rustup installs" >&2; exit 1; }
  echo "profile: installing llvm-profdata with rustup"
  rustup component add llvm-tools
fi

counts=target/profile/counts
rm -rf target/profile
mkdir -p "$counts"
binary=$(scripts/build.sh instrumented "$counts")
# Requests alone, with bodies up to 1 MiB. What does not run here is built as without a profile.
OCTOPORTY_BIN="$binary" cargo run --release -p octoporty-bench -- --only S1,S2,S3,S4,S7 --rounds 2 \
  --systems direct,nginx2,octoporty --out target/profile
"$tool" merge --sparse -o target/profile/octoporty.profdata "$counts"
# A process that was killed has written nothing: what starts alone runs is some hundred functions.
functions=$("$tool" show target/profile/octoporty.profdata | sed -n 's/^Total functions: //p')
[ "$functions" -ge 3000 ] || { echo "profile: only $functions functions were counted, so gateway and agent did not end in order; pgo/ is as it was" >&2; exit 1; }
mv target/profile/octoporty.profdata pgo/octoporty.profdata
rustc --version >pgo/rustc
ls -l pgo
