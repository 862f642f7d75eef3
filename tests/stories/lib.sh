# What the stories share; `dyocense` is on PATH. run COMMAND...: say it, run it, say how it ended.
set -uo pipefail

run() {
  printf '$'
  printf ' %s' "$@"
  printf '\n'
  "$@" 2>&1
  printf '[exit %s]\n\n' "$?"
}

say() { printf '# %s\n' "$*"; }

# pick FILE EXPRESSION: print a Python expression over the JSON document `d` of a file
pick() { python3 -c 'import json, sys; d = json.load(open(sys.argv[1], encoding="utf-8")); print(eval(sys.argv[2]))' "$1" "$2"; }
