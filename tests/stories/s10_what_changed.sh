# S10. A supplier announces 15 % more: how does the plan move, and does what is told add up.
. "$STORIES/lib.sh"

dyocense init bakery --template replenishment > init.txt
cd bakery || exit 1
monday goals/monday.yaml
dyocense plan goals/monday.yaml --quiet > before.txt
printf '[exit %s]\n' "$?"

awk -F, -v OFS=, 'NR > 1 && $2 == "V1" { $3 = $3 * 1.15 } { print }' fixtures/offers.csv > offers.csv && mv offers.csv fixtures/offers.csv
say 'what would run, and which row is why'
dyocense plan goals/monday.yaml --dry-run > dry.txt
run grep -E '^(parse|forecast|sample) ' dry.txt
run grep -c -E '^(compile|solve|interpret) +run: .*price' dry.txt

dyocense plan goals/monday.yaml --quiet > after.txt
printf '[exit %s]\n' "$?"

say 'lines with what they cost; they sum to what is spent more'
dyocense diff @prev @last --json > diff.json
printf '[exit %s]\n' "$?"
run pick diff.json '(len(d["lines"]) > 0, abs(sum(l["cost"] for l in d["lines"]) - d["spend"]) < 0.01)'
run pick diff.json 'sorted({l["what"] for l in d["lines"]} - {"added", "removed", "moved", "resized", "repriced"})'
run pick diff.json 'any("offers" in c["path"] for c in d["inputs"]["context"])'
dyocense diff @prev @last --md > change.md
run grep -E '^###' change.md

say 'the old plan with the differences applied is the new one'
cat > apply.py <<'PY'
import csv
import glob
import json

runs = sorted(glob.glob("runs/*/plan.csv"))
old, new = ([(r["sku"], r["supplier"], float(r["qty"] if "qty" in r else r["quantity"])) for r in csv.DictReader(open(p))] for p in runs)
for change in json.load(open("diff.json"))["lines"]:
    key = change["sku"], change["supplier"]
    if change["old"]:
        old.remove((*key, change["old"]["qty"]))
    if change["new"]:
        old.append((*key, change["new"]["qty"]))
print(sorted(old) == sorted(new))
PY
run python3 apply.py
