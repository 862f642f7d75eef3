# S6. The solve is stopped, then killed: the best plan so far is kept, whole, and the next solve starts from it.
. "$STORIES/lib.sh"

python3 -m tests.cli.knapsack shop && cd shop || exit 1
numbers() { sed -E 's/[0-9][0-9,.]*/N/g'; }
number() { grep -oE 'plan of [0-9,.]+[0-9]' "$1" | head -n 1 | tr -d ',a-z '; }
runs() { dyocense runs list --json | python3 -c 'import json, sys; print(len(json.load(sys.stdin)))'; }

# stopped SIGNAL COMMAND...: wait until a plan is stored, send the signal, say how it ended
stopped() {
  signal=$1
  shift
  printf '$ %s\n' "$*"
  "$@" > out.json 2> err.txt &
  id=$!
  until grep -rqsE '^[0-9.]+ [0-9.]+ sha256:' .dyocense/keys || ! kill -0 "$id" 2> nobody.txt; do sleep 0.1; done
  kill -"$signal" "$id"
  wait "$id" 2> nobody.txt
  printf '[exit %s]\n\n' "$?"
}

say 'SIGTERM: the plan found so far becomes a run of its own, with the gap that was proved'
stopped TERM dyocense plan goals/hard.yaml --set 'solver.time_limit=600 s' --json
run pick out.json '(d["status"], d["termination"], 0 < d["gap"] < 1, len(d["steps"]) > 0)'
run dyocense evidence verify @last
run dyocense evidence query 'MATCH (r:Run) RETURN r.goal_id, r.status, r.termination'
pick out.json 'd["objective"]' > first.txt

say 'the next plan says what was left, and starts from it'
dyocense plan goals/hard.yaml --json > again.json 2> again.txt
printf '[exit %s]\n' "$?"
grep warning again.txt | numbers
run pick again.json '(d["status"], d["objective"] >= float(open("first.txt").read()) - 1e-6)'
say 'and what it made is known from then on'
dyocense plan goals/hard.yaml --json > cached.json
run pick cached.json '{t["state"] for t in d["timings"].values()} - {"skipped"}'

say 'SIGKILL: no run, nothing half-written; the next solve of that run starts from what was found'
before=$(runs)
stopped KILL dyocense solve @last --time-limit 600s --json
run test "$before" = "$(runs)"
dyocense solve @last --resume --time-limit 1s --json > resumed.json 2> resumed.txt
printf '[exit %s]\n' "$?"
grep 'an earlier solve' resumed.txt | numbers
number resumed.txt > left.txt
run pick resumed.json '(d["status"], d["objective"] >= float(open("left.txt").read()) - 1e-6)'
for id in $(dyocense runs list --json | python3 -c 'import json, sys; print(*(r["run_id"] for r in json.load(sys.stdin)))'); do
  run dyocense evidence verify "$id"
done
