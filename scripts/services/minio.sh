#!/usr/bin/env bash
# MinIO (S3) on loopback, built from its Go module. minio.sh up|down
. "$(dirname "$0")/lib.sh"

PORT=${DYOCENSE_S3_PORT:-59000}
DIR=$STATE/minio
ACCESS_KEY=dyocense
SECRET_KEY=dyocense-test

up() {
  local server
  server=$(need_go_tool minio github.com/minio/minio v0.0.0-20250907161309-07c3a429bfed)
  mkdir -p "$DIR/data"
  export MINIO_ROOT_USER=$ACCESS_KEY MINIO_ROOT_PASSWORD=$SECRET_KEY MINIO_UPDATE=off MINIO_BROWSER=off
  running "$DIR" || launch "$DIR" "$server" server --address "127.0.0.1:$PORT" "$DIR/data"
  until_true 30 curl -fs "http://127.0.0.1:$PORT/minio/health/ready" || fail "MinIO did not start" "$DIR/log"
  echo "export DYOCENSE_S3_ENDPOINT=http://127.0.0.1:$PORT"
  echo "export DYOCENSE_S3_ACCESS_KEY=$ACCESS_KEY"
  echo "export DYOCENSE_S3_SECRET_KEY=$SECRET_KEY"
}

down() { stop_service "$DIR"; }

"${1:-up}"
