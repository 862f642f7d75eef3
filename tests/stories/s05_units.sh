# S5. The vendor sheet is in cases, demand in eaches, one price list in EUR without a rate: nothing is guessed, everything is told.
. "$STORIES/lib.sh"

dyocense init bakery --template replenishment > init.txt
cd bakery || exit 1
monday goals/monday.yaml
cp fixtures/context.yaml whole.yaml
sed -i -e 's/moq: each, lot_size: each/moq: case, lot_size: case/' -e '/^rates:/d' -e '/^  - {from: EUR/d' fixtures/context.yaml

say 'every violation, with both its places and the conversion that is missing'
run dyocense compile goals/monday.yaml --context fixtures/ --quiet

say 'what to add; the numbers are open, since no conversion is ever guessed'
dyocense compile goals/monday.yaml --context fixtures/ --quiet --suggest > add.yaml 2> said.txt
printf '[exit %s]\n' "$?"
run cat add.yaml
cat add.yaml >> fixtures/context.yaml
dyocense compile goals/monday.yaml --quiet > open.txt 2>&1
printf '[exit %s]\n' "$?"

say 'with the numbers it compiles, and the model says of each row what was done to it'
sed -i -e 's/1 case = ? each/1 case = 2 each/' -e 's/rate: ?/rate: 1.08/' fixtures/context.yaml
dyocense compile goals/monday.yaml --quiet --json > compiled.json
printf '[exit %s]\n' "$?"
cat > rows.py <<'PY'
import csv
import json

made = json.load(open("compiled.json"))["optimodel"]["meta"]["conversions"]
sheet = list(csv.DictReader(open("fixtures/offers.csv")))
for name, one in made.items():
    column = name.rpartition(".")[2]
    same = all(float(sheet[r["row"] - 1][column]) == r["written"] and abs(r["written"] * one["factor"] - r["bound"]) < 1e-9 for r in one["rows"])
    print(name, one["from"], "→", one["to"], "×", one["factor"], "in every row:", same and len(one["rows"]) == len(sheet))
PY
run python3 rows.py

say 'the budget of the goal is in a currency without a rate'
run dyocense compile goals/monday.yaml --quiet --set 'limits.budget.max=3000 CHF'
