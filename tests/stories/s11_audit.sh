# S11. Audit in six months: show why, and that it can be reproduced; another solver is told apart; a byte that was changed is found.
. "$STORIES/lib.sh"

# counts, hashes and versions that differ from version to version
named() { sed -E -e 's/sha256:[0-9a-f]+…/<sha>/' -e '/^  = /d' -e 's/^([0-9]+) of \1 stages/all stages/'; }

run dyocense init papers --template newsvendor
cd papers || exit 1
export DYOCENSE_GRAPH=none
printf 'a shared secret of the buying department' > ../signing.key
export DYOCENSE_SIGNING_KEY="$PWD/../signing.key"
dyocense plan goals/papers.yaml --json --quiet > plan.json
printf '[exit %s]\n\n' "$?"
mark=$(python3 -c 'import json; print("dyo1-plan-" + json.load(open("plan.json"))["run_fingerprint"].removeprefix("sha256:")[:12])')

say 'why we bought it, with the files and rows it rests on'
run dyocense evidence why PO-0001 | named | grep -E '^(\$|\[|PO-| +(order|cost|rule|policy|from) )'

say 'it can be reproduced, stage by stage, and it is signed; solver and version are named'
dyocense replay "$mark" --verify > replay.txt
printf '[exit %s]\n' "$?"
named < replay.txt
run dyocense evidence verify @last --key ../signing.key

say 'one file for the auditor: it opens anywhere, and replays without our folder'
dyocense evidence export "$mark" --format ro-crate,prov,in-toto --output march.zip
printf '[exit %s]\n' "$?"
mkdir elsewhere && cp march.zip elsewhere && cd elsewhere || exit 1
run dyocense replay --bundle march.zip | named
say 'one page answers, with the standard library alone to open it and nothing fetched'
cat > open.py <<'PY'
import re
import zipfile

with zipfile.ZipFile("march.zip") as march:
    names = set(march.namelist())
    page = march.read("report.html").decode()
print(sorted(names & {"manifest.json", "manifest.sig.json", "prov.json", "report.html", "ro-crate-metadata.json"}))
print("lines:", "PO-0001" in page, "rules:", "what_is_asked" in page, "fetched:", re.findall(r'(?:src|href)="https?://', page))
PY
run python3 -I open.py
cd ..

say 'on another version of the solver: the first stage that differs, how far the objective is off, and whether the figures are the same'
cat > older.py <<'PY'
from dyocense_cli.adapters.solver import highs

highs._VERSION = "HiGHS 0.9.0"  # what made the record, as far as it says
from dyocense_cli.cli.app import run

raise SystemExit(run(["plan", "goals/papers.yaml", "--quiet", "--no-cache", "--json"]))
PY
python3 older.py > older.json
printf '[exit %s]\n' "$?"
run dyocense replay @last | named

say 'someone changes one byte of an input'
path=$(ls -d runs/*/artifacts/context.json | head -n 1)
first=$(printf '%s' "$path" | cut -d/ -f2)
python3 - "$path" <<'PY'
import sys
data = bytearray(open(sys.argv[1], "rb").read())
data[len(data) // 2] ^= 1
open(sys.argv[1], "wb").write(bytes(data))
PY
run dyocense evidence verify "$first"
run dyocense replay "$first"
