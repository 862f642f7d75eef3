"""Take a run on: quota, estimate, idempotency, budget, row and queue place, all in one transaction."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from dyocense_cli.artifacts.fingerprint import json_sha
from dyocense_cli.errors import AccessError, UnavailableError
from dyocense_cli.kernel.tenancy.budgets import Quote, fit
from dyocense_cli.kernel.tenancy.estimate import Size, predict, scaled
from dyocense_cli.kernel.tenancy.quotas import Ask, within
from dyocense_cli.kernel.tenancy.tiers import Tier
from dyocense_cli.kernel.tenancy.wfq import why_waiting
from dyocense_cli.ports.service import Place, RunRow
from dyocense_cli.runner.ids import uuid7
from dyocense_cli.serve.auth import Caller
from dyocense_cli.serve.config import FINAL, ServeConfig
from dyocense_cli.serve.doors import Doors
from dyocense_cli.serve.estimates import Estimates
from dyocense_cli.serve.notices import tell_warnings
from dyocense_cli.serve.problems import ProblemError
from dyocense_cli.serve.stamp import project_stamp
from dyocense_cli.wiring_service import Parts

__all__ = ["Claim", "Desk", "Work"]

#: Sizes of a plan whose goal never ran here: 48 SKUs, 8 periods, 50 scenarios, as the shipped example.
_FIRST_SIZE: Final = Size(20_000, 20_000, 50)
#: Kinds that solve; the others hold a worker for about half a second and are accounted so.
_SOLVING: Final = ("plan", "solve")
_UNSOLVED_S: Final = 0.5


@dataclass(frozen=True, slots=True)
class Work:
    """What is asked of the kernel: `body` is the whole request; `ask` what of it a quota limits."""

    kind: str
    body: Mapping[str, Any]
    ask: Ask
    goal_id: str = ""
    variant: str = ""
    seed: int | None = None
    size: Size | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """The standing of an idempotency key: ``new`` with its run, or what was answered before."""

    state: str
    run: RunRow | None = None
    place: Place | None = None
    answer: Mapping[str, Any] | None = None
    deduplicated: bool = False
    warnings: tuple[str, ...] = ()


class Desk:
    """Takes runs on for tenants and tells where they stand."""

    def __init__(self, config: ServeConfig, parts: Parts) -> None:
        self.config = config
        self.parts = parts
        self._estimates = Estimates(parts)
        self._doors = Doors(config)

    def tier(self, caller: Caller) -> Tier:
        """Return the caller's limits."""
        return self.config.tier_of(caller.tenant_id, caller.tier)

    def submit(self, caller: Caller, work: Work, *, key: str, hold_s: float = 0.0, trace: str = "") -> Claim:
        """Take work on, once per key; `hold_s` is how long the first request may hold the key before it answers.

        Raises
        ------
        AccessError
            DY3105 and DY3106 (HTTP 402) with the quote, DY3109 (409), DY3110 (422).
        UnavailableError
            (503) for new work while a service that runs need is down, unless such runs are to be held.
        """
        tier, down = self.tier(caller), self._doors.down()
        ask = within(work.ask, tier)
        body_sha = json_sha({"kind": work.kind, "body": dict(work.body)})
        cost, scenarios, limit = self._cost(caller, work, ask)
        estimate_s = cost(scenarios, limit)
        ledger = self.parts.ledger(caller.tenant_id, tier.budgets())
        with self.parts.unit(caller.tenant_id):
            state, stored = ledger.idempotent(key, body_sha)
            if state != "new":
                return self._seen(state, stored)
            if down is not None:
                raise UnavailableError(down.code, down.message, hints=down.hints)
            row = RunRow(
                run_id=uuid7(),
                tenant_id=caller.tenant_id,
                tier=tier.name,
                idem_key=key,
                kind=work.kind,
                seed=work.seed,
                goal_id=work.goal_id,
                variant=work.variant,
                work_sha=self._work_sha(work, tier, ask),
                payload=json.dumps(_payload(work, ask), sort_keys=True),
                estimate_s=round(estimate_s, 3),
                trace=trace[:128],
                created_at=self.parts.clock.now(),
            )
            kept = self.parts.runs(caller.tenant_id).create(row)
            fresh = kept.run_id == row.run_id
            if fresh:
                self._reserve(ledger, row, estimate_s, lambda left: fit(cost, left, scenarios=scenarios, time_limit_s=limit))
                # forecasts of one horizon that arrive together are one vectorised pass
                self._queue(row, tier, f"forecast-{work.body['horizon']}" if work.kind == "forecast" else "")
                tell_warnings(self.parts, row, ledger)
            hold = {"run_id": kept.run_id, "until": self.parts.now_s() + hold_s}
            ledger.idempotent(key, body_sha, json.dumps(hold).encode())
        return Claim("new", kept, self.place(caller, kept), None, not fresh, ())

    def answered(self, caller: Caller, work: Work, key: str, answer: Mapping[str, Any]) -> None:
        """Store the answer that a key's later requests get again."""
        body_sha = json_sha({"kind": work.kind, "body": dict(work.body)})
        self.parts.ledger(caller.tenant_id, self.tier(caller).budgets()).idempotent(key, body_sha, json.dumps(answer).encode())

    def _seen(self, state: str, stored: bytes | None) -> Claim:
        if state == "mismatch":
            raise AccessError(
                "DY3110", "this Idempotency-Key was used for another request", hints="use a new key for new work", http_status=422
            )
        answer = json.loads(stored) if stored else {}
        if not answer or (answer.get("until", 0.0) > self.parts.now_s() and "body" not in answer):
            refusal = AccessError(
                "DY3109", "the first request with this Idempotency-Key is still running", hints="ask again shortly", http_status=409
            )
            raise ProblemError(refusal, headers={"Retry-After": "1"})
        return Claim("replay", answer=answer)

    def _reserve(self, ledger: Any, row: RunRow, estimate_s: float, quoted: Callable[[float], Quote]) -> None:
        try:
            ledger.reserve(row.run_id, {"solver_sec": estimate_s})
        except AccessError as error:
            quote = quoted(float(ledger.left().get("solver_sec", 0.0)))
            raise ProblemError(
                error,
                extra={
                    "quote": {
                        "estimate_s": round(quote.estimate_s, 3),
                        "left_s": round(quote.left_s, 3),
                        "fits": {"scenarios": quote.fits_scenarios, "time_limit_s": quote.fits_time_limit_s},
                    }
                },
            ) from error

    def _queue(self, row: RunRow, tier: Tier, batch: str) -> None:
        self.parts.runs(row.tenant_id).event(row.run_id, "queued", {"estimate_s": row.estimate_s})
        self.parts.queue(row.tenant_id).submit(
            row.run_id,
            kind=row.kind,
            pool=self.config.pool_of(tier.name),
            cost_s=row.estimate_s,
            weight=tier.weight,
            cap=tier.parallel_solves,
            batch=batch,
        )

    def over_warning(self, caller: Caller) -> list[str]:
        """Return budgets of which 80 % or more are reserved or used."""
        from dyocense_cli.kernel.tenancy.budgets import spent
        from dyocense_cli.serve.config import number

        accounts = self.parts.ledger(caller.tenant_id, self.tier(caller).budgets()).accounts()
        return [name for name, a in accounts.items() if a.limit > 0 and spent(a) >= number("budget.warn_at")]

    def _cost(self, caller: Caller, work: Work, ask: Ask) -> tuple[Callable[[int, float], float], int, float]:
        """Return how predicted solver seconds depend on (scenarios, time limit), and the two that this request comes to.

        The size is that of the goal's last run of this tenant; the fit is on the deployment's own finished runs.
        """
        limit = float(ask.time_limit_s or 1.0)
        if work.kind not in _SOLVING:
            return lambda _scenarios, _limit: _UNSOLVED_S, ask.scenarios or 1, limit
        last = self.parts.runs(caller.tenant_id).latest(work.kind, work.goal_id) if work.size is None else None
        size = work.size or (Size(last.variables, max(1, last.constraints), max(1, last.scenarios)) if last else _FIRST_SIZE)
        scenarios = work.ask.scenarios or size.scenarios
        if last is not None and json.loads(last.payload)["body"].get("scenarios") is None:
            scenarios = min(scenarios, size.scenarios)  # the goal may reduce its scenarios: more asked is not more solved
        estimator = self._estimates.current()
        return lambda n, t: predict(estimator, scaled(size, n), time_limit_s=t), scenarios, limit

    def _work_sha(self, work: Work, tier: Tier, ask: Ask) -> str:
        """Return what makes two submits the same work: request, tier and, where files of the project are named, their state."""
        named = work.body.get("goal_id") or work.body.get("context_ref")
        stamp = project_stamp(self.config.project) if named else ""
        plain = {k: v for k, v in work.body.items() if k not in ("tenant_id", "tier")}
        return json_sha({"kind": work.kind, "body": plain, "tier": tier.name, "ask": [ask.scenarios, ask.time_limit_s], "project": stamp})

    def place(self, caller: Caller, row: RunRow) -> Place:
        """Return where a run stands in the queue."""
        return Place("done") if row.status in FINAL else self.parts.queue(caller.tenant_id).place(row.run_id)

    def reason(self, place: Place) -> str:
        """Return why a run waits."""
        return str(
            why_waiting(
                state=place.state, ahead=place.ahead, workers=place.workers, in_flight=place.in_flight, cap=place.cap, budget_left=1.0
            )
        )


def _payload(work: Work, ask: Ask) -> dict[str, Any]:
    return {"body": dict(work.body), "scenarios": ask.scenarios, "time_limit_s": ask.time_limit_s}
