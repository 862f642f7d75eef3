# S9. Someone edits a comment; someone else changes one supplier's lead time; a byte of the cache flips; two start at once.
. "$STORIES/lib.sh"

mkdir shop && cd shop || exit 1
cp -r "$STORIES/../../goals" "$STORIES/../../fixtures" .
sed -i '/deliveries/d' fixtures/dairy/context.yaml # lead times as the suppliers state them
: > dyocense.toml
export DYOCENSE_GRAPH=none
small="--set forecast.num_scenarios=6 --set forecast.reduce.to=3 --set limits.service.min=50% --set solver.mip_gap=0.1"
dyocense plan goals/dairy.yaml $small --quiet > plan.txt 2>&1
printf '[exit %s]\n\n' "$?"

say 'a comment, and keys in another order: everything is known'
{ printf '# note to self\nowner: buying\n'; grep -v '^owner:' goals/dairy.yaml; } > edited.yaml && mv edited.yaml goals/dairy.yaml
dyocense plan goals/dairy.yaml $small --quiet > owned.txt 2>&1
{ printf '# another note\n'; grep -v -E '^(owner|# note)' goals/dairy.yaml; printf 'owner: buying # last\n'; } > edited.yaml && mv edited.yaml goals/dairy.yaml
run dyocense plan goals/dairy.yaml $small --dry-run

say 'rows in another order: they are bound again, to the same'
python3 - <<'PY'
from pathlib import Path
path = Path("fixtures/dairy/suppliers.csv")
head, *rows = path.read_text().splitlines()
path.write_text("\n".join([head, *reversed(rows)]) + "\n")
PY
dyocense plan goals/dairy.yaml $small --dry-run > dry.txt
run grep -v cached dry.txt

say 'one lead time: demand is known, what rests on lead times runs, and the row is named'
sed -i 's/^S1,\(.*\),40,2,900/S1,\1,40,9,900/' fixtures/dairy/suppliers.csv
run dyocense plan goals/dairy.yaml $small --dry-run

say 'and that is what the run then does'
dyocense plan goals/dairy.yaml $small --dry-run --json > dry.json
dyocense plan goals/dairy.yaml $small --json > plan.json 2> said.txt
printf '[exit %s]\n' "$?"
cat > same.py <<'PY'
import json

told, done = json.load(open("dry.json"))["stages"], json.load(open("plan.json"))["timings"]
print("as foretold:", [s["state"] for s in told] == [done[s["stage"]]["state"] for s in told])
PY
run python3 same.py

say 'a byte of the cache flips: the entry is found, set aside and made anew, and nobody is refused'
python3 - <<'PY'
from pathlib import Path
blobs = [p for p in Path(".dyocense/blobs").rglob("*") if p.is_file() and b'"kind":"optimodel"' in p.read_bytes()]
for path in blobs:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))
PY
dyocense plan goals/dairy.yaml $small > again.txt 2> said.txt
printf '[exit %s]\n' "$?"
run grep -v cached said.txt

say 'two at once, with nothing known: each ends with a plan, and the plans are the same'
rm -r .dyocense runs
for n in 1 2; do dyocense plan goals/dairy.yaml $small --json > "both$n.json" 2> "both$n.txt" & done
wait
run cat both1.txt both2.txt
run python3 -c 'import json; a, b = (json.load(open(f"both{n}.json")) for n in (1, 2)); print(a["run_fingerprint"] == b["run_fingerprint"], a["steps"] == b["steps"] != [])'
