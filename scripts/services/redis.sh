#!/usr/bin/env bash
# Redis on loopback, nothing kept on disk. redis.sh up|down
. "$(dirname "$0")/lib.sh"

PORT=${DYOCENSE_REDIS_PORT:-56379}
DIR=$STATE/redis

up() {
  need_package /usr/bin/redis-server redis-server
  mkdir -p "$DIR"
  running "$DIR" || launch "$DIR" redis-server --bind 127.0.0.1 --port "$PORT" --dir "$DIR" --save '' --appendonly no --maxmemory 256mb --maxmemory-policy noeviction
  until_true 20 port_open "$PORT" || fail "Redis did not start" "$DIR/log"
  echo "export DYOCENSE_REDIS_URL=redis://127.0.0.1:$PORT/0"
}

down() { stop_service "$DIR"; }

"${1:-up}"
