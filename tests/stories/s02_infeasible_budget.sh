# S2. The cap was typed too low: the clauses that cannot hold together, and priced ways out that work as they are printed.
. "$STORIES/lib.sh"

dyocense init bakery --template replenishment > init.txt
cd bakery || exit 1
monday goals/monday.yaml
for table in skus offers stock orders history; do # twelve SKUs are enough to tell it
  awk -F, 'NR == 1 || $1 ~ /^(WHEAT|RYE|SPELT|OAT|CORN|RICE|MALT|SEMOLINA|BUTTER|CREAM|MILK|YOGURT)$/' fixtures/$table.csv > few.csv && mv few.csv fixtures/$table.csv
done

say 'infeasible is an answer, not an error of the input'
dyocense plan goals/monday.yaml --set limits.budget.max=300USD --json > plan.json 2> plan.err
printf '[exit %s]\n' "$?"
run pick runs/*/explanation.json '[(c["rules"], c["proven_irreducible"]) for c in d["conflicts"]]'
run pick runs/*/explanation.json '[s for c in d["conflicts"] for s in c["sentences"]]'

say 'three ways out, the cheapest first, each verified, with its price and the setting that does it'
run pick runs/*/explanation.json '[([r["rule"] for r in w["relaxations"]], w["verified"]) for w in d["ways"]]'
run pick runs/*/explanation.json '[w["cost"] for w in d["ways"]] == sorted(w["cost"] for w in d["ways"]) and all(w["objective"] > 0 for w in d["ways"])'

say 'each way out, as it is printed, gives a plan at the quoted price, within the gap of both'
pick runs/*/explanation.json 'chr(10).join(str(w["objective"]) + " " + " ".join("--set " + r["set"] for r in w["relaxations"]) for w in d["ways"])' > ways.txt
while read -r price way; do
  # shellcheck disable=SC2086 # a way is several words
  dyocense plan goals/monday.yaml --quiet --json --set limits.budget.max=300USD $way > way.json 2> way.err < /dev/null
  printf '[exit %s] %s ' "$?" "$(sed -E 's/=[^ ]*//g' <<< "$way")"
  python3 -c 'import json, sys; d = json.load(open("way.json")); print("at its price:", abs(d["objective"] - float(sys.argv[1])) <= 0.04 * d["objective"])' "$price"
done < ways.txt

say 'the two by themselves cannot hold: no other rule is needed; without either of them the other can'
dyocense plan goals/monday.yaml --quiet --set limits.budget.max=300USD --set limits.moq=false > out.txt 2>&1
printf 'alone [exit %s]\n' "$?"
for rule in budget service; do
  rest='--set limits.budget.max=300USD'
  [ "$rule" = budget ] && rest=''
  # shellcheck disable=SC2086
  dyocense plan goals/monday.yaml --quiet $rest --set limits.$rule=false > out.txt 2>&1
  printf 'without %s [exit %s]\n' "$rule" "$?"
done
