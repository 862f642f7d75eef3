"""The fair queue on the durable engine, with real worker processes that are killed, paused and restarted."""

from __future__ import annotations

import inspect
import os
import pkgutil
import signal
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import dbos
import pytest
import sqlalchemy as sa

from dyocense_cli.adapters.queue import pump
from dyocense_cli.adapters.queue.dbos import APP_VERSION, PRIVATE_NAMES, DbosQueue, client_of, migrate_engine_tables
from dyocense_cli.adapters.queue.worker import _held
from dyocense_cli.adapters.sql.engine import open_engine
from dyocense_cli.errors import UnavailableError
from dyocense_cli.kernel.tenancy.wfq import REBASE_AT
from dyocense_cli.ports import Scope

pytestmark = pytest.mark.timeout(900)  # a busy machine takes its time
SCRIPT = str(Path(__file__).with_name("newsvendor_worker.py"))


class Box:
    """One database, its queue and its worker processes."""

    def __init__(self, engine: sa.Engine, url: str) -> None:
        self.engine = engine
        self.url = url
        self.client = client_of(engine)
        self.workers: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, slots: int, *, version: int = APP_VERSION, pools: str = "main", drain_s: float = 120.0) -> str:
        executor = f"w-{uuid.uuid4().hex[:8]}"
        arguments = [self.url, executor, str(slots), str(version), pools, str(drain_s)]
        process = subprocess.Popen([sys.executable, SCRIPT, *arguments], stdout=subprocess.PIPE)
        assert process.stdout is not None
        assert process.stdout.readline() == b"up\n"
        self.workers[executor] = process
        return executor

    def submit(
        self, tenant: str, n: int, cost: float, *, weight: float = 1.0, cap: int = 8, kind: str = "newsvendor", pool: str = "main"
    ) -> list[str]:
        queue = DbosQueue(self.engine, Scope(tenant), self.client)
        runs = [f"{tenant}-{uuid.uuid4().hex}" for _ in range(n)]
        for run in runs:
            assert queue.submit(run, kind=kind, pool=pool, cost_s=cost, weight=weight, cap=cap)
        return runs

    def rows(self, text: str, **values: object) -> list[tuple[object, ...]]:
        with self.engine.connect() as c:
            return [tuple(r) for r in c.execute(sa.text(text), values)]

    def ended(self, runs: list[str]) -> int:
        done = {r[0] for r in self.rows("SELECT run_id FROM queue_jobs WHERE state = 'done'")}
        return len(done & set(runs))

    def go(self) -> None:
        """Let the runs that are held go on."""
        with self.engine.begin() as c:
            c.execute(sa.text("INSERT INTO work_log (run_id, what) VALUES ('', 'go')"))

    def most_at_once(self) -> dict[str, int]:
        """Return the largest number of runs that each worker had in hand."""
        flight, most = Counter[str](), Counter[str]()
        for executor, what in self.rows("SELECT executor, what FROM work_log WHERE what IN ('begin', 'end') ORDER BY at"):
            flight[str(executor)] += 1 if what == "begin" else -1
            most[str(executor)] = max(most[str(executor)], flight[str(executor)])
        return dict(most)

    def until(self, claim: Callable[[], bool]) -> None:
        while not claim():  # the test's own time limit is the bound
            time.sleep(0.03)

    def stop(self) -> None:
        for process in self.workers.values():
            process.send_signal(signal.SIGCONT)
            process.kill()
            process.wait()
            if process.stdout:
                process.stdout.close()
        self.workers.clear()


@pytest.fixture
def box(engine: sa.Engine, database_url: str, request: pytest.FixtureRequest) -> Iterator[Box]:
    if engine.dialect.name == "postgresql":
        owner = os.environ["DYOCENSE_PG_OWNER_DSN"].rpartition("/")[0] + "/" + database_url.rpartition("/")[2]
        migrate_engine_tables(owner, app_role="dyo_app")
        admin = open_engine(owner)
        with admin.begin() as c:
            c.execute(
                sa.text("CREATE TABLE IF NOT EXISTS work_log (run_id text, tenant_id text, executor text, what text, at double precision)")
            )
            c.execute(sa.text("GRANT ALL ON work_log TO dyo_app"))
        admin.dispose()
    else:
        migrate_engine_tables(database_url)
        with engine.begin() as c:
            c.execute(
                sa.text("CREATE TABLE IF NOT EXISTS work_log (run_id text, tenant_id text, executor text, what text, at double precision)")
            )
    made = Box(engine, database_url)
    yield made
    made.stop()
    with engine.begin() as c:
        for table in ("work_log", "queue_jobs", "queue_tenants", "queue_pools", "queue_workers"):
            c.execute(sa.text(f"DELETE FROM {table}"))


def test_private_names_of_the_engine_are_still_there() -> None:
    found = [pkgutil.resolve_name(name) for name in PRIVATE_NAMES]
    assert all(callable(one) or isinstance(one, property) for one in found)
    assert "_background_jobs_stop_event" in inspect.getsource(dbos.DBOS._destroy)


def test_four_tiers_over_a_saturated_worker_get_solver_seconds_by_weight(box: Box) -> None:
    tiers = {"free": (1, 1), "standard": (2, 2), "pro": (4, 4), "enterprise": (8, 8)}
    runs: list[str] = []
    for tier, (weight, cap) in tiers.items():
        runs += box.submit(tier, 13 * weight, 0.02, weight=weight, cap=cap)
    box.start(4)
    box.until(lambda: box.ended(runs) == len(runs))
    order = [str(r[0]) for r in box.rows("SELECT tenant_id FROM work_log WHERE what = 'begin' ORDER BY at")]
    head = order[: 15 * 10]  # all four are backlogged
    share = Counter(head)
    for tier, (weight, _) in tiers.items():
        assert abs(share[tier] - 10 * weight) <= 4 + 0.1 * 10 * weight, share  # four slots, and what the order itself allows
    assert Counter(Counter(r[0] for r in box.rows("SELECT run_id FROM work_log WHERE what = 'end'")).values()) == {1: len(runs)}
    flight: Counter[str] = Counter()
    for tenant, what in box.rows("SELECT tenant_id, what FROM work_log ORDER BY at"):
        flight[str(tenant)] += 1 if what == "begin" else -1
        assert flight[str(tenant)] <= tiers[str(tenant)][1]


def test_workers_of_different_slots_side_by_side_each_use_all_of_their_own_and_no_more(box: Box) -> None:
    box.client.register_queue(
        pump.queue_name("main"), worker_concurrency=3
    )  # what is stored, by an earlier release say, counts for nothing
    slots = {box.start(n): n for n in (1, 4, 2)}
    runs = box.submit("t", 12, 0.05, cap=12, kind="hold")
    box.until(lambda: len(box.rows("SELECT 1 FROM work_log WHERE what = 'begin'")) == 7)
    assert box.most_at_once() == slots
    runs += box.submit("u", 30, 0.02, cap=12)
    box.go()
    box.until(lambda: box.ended(runs) == len(runs))
    assert box.most_at_once() == slots
    assert Counter(Counter(r[0] for r in box.rows("SELECT run_id FROM work_log WHERE what = 'end'")).values()) == {1: len(runs)}


def test_a_worker_of_several_pools_holds_no_more_than_its_slots_and_serves_them_in_turn(box: Box) -> None:
    worker = box.start(2, pools="free,pro,enterprise")
    held = box.submit("f", 4, 0.02, kind="hold", pool="free")
    box.until(lambda: len(box.rows("SELECT 1 FROM work_log WHERE what = 'begin'")) == 2)
    others = box.submit("p", 4, 0.02, pool="pro") + box.submit("e", 4, 0.02, pool="enterprise")
    box.go()
    box.until(lambda: box.ended(held + others) == 12)
    assert box.most_at_once() == {worker: 2}
    order = [str(r[0]) for r in box.rows("SELECT tenant_id FROM work_log WHERE what = 'begin' ORDER BY at")]
    assert set(order[2:8]) == {"f", "p", "e"}


def test_runs_in_parts_need_no_slot_for_the_whole(box: Box) -> None:
    worker = box.start(1)
    wholes = box.submit("t", 2, 0.02, kind="whole") + box.submit("u", 2, 0.02, kind="whole", cap=1)
    box.until(lambda: box.ended(wholes) == 4)
    ends = Counter(str(r[0]) for r in box.rows("SELECT run_id FROM work_log WHERE what = 'end'"))
    assert {r: n for r, n in ends.items() if r not in wholes} == {f"{w}-{i}": 1 for w in wholes for i in range(3)}
    assert box.most_at_once() == {worker: 1}


def test_a_killed_and_a_paused_worker_lose_nothing(box: Box) -> None:
    first = box.start(2)
    runs = box.submit("t", 8, 0.8, cap=8)
    box.until(lambda: len(box.rows("SELECT 1 FROM work_log WHERE what = 'begin'")) >= 2)
    box.workers[first].kill()
    second = box.start(2)
    box.until(lambda: bool(box.rows("SELECT 1 FROM work_log WHERE executor = :x AND what = 'begin'", x=second)))
    # not dead, but beats no more; a process paused inside a transaction holds SQLite's one lock, so there it is killed
    box.workers[second].send_signal(signal.SIGSTOP if box.engine.dialect.name == "postgresql" else signal.SIGKILL)
    box.start(4)
    box.until(lambda: box.ended(runs) == len(runs))
    box.workers[second].send_signal(signal.SIGCONT)
    begun = Counter(str(r[0]) for r in box.rows("SELECT run_id FROM work_log WHERE what = 'begin'"))
    assert set(begun) == set(runs)
    states = {str(r[0]) for r in box.rows("SELECT state FROM queue_jobs")}
    assert states == {"done"}


def test_a_later_version_takes_over_what_an_earlier_one_queued_and_what_its_workers_had_in_hand(box: Box) -> None:
    old = box.start(2)
    runs = box.submit("t", 6, 3000.0, cap=8)
    box.until(lambda: len(box.rows("SELECT 1 FROM work_log WHERE what = 'begin'")) == 2)
    with box.engine.begin() as c:
        c.execute(sa.text("UPDATE queue_jobs SET cost_s = 0.05"))  # what begins from now on is short
    new = box.start(2, version=APP_VERSION + 1)  # side by side, as in a rolling deploy
    box.until(lambda: box.ended(runs) == 4)
    assert {x for (x,) in box.rows("SELECT executor FROM work_log WHERE what = 'end'")} == {new}
    box.workers[old].kill()
    runs += box.submit("t", 2, 0.1, cap=8)  # by an API of the earlier version that is still up
    box.until(lambda: box.ended(runs) == len(runs))
    ends = box.rows("SELECT run_id, executor FROM work_log WHERE what = 'end'")
    assert {str(r) for r, _ in ends} == set(runs)
    assert all(what in ("begin", "end") for (what,) in box.rows("SELECT what FROM work_log"))  # the engine gave none up
    versions = box.rows(f"SELECT DISTINCT application_version FROM {status_table(box)} WHERE executor_id = :x", x=new)
    assert versions == [(str(APP_VERSION + 1),)]


def test_an_earlier_version_leaves_the_runs_of_a_later_one(box: Box) -> None:
    (run,) = box.submit("t", 1, 0.1)
    with box.engine.begin() as c:
        c.execute(sa.text(f"UPDATE {status_table(box)} SET application_version = :v"), {"v": str(APP_VERSION + 1)})
    box.start(1)
    after = box.submit("t", 1, 0.1)
    box.until(lambda: box.ended(after) == 1)
    assert box.ended([run]) == 0
    box.start(1, version=APP_VERSION + 1)
    box.until(lambda: box.ended([run]) == 1)


def status_table(box: Box) -> str:
    return "dbos.workflow_status" if box.engine.dialect.name == "postgresql" else "workflow_status"


def test_cancel_takes_waiting_runs_out_and_frees_the_slot(box: Box) -> None:
    queue = DbosQueue(box.engine, Scope("t"), box.client)
    a, b, c = box.submit("t", 3, 0.05, cap=1)
    assert queue.place(b).state == "parked"
    assert (queue.place(a).state, queue.place(a).workers) == ("ready", 0)
    assert queue.place(c).ahead == 2
    assert queue.cancel(a) == "removed"  # its slot goes to the next one
    assert queue.place(b).state == "ready"
    assert queue.cancel(c) == "removed"
    assert DbosQueue(box.engine, Scope("other"), box.client).cancel(b) == "done"
    assert DbosQueue(box.engine, Scope("other"), box.client).place(b).state == "unknown"
    box.start(1)
    box.until(lambda: box.ended([a, b, c]) == 3)
    assert [str(r[0]) for r in box.rows("SELECT run_id FROM work_log WHERE what = 'begin'")] == [b]
    assert queue.cancel(b) == "done"


def test_submitting_again_is_refused_and_changes_nothing(box: Box) -> None:
    (run,) = box.submit("t", 1, 1.0)
    assert not DbosQueue(box.engine, Scope("t"), box.client).submit(run, kind="x", pool="main", cost_s=9, weight=1, cap=8)
    assert box.rows("SELECT cost_s FROM queue_jobs WHERE run_id = :r", r=run) == [(1.0,)]


def test_the_epoch_moves_before_priorities_overflow(box: Box) -> None:
    runs = box.submit("t", 3, 1.0)
    with box.engine.begin() as c:
        c.execute(sa.text("UPDATE queue_jobs SET start_tag = start_tag + :n, finish_tag = finish_tag + :n"), {"n": REBASE_AT + 5})
        c.execute(sa.text("UPDATE queue_tenants SET last_finish = last_finish + :n"), {"n": REBASE_AT + 5})
    first = min(runs, key=lambda r: int(str(box.rows("SELECT start_tag FROM queue_jobs WHERE run_id = :r", r=r)[0][0])))
    with box.engine.begin() as c:
        assert pump.start(c, first) == ("t", "newsvendor")
    tags = sorted(int(str(r[0])) for r in box.rows("SELECT start_tag FROM queue_jobs"))
    kept = (REBASE_AT + 5) // 1024
    assert tags == [kept, kept + 10_000, kept + 20_000]
    assert box.rows("SELECT virtual_time FROM queue_pools") == [(kept,)]
    assert int(str(box.rows("SELECT last_finish FROM queue_tenants")[0][0])) == kept + 30_000


def begins(box: Box, *runs: str) -> list[str]:
    """Return who began the runs, in order."""
    found = box.rows("SELECT executor, run_id FROM work_log WHERE what = 'begin' ORDER BY at")
    return [str(executor) for executor, run in found if run in runs]


def test_a_stopping_worker_takes_nothing_new_finishes_what_it_holds_and_keeps_it(box: Box) -> None:
    stopping = box.start(2)
    (held,) = box.submit("t", 1, 0.05, kind="hold")
    box.until(lambda: begins(box, held) == [stopping])
    box.workers[stopping].send_signal(signal.SIGTERM)
    box.until(lambda: bool(box.rows("SELECT 1 FROM queue_workers WHERE draining = 1")))
    other = box.start(1)
    later = box.submit("t", 4, 0.6)  # one after another they take longer than a worker may be silent
    box.until(lambda: box.ended(later) == 4)
    assert begins(box, *later) == [other] * 4
    box.go()
    assert box.workers[stopping].wait() == 0
    assert box.ended([held]) == 1
    assert begins(box, held) == [stopping]
    assert box.rows("SELECT executor FROM queue_workers") == [(other,)]


@pytest.mark.parametrize("why", ["told twice", "too long"])
def test_a_worker_that_cannot_drain_hands_back_what_it_holds(box: Box, why: str) -> None:
    stopping = box.start(1, drain_s=120.0 if why == "told twice" else 0.1)
    (held,) = box.submit("t", 1, 0.05, kind="hold")
    box.until(lambda: begins(box, held) == [stopping])
    box.workers[stopping].send_signal(signal.SIGTERM)
    if why == "told twice":
        box.until(lambda: bool(box.rows("SELECT 1 FROM queue_workers WHERE draining = 1")))
        box.workers[stopping].send_signal(signal.SIGTERM)
    assert box.workers[stopping].wait() == 0
    assert box.rows("SELECT 1 FROM queue_workers") == []
    other = box.start(1)
    box.go()
    box.until(lambda: box.ended([held]) == 1)
    assert begins(box, held) == [stopping, other]
    assert box.rows("SELECT run_id, executor FROM work_log WHERE what = 'end'") == [(held, other)]


def test_a_run_in_hand_waits_out_an_outage_of_the_database_only() -> None:
    tries: list[int] = []

    def down_twice() -> str:
        tries.append(1)
        if len(tries) < 3:
            raise UnavailableError("DY4501", "the database cannot be reached")
        return "done"

    assert _held(down_twice) == "done"
    assert len(tries) == 3

    def no_sandbox() -> str:
        raise UnavailableError("DY4701", "no sandbox of this strength is available")

    with pytest.raises(UnavailableError, match="sandbox"):
        _held(no_sandbox)
