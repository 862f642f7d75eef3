"""Budgets and idempotency keys of one tenant; the arithmetic is `kernel.tenancy.budgets`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import ClassVar

import sqlalchemy as sa

from dyocense_cli.adapters.sql.engine import is_postgres, statement, tenant_transaction
from dyocense_cli.defaults import default
from dyocense_cli.kernel.tenancy.budgets import Account, check, crosses_warning, month_of
from dyocense_cli.ports import Clock, Scope

__all__ = ["SqlAccounts"]


class SqlAccounts:
    """Ledger on any engine: reservations are held, then settled or refunded, once, whatever is called how often.

    Parameters
    ----------
    limits : mapping
        Monthly budget by name, in the budget's unit.
    """

    features: ClassVar[frozenset[str]] = frozenset({"budgets", "idempotency", "warnings"})

    def __init__(self, engine: sa.Engine, scope: Scope, clock: Clock, limits: Mapping[str, float]) -> None:
        self._engine = engine
        self._scope = scope
        self._clock = clock
        self._limits = dict(limits)

    def _locked(self, c: sa.Connection, month: str) -> dict[str, Account]:
        """Return the month's accounts; the rows stay locked until the transaction ends."""
        own = {"tenant": self._scope.tenant_id, "month": month}
        for budget in sorted(self._limits):
            c.execute(
                statement("INSERT INTO budget_usage (tenant_id, month, budget) VALUES (:tenant, :month, :budget) ON CONFLICT DO NOTHING"),
                {**own, "budget": budget},
            )
        lock = " FOR UPDATE" if is_postgres(self._engine) else ""
        read = "SELECT budget, reserved, used FROM budget_usage WHERE tenant_id = :tenant AND month = :month ORDER BY budget"
        found = c.execute(statement(read + lock), own).fetchall()
        return {str(b): Account(self._limits.get(str(b), 0.0), float(r), float(u)) for b, r, u in found}

    def _store(self, c: sa.Connection, month: str, budget: str, before: Account, after: Account) -> None:
        own = {"tenant": self._scope.tenant_id, "month": month, "budget": budget}
        c.execute(
            statement(
                "UPDATE budget_usage SET reserved = :reserved, used = :used"
                " WHERE tenant_id = :tenant AND month = :month AND budget = :budget"
            ),
            {**own, "reserved": max(0.0, after.reserved), "used": after.used},
        )
        if crosses_warning(before, after):
            c.execute(
                statement(
                    "UPDATE budget_usage SET warned = 1 WHERE tenant_id = :tenant AND month = :month AND budget = :budget AND warned = 0"
                ),
                own,
            )

    def reserve(self, run_id: str, amounts: Mapping[str, float]) -> Mapping[str, float]:
        """Reserve from the month's budgets, return what is left; reserving again for one run changes nothing.

        Raises
        ------
        AccessError
            DY3106 (exit 6, HTTP 402) if it does not fit.
        """
        month = month_of(self._clock.now())
        with tenant_transaction(self._engine, self._scope) as c:
            accounts = self._locked(c, month)
            if not self._reservations(c, run_id):
                check(accounts, amounts)
                for budget in sorted(amounts):
                    before = accounts[budget]
                    after = Account(before.limit, before.reserved + amounts[budget], before.used)
                    self._store(c, month, budget, before, after)
                    accounts[budget] = after
                    c.execute(
                        statement(
                            "INSERT INTO budget_reservations (tenant_id, run_id, budget, month, amount)"
                            " VALUES (:tenant, :run, :budget, :month, :amount)"
                        ),
                        {"tenant": self._scope.tenant_id, "run": run_id, "budget": budget, "month": month, "amount": amounts[budget]},
                    )
        return {name: account.left() for name, account in accounts.items()}

    def _reservations(self, c: sa.Connection, run_id: str) -> list[tuple[str, str, float, str]]:
        found = c.execute(
            statement(
                "SELECT budget, month, amount, state FROM budget_reservations WHERE tenant_id = :tenant AND run_id = :run ORDER BY budget"
            ),
            {"tenant": self._scope.tenant_id, "run": run_id},
        ).fetchall()
        return [(str(b), str(m), float(a), str(s)) for b, m, a, s in found]

    def settle(self, run_id: str, used: Mapping[str, float]) -> None:
        """Replace a reservation by real use, once."""
        self._close(run_id, "settled", lambda budget: float(used.get(budget, 0.0)))

    def refund(self, run_id: str) -> None:
        """Drop a reservation, once; a settled one stays."""
        self._close(run_id, "refunded", lambda _budget: 0.0)

    def _close(self, run_id: str, state: str, used: Callable[[str], float]) -> None:
        with tenant_transaction(self._engine, self._scope) as c:
            held = [r for r in self._reservations(c, run_id) if r[3] == "held"]
            for month in sorted({r[1] for r in held}):
                accounts = self._locked(c, month)
                # read again under the lock: another worker may have closed it meanwhile
                for budget, its_month, amount, now in self._reservations(c, run_id):
                    if now != "held" or its_month != month:
                        continue
                    before = accounts[budget]
                    real = used(budget)
                    self._store(c, month, budget, before, Account(before.limit, before.reserved - amount, before.used + real))
                    c.execute(
                        statement(
                            "UPDATE budget_reservations SET state = :state, used = :used"
                            " WHERE tenant_id = :tenant AND run_id = :run AND budget = :budget AND state = 'held'"
                        ),
                        {"tenant": self._scope.tenant_id, "run": run_id, "budget": budget, "state": state, "used": real},
                    )

    def left(self) -> Mapping[str, float]:
        """Return what is left of each budget this month."""
        return {name: account.left() for name, account in self.accounts().items()}

    def accounts(self) -> Mapping[str, Account]:
        """Return limit, reserved and used of each budget this month."""
        own = {"tenant": self._scope.tenant_id, "month": month_of(self._clock.now())}
        with tenant_transaction(self._engine, self._scope) as c:
            found = c.execute(
                statement("SELECT budget, reserved, used FROM budget_usage WHERE tenant_id = :tenant AND month = :month"), own
            ).fetchall()
        out = {name: Account(limit) for name, limit in self._limits.items()}
        out.update({str(b): Account(self._limits.get(str(b), 0.0), float(r), float(u)) for b, r, u in found})
        return dict(sorted(out.items()))

    def take_warnings(self) -> tuple[str, ...]:
        """Return budgets that crossed the warning line and were not yet told of; each is returned once a month."""
        own = {"tenant": self._scope.tenant_id, "month": month_of(self._clock.now())}
        where = "WHERE tenant_id = :tenant AND month = :month AND warned = 1"
        with tenant_transaction(self._engine, self._scope) as c:
            # the update is first, so that of two askers one gets the names
            taken = c.execute(statement(f"UPDATE budget_usage SET warned = 2 {where} RETURNING budget"), own).fetchall()
        return tuple(sorted(str(row[0]) for row in taken))

    def idempotent(self, key: str, body_sha: str, answer: bytes | None = None) -> tuple[str, bytes | None]:
        """Return ``(state, answer)``: new, in_flight, replay or mismatch; with `answer`, store it (``b""`` forgets the key).

        Keys live 24 hours.
        """
        own = {"tenant": self._scope.tenant_id, "key": key}
        now = datetime.fromisoformat(self._clock.now()).timestamp()
        with tenant_transaction(self._engine, self._scope) as c:
            if answer is not None:
                return self._answer(c, own, answer)
            c.execute(
                statement("DELETE FROM idempotency_keys WHERE tenant_id = :tenant AND idem_key = :key AND expires <= :now"),
                {**own, "now": now},
            )
            keep_s = 3600.0 * float(default("idempotency.keep_h"))  # type: ignore[arg-type]  # a number by its table
            fresh = c.execute(
                statement(
                    "INSERT INTO idempotency_keys (tenant_id, idem_key, body_sha, expires)"
                    " VALUES (:tenant, :key, :sha, :expires) ON CONFLICT DO NOTHING"
                ),
                {**own, "sha": body_sha, "expires": now + keep_s},
            ).rowcount
            if fresh:
                return "new", None
            row = c.execute(
                statement("SELECT body_sha, answer FROM idempotency_keys WHERE tenant_id = :tenant AND idem_key = :key"), own
            ).fetchone()
        if row is None:
            return "in_flight", None
        if row[0] != body_sha:
            return "mismatch", None
        return ("replay", str(row[1]).encode()) if row[1] else ("in_flight", None)

    def _answer(self, c: sa.Connection, own: Mapping[str, object], answer: bytes) -> tuple[str, bytes]:
        if answer:
            c.execute(
                statement("UPDATE idempotency_keys SET answer = :answer WHERE tenant_id = :tenant AND idem_key = :key"),
                {**own, "answer": answer.decode()},
            )
        else:
            c.execute(statement("DELETE FROM idempotency_keys WHERE tenant_id = :tenant AND idem_key = :key AND answer = ''"), own)
        return "replay", answer
