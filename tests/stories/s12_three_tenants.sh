# S12. Three tenants, one box, Friday afternoon: gold, silver and free share four workers, and each gets what it may have.
. "$STORIES/lib.sh"

url=http://127.0.0.1:$PORT
shown='HTTP|location|idempotency-replayed|retry-after|ratelimit'

# ask WHO KEY BODY [HEADER...]: submit a plan as a tenant; say it, show the status and the headers that matter; the body is in answer.json
ask() {
  local who=$1 key=$2 body=$3 token; shift 3
  printf '$ curl -X POST %s/plans -H "Authorization: Bearer $%s" -H %s -d %s' '$URL' "$who" "'Idempotency-Key: $key'" "'$body'"
  local more=(); for header in "$@"; do printf " -H '%s'" "$header"; more+=(-H "$header"); done
  printf '\n'
  token=${!who}
  curl -s -D head.txt -o answer.json -X POST "$url/plans" -H "Authorization: Bearer $token" -H "Idempotency-Key: $key" \
       -H 'Content-Type: application/json' "${more[@]}" -d "$body"
  tr -d '\r' < head.txt | grep -i -E "^($shown)" | sed -E -e 's/t=[0-9]+/t=<s>/' -e 's/^(retry-after): [0-9]+/\1: <s>/I' -e 's/;r=[0-9]{2,}/;r=<n>/'
}

# look WHO PATH: the status of a GET
look() { curl -s -o answer.json -w 'HTTP %{http_code}\n' "$url$2" -H "Authorization: Bearer ${!1}"; }

# runs WHO: all runs of a tenant, newest first, page by page; they are in runs.json
runs() {
  python3 - "$url" "${!1}" > runs.json <<'PY'
import json, sys, urllib.request
url, token, found, more = sys.argv[1], sys.argv[2], [], ""
while more is not None:
    asked = urllib.request.Request(f"{url}/runs?limit=200{more}", headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(asked) as answer:
        page = json.load(answer)
    found += page["runs"]
    more = page["next"] and f"&before={page['next']}"
print(json.dumps(found))
PY
}

run dyocense init papers --template newsvendor
cd papers || exit 1
cat > tenants.yaml <<'YAML'
tenants:
  gold: {tier: enterprise}
  silver: {tier: standard, budget_solver_s: 2}
  free: {tier: free, parallel_solves: 4, requests_per_min: 1200, budget_solver_s: 100000}
  bronze: {tier: free, requests_per_min: 2}
YAML
run cat tenants.yaml
printf '$ dyocense serve --workers 4 --tenants tenants.yaml &\n\n'
dyocense serve --workers 4 --tenants tenants.yaml --port "$PORT" 2> ../serve.log &
server=$!
until curl -s "$url/readyz" | grep -q '"slots":4'; do kill -0 $server || { cat ../serve.log; exit 1; }; sleep 0.2; done
for who in gold silver free bronze; do declare "$who=$(dyocense serve token --tenant $who)"; done

say 'over the budget: what it would cost, and what would fit'
ask silver wk34-a '{"goal_id": "papers"}'
pick answer.json 'd["detail"]'
fits=$(pick answer.json 'd["quote"]["fits"]["scenarios"]')
pick answer.json '"fits: fewer scenarios, " + str(d["quote"]["fits"])'
ask silver wk34-b "{\"goal_id\": \"papers\", \"scenarios\": $fits}"

say 'free floods: eight jobs here, a thousand at full scale'
python3 - "$url" "$free" "$FLOOD" <<'PY'
import json, sys, urllib.request
url, token, jobs = sys.argv[1], sys.argv[2], int(sys.argv[3])
codes = set()
for i in range(jobs):
    head = {"Authorization": f"Bearer {token}", "Idempotency-Key": f"flood-{i}", "Content-Type": "application/json"}
    asked = urllib.request.Request(f"{url}/plans", json.dumps({"goal_id": "papers", "seed": i}).encode(), head)
    with urllib.request.urlopen(asked) as answer:
        codes.add(answer.status)
        last = json.load(answer)
print(f"{codes}; the last has runs ahead of it: {last['position'] > 0}, and waits for its {last['reason']}")
PY
busy() { runs free; pick runs.json '"busy" if sum(r["status"] == "running" for r in d) == 4 else ""'; }
until [ "$(busy)" ]; do sleep 0.2; done

say 'gold has one job; its caller has a trace'
ask gold wk34-a '{"goal_id": "papers"}' "traceparent: 00-$TRACE-b7ad6b7169203331-01"
pick answer.json 'f"""{d["status"]}, {d["position"]} ahead, why: {d["reason"]}"""'
first=$(pick answer.json 'd["run_id"]')
say 'the connection broke, gold tries again: the first run, not a second one'
ask gold wk34-a '{"goal_id": "papers"}'
pick answer.json "d['run_id'] == '$first'"
say 'the same key for something else'
ask gold wk34-a '{"goal_id": "papers", "seed": 7}'
pick answer.json 'd["detail"]'

say 'a request that waits for its result, and its twin while it waits'
ask gold wk34-b '{"goal_id": "papers", "seed": 8}' 'Prefer: wait=60' > waited.txt &
waiting=$!
until look gold /runs > /dev/null && [ "$(pick answer.json 'len(d["runs"])')" = 2 ]; do sleep 0.1; done
ask gold wk34-b '{"goal_id": "papers", "seed": 8}'
pick answer.json 'd["detail"]'
wait $waiting

say 'over the rate'
for i in 1 2 3; do ask bronze "wk34-$i" '{"goal_id": "papers"}'; done
pick answer.json 'd["detail"]'

say 'a token that ran out, and one for somebody else'
old=$(python3 - "$gold" .dyocense/serve/secret <<'PY'
import base64, hmac, json, sys

head, claims, _ = sys.argv[1].split(".")
told = json.loads(base64.urlsafe_b64decode(claims + "=="))
told.update(iat=told["iat"] - 9000, nbf=told["nbf"] - 9000, exp=told["iat"] - 3600)
signed = f"{head}.{base64.urlsafe_b64encode(json.dumps(told).encode()).decode().rstrip('=')}"
mark = hmac.digest(open(sys.argv[2]).read().strip().encode(), signed.encode(), "sha256")
print(f"{signed}.{base64.urlsafe_b64encode(mark).decode().rstrip('=')}")
PY
)
other=$(DYOCENSE_JWT_AUDIENCE=elsewhere dyocense serve token --tenant gold)
ask old wk34-c '{"goal_id": "papers"}'
pick answer.json 'd["detail"]'
ask other wk34-c '{"goal_id": "papers"}'
pick answer.json 'd["detail"]'

say "silver asks for gold's run"
look silver "/runs/$first"
look gold "/runs/$first"

say 'gold waited for one of the jobs in hand at most, and its trace reaches into the solver'
ended() { look gold "/runs/$first" > /dev/null; pick answer.json 'd["finished_at"] and "yes"'; }
until [ "$(ended)" ]; do sleep 0.2; done
cp answer.json gold.json
runs free
python3 - <<'PY'
import json
from datetime import datetime, timezone
at = lambda text: datetime.fromisoformat(text)
gold, flood = json.load(open("gold.json")), json.load(open("runs.json"))
now = datetime.now(timezone.utc)
beside = [r for r in flood if r["began_at"] and at(r["began_at"]) <= at(gold["created_at"])]
longest = max((at(r["finished_at"]) if r["finished_at"] else now) - at(r["began_at"]) for r in beside)
print(gold["status"] + "; began within one job length:", at(gold["began_at"]) - at(gold["created_at"]) <= longest)
PY
until grep -q '"kernel.evidence.write"' "$SPANS"; do sleep 0.2; done
python3 - "$SPANS" "$TRACE" <<'PY'
import json, sys
spans = {s["id"]: s for s in map(json.loads, open(sys.argv[1])) if s["trace"] == sys.argv[2]}
here, way = next(i for i, s in spans.items() if s["name"] == "solver.solve"), []
while here in spans:
    way.append(spans[here]["name"])
    here = spans[here]["parent"]
print(" < ".join([*way, "the caller" if here == "b7ad6b7169203331" else here]))
PY

say 'enough for today: free takes its jobs back, the service stops when what it holds is done'
runs free
for id in $(pick runs.json '" ".join(r["run_id"] for r in d if not r["finished_at"])'); do
  curl -s -o /dev/null -X DELETE "$url/runs/$id" -H "Authorization: Bearer $free"
done
kill -TERM $server
wait $server
printf '[exit %s]\n' $?
