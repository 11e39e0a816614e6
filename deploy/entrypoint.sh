#!/bin/sh
# What the image runs: `start` (the daemon), or the name of a command in src/cli (simulator, call, check, tools ...) with its flags, or
# any program of the image. Each replaces this shell, so that signals reach it.
set -eu
cd "$(dirname "$0")/.."
name=${1:-start}
[ $# -eq 0 ] || shift
if [ "$name" = start ]; then
  exec node --max-semi-space-size=8 src/start.js "$@"
elif [ -f "src/cli/$name.ts" ]; then
  exec node "src/cli/$name.ts" "$@"
elif command -v "$name" >/dev/null; then
  exec "$name" "$@"
fi
echo "unknown command: $name. Known are: start $(cd src/cli && ls ./*.ts | sed 's|^\./||; s|\.ts$||' | tr '\n' ' ')" >&2
exit 2
