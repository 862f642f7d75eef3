"""Doors that only the service uses: rows of runs, things to deliver, jobs in a sandbox."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

__all__ = ["Figures", "JobQueue", "Outbox", "Place", "RunRow", "RunTable", "Sandbox", "SandboxLimits", "SandboxResult", "Webhook"]


@dataclass(frozen=True, slots=True)
class RunRow:
    """One run of the service. `payload`, `result` and `problem` are JSON text; times are ISO; `solver_s` and `estimate_s` seconds."""

    run_id: str
    tenant_id: str
    tier: str
    idem_key: str
    kind: str = "plan"
    status: str = "queued"
    seed: int | None = None
    goal_id: str = ""
    variant: str = ""
    work_sha: str = ""
    payload: str = "{}"
    result: str = ""
    problem: str = ""
    reason: str = ""
    estimate_s: float = 0.0
    solver_s: float = 0.0
    variables: int = 0
    constraints: int = 0
    scenarios: int = 0
    cancel: int = 0
    attempts: int = 0
    trace: str = ""
    optimodel_sha: str | None = None
    plan_dna: str | None = None
    created_at: str = ""
    began_at: str = ""
    finished_at: str = ""
    solves: int = 0


@dataclass(frozen=True, slots=True)
class Figures:
    """Figures of a finished run by name (``solver_wall_time`` s, ``mip_gap``, …); `seq` is its end in seconds since the epoch."""

    run_id: str
    seq: float
    tenant_id: str
    tier: str
    goal_id: str
    kind: str
    status: str
    figures: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where a tenant is told; `previous` is the secret before the last, which signs too until `previous_until` (s since the epoch)."""

    webhook_id: str
    url: str
    secret: str
    previous: str = ""
    previous_until: float = 0.0
    created_at: str = ""


class RunTable(Protocol):
    """Runs of one tenant and their events."""

    features: ClassVar[frozenset[str]]

    def create(self, row: RunRow) -> RunRow:
        """Store a new run and return it; or the run that holds the same `work_sha` and has not failed."""
        ...

    def read(self, run_id: str) -> RunRow | None:
        """Return a run of this tenant, or None."""
        ...

    def recent(self, limit: int, *, before: str = "") -> list[RunRow]:
        """Return runs, newest first, those older than run id `before`."""
        ...

    def update(self, run_id: str, values: Mapping[str, object], *, unless: tuple[str, ...] = ()) -> bool:
        """Set columns of a run unless its status is one of `unless`; say whether a row changed."""
        ...

    def event(self, run_id: str, what: str, data: Mapping[str, object]) -> int:
        """Append an event and return its number, from 1."""
        ...

    def events(self, run_id: str, after: int = 0) -> list[tuple[int, str, str, str]]:
        """Return (number, time, what, JSON data) of events after a number."""
        ...

    def latest(self, kind: str, goal_id: str) -> RunRow | None:
        """Return this tenant's newest succeeded run of a kind and goal with a known size, for the cost estimate."""
        ...


class Outbox(Protocol):
    """Things to deliver at least once: webhooks, evidence."""

    features: ClassVar[frozenset[str]]

    def put(self, item_id: str, kind: str, target: str, body: str) -> bool:
        """Store an item of this tenant once; false if the id is known."""
        ...

    def webhooks(self) -> list[Webhook]:
        """Return this tenant's webhooks in the order they were made."""
        ...

    def add_webhook(self, webhook_id: str, url: str, secret: str) -> None:
        """Store a webhook."""
        ...

    def rotate_webhook(self, webhook_id: str, secret: str, previous_until: float) -> bool:
        """Give a webhook a new secret; the old one signs beside it until a time. False for an unknown webhook."""
        ...

    def drop_webhook(self, webhook_id: str) -> bool:
        """Remove a webhook; false for an unknown one."""
        ...


@dataclass(frozen=True, slots=True)
class Place:
    """Where a run stands in its pool: ``parked ready running done unknown``; runs ahead of it, live worker slots, its tenant's runs in
    flight and their cap."""

    state: str
    ahead: int = 0
    workers: int = 0
    in_flight: int = 0
    cap: int = 0


class JobQueue(Protocol):
    """Submit in fair order, cancel, say where a run stands; made for one tenant."""

    features: ClassVar[frozenset[str]]

    def submit(self, run_id: str, *, kind: str, pool: str, cost_s: float, weight: float, cap: int, batch: str = "") -> bool:
        """Queue a run once; false if its id is known. A run with a `batch` joins one of that batch that still waits.

        `cost_s` predicted solver seconds, `cap` the tenant's runs in flight."""
        ...

    def cancel(self, run_id: str) -> str:
        """Take a waiting run out (``removed``); a running one has to be stopped by its worker (``running``); else ``done``."""
        ...

    def split(self, run_id: str, parts: Mapping[str, float]) -> bool:
        """Queue parts of a running run, by id with their predicted seconds; it waits for them. False if it waits already."""
        ...

    def members(self, run_id: str) -> list[str]:
        """Return the runs that are done with this one, itself first; waits until nobody can join any more."""
        ...

    def place(self, run_id: str) -> Place:
        """Return where a run stands."""
        ...


@dataclass(frozen=True, slots=True)
class SandboxLimits:
    """Limits of one sandboxed job."""

    time_s: float
    memory_bytes: int
    files_bytes: int = 1 << 30
    processes: int = 64
    network: bool = False


@dataclass(frozen=True, slots=True)
class SandboxResult:
    """How a job ended: exit code or None, and the named reason (done, time, memory, processes, output, denied, stopped, killed)."""

    exit_code: int | None
    reason: str
    stdout: bytes
    stderr: bytes
    seconds: float
    protections: tuple[str, ...]


class Sandbox(Protocol):
    """Run one job within time, memory and file limits. Declared features: time memory processes files network cgroup."""

    features: ClassVar[frozenset[str]]

    def run(
        self,
        argv: Sequence[str],
        *,
        cwd: str,
        stdin: bytes,
        limits: SandboxLimits,
        stop: Callable[[], bool] | None = None,
        line: Callable[[bytes], None] | None = None,
    ) -> SandboxResult:
        """Run a command in an empty environment; `cwd` is the only writable folder. `stop` is polled: true asks the job to end (a file
        ``stop`` in `cwd`) and kills it after a grace; `line` gets each line of standard output as it comes."""
        ...
