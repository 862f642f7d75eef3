# S10. V2 announces 15 % more and ten days' delay: how does the plan move, what is kept of it, and does what is told add up.
. "$STORIES/lib.sh"

dyocense init bakery --template replenishment > init.txt
cd bakery || exit 1
monday goals/monday.yaml
news='--set vendor.V2.price=+15% --set vendor.V2.lead_time=+10d'
dyocense plan goals/monday.yaml --quiet > before.txt
printf '[exit %s]\n\n' "$?"

say 'what would run, and what is why'
dyocense plan goals/monday.yaml $news --dry-run > dry.txt
run grep -E '^(parse|bind|forecast|sample) ' dry.txt

say 'a plan near the earlier one: the first week is firm, at most 15 % of what is ordered moves'
dyocense plan goals/monday.yaml $news --warm-from @last --max-churn 15% --freeze 1 > after.txt 2> stages.txt
printf '[exit %s]\n' "$?"
grep -o 'started from run .*' stages.txt
near=$(ls -d runs/* | tail -n 1)

say 'lines with their cost, service and cause'
dyocense plan diff @prev @last --md > change.md
run grep -E '^(###|[|] (what|figure)|.*firm)' change.md
dyocense plan diff @prev @last --json > diff.json
cat > told.py <<'PY'
import csv
import glob
import json

d = json.load(open("diff.json"))
print("kinds:", {l["what"] for l in d["lines"]} <= {"added", "removed", "moved", "resized", "repriced"} and len(d["lines"]) > 0)
print("a cause for each line:", all(l["because"] for l in d["lines"]), any("--set vendor.V2.price=+15%" in l["because"] for l in d["lines"]))
print("churn within its cap:", d["turned"] <= d["held"]["max_churn"] == 0.15)
print("firm lines untouched:", d["held"]["freeze"] == 1 and d["held"]["touched"] == [])

# the old plan with the differences applied is the new one
old, new = ([(r["sku"], r["supplier"], r["period"], float(r["quantity"])) for r in csv.DictReader(open(p))] for p in sorted(glob.glob("runs/*/plan.csv")))
patched = list(old)
for change in d["lines"]:
    key = change["sku"], change["supplier"]
    if change["old"]:
        patched.remove((*key, change["old"]["period"], change["old"]["qty"]))
    if change["new"]:
        patched.append((*key, change["new"]["period"], change["new"]["qty"]))
print("applied:", sorted(patched) == sorted(new))

# what lines cost more, and what orders are fewer or more, is what each supplier is paid more
fee = {r["supplier"]: float(r["order_cost"]) for r in csv.DictReader(open("fixtures/suppliers.csv"))}
paid = {k["name"].rpartition(".")[2]: k["new"] - k["old"] for k in d["kpis"] if k["name"].startswith("spend_by_supplier.")}
for supplier in {*paid, *(l["supplier"] for l in d["lines"])}:
    lines = sum(l["cost"] for l in d["lines"] if l["supplier"] == supplier)
    orders = [len({p for _, s, p, _ in plan if s == supplier}) for plan in (old, new)]
    assert abs(lines + fee[supplier] * (orders[1] - orders[0]) - paid.get(supplier, 0.0)) < 0.01, supplier
print("adds up to what is spent:", abs(sum(l["cost"] for l in d["lines"]) - d["spend"]) < 0.01)
PY
run python3 told.py

say 'too tight a cap is an answer: it cannot hold with the service that is asked for'
dyocense plan goals/monday.yaml $news --set limits.service.min=97% --warm-from @prev --max-churn 1% --quiet > tight.txt 2> tight.err
printf '[exit %s]\n' "$?"
run grep -E '^  (churn|service)' tight.txt

say 'the shocks, the dearest first, and the scenario that hurts most'
dyocense plan --stress std @prev > shocks.txt
printf '[exit %s]\n' "$?"
sed -E 's/[-+]?[0-9][0-9,.]*[0-9]?( %)?/N/g; s/ +/ /g' shocks.txt | grep -v '^note'

say 'from that start or from none: the same within the gap'
dyocense plan goals/monday.yaml $news --json --quiet --no-cache --out cold > cold.json
dyocense plan goals/monday.yaml $news --json --quiet --warm-from @prev --no-cache > warm.json
cat > agree.py <<'PY'
import json

cold, warm = (json.load(open(f"{name}.json")) for name in ("cold", "warm"))
gap = max(cold["gap"], warm["gap"]) + 1e-9
print(abs(cold["objective"] - warm["objective"]) <= gap * cold["objective"])
print(set(warm["warm"]) == {"from", "solve_s", "earlier_solve_s"})
PY
run python3 agree.py

say 'it replays, and the line says whose price it is'
dyocense replay "$near" > replay.txt
printf '[exit %s]\n' "$?"
dyocense evidence why "$near" --line "$(awk -F, '$3 == "V2" { print $1; exit }' "$near/plan.csv")" > why.txt
run grep -o -E 'changed by --set .*[)]' why.txt
