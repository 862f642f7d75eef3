# S4. A table is cut off in the middle of a row and has words where numbers belong: all of it is told at once, nothing is written.
. "$STORIES/lib.sh"

dyocense init bakery --template replenishment > init.txt
cd bakery || exit 1
monday goals/monday.yaml
cp fixtures/history.csv whole.csv

say 'the last row is cut off'
printf 'WHEAT' >> fixtures/history.csv
run dyocense forecast goals/monday.yaml --quiet

say 'a quantity is a word, another row has a day that no calendar has: both are told'
awk -F, -v OFS=, 'NR == 11 { $3 = "many" } NR == 21 { $2 = "2026-13-45" } { print }' whole.csv > fixtures/history.csv
run dyocense forecast goals/monday.yaml --quiet
run test ! -e runs

say 'mended, it forecasts'
cp whole.csv fixtures/history.csv
dyocense forecast goals/monday.yaml --quiet > forecast.txt
printf '[exit %s]\n' "$?"
run grep -c -E '^(WHEAT|RYE) ' forecast.txt
