#!/usr/bin/env bash
# Runs every test runner, each to its end, and fails if one of them did. What each printed is in target/test-logs; the
# sum of all is in target/test-logs/summary.txt.
set -uo pipefail
cd "$(dirname "$0")/.."
logs=target/test-logs
rm -rf "$logs" && mkdir -p "$logs"
failed=()

# name command...: a runner that prints counts.
runner() {
  local name=$1
  shift
  echo "==> $name: $*"
  if ! "$@" 2>&1 | tee "$logs/$name.log"; then
    failed+=("$name")
    # A runner that broke before it could count is one failure.
    node scripts/tally.mjs --failed "$logs/$name.log" >/dev/null || echo "test result: FAILED. 0 passed; 1 failed; 0 ignored" >>"$logs/$name.log"
  fi
}

export OCTOPORTY_BIN=${OCTOPORTY_BIN:-$PWD/target/release/octoporty}
runner scripts node --test --test-reporter=tap scripts/*.test.mjs
# Not to stop at the first file with a failure: whoever reads the summary wants all of them.
runner unit cargo test --no-fail-fast --workspace --exclude octoporty-e2e --exclude octoporty-bench
runner e2e cargo test --no-fail-fast -p octoporty-e2e
[ -f web/package.json ] && runner web npm --prefix web test
[ -f e2e/browser/package.json ] && runner browser npm --prefix e2e/browser test

node scripts/tally.mjs "$logs"/*.log | tee "$logs/summary.txt"
tallied=${PIPESTATUS[0]}
if [ ${#failed[@]} != 0 ]; then
  echo "failed: ${failed[*]}" >&2
  exit 1
fi
exit "$tallied"
