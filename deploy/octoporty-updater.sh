#!/usr/bin/env bash
# Updates the gateway when an agent's console asked for it. The gateway writes a signal file (Gateway__UpdateSignalPath)
# and cannot replace itself; this runs on its host, as root, by octoporty-updater.path and octoporty-updater.timer.
#
# One run looks once. A request is kept until the new gateway is up: what fails is tried again by the next run, and after
# OCTOPORTY_TRIES of them it goes to <state>/rejected. Nothing of the file is ever run: the release is checked, and
# reaches docker or the command as an environment variable.
#
# The signal's folder is the gateway's own, and this is root: nothing there is followed or written, the file is only read
# and removed.
#
#   OCTOPORTY_SIGNAL_FILE     the signal file                              /opt/octoporty/data/update-signal
#   OCTOPORTY_UPDATE_COMMAND  how to update, for `sh -c`; finds the release in OCTOPORTY_VERSION. Without it:
#   OCTOPORTY_COMPOSE_DIR     folder of the compose file, whose image has the tag ${OCTOPORTY_VERSION}   /opt/octoporty
#   OCTOPORTY_SERVICE         the gateway's service there                  gateway
#   OCTOPORTY_HEALTH_URL      the gateway's health; `none` does not ask    http://127.0.0.1:17200/health
#   OCTOPORTY_HEALTH_SECONDS  how long it may take to be up                60
#   OCTOPORTY_UPDATE_SECONDS  how long pulling and starting may take       900
#   OCTOPORTY_TRIES           runs before a request is given up            5
#   OCTOPORTY_STATE_DIR       root's own: tries, the lock, what was rejected   /var/lib/octoporty-updater
#
# Needs bash, GNU coreutils, python3 or jq, flock, and curl.
set -euo pipefail

signal=${OCTOPORTY_SIGNAL_FILE:-/opt/octoporty/data/update-signal}
command=${OCTOPORTY_UPDATE_COMMAND:-}
folder=${OCTOPORTY_COMPOSE_DIR:-/opt/octoporty}
service=${OCTOPORTY_SERVICE:-gateway}
health=${OCTOPORTY_HEALTH_URL:-http://127.0.0.1:17200/health}
patience=${OCTOPORTY_HEALTH_SECONDS:-60}
bound=${OCTOPORTY_UPDATE_SECONDS:-900}
most=${OCTOPORTY_TRIES:-5}
state=${OCTOPORTY_STATE_DIR:-/var/lib/octoporty-updater}
runs=

# A signal is a few hundred bytes; whatever is larger is none.
LARGEST=4096
# SemVer 2.0, as the gateway writes it.
NUMBER='(0|[1-9][0-9]*)'
SEMVER="^$NUMBER\\.$NUMBER\\.$NUMBER(-[0-9A-Za-z.-]+)?(\\+[0-9A-Za-z.-]+)?\$"

say() { echo "octoporty-updater: $*"; }
complain() { echo "octoporty-updater: $*" >&2; }

# name: the text of a field of the JSON object that is read. Fails when there is none.
field() {
  if command -v python3 >/dev/null; then
    python3 -c '
import json, sys
value = json.load(sys.stdin)[sys.argv[1]]
if not isinstance(value, str):
    sys.exit(1)
sys.stdout.write(value)' "$1" 2>/dev/null
  else
    jq -ej --arg name "$1" '.[$name] | strings' 2>/dev/null
  fi
}

# Read once, and no more than a signal can have: whatever is done is done about these bytes. A link is not followed, and
# a pipe that took the file's place holds nobody up.
read_signal() {
  timeout 5 dd if="$signal" iflag=nofollow,nonblock,fullblock bs=$((LARGEST + 1)) count=1 status=none | tr -d '\0'
}

# Whether there is something by that name, be it a link to nowhere.
is_asked() { [ -e "$signal" ] || [ -L "$signal" ]; }

# why: puts the request aside, in a folder where nobody else can have laid a link. The gateway takes a new one then.
give_up() {
  local where=
  if [ -n "$request" ]; then
    (umask 077 && printf '%s' "$request" >"$state/rejected")
    where="; the request is at $state/rejected"
  fi
  rm -f -- "$tries"
  rm -f -- "$signal" || where="$where; remove $signal by hand"
  complain "$1$where"
  exit 1
}

# why: leaves the request for the next run, as long as there is one.
try_again() {
  [ "$number" -lt "$most" ] || give_up "$1, $number times"
  complain "$1; try $number of $most, the request stays at $signal"
  exit 1
}

# The lock is not for what is started here: it may live longer than this.
update() {
  export OCTOPORTY_VERSION=$target
  if [ -n "$command" ]; then
    timeout "$bound" sh -c "$command" 9>&-
    return
  fi
  # What is running goes on until the new image is there.
  cd -- "$folder" && timeout "$bound" docker compose pull "$service" 9>&- &&
    timeout "$bound" docker compose up -d --no-deps "$service" 9>&-
}

# A compose file takes the release from .env on every later start, by hand or at boot.
remember() {
  [ -z "$command" ] || return 0
  local file=$folder/.env new
  new=$(mktemp -- "$folder/.env.XXXXXX")
  if [ -f "$file" ]; then
    grep -v '^OCTOPORTY_VERSION=' -- "$file" >"$new" || true
    chmod --reference="$file" -- "$new"
    chown --reference="$file" -- "$new" 2>/dev/null || true
  fi
  printf 'OCTOPORTY_VERSION=%s\n' "$target" >>"$new"
  mv -f -- "$new" "$file"
}

# Whether the gateway answers as the release that was asked for; `runs` is what it said last.
is_up() {
  [ "$health" != none ] || return 0
  local end=$((SECONDS + patience)) answer
  while :; do
    answer=$(curl --fail --silent --show-error --max-time 5 --max-filesize 65536 -- "$health" 2>&1) &&
      runs=$(field version <<<"$answer") || runs=
    [ "$runs" != "$target" ] || return 0
    [ "$SECONDS" -lt "$end" ] || break
    sleep 1
  done
  complain "$health: $answer"
  return 1
}

is_asked || exit 0
for needed in flock timeout curl; do
  command -v "$needed" >/dev/null || { complain "needs $needed"; exit 69; }
done
command -v python3 >/dev/null || command -v jq >/dev/null || { complain "needs python3 or jq"; exit 69; }
mkdir -p -m 0700 -- "$state"
# Whoever else can write there could have root write elsewhere.
[ -O "$state" ] && [ -z "$(find -H "$state" -maxdepth 0 -perm /022)" ] || {
  complain "$state has to belong to the user that this runs as, and nobody else may write there: chown it, chmod 700"
  exit 77
}
tries=$state/tries
# One run at a time; one that finds another at work leaves the request to it.
exec 9>"$state/lock"
flock --nonblock 9 || { say "another run is at work"; exit 0; }
is_asked || exit 0

request=
[ -f "$signal" ] && [ ! -L "$signal" ] || give_up "$signal is no plain file"
request=$(read_signal 2>/dev/null) || { request= && give_up "$signal cannot be read"; }
[ "${#request}" -le "$LARGEST" ] || give_up "$signal is larger than $LARGEST bytes, the gateway did not write it"
target=$(field targetVersion <<<"$request") || give_up "$signal is not the JSON that the gateway writes"
[[ ${#target} -le 64 && $target =~ $SEMVER ]] || give_up "targetVersion in $signal is no release such as 1.2.3"
[ -n "$command" ] || [[ $target != *+* ]] ||
  give_up "no tag of an image can be $target: docker has none with build metadata (+), set OCTOPORTY_UPDATE_COMMAND"

# Tries of this request: another one begins anew.
wish=$(cksum <<<"$request" | tr ' ' -)
read -r known number 2>/dev/null <"$tries" || true
[ "${known:-}" = "$wish" ] || number=0
number=$((number + 1))
echo "$wish $number" >"$tries"

say "updating the gateway to $target"
update || try_again "the update to $target failed"
is_up || try_again "the gateway is not up as $target after the update${runs:+, it runs $runs}"
remember
# A request that came meanwhile is another one.
[ "$(read_signal 2>/dev/null)" != "$request" ] || rm -f -- "$signal"
rm -f -- "$tries"
say "the gateway runs $target"
