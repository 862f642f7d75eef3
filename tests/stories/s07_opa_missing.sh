# S7. OPA is missing, then back: no verdict is not a denial, and a draft is not an approved plan.
. "$STORIES/lib.sh"

run dyocense init papers --template newsvendor
cd papers || exit 1
mkdir policy
cat > policy/data.yaml <<'DATA'
required:
  "*": [[owner]]
DATA

say 'the server is gone: exit 7, not 4, naming it and doctor; nothing is recorded'
export DYOCENSE_OPA_URL=http://127.0.0.1:1
run dyocense plan goals/papers.yaml --policy policy --quiet
run dyocense runs list

say 'a draft needs a reason, says that it is one, and is not exported as approved'
run dyocense plan goals/papers.yaml --policy policy --quiet --policy-unavailable=draft
dyocense plan goals/papers.yaml --policy policy --quiet --policy-unavailable=draft --reason 'OPA upgrade INC-88' > draft.txt
printf '[exit %s]\n' "$?"
run grep DRAFT draft.txt
run pick runs/*/policy.json '(d["admission"]["evaluated"], d["admission"]["draft_reason"], d["verdict"]["evaluated"])'
run pick runs/*/manifest.json 'd["predicate"]["draft"]'
run dyocense evidence export @last --approved --output march.zip

say 'the server is back; what was forecast, compiled and solved is known, only policy is asked'
unset DYOCENSE_OPA_URL
dyocense plan goals/papers.yaml --policy policy > plan.txt 2> stages.txt
printf '[exit %s]\n' "$?"
grep -E 'policy|forecast|solved|stressed' stages.txt
run grep -c DRAFT plan.txt
run dyocense evidence export @last --approved --output march.zip
