# S1. Monday's order: a plan with its bound and its risk, a reason for each line, and a second run that runs nothing.
. "$STORIES/lib.sh"

run dyocense init bakery --template replenishment
cd bakery || exit 1
monday goals/monday.yaml
mkdir -p policies
cat > policies/data.yaml <<'DATA'
vendors:
  deny:
    - {supplier: V4, reason: certificate withdrawn, owner: quality, since: 2026-11-27}
DATA

say 'a plan, with bound and gap, and what it risks: mean, p95, CVaR and worst together'
dyocense plan goals/monday.yaml --context fixtures/ --scenarios 200 --risk cvar:0.95 --out runs/ > plan.txt 2> first.txt
printf '[exit %s]\n' "$?"
masked() { sed -E 's/[0-9][0-9,.]*[0-9]/N/g' "$1"; }
masked plan.txt | grep -o -E '(OPTIMAL|FEASIBLE) · objective N USD, within N % of the best possible|^bound .*|Risk over .*|mean N +p95 N +CVaRN? +N? *worst N|mean .* worst N'

say 'worked out again from the order lines, the tables and the scenarios, by code that knows nothing of dyocense'
cp "$STORIES/work_it_out.py" .
run python3 work_it_out.py "$(ls -d runs/* | tail -n 1)" fixtures

say 'why: forecast, stock and open orders, price and minimum by their rows, policy by its rule, the next best offer'
cat > lines.py <<'PY'
import csv
import glob

offers = {(r["sku"], r["supplier"]): float(r["moq"]) for r in csv.DictReader(open("fixtures/offers.csv"))}
coming = {r["sku"] for r in csv.DictReader(open("fixtures/orders.csv"))}
plan = list(csv.DictReader(open(sorted(glob.glob("runs/*/plan.csv"))[-1])))
least = [r["line"] for r in plan if float(r["quantity"]) == offers[r["sku"], r["supplier"]]]
print(*dict.fromkeys([plan[0]["line"], *least[:2], *[r["line"] for r in plan if r["sku"] in coming][:2]]))
PY
lines=$(python3 lines.py)
for line in $lines; do dyocense evidence why @last --line "$line" --json; done > why.jsonl
cat > reasons.py <<'PY'
import glob
import json

text, decoder, at, found = open("why.jsonl").read(), json.JSONDecoder(), 0, []
while at < len(text.rstrip()):
    one, at = decoder.raw_decode(text, at)
    found.append(one)
    at += len(text[at:]) - len(text[at:].lstrip())
kinds = [{c["kind"] for c in one["claims"]} for one in found]
print("each line:", all(k >= {"order", "cost", "price", "forecast", "scenarios", "netted", "policy", "alternative"} for k in kinds))
claims = [c for one in found for c in one["claims"]]
print("open orders:", any(c["kind"] == "netted" and "on order (fixtures/orders.csv, row" in c["text"] for c in claims))
print("minimum:", any(c["kind"] == "minimum" and "fixtures/offers.csv, row" in c["text"] for c in claims))
print("policy:", any("policy POL-V001 rules out supplier V4" in c["text"] for c in claims))
print("next cheapest:", any(c["text"].startswith("next cheapest: next supplier is") for c in claims))

# every claim rests on artifacts that the run holds, under the digests that its manifest has for them
run = sorted(glob.glob("runs/*"))[-1]
held = {s["output"] for s in json.load(open(f"{run}/manifest.json"))["predicate"]["stages"]}
print("digests:", all(i["sha"] in held for c in claims for i in c["inputs"]) and all(c["inputs"] for c in claims))
PY
run python3 reasons.py

say 'a second run: everything is known, under the same fingerprint'
dyocense plan goals/monday.yaml --context fixtures/ --scenarios 200 --risk cvar:0.95 --out runs/ > again.txt 2> second.txt
printf '[exit %s]\n' "$?"
run grep -c cached second.txt
run grep -c '✓' second.txt
dyocense runs list --json > runs.json
run pick runs.json '(len(d), len({r["run_fingerprint"] for r in d}))'
