"""Deliver what the outbox holds, at least once: signed webhooks, evidence to the graph."""

from __future__ import annotations

import contextlib
import json
import logging
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import httpx

from dyocense_cli import wiring
from dyocense_cli.errors import DyocenseError, UnavailableError
from dyocense_cli.ports import Telemetry
from dyocense_cli.ports.service import Figures, RunRow
from dyocense_cli.serve.config import ServeConfig
from dyocense_cli.serve.names import EVIDENCE, Labels
from dyocense_cli.serve.shipping import ship_evidence
from dyocense_cli.serve.webhooks import allowed_networks, send
from dyocense_cli.wiring_service import Parts

__all__ = ["Deliverer", "retry_after_s"]

_log = logging.getLogger("dyocense.deliver")
#: What this process puts into the outbox is delivered at once; what others put there, or what is due again, soon after.
_EVERY_S: Final = 2.0
_AT_ONCE: Final = 4
#: How long an item stays in the hand of one process; longer than a try may take.
_IN_HAND_S: Final = 60.0
_FIRST_RETRY_S: Final = 2.0
_LONGEST_RETRY_S: Final = 3600.0
_GIVE_UP_AFTER: Final = 30
#: A merge by two processes at once is harmless, so that what a dead one had in hand need not wait long.
_MERGE_S: Final = 20.0
_EVIDENCE_RETRY_S: Final = 30.0


def retry_after_s(attempts: int) -> float:
    """Return the seconds between a failed try and the next, `attempts` tries before it: 2, 4, 8, … up to an hour."""
    return min(_LONGEST_RETRY_S, _FIRST_RETRY_S * 2.0**attempts)


class Deliverer:
    """Sends what is due from a thread; several processes may deliver at once, each item is in one hand at a time.

    A message arrives at least once: a process that dies after the receiver answered sends it again, under the same ``Webhook-Id``.
    """

    def __init__(self, config: ServeConfig, parts: Parts, *, spans: Telemetry | None = None) -> None:
        self._config = config
        self._parts = parts
        self._telemetry = spans or wiring.telemetry(config.settings)
        self._labels = Labels()
        self._allowed = allowed_networks(config)
        self._halt = threading.Event()
        self._woken = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="deliver", daemon=True)

    def start(self) -> None:
        """Begin to deliver."""
        self._thread.start()

    def stop(self) -> None:
        """Stop after the items in hand."""
        self._halt.set()
        self.wake()
        self._thread.join(timeout=15)

    def wake(self) -> None:
        """Say that there is something to deliver."""
        self._woken.set()

    def _loop(self) -> None:
        while not self._halt.is_set():
            self._woken.wait(_EVERY_S)
            self._woken.clear()
            try:
                self.deliver_due()
            except DyocenseError as error:
                _log.warning("%s", error.message)
            except Exception:  # the thread lives on: what failed is due again
                _log.exception("delivery failed")

    def deliver_due(self) -> int:
        """Deliver everything that is due now, a few at once, and return how many items arrived: a slow receiver holds up few others."""
        due = self._parts.due_items()
        if not due:
            return 0
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            arrived = sum(pool.map(lambda item: self._deliver(*item), [item for item in due if item[2] != "evidence"]))
        return arrived + self._evidence(sorted({tenant for _, tenant, kind, _ in due if kind == "evidence"}))

    def _deliver(self, item: str, tenant: str, kind: str, attempts: int) -> bool:
        box = self._parts.outbox(tenant)
        if self._halt.is_set() or not box.claim(item, attempts, self._parts.now_s() + _IN_HAND_S):
            return False
        stored = box.read(item)
        if stored is None or not stored[2]:  # delivered meanwhile
            box.delivered(item)
            return False
        try:
            sent = self._webhook(tenant, item, stored[1], stored[2])
        except (DyocenseError, httpx.HTTPError, OSError, ValueError) as error:
            _log.warning("%s %s: %s", kind, item, error)
            sent = False
        if sent:
            box.delivered(item)
        elif attempts + 1 >= _GIVE_UP_AFTER:
            _log.warning("webhook %s did not arrive after %s tries; given up", item, attempts + 1)
            box.delivered(item)
        else:
            box.postpone(item, self._parts.now_s() + retry_after_s(attempts))
        return sent

    def _webhook(self, tenant: str, item: str, target: str, body: str) -> bool:
        hook = next((h for h in self._parts.outbox(tenant).webhooks() if target in (h.webhook_id, h.url)), None)
        # without one it was removed meanwhile, and there is nobody to tell
        return hook is None or send(hook, item, body, now_s=self._parts.now_s(), allowed=self._allowed)

    def _evidence(self, tenants: Sequence[str]) -> int:
        """Ship the evidence of each tenant's runs at once; it is never given up, and arrives soon after its store is back."""
        arrived = 0
        for tenant in tenants:
            box, now = self._parts.outbox(tenant), self._parts.now_s()
            items = [] if self._halt.is_set() else box.claim_all("evidence", now, now + _MERGE_S)
            try:
                self._ship(tenant, [str(json.loads(body)["run_id"]) for _, _, body in items if body])
            except (DyocenseError, OSError) as error:
                _log.warning("evidence of %s: %s", tenant, error)
                pause = min(_EVIDENCE_RETRY_S, retry_after_s(min((tried for _, tried, _ in items), default=0)))
                for item, _, _ in items:
                    box.postpone(item, self._parts.now_s() + pause)
                if isinstance(error, UnavailableError):  # the next tenant's would wait for the same store
                    break
            else:
                for item, _, _ in items:
                    box.delivered(item)
                arrived += len(items)
        return arrived

    def _ship(self, tenant: str, run_ids: Sequence[str]) -> None:
        rows = [row for run_id in run_ids if (row := self._parts.runs(tenant).read(run_id)) is not None]
        begin = time.perf_counter()
        with contextlib.ExitStack() as spans:  # one for each run: it belongs to the run's own trace
            for row in rows:
                own = {"tenant_id": tenant, "tier": row.tier, "run_id": row.run_id}
                spans.enter_context(self._telemetry.span("kernel.evidence.write", traceparent=row.trace, **own))
            ship_evidence(self._config, tenant, rows)
        for row in rows:
            self._measure(row, 1000.0 * (time.perf_counter() - begin) / len(rows))

    def _measure(self, row: RunRow, milliseconds: float) -> None:
        """Record how long a write of evidence took, for /metrics and for the collector."""
        figures = {"evidence_write_ms": round(milliseconds, 3)}
        own = (row.tenant_id, row.tier, row.goal_id)
        self._parts.add_figures(Figures(f"{row.run_id}:{EVIDENCE}", self._parts.now_s(), *own, EVIDENCE, "written", figures))
        tenant, tier, goal = self._labels.of(*own)
        self._telemetry.metric("evidence_write_ms", milliseconds, tenant_id=tenant, tier=tier, goal_id=goal)
