# S3. A vendor was put on the deny list on Friday: lint says so, the plan obeys, a waiver excuses until its last day.
. "$STORIES/lib.sh"

dyocense init bakery --template replenishment > init.txt
cd bakery || exit 1
cat >> goals/weekly.yaml <<'GOAL'
constraints:
  orchard_share:
    expression: sum(spend where supplier == 'V4') <= 0.3 * sum(spend)
    intent: Orchard Union gets at most 30 % of the spend
GOAL
for table in skus offers stock orders history; do # six SKUs are enough to tell it
  awk -F, 'NR == 1 || $1 ~ /^(SPELT|APPLE|RICE|MALT|CHERRY|EGGS)$/' fixtures/$table.csv > few.csv && mv few.csv fixtures/$table.csv
done
for table in suppliers deliveries; do
  awk -F, '$1 !~ /^V[56]$/' fixtures/$table.csv > few.csv && mv few.csv fixtures/$table.csv
done
awk -F, -v OFS=, 'NR > 1 { $2 = 100 } { print }' fixtures/stock.csv > few.csv && mv few.csv fixtures/stock.csv
awk -F, -v OFS=, 'NR > 1 && $2 == "V4" { $3 = $3 * 0.6 } { print }' fixtures/offers.csv > offers.csv && mv offers.csv fixtures/offers.csv
mkdir policy
cat > policy/data.yaml <<'DATA'
vendors:
  deny:
    - {supplier: V4, reason: certificate withdrawn on Friday, owner: quality, since: 2026-11-27}
DATA
small='--set horizon.periods=3 --set forecast.num_scenarios=6 --set forecast.reduce.to=3 --set solver.mip_gap=0.05'

say 'lint refuses, with rule, line and column, remedy; the SARIF says the same'
run dyocense lint goals/weekly.yaml --policy policy
run dyocense lint goals/weekly.yaml --policy policy/ --format sarif --output lint.sarif
run pick lint.sarif '[(r["ruleId"], r["locations"][0]["physicalLocation"]["region"]["startLine"], r["locations"][0]["physicalLocation"]["region"]["startColumn"]) for r in d["runs"][0]["results"] if r["ruleId"].startswith("POL")]'
run pick lint.sarif '[(r["properties"]["owner"], r["properties"]["docs"], "lead time" in r["message"]["text"]) for r in d["runs"][0]["results"] if r["ruleId"] == "POL-V001"]'

say 'the plan obeys: no line of V4, and the price of obeying is told'
dyocense plan goals/weekly.yaml --policy policy $small --json > plan.json 2> plan.err
printf '[exit %s]\n' "$?"
run pick plan.json '(len(d["steps"]) > 0, "V4" in {s["supplier"] for s in d["steps"]})'
run pick runs/*/explanation.json '[(s["name"], s["change"], s["delta"] < -1) for s in d["sensitivities"] if s["name"] == "POL-V001"]'

dyocense plan goals/weekly.yaml --policy policy $small --quiet 2> /dev/null | grep '^Obeying' | sed -E 's/(about |between [0-9][0-9,.]* and )?[0-9][0-9,.]* USD/<amount>/'

say 'without compiling, the same rule refuses before anything is forecast'
run dyocense plan goals/weekly.yaml --policy policy $small --no-compile-policy --quiet

say 'the decision record replays in OPA to the same answer'
run dyocense policy build policy
python3 -c 'import glob, json; r = json.loads(json.load(open(max(glob.glob("runs/*/policy.json"))))["admission"]["record"]); json.dump(r["input"], open("input.json", "w")); json.dump(r["result"]["deny"], open("deny.json", "w"))'
opa eval -f json --stdin-input --capabilities policy/build/capabilities.json -b policy/build/base.tar.gz -b policy/build/org.tar.gz \
  data.dyocense.main.decision < input.json > again.json
run pick again.json 'd["result"][0]["expressions"][0]["value"]["deny"] == json.load(open("deny.json"))'

say 'a waiver excuses, and is counted'
cat >> policy/data.yaml <<'DATA'
waivers:
  - {rule: POL-V001, tenant: local, args: {supplier: V4}, owner: cpo, reason: last pallets are paid, expires: 2999-12-31}
DATA
run dyocense lint goals/weekly.yaml --policy policy

say 'the day after its last, the rule is back'
sed -i 's/2999-12-31/2020-12-31/' policy/data.yaml
run dyocense lint goals/weekly.yaml --policy policy
