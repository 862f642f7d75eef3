"""A small real job: the newsvendor quantity of sampled demand by the critical fractile, with the standard library alone."""

import json
import random
import statistics
import sys
import time

job = json.loads(sys.stdin.buffer.read())
body = job["body"]
begin = time.perf_counter()
print(json.dumps({"what": "stage", "stage": "solve", "state": "begin"}), flush=True)
demand = sorted(random.Random(body.get("seed", 1)).gauss(100, 20) for _ in range(2000))
quantity = demand[int(0.8 * len(demand))]
time.sleep(float(body.get("overrides", {}).get("sleep", 0)))
seconds = time.perf_counter() - begin
result = {"status": "OPTIMAL", "kpis": {"quantity": round(quantity, 3), "mean": round(statistics.fmean(demand), 3)}, "steps": []}
figures = {"solver_wall_time": seconds, "variables": 1.0, "constraints": 1.0, "scenario_count": 2000.0}
print(json.dumps({"what": "outcome", "result": result, "figures": figures}), flush=True)
