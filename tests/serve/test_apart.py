"""Programs of one solve done by other slots: the same bytes, whatever was done where."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks import instances
from dyocense_cli.artifacts.codec import fingerprint
from dyocense_cli.artifacts.solution import Solution
from dyocense_cli.kernel.optimizer.ground import ground
from dyocense_cli.kernel.optimizer.neighbourhood import improve
from dyocense_cli.ports import Lent, SolveEvent, SolveLimits
from dyocense_cli.ports.service import RunRow
from dyocense_cli.runner.order import Order
from dyocense_cli.runner.patience import Elsewhere
from dyocense_cli.runner.run import Kernel
from dyocense_cli.serve import shards
from dyocense_cli.serve.apart import Lender, pieces, programs
from dyocense_cli.serve.childwork import Watcher, kernel_of
from dyocense_cli.serve.job import Outcome
from dyocense_cli.serve.packs import PACKS
from dyocense_cli.serve.worker import RunHandler

from .api import REPO, Service

#: counted: neither a clock nor a machine decides where the search ends
LIMITS = SolveLimits(gap=1e-4, threads=1, seed=1)
ALWAYS = {"most_parts": 3, "part_saves": -1e9}


@pytest.mark.parametrize(
    ("count", "work_s", "again_s", "most", "parts"),
    [
        (40, 100.0, 2.0, 4, 4),
        (40, 100.0, 2.0, 1, 1),
        (3, 100.0, 2.0, 8, 3),
        (40, 8.0, 2.0, 2, 1),
        (40, 16.0, 2.0, 2, 2),
        (40, 0.0, 0.0, 4, 4),
    ],
)
def test_parts_are_made_where_they_save_a_quarter(count: int, work_s: float, again_s: float, most: int, parts: int) -> None:
    assert pieces(count, work_s, again_s, most=most, saves=0.25) == parts


@dataclass
class Run:
    """One run's children, in this process, on one tenant's store."""

    folder: Path
    shelve: bool = False

    def __post_init__(self) -> None:
        (self.folder / "job" / PACKS).mkdir(parents=True, exist_ok=True)
        self.watcher = Watcher(self.folder / "job")

    def job(self, **more: Any) -> dict[str, Any]:
        own = {"folder": str(self.folder / "job"), "store": str(self.folder / "store"), "cache": str(self.folder / "cache")}
        return {"run_id": "r", "tenant_id": "acme", "tier": "pro", "settings": {}, "time_limit_s": 60.0, **own, **more}

    def kernel(self, job: dict[str, Any]) -> Kernel:
        return kernel_of({"project": str(REPO), **job}, job["folder"], self.watcher)

    def lent(self, kernel: Kernel) -> Lent:
        def never(_event: SolveEvent) -> bool:
            return False

        return kernel.ports(Order(goal=""), self.watcher, never).lent()

    def solve(self, **more: Any) -> Solution | None:
        job = self.job(shelve=self.shelve, **more)
        kernel = self.kernel(job)
        Lender(job, kernel)
        model = instances.procurement(12, J=2, T=5, W=3)
        try:
            return improve(model, ground(model), LIMITS, self.lent(kernel))
        except Elsewhere:
            self.watcher.ended("parts", "run", 0.0)
            raise

    def part(self, one: dict[str, Any], lent: Callable[[Lent], Lent] = lambda lent: lent) -> dict[str, Any]:
        job = self.job(body={"part": one}, run_id=f"part-{one['place'][-12:]}", shelve=self.shelve)
        kernel = self.kernel(job)
        return programs(job, kernel, lent(self.lent(kernel)), self.watcher)[0]


def test_a_solve_in_parts_is_the_same_bytes_though_one_is_killed_and_one_never_done(tmp_path: Path) -> None:
    plain = Run(tmp_path).solve()
    assert plain is not None
    assert plain.reproducible
    run = Run(tmp_path / "apart")
    with pytest.raises(Elsewhere) as left:
        run.solve(**ALWAYS)
    counts = [one["count"] for one in left.value.parts]
    assert (len(counts), sum(counts)) == (3, 12 - 3)  # three were solved to learn what one costs
    solved: list[int] = []

    def killed(lent: Lent) -> Lent:
        def solve(*asked: Any, **how: Any) -> Solution:
            if solved:
                raise KeyboardInterrupt
            solved.append(1)
            return lent.solve(*asked, **how)

        return replace(lent, solve=solve)

    with pytest.raises(KeyboardInterrupt):
        run.part(left.value.parts[0], killed)
    assert run.part(left.value.parts[0]) == {"programs": counts[0], "solved": counts[0] - 1}  # what it had done stays done
    assert run.part(left.value.parts[1]) == {"programs": counts[1], "solved": counts[1]}
    again = run.solve(apart=["programs"], most_parts=3, part_saves=-1e9)
    assert again is not None
    assert fingerprint(again) == fingerprint(plain)
    assert again.diagnostics["solves"] == plain.diagnostics["solves"]


def test_parts_travel_between_machines_in_packs(tmp_path: Path) -> None:
    def carried(to: str, *machines: Run) -> Run:
        """Return a machine with an empty disk that was brought the packs of others."""
        made = Run(tmp_path / to, shelve=True)
        for pack in (p for one in machines for p in (one.folder / "job" / PACKS).glob("*.zip")):
            shutil.copy(pack, made.folder / "job" / PACKS / pack.name)
        return made

    first = Run(tmp_path / "first", shelve=True)
    with pytest.raises(Elsewhere) as left:
        first.solve(**ALWAYS)
    others = [carried(f"other{i}", first) for i in range(3)]
    for other, part in zip(others, left.value.parts, strict=True):
        assert other.part(part)["solved"] == part["count"]
    last = carried("last", first, *others)
    again, plain = last.solve(apart=["programs"]), Run(tmp_path / "plain").solve()
    assert again is not None
    assert plain is not None
    assert fingerprint(again) == fingerprint(plain)
    memo = last.kernel(last.job()).memo
    keys = [one["key"] for part in left.value.parts for one in json.loads(memo.blobs.get(part["place"]))["programs"]]
    assert len(keys) == 12 - 3
    assert all(memo.find("solution", key) is not None for key in keys)


def test_small_work_stays_where_it_is(tmp_path: Path) -> None:
    plain, offered = Run(tmp_path).solve(), Run(tmp_path).solve(most_parts=8, part_saves=0.25)
    assert plain is not None
    assert offered is not None
    assert fingerprint(plain) == fingerprint(offered)


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[Service]:
    made = Service(tmp_path / "state", f"sqlite:///{tmp_path / 'service.sqlite'}", sandbox="rlimits")
    yield made
    made.close()


def test_a_run_in_parts_is_seen_counted_and_paid_for(alone: Service) -> None:
    from dyocense_cli.adapters.queue import pump

    answer = alone.post("/plans", {"goal_id": "newsvendor"})
    run_id = str(answer.json()["run_id"])
    runs = alone.parts.runs(alone.tenant)

    def begin(one: str) -> RunRow:
        with alone.parts.engine.begin() as c:
            assert pump.start(c, one) is not None
        row = runs.read(one)
        assert row is not None
        return row

    row = begin(run_id)
    assert runs.begin_solve(run_id, 1)
    asked = [{"kind": "programs", "place": "sha256:0", "count": 4, "seconds": 2.0} for _ in range(2)]
    shards.split(alone.parts, row, asked, 1.5)
    shards.split(alone.parts, row, asked, 1.5)  # a worker that died in between asks again
    assert runs.begin_solve(run_id, 1)  # the solve that was broken off on purpose does not count
    view = alone.get(f"/runs/{run_id}").json()
    assert (view["status"], view["reason"]) == ("queued", "parts")
    assert [(p["kind"], p["status"], p["solver_s"]) for p in view["parts"]] == [("programs", "queued", 0.0)] * 2
    for seconds, part in zip((2.0, 3.0), view["parts"], strict=True):
        shards.end_part(alone.parts, begin(part["run_id"]), Outcome({"solved": 4}, None, {"shard_s": seconds}))
        with alone.parts.engine.begin() as c:
            pump.finish(c, part["run_id"], actual_s=seconds, enqueue=lambda *_: None)
    told = [(what, json.loads(data)) for _, _, what, data in runs.events(run_id, 0) if what in ("parts", "part")]
    assert told[0] == ("parts", {"parts": 2, "programs": 8})
    assert sorted(data["seconds"] for what, data in told if what == "part") == [2.0, 3.0]
    row = begin(run_id)
    limits = shards.part_limits(alone.parts, row, alone.config.tier_of(alone.tenant, "enterprise"))
    assert limits["apart"] == ["programs"]  # not a second time
    handler = RunHandler(alone.config, alone.parts, command=("sh", "-c", SAID))
    assert handler(alone.tenant, run_id, "plan") == pytest.approx(0.25 + 1.5 + 2.0 + 3.0)
    budget = alone.get("/usage").json()["budgets"]["solver_sec"]
    assert (budget["used"], budget["reserved"]) == (pytest.approx(0.25 + 6.5), 0.0)
    assert {p["status"] for p in alone.get(f"/runs/{run_id}").json()["parts"]} == {"succeeded"}


SAID = """echo '{"what": "outcome", "result": {"status": "OPTIMAL"}, "figures": {"solver_wall_time": 0.25}}'"""
