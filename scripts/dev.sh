#!/usr/bin/env bash
# Gateway and agent from source and the web page's development server, until Ctrl-C. The page is at
# http://localhost:5173 and asks the agent's console at http://localhost:17201 for everything under /api.
set -euo pipefail
cd "$(dirname "$0")/.."
data=octoporty-data
mkdir -p "$data"
[ -s "$data/dev.key" ] || (umask 077 && openssl rand -hex 32 >"$data/dev.key")

cargo build -p octoporty
binary=$PWD/target/debug/octoporty
pids=()
stop() { trap - EXIT INT TERM; kill "${pids[@]}" 2>/dev/null || true; wait; }
trap stop EXIT
trap 'exit 0' INT TERM

Gateway__ApiKeyFile=$data/dev.key "$binary" gateway --log-format text & pids+=($!)
Agent__ApiKeyFile=$data/dev.key Agent__GatewayUrl=ws://localhost:17200/tunnel Agent__Auth__Password=${PASSWORD:-octoporty} \
  "$binary" agent --log-format text & pids+=($!)
npm --prefix web run dev & pids+=($!)
echo "The console's password is ${PASSWORD:-octoporty}; set PASSWORD for another."
wait -n || true
