# S4. SPELT has nine days of data, HONEY a month out of stock, and a table is cut off in the middle of a row: told at once, nothing written.
. "$STORIES/lib.sh"

dyocense init bakery --template replenishment > init.txt
cd bakery || exit 1
monday goals/monday.yaml
cp fixtures/history.csv whole.csv
dyocense forecast goals/monday.yaml --quiet --json > whole.json

say 'a row is cut off, a quantity is a word, a day is in no calendar: all bad rows at once, with column and type'
awk -F, -v OFS=, 'NR == 11 { $3 = "many" } NR == 21 { $2 = "2026-13-45" } { print }' whole.csv > fixtures/history.csv
printf 'WHEAT,2026' >> fixtures/history.csv
run dyocense forecast goals/monday.yaml --context fixtures/ --report --quiet
run test ! -e runs

say 'mended: nine days of SPELT, October of HONEY out of stock'
cat > mend.py <<'PY'
import csv

rows = list(csv.DictReader(open("whole.csv")))
with open("fixtures/history.csv", "w", newline="") as file:
    out = csv.writer(file, lineterminator="\n")
    out.writerow(["sku", "date", "quantity", "stocked_out"])
    for r in rows:
        empty = r["sku"] == "HONEY" and r["date"].startswith("2026-10")
        if r["sku"] != "SPELT" or r["date"] >= "2026-11-21":
            out.writerow([r["sku"], r["date"], 0 if empty else r["quantity"], int(empty)])
PY
python3 mend.py
dyocense forecast goals/monday.yaml --context fixtures/ --report --quiet > report.txt 2> said.txt
printf '[exit %s]\n' "$?"
run grep -E '^(SPELT|HONEY): ' report.txt
dyocense forecast goals/monday.yaml --quiet --json > mended.json

say 'the bands of both are wider than with their whole histories'
cat > bands.py <<'PY'
import json

whole, mended = (json.load(open(f"{name}.json")) for name in ("whole", "mended"))
for sku in ("SPELT", "HONEY"):
    was, now = (d["stats"][sku]["sigma"] / d["stats"][sku]["mean"] for d in (whole, mended))
    print(sku, now > was)
report = {r["sku"]: r for r in mended["series"]}
print(report["SPELT"]["quality"], report["SPELT"]["method"], report["HONEY"]["quality"], report["HONEY"]["stockouts"])
PY
run python3 bands.py
