# S11. Audit in six months: show why, and that it can be reproduced; a byte that was changed is found.
. "$STORIES/lib.sh"

# counts and hashes that differ from version to version
named() { sed -E -e 's/sha256:[0-9a-f]+…/<sha>/' -e '/^  = /d' -e 's/^([0-9]+) of \1 stages/all stages/'; }

run dyocense init papers --template newsvendor
cd papers || exit 1
export DYOCENSE_GRAPH=none
printf 'a shared secret of the buying department' > ../signing.key
export DYOCENSE_SIGNING_KEY="$PWD/../signing.key"
dyocense plan goals/papers.yaml --quiet > plan.txt
printf '[exit %s]\n\n' "$?"

say 'why we bought it, with the files and rows it rests on'
run dyocense evidence why PO-0001 | named | grep -E '^(\$|\[|PO-| +(order|cost|rule|policy|from) )'

say 'it can be reproduced, stage by stage, and it is signed'
run dyocense replay @last --verify | named
run dyocense evidence verify @last --key ../signing.key

say 'one file for the auditor: it opens anywhere, and replays without our folder'
run dyocense evidence export @last --format ro-crate,prov,in-toto --output march.zip
mkdir elsewhere && cp march.zip elsewhere && cd elsewhere || exit 1
run dyocense replay --bundle march.zip | named
run python3 -m zipfile -l march.zip | grep -E -o '(report.html|manifest.json|manifest.sig.json|prov.json|ro-crate-metadata.json) ' | sort -u
cd ..

say 'someone changes one byte of an input'
path=$(echo runs/*/artifacts/context.json)
python3 - "$path" <<'PY'
import sys
data = bytearray(open(sys.argv[1], "rb").read())
data[len(data) // 2] ^= 1
open(sys.argv[1], "wb").write(bytes(data))
PY
run dyocense evidence verify @last
run dyocense replay @last
