# Sourced by the service scripts: where things live, how a process is started, watched and stopped.
set -euo pipefail

SERVICES_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# not inside the checkout: Postgres runs as another user, who must be able to reach its data
STATE=${DYOCENSE_SERVICES_DIR:-${TMPDIR:-/tmp}/dyocense-services-$(id -u)}
mkdir -p "$STATE/bin"

say() { printf '# %s\n' "$*" >&2; }

fail() {
  say "$1"
  [ -z "${2:-}" ] || tail -n 20 "$2" >&2 || true
  exit 1
}

# need_package FILE PACKAGE...: install Debian packages unless FILE exists
need_package() {
  local file=$1 root=
  shift
  [ ! -e "$file" ] || return 0
  command -v apt-get >/dev/null || fail "needs $*; install it with your package manager"
  [ "$(id -u)" = 0 ] || root=sudo
  say "installing $*"
  export DEBIAN_FRONTEND=noninteractive
  { $root apt-get update -qq && $root apt-get install -y -qq --no-install-recommends "$@"; } >"$STATE/packages.log" 2>&1 ||
    fail "could not install $*" "$STATE/packages.log"
}

# need_go_tool NAME MODULE VERSION: build a Go program into $STATE/bin unless it is there or on the PATH; prints its path
need_go_tool() {
  local name=$1 module=$2 version=$3 found
  found=$(command -v "$name" || true)
  if [ -x "$STATE/bin/$name" ]; then found=$STATE/bin/$name; fi
  if [ -z "$found" ]; then
    command -v go >/dev/null || fail "needs Go to build $name"
    say "building $name $version (once, a minute or two)"
    GOBIN="$STATE/bin" GOFLAGS=-mod=mod go install "$module@$version" >"$STATE/$name-build.log" 2>&1 ||
      fail "could not build $name" "$STATE/$name-build.log"
    found=$STATE/bin/$name
  fi
  printf '%s' "$found"
}

running() { [ -s "$1/pid" ] && kill -0 "$(cat "$1/pid")" 2>/dev/null; }

# launch DIR COMMAND...: start in the background, pid and log in DIR
launch() {
  local dir=$1
  shift
  setsid nohup "$@" >"$dir/log" 2>&1 </dev/null &
  echo $! >"$dir/pid"
}

# until_true SECONDS COMMAND...: poll until the command succeeds
until_true() {
  local left=$(($1 * 5))
  shift
  until "$@" >/dev/null 2>&1; do
    left=$((left - 1))
    [ "$left" -gt 0 ] || return 1
    sleep 0.2
  done
}

port_open() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

stop_service() {
  if running "$1"; then
    kill "$(cat "$1/pid")" 2>/dev/null || true
    until_true 15 not_running "$1" || kill -9 "$(cat "$1/pid")" 2>/dev/null || true
  fi
  rm -f "$1/pid"
}

not_running() { ! running "$1"; }
