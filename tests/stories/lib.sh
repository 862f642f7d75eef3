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

# monday FILE: write a goal of the bakery that plans in seconds
monday() {
  cat > "$1" <<'GOAL'
dsl: goal/v1
id: monday
title: Three weeks of orders for the bakery
model: replenishment
context: ../fixtures/context.yaml
horizon: {periods: 3, every: week, start: 2026-11-30}
forecast: {model: auto, num_scenarios: 10, seed: 424242, reduce: {to: 3}}
objective: {cost: 1.0, shortage: 1.0}
limits:
  budget: {max: 4000 USD, over: horizon}
  service: {min: 95 %, hold: mean}
  moq: true
robust: {aggregation: mean}
solver: {mip_gap: 0.02, time_limit: 300 s}
GOAL
}
