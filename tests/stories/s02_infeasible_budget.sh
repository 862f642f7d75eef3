# S2. The cap was typed too low: the rules that cannot hold together, and ways out that work as they are printed.
. "$STORIES/lib.sh"

dyocense init bakery --template replenishment > init.txt
cd bakery || exit 1
monday goals/monday.yaml

say 'infeasible is an answer, not an error of the input'
dyocense plan goals/monday.yaml --set limits.budget.max=1500USD --json > plan.json 2> plan.err
printf '[exit %s]\n' "$?"
run pick runs/*/explanation.json '[(c["rules"], c["proven_irreducible"]) for c in d["conflicts"]]'
run pick runs/*/explanation.json '[([r["rule"] for r in w["relaxations"]], w["verified"]) for w in d["ways"]]'

say 'each way out, as it is printed, gives a plan'
pick runs/*/explanation.json 'chr(10).join(" ".join("--set " + r["set"] for r in w["relaxations"]) for w in d["ways"])' > ways.txt
while read -r -a way; do
  dyocense plan goals/monday.yaml --quiet --set limits.budget.max=1500USD "${way[@]}" > out.txt 2>&1 < /dev/null
  printf '%s [exit %s]\n' "${way[*]%%=*}" "$?"
done < ways.txt

say 'without one of the two, the other can hold'
dyocense plan goals/monday.yaml --quiet --set limits.budget.max=1500USD --set limits.service=false > out.txt 2>&1
printf '[exit %s]\n' "$?"
