"""A small real job by the standard library alone: the newsvendor quantity of sampled demand by the critical fractile.

It does what the kernel's child does, in a tenth of the time: packs of stages, the gate before the solve, a stored run with evidence.
`overrides` of the request say what it is: without `sleep` it is the kernel's own, and this process becomes the kernel's child; with
`linger` so many attempts never end after their solve; with `parts` it is taken apart, and each part waits for a file ``release``.
"""

import hashlib
import json
import os
import random
import sys
import time
from pathlib import Path

raw = sys.stdin.buffer.read()
job = json.loads(raw)
body, folder = job["body"], Path(job["folder"])
asked = (body["body"] if job["kind"] == "shard" else body).get("overrides", {})
if "sleep" not in asked:
    handle = os.memfd_create("job")
    os.write(handle, raw)
    os.lseek(handle, 0, os.SEEK_SET)
    os.dup2(handle, 0)
    os.execv(sys.executable, [sys.executable, "-m", "dyocense_cli.serve.child"])


def say(what: str, **data: object) -> None:
    print(json.dumps({"what": what, **data}), flush=True)


def pack(name: str, text: str) -> str:
    if not job["shelve"]:
        return ""
    (folder / "packs" / f"{name}.part").write_text(text)
    (folder / "packs" / f"{name}.part").replace(folder / "packs" / name)
    return name


def unpacked(name: str) -> str:
    try:
        return (folder / "packs" / name).read_text()
    except FileNotFoundError:
        return ""


def drawn(part: str) -> float:
    return round(random.Random(part).gauss(100, 20), 3)


parts = {name: Path(f"part-{name}") for name in filter(None, asked.get("parts", "").split(","))}
if job["kind"] == "shard":
    (name,) = body["part"]["skus"]
    while not Path("release").exists():
        time.sleep(0.02)
    (folder / "part").write_text(str(drawn(name)))
    (folder / "part").rename(parts[name])
    say("outcome", result={"forecast": 1, "skus": 1}, figures={"shard_s": 0.1})
    sys.exit()
if parts and "skus" not in job["apart"]:
    say("outcome", result={"parts": [{"kind": "skus", "skus": [name], "count": 1, "seconds": 0.1} for name in parts]}, figures={})
    sys.exit()

begin = time.perf_counter()
demand = unpacked("00-compile.zip")
if demand:
    say("stage", stage="compile", state="cached", seconds=0.0)
else:
    say("stage", stage="compile", state="begin")
    demand = json.dumps(sorted(random.Random(body.get("seed", 1)).gauss(100, 20) for _ in range(2000)))
    say("stage", stage="compile", state="run", seconds=0.0, pack=pack("00-compile.zip", demand))
answer = unpacked("01-solve.zip")
if answer:
    say("stage", stage="solve", state="cached", seconds=0.0)
else:
    say("stage", stage="solve", state="begin")
    while not (folder / "go").exists():
        if (folder / "stop").exists():
            sys.exit(1)
        time.sleep(0.005)
    sample = json.loads(demand)
    answer = json.dumps({"quantity": round(sample[int(0.8 * len(sample))], 3), "mean": round(sum(sample) / len(sample), 3)})
    time.sleep(float(asked["sleep"]))
    say("stage", stage="solve", state="run", seconds=0.0, pack=pack("01-solve.zip", answer))
lingered = Path(f"lingered-{job['run_id']}")
tries = len(lingered.read_text()) if lingered.exists() else 0
while tries < asked.get("linger", 0):
    lingered.write_text("x" * (tries + 1))
    time.sleep(3600)
seconds = time.perf_counter() - begin

run_id = job["run_id"]
fingerprint = "sha256:" + hashlib.sha256(run_id.encode()).hexdigest()
run, tenant, agent = f"run/{fingerprint}", f"tenant/{job['tenant_id']}", "agent/newsvendor/1"
nodes = [
    {"key": agent, "label": "Agent", "prov": "agent", "props": {"name": "newsvendor", "version": "1"}},
    {"key": run, "label": "Run", "prov": "activity", "props": {"goal_id": "newsvendor", "status": "OPTIMAL", "termination": "proved"}},
    {"key": tenant, "label": "Tenant", "prov": "agent", "props": {"tier": job["tier"]}},
]
edges = [{"source": run, "target": t, "type": "ASSOCIATED_WITH", "props": {}} for t in (agent, tenant)]
graph = {
    "kind": "evidence_graph",
    "schema_version": 1,
    "arrays": {},
    "body": {"nodes": nodes, "edges": edges, "run_fingerprint": fingerprint},
}
files = {"plan.csv": f"line,qty\nPO-0001,{json.loads(answer)['quantity']}\n", "artifacts/evidence_graph.json": json.dumps(graph)}
digests = [{"name": n, "digest": {"sha256": hashlib.sha256(t.encode()).hexdigest()}} for n, t in sorted(files.items())]
files["manifest.json"] = json.dumps({"subject": digests, "predicate": {"run_id": run_id, "snapshot_hash": fingerprint}})
target = Path(job["store"]) / job["tenant_id"] / "runs" / run_id
if not target.exists():
    part = folder / "run"
    for name, text in files.items():
        (part / name).parent.mkdir(parents=True, exist_ok=True)
        (part / name).write_text(text)
    target.parent.mkdir(parents=True, exist_ok=True)
    part.rename(target)
result = {
    "status": "OPTIMAL",
    "kpis": json.loads(answer) | {name: float(path.read_text()) if path.exists() else drawn(name) for name, path in parts.items()},
    "steps": [],
    "kernel_run_id": run_id,
    "evidence": {"evidence_ref": f"neo4j://{run}", "snapshot_hash": fingerprint},
}
figures = {"solver_wall_time": seconds, "variables": 1.0, "constraints": 1.0, "scenario_count": 2000.0}
say("outcome", result=result, figures=figures)
