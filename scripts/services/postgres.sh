#!/usr/bin/env bash
# PostgreSQL on loopback. postgres.sh up|down
# Roles: dyo_owner migrates; dyo_app is what the product connects as, neither owner nor BYPASSRLS, so row-level security binds it.
. "$(dirname "$0")/lib.sh"

PORT=${DYOCENSE_PG_PORT:-55432}
DIR=$STATE/postgres
BIN=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1 || true)

# the server refuses to run as root
unprivileged() { if [ "$(id -u)" = 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi; }
sql() { psql -qAt -h 127.0.0.1 -p "$PORT" -U dyo_owner -v ON_ERROR_STOP=1 "$@"; }

up() {
  if [ -z "$BIN" ]; then
    need_package /nonexistent/initdb postgresql
    BIN=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -n 1)
  fi
  mkdir -p "$DIR"
  if [ "$(id -u)" = 0 ]; then
    # every folder above the data must let the postgres user through
    chown postgres "$DIR"
    chmod 755 "$STATE"
  fi
  [ -e "$DIR/data/PG_VERSION" ] || unprivileged "$BIN/initdb" -D "$DIR/data" -U dyo_owner -A trust -E UTF8 --locale=C.UTF-8 --no-sync >/dev/null
  unprivileged "$BIN/pg_ctl" -D "$DIR/data" status >/dev/null 2>&1 ||
    unprivileged "$BIN/pg_ctl" -D "$DIR/data" -l "$DIR/log" -w -t 60 start >/dev/null \
      -o "-p $PORT -c listen_addresses=127.0.0.1 -c unix_socket_directories=$DIR -c max_connections=200 -c fsync=${DYOCENSE_PG_FSYNC:-off}" ||
    fail "Postgres did not start" "$DIR/log"
  [ "$(sql -d postgres -c "select count(*) from pg_database where datname = 'dyocense'")" = 1 ] || sql -d postgres -c 'create database dyocense'
  [ "$(sql -d postgres -c "select count(*) from pg_roles where rolname = 'dyo_app'")" = 1 ] ||
    sql -d postgres -c 'create role dyo_app login nosuperuser nobypassrls nocreaterole nocreatedb'
  echo "export DYOCENSE_PG_OWNER_DSN=postgresql://dyo_owner@127.0.0.1:$PORT/dyocense"
  echo "export DYOCENSE_PG_DSN=postgresql://dyo_app@127.0.0.1:$PORT/dyocense"
}

down() {
  [ ! -e "$DIR/data/postmaster.pid" ] || unprivileged "$BIN/pg_ctl" -D "$DIR/data" -m "${DYOCENSE_PG_STOP:-fast}" -w stop >/dev/null
}

"${1:-up}"
