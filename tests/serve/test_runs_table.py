"""Rows of runs, their events and the outbox."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from dyocense_cli.adapters.clock.frozen import FrozenClock
from dyocense_cli.adapters.sql.outbox import SqlOutbox, due_items, lag_seconds
from dyocense_cli.adapters.sql.runs import SqlRuns
from dyocense_cli.ports import Scope
from dyocense_cli.ports.service import RunRow


def runs_of(engine: sa.Engine, tenant: str) -> SqlRuns:
    return SqlRuns(engine, Scope(tenant), FrozenClock())


def test_a_row_comes_back_as_it_was(engine: sa.Engine, tenant: str) -> None:
    runs = runs_of(engine, tenant)
    row = RunRow(f"{tenant}-1", tenant, "pro", "k", goal_id="grocery-weekly", payload='{"a":1}', estimate_s=1.5, seed=7)
    assert runs.create(row) == row
    assert runs.read(row.run_id) == row
    assert runs_of(engine, tenant + "-x").read(row.run_id) is None


def test_runs_are_listed_newest_first_and_paged(engine: sa.Engine, tenant: str) -> None:
    runs = runs_of(engine, tenant)
    for i in range(5):
        runs.create(RunRow(f"{tenant}-{i}", tenant, "pro", f"k{i}"))
    assert [r.run_id[-1] for r in runs.recent(3)] == ["4", "3", "2"]
    assert [r.run_id[-1] for r in runs.recent(3, before=f"{tenant}-2")] == ["1", "0"]


def test_identical_work_is_one_run_whoever_comes_first(engine: sa.Engine, tenant: str) -> None:
    runs = runs_of(engine, tenant)
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda i: runs.create(RunRow(f"{tenant}-{i}", tenant, "pro", f"k{i}", work_sha="w")).run_id, range(24)))
    assert len(set(made)) == 1
    assert len(runs.recent(50)) == 1
    runs.update(made[0], {"status": "failed"})
    assert runs.create(RunRow(f"{tenant}-new", tenant, "pro", "k", work_sha="w")).run_id == f"{tenant}-new"


def test_a_finished_run_is_not_finished_again(engine: sa.Engine, tenant: str) -> None:
    runs = runs_of(engine, tenant)
    runs.create(RunRow(f"{tenant}-1", tenant, "pro", "k"))
    assert runs.update(f"{tenant}-1", {"status": "succeeded", "result": "first"}, unless=("succeeded", "failed"))
    assert not runs.update(f"{tenant}-1", {"status": "failed"}, unless=("succeeded", "failed"))
    found = runs.read(f"{tenant}-1")
    assert found is not None
    assert (found.status, found.result) == ("succeeded", "first")
    with pytest.raises(KeyError):
        runs.update(f"{tenant}-1", {"nonsense": 1})


def test_events_are_numbered_without_gaps(engine: sa.Engine, tenant: str) -> None:
    runs = runs_of(engine, tenant)
    runs.create(RunRow(f"{tenant}-1", tenant, "pro", "k"))
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda i: runs.event(f"{tenant}-1", "stage", {"i": i}), range(12)))
    assert [e[0] for e in runs.events(f"{tenant}-1")] == list(range(1, 13))
    assert [e[0] for e in runs.events(f"{tenant}-1", after=10)] == [11, 12]


def test_the_outbox_keeps_an_item_until_it_is_delivered(engine: sa.Engine, tenant: str) -> None:
    box = SqlOutbox(engine, Scope(tenant), FrozenClock())
    item = f"{tenant}-1"
    assert box.put(item, "webhook", "http://127.0.0.1/", "{}", now=100.0)
    assert not box.put(item, "webhook", "http://127.0.0.1/", "{}", now=100.0)
    assert (item, tenant, "webhook", 0) in due_items(engine, 100.0)
    assert lag_seconds(engine, "webhook", 130.0) >= 30.0
    assert box.claim(item, 0, 160.0)
    assert not box.claim(item, 0, 160.0)  # it is in another hand
    box.postpone(item, 200.0)
    assert item not in [i[0] for i in due_items(engine, 150.0)]
    assert (item, tenant, "webhook", 1) in due_items(engine, 200.0)
    assert box.read(item) == ("webhook", "http://127.0.0.1/", "{}")
    box.delivered(item)
    assert item not in [i[0] for i in due_items(engine, 300.0)]
    assert not box.put(item, "webhook", "http://127.0.0.1/", "{}", now=400.0)
