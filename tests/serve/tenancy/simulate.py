"""A pool of workers over the fair-queue arithmetic, as the queue adapter runs it: tags at promotion, smallest finish tag next."""

from __future__ import annotations

import heapq
import itertools
from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from dyocense_cli.kernel.tenancy.wfq import REBASE_AT, Tags, advance, correct, rebase, shift_of, tag


@dataclass(frozen=True)
class Job:
    at: float
    tenant: str
    cost: float  # predicted
    seconds: float | None = None  # real, the predicted ones if None


@dataclass
class Served:
    job: Job
    begin: float
    end: float
    tags: Tags


@dataclass
class Pool:
    weights: Mapping[str, float]
    caps: Mapping[str, int]
    workers: int
    rebase_at: int = REBASE_AT
    virtual: int = 0
    finish: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    parked: dict[str, deque[tuple[int, Job]]] = field(default_factory=lambda: defaultdict(deque))  # with the virtual time at arrival
    flight: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    ready: list[tuple[int, int, Tags, Job]] = field(default_factory=list)
    rebased: int = 0

    def __post_init__(self) -> None:
        self._seq = itertools.count()

    def promote(self, tenant: str) -> None:
        waiting = self.parked[tenant]
        for _ in range(min(len(waiting), self.caps[tenant] - self.flight[tenant])):
            arrived, job = waiting.popleft()
            tags = tag(arrived, self.finish[tenant], cost_s=job.cost, weight=self.weights[tenant])
            self.finish[tenant] = tags.finish
            self.flight[tenant] += 1
            heapq.heappush(self.ready, (tags.finish, next(self._seq), tags, job))

    def start(self) -> tuple[Tags, Job]:
        _, _, tags, job = heapq.heappop(self.ready)
        self.virtual = advance(self.virtual, tags.start)
        if self.virtual > self.rebase_at:
            self._rebase()
        return tags, job

    def _rebase(self) -> None:
        shift = shift_of(self.virtual)
        self.rebased += 1
        self.virtual -= shift
        for tenant in self.finish:
            self.finish[tenant] = rebase(self.finish[tenant], shift)
        for waiting in self.parked.values():
            for i, (arrived, job) in enumerate(waiting):
                waiting[i] = (rebase(arrived, shift), job)
        self.ready = [(rebase(f, shift), n, Tags(rebase(t.start, shift), rebase(t.finish, shift)), j) for f, n, t, j in self.ready]
        heapq.heapify(self.ready)

    def done(self, job: Job) -> None:
        self.flight[job.tenant] -= 1
        if job.seconds is not None:
            self.finish[job.tenant] = correct(
                self.finish[job.tenant], predicted_s=job.cost, actual_s=job.seconds, weight=self.weights[job.tenant]
            )
        self.promote(job.tenant)


def run(pool: Pool, jobs: Sequence[Job], *, takes: Callable[[int, Job], float] | None = None) -> list[Served]:
    """Serve all jobs; returns them in the order they began. `takes` says how long the n-th one begun lasts, whatever it costs."""
    out: list[Served] = []
    busy: list[tuple[float, int, Job]] = []
    arrivals = deque(sorted(jobs, key=lambda j: j.at))
    seq = itertools.count()
    now = 0.0
    while arrivals or busy or pool.ready:
        if not pool.ready and not busy:
            now = max(now, arrivals[0].at)
        while busy and busy[0][0] <= now:
            pool.done(heapq.heappop(busy)[2])
        while arrivals and arrivals[0].at <= now:
            job = arrivals.popleft()
            pool.parked[job.tenant].append((pool.virtual, job))
            pool.promote(job.tenant)
        while pool.ready and len(busy) < pool.workers:
            tags, job = pool.start()
            end = now + (takes(len(out), job) if takes else job.cost if job.seconds is None else job.seconds)
            assert pool.flight[job.tenant] <= pool.caps[job.tenant]
            out.append(Served(job, now, end, tags))
            heapq.heappush(busy, (end, next(seq), job))
        coming = [busy[0][0]] if busy else []
        if arrivals:
            coming.append(arrivals[0].at)
        if coming:
            now = max(now, min(coming))
    return out
