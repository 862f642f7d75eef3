# S9. Someone edits a comment; someone else changes one supplier's lead time; a byte of the cache flips.
. "$STORIES/lib.sh"

# the stages that cost time
stages() { grep -E '^(\$|\[|(forecast|sample|compile|solve|stress) )'; }

mkdir shop && cd shop || exit 1
cp -r "$STORIES/../../goals" "$STORIES/../../fixtures" .
: > dyocense.toml
export DYOCENSE_GRAPH=none
small="--set forecast.num_scenarios=6 --set forecast.reduce.to=3 --set limits.service.min=50% --set solver.mip_gap=0.1"
dyocense plan goals/dairy.yaml $small --quiet > plan.txt 2>&1
printf '[exit %s]\n\n' "$?"

say 'a comment, and rows in another order: everything is known'
printf '# note to self\n' >> goals/dairy.yaml
python3 - <<'PY'
from pathlib import Path
path = Path("fixtures/dairy/suppliers.csv")
head, *rows = path.read_text().splitlines()
path.write_text("\n".join([head, *reversed(rows)]) + "\n")
PY
run dyocense plan goals/dairy.yaml $small --dry-run | stages

say 'one lead time: demand is known, what rests on lead times runs'
sed -i 's/^S1,\(.*\),40,2,900/S1,\1,40,9,900/' fixtures/dairy/suppliers.csv
run dyocense plan goals/dairy.yaml $small --dry-run | stages

say 'a byte of the cache flips: it is found, set aside and made anew, and nobody is refused'
python3 - <<'PY'
from pathlib import Path
blobs = sorted(p for p in Path(".dyocense/blobs").rglob("*") if p.is_file())
for path in blobs:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))
PY
dyocense plan goals/dairy.yaml $small --quiet > again.txt 2> said.txt
printf '[exit %s]\n\n' "$?"
run grep -c 'were altered; they were set aside' said.txt | sed -E 's/^[1-9][0-9]*$/some/'
