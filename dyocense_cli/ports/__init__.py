"""The doors: one small Protocol per thing the core needs from the world."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol, TypeAlias

from dyocense_cli.artifacts.context import ContextSpec, Tables
from dyocense_cli.artifacts.evidence import EvidenceGraph
from dyocense_cli.artifacts.forecast import ForecastSet
from dyocense_cli.artifacts.ground import GroundModel
from dyocense_cli.artifacts.manifest import RunManifest
from dyocense_cli.artifacts.optimodel import OptiModel
from dyocense_cli.artifacts.request import ForecastRequest
from dyocense_cli.artifacts.solution import Solution
from dyocense_cli.ports.service import JobQueue, Sandbox, SandboxLimits, SandboxResult

__all__ = [
    "BlobStore", "Clock", "Forecaster", "GraphStore", "Ground", "JobQueue", "LanguageModel", "Ledger", "Lent", "Neighbour", "PolicyEngine",
    "Progress", "RunStore", "Sandbox", "SandboxLimits", "SandboxResult", "Scope", "Solve", "SolveEvent", "SolveLimits", "Solver",
    "StageCache", "Telemetry", "VectorIndex", "Workspace",
]


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose data an adapter sees; adapters are made with it and no method takes a tenant."""

    tenant_id: str = "local"


class Workspace(Protocol):
    """Texts and tables by logical name, inside one root."""

    features: ClassVar[frozenset[str]]

    def text(self, name: str) -> str:
        """Return a UTF-8 text file; `name` is relative to the root or already resolved by `resolve`."""
        ...

    def data(self, name: str) -> bytes:
        """Return a file's bytes."""
        ...

    def resolve(self, base: str, name: str) -> str:
        """Return the logical name of `name` as written in file `base`; refuses to leave the root (DY2001)."""
        ...

    def tables(self, spec: ContextSpec) -> Tables:
        """Read every table of a context (CSV, Parquet, JSON, XLSX, inline rows, read-only SQL)."""
        ...


class BlobStore(Protocol):
    """Bytes by their SHA-256."""

    features: ClassVar[frozenset[str]]

    def put(self, data: bytes) -> str:
        """Store bytes, return ``sha256:…``; storing again is a no-op."""
        ...

    def get(self, sha: str) -> bytes:
        """Return bytes; DY5003 if absent, DY5002 (and set aside) if altered."""
        ...

    def has(self, sha: str) -> bool:
        """Say whether the bytes are stored, unread."""
        ...

    def list(self) -> Iterator[str]:
        """Yield all stored hashes."""
        ...

    def delete(self, sha: str) -> None:
        """Remove bytes; absent is a no-op."""
        ...


class StageCache(Protocol):
    """Stage key -> fingerprint of the output artifact."""

    features: ClassVar[frozenset[str]]

    def get(self, key: str) -> str | None:
        """Return the fingerprint, or None."""
        ...

    def put(self, key: str, fingerprint: str) -> None:
        """Remember; the last writer wins, a reader never sees a torn entry."""
        ...

    def clear(self) -> int:
        """Forget everything; return how many entries there were."""
        ...


class RunStore(Protocol):
    """Whole runs: files by name, manifest last. Directory and S3 adapters live under `adapters/blobs`."""

    features: ClassVar[frozenset[str]]

    def commit(self, run_id: str, files: Mapping[str, bytes], manifest: bytes) -> str:
        """Store a run, its manifest last; return its place (path or URL). A second commit of one id is refused (DY5004)."""
        ...

    def read(self, run_id: str, name: str) -> bytes:
        """Return one file of a run (`manifest.json` included)."""
        ...

    def names(self, run_id: str) -> list[str]:
        """Return the file names of a run, sorted."""
        ...

    def list(self) -> list[str]:
        """Return the ids of all whole runs, newest last."""
        ...

    def delete(self, run_id: str) -> None:
        """Remove a run: manifest first."""
        ...


class Forecaster(Protocol):
    """Context -> ForecastSet."""

    features: ClassVar[frozenset[str]]

    def forecast(self, request: ForecastRequest) -> ForecastSet:
        """Forecast every (sku, location) of the request."""
        ...


@dataclass(frozen=True, slots=True)
class SolveLimits:
    """Limits of one solve; None = no limit. `work` is the backend's deterministic unit; `threads` 0 = as the backend sees fit.

    With `ranging`, an LP's `certificate` holds ``row_range_low`` and ``row_range_high``: how far each right-hand side may move
    while its price holds.
    """

    time_s: float | None = None
    gap: float = 1e-4
    threads: int = 1
    seed: int = 0
    nodes: int | None = None
    work: float | None = None
    duals: bool = True
    ranging: bool = False


@dataclass(frozen=True, slots=True)
class SolveEvent:
    """Progress of a solve: best objective, bound and gap so far (None where not known), seconds since start.

    `x` is a better plan, when one was just found by a backend that tells it (float64[n_cols]), or a function that makes it out of what is
    known at the moment of the event.
    """

    seconds: float
    objective: float | None = None
    bound: float | None = None
    gap: float | None = None
    nodes: int = 0
    note: str = ""
    x: Any = None


Progress: TypeAlias = "Callable[[SolveEvent], bool]"  # return True to interrupt; the best plan so far is kept


class Solver(Protocol):
    """GroundModel + limits -> Solution. Declared features: lp mip duals start nodes work events interrupt free integers_only."""

    name: ClassVar[str]
    features: ClassVar[frozenset[str]]

    def solve(
        self, model: GroundModel, limits: SolveLimits, *, start: Any = None, progress: Progress | None = None
    ) -> Solution:
        """Solve; `start` is a full or partial (NaN) column vector. Never raises for infeasible, unbounded or stopped."""
        ...

    def version(self) -> str:
        """Return name and version of the solver library, for evidence."""
        ...


Solve: TypeAlias = "Callable[..., Solution]"  # (GroundModel, SolveLimits, *, start=None, progress=None) -> Solution
Ground: TypeAlias = "Callable[[OptiModel], GroundModel]"


@dataclass(frozen=True, slots=True)
class Lent:
    """Effects lent to a pure stage: how to ground a model and how to solve a ground one, never which solver it is.

    `seconds` counts up from any start; a stage reads it only to stop in time, and a result that it stopped is not reproducible.
    `ahead` is told of programs that do not depend on one another before each is solved: whoever lends may have them solved elsewhere,
    and breaks the stage off meanwhile by an exception; asked anew, the stage gets the same answers from `solve`.
    """

    ground: Ground
    solve: Solve
    progress: Progress | None = None
    seconds: Callable[[], float] | None = None
    ahead: Callable[[Sequence[GroundModel], SolveLimits, str], None] | None = None  # programs, their limits, their backend


class PolicyEngine(Protocol):
    """Ask organisation rules; never 'allow' on a failure."""

    name: ClassVar[str]
    features: ClassVar[frozenset[str]]

    def decide(self, document: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return ``{allow, deny: [...], warn: [...], relax: {...}, packages: [...]}``.

        Raises UnavailableError (DY42xx) when there is no verdict.
        """
        ...

    def snapshot(self) -> str:
        """Return the SHA-256 over sorted (path, hash) of Rego, data, manifests, capabilities, with engine and version."""
        ...

    def version(self) -> str:
        """Return engine name, version and binary hash."""
        ...

    def dated(self) -> bool:
        """Say whether answers depend on the day, as waivers make them; an answer then counts for its day only."""
        ...


class GraphStore(Protocol):
    """Evidence graphs, merged idempotently, per tenant."""

    features: ClassVar[frozenset[str]]

    def merge(self, graph: EvidenceGraph) -> None:
        """Merge all nodes and edges; merging again changes nothing."""
        ...

    def query(self, statement: str, parameters: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """Run a read-only Cypher statement (writes are refused, DY4402)."""
        ...

    def neighbours(self, key: str, *, depth: int = 1) -> EvidenceGraph:
        """Return the subgraph around a node."""
        ...

    def retire(self, before: str, *, keep: Sequence[str] = ()) -> int:
        """Remove what only runs of months before `before` (ISO, ``2026-06``) say, save the runs named in `keep`; return how many nodes.

        What runs share stays, and so does a run whose month is not known.
        """
        ...

    def close(self) -> None:
        """Release the store."""
        ...


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A stored vector near a query; distance ≥ 0."""

    key: str
    distance: float
    payload: Mapping[str, str | float] = field(default_factory=dict)


class VectorIndex(Protocol):
    """Nearest earlier plans by features."""

    features: ClassVar[frozenset[str]]

    def upsert(self, key: str, vector: Sequence[float], payload: Mapping[str, str | float]) -> None:
        """Store or replace one vector."""
        ...

    def nearest(self, vector: Sequence[float], k: int) -> list[Neighbour]:
        """Return the `k` nearest, closest first."""
        ...


class LanguageModel(Protocol):
    """Prompt -> text."""

    features: ClassVar[frozenset[str]]

    def complete(self, prompt: str, *, max_tokens: int) -> str:
        """Return a completion; it re-enters the program only through the goal parser."""
        ...


class Ledger(Protocol):
    """Quotas, budgets, idempotency keys of one tenant."""

    features: ClassVar[frozenset[str]]

    def reserve(self, run_id: str, amounts: Mapping[str, float]) -> Mapping[str, float]:
        """Reserve from the month's budgets, return what is left; AccessError DY3106 (exit 6) if it does not fit."""
        ...

    def settle(self, run_id: str, used: Mapping[str, float]) -> None:
        """Replace a reservation by real use, once."""
        ...

    def refund(self, run_id: str) -> None:
        """Drop a reservation."""
        ...

    def left(self) -> Mapping[str, float]:
        """Return what is left of each budget this month."""
        ...

    def take_warnings(self) -> tuple[str, ...]:
        """Return budgets that crossed the warning line and were not yet told of; each is returned once a month."""
        ...

    def idempotent(self, key: str, body_sha: str, answer: bytes | None = None) -> tuple[str, bytes | None]:
        """Return ``(state, answer)``: new, in_flight, replay or mismatch; with `answer`, store it."""
        ...


class Telemetry(Protocol):
    """Spans, metrics, events; off costs nothing. The attribute `traceparent` of a span is its parent."""

    features: ClassVar[frozenset[str]]

    def span(self, name: str, **attributes: Any) -> AbstractContextManager[Any]:
        """Open a span."""
        ...

    def metric(self, name: str, value: float, **attributes: Any) -> None:
        """Record a measurement."""
        ...

    def event(self, name: str, **attributes: Any) -> None:
        """Record an event."""
        ...

    def carrier(self) -> str:
        """Return the W3C traceparent of the open span, for a process or a queue that carries it on; empty when there is none."""
        ...

    def close(self) -> None:
        """Flush."""
        ...


class Clock(Protocol):
    """Wall and monotonic time."""

    features: ClassVar[frozenset[str]]

    def now(self) -> str:
        """Return the UTC time in ISO form with microseconds and ``Z``."""
        ...

    def monotonic(self) -> float:
        """Return seconds that never go back."""
        ...


_ = RunManifest  # named here so that readers find the noun the RunStore carries
