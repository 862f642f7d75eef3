# S1. Monday's order: a plan with its bound and its risk, a reason for each line, and a second run that runs nothing.
. "$STORIES/lib.sh"

run dyocense init bakery --template replenishment
cd bakery || exit 1
monday goals/monday.yaml

say 'a plan, with bound and gap, and what it risks'
dyocense plan goals/monday.yaml --json > plan.json 2> first.txt
printf '[exit %s]\n' "$?"
run pick runs/*/solution.json '(d["status"] in ("OPTIMAL", "FEASIBLE"), d["bound"] <= d["objective"], d["gap"] <= 0.02)'
run pick runs/*/stress.json 'sorted({"cost_mean", "cost_p95", "cost_cvar95", "cost_worst"} & set(json.dumps(d).replace(chr(34), " ").split()))'

say 'lots, minimum orders and spend, worked out again from the tables alone'
cat > again.py <<'PY'
import csv
import json

steps = json.load(open("plan.json"))["steps"]
offers = {(r["sku"], r["supplier"]): r for r in csv.DictReader(open("fixtures/offers.csv"))}
mine = [(s, offers[s["sku"], s["supplier"]]) for s in steps]
print("lines:", len(mine) > 5)
print("whole lots:", all(s["qty"] % float(o["lot_size"] or 1) == 0 for s, o in mine))
print("minimum orders:", all(s["qty"] >= float(o["moq"] or 0) for s, o in mine))
print("within the budget:", sum(s["cost"] for s in steps) <= 4000)
PY
run python3 again.py

say 'why: forecast, stock, price by its row, the next best offer'
dyocense evidence why @last --line PO-0003 > why.txt
printf '[exit %s]\n' "$?"
grep -o -E '^  (order|price|forecast|scenarios|netted|policy|alternative) |fixtures/[a-z]*.csv, row' why.txt | sort -u

say 'a second run: everything is known, under the same fingerprint'
dyocense plan goals/monday.yaml > again.txt 2> second.txt
printf '[exit %s]\n' "$?"
run grep -c cached second.txt
run grep -v cached second.txt
dyocense runs list --json > runs.json
run pick runs.json 'len({r["run_fingerprint"] for r in d})'
