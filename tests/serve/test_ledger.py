"""Budgets and idempotency keys, on SQLite and Postgres."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from dyocense_cli.adapters.clock.frozen import FrozenClock
from dyocense_cli.adapters.ledger.postgres import PostgresLedger
from dyocense_cli.adapters.ledger.sqlite import SqliteLedger
from dyocense_cli.adapters.sql.accounts import SqlAccounts
from dyocense_cli.errors import AccessError, UnsupportedError
from dyocense_cli.ports import Scope


def make(engine: sa.Engine, tenant: str, limit: float = 100.0, at: str = "2026-03-02T10:00:00.000000Z") -> SqlAccounts:
    kind = PostgresLedger if engine.dialect.name == "postgresql" else SqliteLedger
    return kind(engine, Scope(tenant), FrozenClock(at), {"solver_sec": limit})


def test_the_wrong_database_is_refused(engine: sa.Engine, tenant: str) -> None:
    wrong = SqliteLedger if engine.dialect.name == "postgresql" else PostgresLedger
    with pytest.raises(UnsupportedError, match="was given a"):
        wrong(engine, Scope(tenant), FrozenClock(), {})


def test_a_reservation_is_settled_once_with_the_real_use(engine: sa.Engine, tenant: str) -> None:
    ledger = make(engine, tenant)
    assert ledger.reserve("r1", {"solver_sec": 30})["solver_sec"] == 70
    assert ledger.reserve("r1", {"solver_sec": 30})["solver_sec"] == 70  # again for the same run
    for _ in range(2):
        ledger.settle("r1", {"solver_sec": 12.5})
    ledger.refund("r1")
    assert ledger.left()["solver_sec"] == pytest.approx(87.5)
    assert ledger.accounts()["solver_sec"].reserved == 0


def test_a_refund_gives_all_back_once(engine: sa.Engine, tenant: str) -> None:
    ledger = make(engine, tenant)
    ledger.reserve("r1", {"solver_sec": 30})
    for _ in range(2):
        ledger.refund("r1")
    ledger.settle("r1", {"solver_sec": 99})
    assert ledger.left()["solver_sec"] == 100


def test_what_does_not_fit_is_402_and_reserves_nothing(engine: sa.Engine, tenant: str) -> None:
    ledger = make(engine, tenant)
    ledger.reserve("r1", {"solver_sec": 80})
    with pytest.raises(AccessError, match="20 left this month") as caught:
        ledger.reserve("r2", {"solver_sec": 21})
    assert (caught.value.code, caught.value.http_status) == ("DY3106", 402)
    assert ledger.left()["solver_sec"] == 20


def test_the_warning_at_80_percent_is_given_once(engine: sa.Engine, tenant: str) -> None:
    ledger = make(engine, tenant)
    ledger.reserve("r1", {"solver_sec": 79})
    assert ledger.take_warnings() == ()
    ledger.reserve("r2", {"solver_sec": 2})
    with ThreadPoolExecutor(4) as pool:
        told = list(pool.map(lambda _: ledger.take_warnings(), range(8)))
    assert sorted(told, reverse=True) == [("solver_sec",), *[()] * 7]
    ledger.refund("r2")
    ledger.reserve("r3", {"solver_sec": 5})
    assert ledger.take_warnings() == ()


def test_a_new_month_has_a_new_budget(engine: sa.Engine, tenant: str) -> None:
    make(engine, tenant).reserve("r1", {"solver_sec": 100})
    april = make(engine, tenant, at="2026-04-01T00:00:00.000000Z")
    assert april.left()["solver_sec"] == 100
    april.settle("r1", {"solver_sec": 60})  # settled in its own month
    assert april.left()["solver_sec"] == 100
    assert make(engine, tenant).left()["solver_sec"] == 40


def test_concurrent_reservations_never_overspend(engine: sa.Engine, tenant: str) -> None:
    ledger = make(engine, tenant)

    def ask(i: int) -> bool:
        try:
            ledger.reserve(f"r{i}", {"solver_sec": 7})
        except AccessError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        granted = sum(pool.map(ask, range(40)))
    assert granted == 14
    assert ledger.left()["solver_sec"] == pytest.approx(2)


def test_idempotency_keys_are_new_then_in_flight_then_replayed(engine: sa.Engine, tenant: str) -> None:
    ledger = make(engine, tenant)
    assert ledger.idempotent("k", "sha-a") == ("new", None)
    assert ledger.idempotent("k", "sha-a") == ("in_flight", None)
    assert ledger.idempotent("k", "sha-b") == ("mismatch", None)
    ledger.idempotent("k", "sha-a", b'{"run_id":"1"}')
    assert ledger.idempotent("k", "sha-a") == ("replay", b'{"run_id":"1"}')
    assert ledger.idempotent("k", "sha-b") == ("mismatch", None)
    later = make(engine, tenant, at="2026-03-03T10:00:01.000000Z")
    assert later.idempotent("k", "sha-b") == ("new", None)


def test_a_key_whose_first_request_failed_is_free_again(engine: sa.Engine, tenant: str) -> None:
    ledger = make(engine, tenant)
    ledger.idempotent("k", "sha-a")
    ledger.idempotent("k", "sha-a", b"")
    assert ledger.idempotent("k", "sha-b") == ("new", None)


def test_keys_and_budgets_of_tenants_are_apart(engine: sa.Engine, tenant: str) -> None:
    mine, theirs = make(engine, tenant), make(engine, tenant + "-other")
    mine.idempotent("k", "sha-a")
    mine.reserve("r1", {"solver_sec": 60})
    assert theirs.idempotent("k", "sha-b") == ("new", None)
    assert theirs.left()["solver_sec"] == 100
