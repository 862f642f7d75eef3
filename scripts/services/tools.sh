#!/usr/bin/env bash
# Programs that tests call but that are no servers: bubblewrap, curl, Chromium, promtool. tools.sh up|down
. "$(dirname "$0")/lib.sh"

# need_tool PROGRAM PACKAGE
need_tool() { need_package "$(command -v "$1" || echo "/usr/bin/$1")" "$2"; }

up() {
  need_tool bwrap bubblewrap
  need_tool curl curl
  need_tool chromium chromium
  need_tool promtool prometheus
}

down() { :; }

"${1:-up}"
