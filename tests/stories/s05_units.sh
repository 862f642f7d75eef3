# S5. The vendor sheet is in cases and one price list in another currency: nothing is guessed, everything is told with its place.
. "$STORIES/lib.sh"

dyocense init bakery --template replenishment > init.txt
cd bakery || exit 1
monday goals/monday.yaml
cp fixtures/context.yaml whole.yaml

say 'the minimum orders come in cases, and nothing says how many there are in one'
sed -i 's/moq: each/moq: case/' fixtures/context.yaml
run dyocense compile goals/monday.yaml --quiet

say 'the budget is in a currency without a rate'
cp whole.yaml fixtures/context.yaml
run dyocense compile goals/monday.yaml --quiet --set 'limits.budget.max=3000 CHF'

say 'with the conversion it compiles'
sed -i 's/moq: each/moq: case/' fixtures/context.yaml
sed -i '/^conversions:/d' fixtures/context.yaml
printf 'conversions: ["1 case = 2 each"]\n' >> fixtures/context.yaml
dyocense compile goals/monday.yaml --quiet --json > compiled.json
printf '[exit %s]\n' "$?"
