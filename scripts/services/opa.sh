#!/usr/bin/env bash
# Open Policy Agent on loopback, built from its Go module. opa.sh up|down
. "$(dirname "$0")/lib.sh"

PORT=${DYOCENSE_OPA_PORT:-58181}
DIR=$STATE/opa

up() {
  local server
  server=$(need_go_tool opa github.com/open-policy-agent/opa v1.22.2)
  mkdir -p "$DIR/policies"
  local with=() bundle # bundles own their roots, so that a folder beside them is refused
  for bundle in "$DIR"/bundles/*.tar.gz; do [ ! -e "$bundle" ] || with+=(-b "$bundle"); done
  [ "${#with[@]}" -gt 0 ] || with=("$DIR/policies")
  running "$DIR" || launch "$DIR" "$server" run --server --disable-telemetry --addr "127.0.0.1:$PORT" --log-level error "${with[@]}"
  until_true 20 port_open "$PORT" || fail "OPA did not start" "$DIR/log"
  echo "export DYOCENSE_OPA_URL=http://127.0.0.1:$PORT"
  echo "export DYOCENSE_TEST_OPA=$server" # the program itself, for tests that ask it
  case :$PATH: in *:"$STATE/bin":*) ;; *) echo "export PATH=$STATE/bin:\$PATH" ;; esac
}

down() { stop_service "$DIR"; }

"${1:-up}"
