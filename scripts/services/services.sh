#!/usr/bin/env bash
# Start or stop the real servers that tests use, on loopback only.
#
#   eval "$(scripts/services/services.sh up)"     all of them, or name some: up postgres redis
#   scripts/services/services.sh down
#
# Idempotent. Prints `export` lines; `services.sh env` prints them again. Names: postgres redis opa minio neo4j tools.
# State lives in $DYOCENSE_SERVICES_DIR, by default a folder of the user under the temporary directory.
. "$(dirname "$0")/lib.sh"

ACTION=${1:-up}
shift || true
NAMES=("$@")
[ "${#NAMES[@]}" -gt 0 ] || NAMES=(tools postgres redis opa minio neo4j)

case $ACTION in
up)
  for name in "${NAMES[@]}"; do bash "$SERVICES_ROOT/$name.sh" up; done | tee "$STATE/env.new"
  mv "$STATE/env.new" "$STATE/env"
  ;;
env) cat "$STATE/env" ;;
down) for name in "${NAMES[@]}"; do bash "$SERVICES_ROOT/$name.sh" down; done ;;
*) fail "usage: services.sh up|env|down [NAME...]" ;;
esac
