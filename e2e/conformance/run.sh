#!/usr/bin/env bash
# The Autobahn WebSocket suite against an echo server, once straight and once through gateway and agent; the report
# says which cases differ. Needs a Python 2.7 (as pyenv provides) and Python 3. Writes docs/reports/conformance.md.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
work="$root/target/conformance"
binary=${OCTOPORTY_BIN:-$root/target/release/octoporty}
address=127.77.0.1
# The suite dials the name in its URL, and a mapping needs a name: localhost it is.
gateway=127.0.0.1:17270
mkdir -p "$work"

python2=${PYTHON2:-}
if [ -z "$python2" ]; then
  for candidate in "$HOME"/.pyenv/versions/2.7.*/bin/python2.7 $(command -v python2.7 || true); do
    [ -x "$candidate" ] && "$candidate" -V >/dev/null 2>&1 && python2=$candidate && break
  done
fi
[ -n "$python2" ] || { echo "conformance: no Python 2.7 found; install one (pyenv install 2.7.18) or set PYTHON2" >&2; exit 1; }

if [ ! -x "$work/py2/bin/wstest" ]; then
  echo "conformance: installing the Autobahn suite into $work/py2"
  python3 -m venv "$work/py3"
  "$work/py3/bin/pip" -q install 'virtualenv==20.15.1' 'setuptools<81'
  "$work/py3/bin/virtualenv" -q -p "$python2" "$work/py2"
  "$work/py2/bin/pip" -q install 'autobahntestsuite==25.10.1'
fi
[ -x "$root/target/python/bin/python" ] || { echo "conformance: run make setup first" >&2; exit 1; }
[ -x "$binary" ] || { echo "conformance: run make build first" >&2; exit 1; }

pids=()
stop() { for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done; wait 2>/dev/null || true; }
trap stop EXIT

key=conformance-key-of-more-than-32-characters
password='conformance password'
hash=$(printf '%s\n' "$password" | "$binary" hash-password)
data=$(mktemp -d)
"$root/target/python/bin/python" "$here/echo.py" "$address" 9001 >"$work/echo.log" 2>&1 & pids+=($!)
(cd "$data" && exec env Gateway__ApiKey=$key Gateway__Port=$gateway "$binary" gateway) >"$work/gateway.log" 2>&1 & pids+=($!)
(cd "$data" && exec env Agent__ApiKey=$key Agent__GatewayUrl=ws://$gateway/tunnel Agent__Port=$address:17201 \
  Agent__Auth__PasswordHash="$hash" ConnectionStrings__DefaultConnection="Data Source=$data/agent.db" "$binary" agent) >"$work/agent.log" 2>&1 & pids+=($!)

console=http://$address:17201
for _ in $(seq 300); do curl -fsS "$console/health" >/dev/null 2>&1 && break; sleep 0.1; done
token=$(curl -fsS "$console/api/v1/auth/login" -H 'Content-Type: application/json' -d "{\"password\":\"$password\"}" |
  python3 -c 'import json,sys; print(json.load(sys.stdin)["token"])')
curl -fsS "$console/api/v1/mappings" -H "Authorization: Bearer $token" -H 'Content-Type: application/json' \
  -d "{\"name\":\"echo\",\"externalDomain\":\"localhost\",\"internalHost\":\"$address\",\"internalPort\":9001}" >/dev/null
for _ in $(seq 300); do
  [ "$(curl -s -o /dev/null -w '%{http_code}' -H 'Host: localhost' "http://$gateway/")" = 426 ] && break; sleep 0.1
done

run() { # name url
  cat >"$work/$1.json" <<JSON
{"outdir": "$work/$1", "servers": [{"agent": "$1", "url": "$2", "options": {"version": 18}}],
 "cases": ["*"], "exclude-cases": ["12.*", "13.*"], "exclude-agent-cases": {}}
JSON
  rm -rf "${work:?}/$1"
  "$work/py2/bin/wstest" -m fuzzingclient -s "$work/$1.json" >"$work/$1.log" 2>&1
}
run direct "ws://$address:9001"
run tunnel "ws://localhost:17270"
python3 "$here/compare.py" "$work/direct/index.json" "$work/tunnel/index.json" "$root/docs/reports/conformance.md"
