"""Laws of the fair order, by property and by simulation."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dyocense_cli.kernel.tenancy.wfq import UNIT, Waits, advance, correct, rebase, tag, why_waiting

from .simulate import Job, Pool, Served, run

COSTS = st.lists(st.floats(0.05, 20.0), min_size=25, max_size=60)
WEIGHTS = st.sampled_from([1.0, 2.0, 4.0, 8.0])


def _work(served: list[Served], tenant: str) -> np.ndarray:
    return np.cumsum([s.job.cost if s.job.tenant == tenant else 0.0 for s in served])


@given(COSTS, COSTS, WEIGHTS, WEIGHTS)
def test_backlogged_tenants_share_by_weight_within_one_largest_job_each(a: list[float], b: list[float], wa: float, wb: float) -> None:
    pool = Pool({"a": wa, "b": wb}, {"a": 8, "b": 8}, workers=1)
    served = run(pool, [Job(0.0, "a", c) for c in a] + [Job(0.0, "b", c) for c in b])
    last = min(max(i for i, s in enumerate(served) if s.job.tenant == t) for t in "ab")
    both = served[:last]  # while both are backlogged
    gap = np.concatenate([[0.0], _work(both, "a") / wa - _work(both, "b") / wb])
    bound = max(a) / wa + max(b) / wb
    assert gap.max() - gap.min() <= bound + len(served) / UNIT  # over every interval, up to rounding of tags


@given(st.lists(COSTS, min_size=3, max_size=3), st.lists(WEIGHTS, min_size=3, max_size=3), st.integers(1, 8), st.integers(0, 1000))
def test_several_slots_keep_the_order_of_one_and_the_published_bound_of_work_done(
    costs: list[list[float]], weights: list[float], slots: int, seed: int
) -> None:
    names = "abc"
    speed = np.random.default_rng(seed).uniform(0.3, 3.0, 400)  # jobs take any time; what is shared is their cost
    jobs = [Job(0.0, t, c) for t, own in zip(names, costs, strict=True) for c in own]
    pool = Pool(dict(zip(names, weights, strict=True)), dict.fromkeys(names, slots + 1), workers=slots)
    served = run(pool, jobs, takes=lambda i, job: job.cost * float(speed[i % 400]))
    dry = min(max(s.begin for s in served if s.job.tenant == t) for t in names)
    for f, g in ("ab", "bc", "ac"):
        wf, wg = pool.weights[f], pool.weights[g]
        largest = max(costs[names.index(f)]) / wf + max(costs[names.index(g)]) / wg
        rounding = len(served) / UNIT
        begun = [s for s in served if s.begin < dry]
        ended = sorted((s for s in served if s.end < dry), key=lambda s: s.end)
        for order, bound in ((begun, largest), (ended, (slots + 1) * largest)):
            gap = np.concatenate([[0.0], _work(order, f) / wf - _work(order, g) / wg])
            assert gap.max() - gap.min() <= bound + rounding, (f, g, slots)


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.floats(0, 100), WEIGHTS)
def test_tags_never_start_before_virtual_time_or_the_last_finish(v: int, last: int, cost: float, weight: float) -> None:
    tags = tag(v, last, cost_s=cost, weight=weight)
    assert tags.start == max(v, last)
    assert tags.finish > tags.start
    assert advance(v, tags.start) >= v


def test_an_idle_tenant_earns_no_credit() -> None:
    early = [Job(0.0, "busy", 1.0) for _ in range(40)]
    late = [Job(20.5, "late", 1.0) for _ in range(20)]
    served = run(Pool({"busy": 1, "late": 1}, {"busy": 4, "late": 4}, workers=1), early + late)
    window = [s.job.tenant for s in served if s.begin >= 21][:16]
    assert abs(window.count("busy") - window.count("late")) <= 1


def test_ten_thousand_jobs_delay_another_tenants_single_job_by_at_most_one_job_per_worker() -> None:
    for workers in (1, 4):
        flood = [Job(0.0, "flood", 1.0) for _ in range(10_000)]
        served = run(Pool({"flood": 1, "one": 1}, {"flood": 8, "one": 1}, workers=workers), [*flood, Job(1000.3, "one", 1.0)])
        one = next(s for s in served if s.job.tenant == "one")
        assert one.begin - one.job.at <= 1.0 * workers
        assert len(served) == 10_001


@given(
    st.lists(st.tuples(st.floats(0, 50), st.sampled_from("abcde"), st.floats(0.1, 5), st.floats(0.5, 2)), min_size=1, max_size=80),
    st.integers(1, 4),
)
def test_every_run_is_served_once_and_caps_hold(raw: list[tuple[float, str, float, float]], workers: int) -> None:
    jobs = [Job(at, t, cost, cost * factor) for at, t, cost, factor in raw]
    caps = {t: 1 + i % 3 for i, t in enumerate("abcde")}
    served = run(Pool(dict(zip("abcde", (1, 1, 2, 4, 8), strict=True)), caps, workers=workers), jobs)
    assert Counter(id(s.job) for s in served) == Counter(id(j) for j in jobs)
    edges = sorted([(s.begin, 1, s.job.tenant) for s in served] + [(s.end, -1, s.job.tenant) for s in served])
    now: Counter[str] = Counter()
    for _, step, tenant in edges:
        now[tenant] += step
        assert now[tenant] <= caps[tenant]


@given(COSTS, COSTS)
def test_moving_the_epoch_keeps_the_order(a: list[float], b: list[float]) -> None:
    jobs = [Job(0.0, "a", c) for c in a] + [Job(0.0, "b", c) for c in b]
    plain = Pool({"a": 1, "b": 4}, {"a": 3, "b": 3}, workers=1)
    moved = Pool({"a": 1, "b": 4}, {"a": 3, "b": 3}, workers=1, rebase_at=5 * UNIT)
    assert [s.job for s in run(plain, jobs)] == [s.job for s in run(moved, jobs)]
    assert plain.rebased == 0


def test_the_epoch_does_move() -> None:
    pool = Pool({"a": 1}, {"a": 2}, workers=1, rebase_at=5 * UNIT)
    run(pool, [Job(0.0, "a", 1.0) for _ in range(40)])
    assert pool.rebased >= 5
    assert rebase(7, 10) == 0


def test_runs_that_take_longer_than_predicted_are_paid_for() -> None:
    liar = [Job(0.0, "liar", 1.0, 3.0) for _ in range(200)]
    honest = [Job(0.0, "honest", 1.0, 1.0) for _ in range(400)]
    served = run(Pool({"liar": 1, "honest": 1}, {"liar": 2, "honest": 2}, workers=1), liar + honest)
    seconds: dict[str, float] = defaultdict(float)
    for s in served:
        if s.end < 300:
            seconds[s.job.tenant] += s.end - s.begin
    assert abs(seconds["liar"] / seconds["honest"] - 1) < 0.1
    assert correct(5, predicted_s=10, actual_s=1, weight=1) == 0


TIERS = {"free": 1.0, "standard": 2.0, "pro": 4.0, "enterprise": 8.0}
CAPS = {t: int(w) for t, w in TIERS.items()}


@given(
    st.lists(st.sampled_from([0.33, 0.5, 1.0, 2.0, 3.0]), min_size=4, max_size=4),
    st.lists(st.floats(0.2, 1.0), min_size=4, max_size=4),
    st.integers(1, 4),
    st.integers(0, 1000),
)
@settings(max_examples=30)
def test_shares_follow_real_seconds_however_wrong_predictions_and_whatever_the_caps(
    wrong: list[float], means: list[float], workers: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    jobs = []
    for (tier, weight), factor, mean in zip(TIERS.items(), wrong, means, strict=True):
        for real in mean * rng.uniform(0.5, 1.5, int(300 * workers * weight / 15 / mean) + 12 * CAPS[tier]):
            jobs.append(Job(0.0, tier, float(real) * factor, float(real)))
    served = run(Pool(TIERS, CAPS, workers=workers), jobs)
    last = min(max(s.begin for s in served if s.job.tenant == t) for t in TIERS)
    both = [s for s in served if s.begin <= last]
    work = {t: sum(s.end - s.begin for s in both if s.job.tenant == t) / w for t, w in TIERS.items()}
    # a tag is wrong until its run ends: at most by what a tenant has in flight, and the order itself allows one job each
    slack = {t: 1.5 * m * max(1.0, f) * (CAPS[t] + 1) / TIERS[t] for t, m, f in zip(TIERS, means, wrong, strict=True)}
    for f in TIERS:
        for g in TIERS:
            assert abs(work[f] - work[g]) <= slack[f] + slack[g]
    assert max(work.values()) - min(work.values()) <= 0.15 * max(work.values()) + max(slack.values())


@given(st.integers(2, 8), st.floats(0.1, 1.0))
def test_a_tenant_that_waits_for_its_own_cap_keeps_its_share(workers: int, cost: float) -> None:
    jobs = [Job(0.0, "one", cost)] * 60 + [Job(0.0, f"t{i}", cost / 4) for i in range(workers) for _ in range(240)]
    weights = {"one": 1.0} | {f"t{i}": 1.0 for i in range(workers)}
    served = run(Pool(weights, {"one": 1} | {f"t{i}": 4 for i in range(workers)}, workers=workers), jobs)
    end = max(s.begin for s in served if s.job.tenant == "one")
    got = {t: sum(s.end - s.begin for s in served if s.job.tenant == t and s.begin <= end) for t in weights}
    assert got["one"] >= 0.9 * max(got.values())


def test_ten_thousand_tenants_share_by_weight_and_none_starves() -> None:
    rng = np.random.default_rng(7)
    tenants = [f"t{i}" for i in range(10_000)]
    weights = {t: float(w) for t, w in zip(tenants, rng.choice([1, 2, 4, 8], len(tenants)), strict=True)}
    caps = {t: int(weights[t]) for t in tenants}
    cost = 1.0
    jobs = [Job(0.0, t, cost) for t in tenants for _ in range(12 if weights[t] == 8 else 6)]
    pool = Pool(weights, caps, workers=64)
    served = run(pool, jobs)
    assert len(served) == len(jobs)
    edges = sorted([(s.begin, 1, s.job.tenant) for s in served] + [(s.end, -1, s.job.tenant) for s in served], key=lambda e: (e[0], e[1]))
    flight: Counter[str] = Counter()
    for _, step, tenant in edges:
        flight[tenant] += step
        assert flight[tenant] <= caps[tenant]
    head = served[: 2 * sum(int(w) for w in weights.values()) // 2]  # every tenant is backlogged at least this long
    work = Counter(s.job.tenant for s in head)
    by_weight = {w: np.array([work[t] for t in tenants if weights[t] == w]) for w in (1.0, 2.0, 4.0, 8.0)}
    per_weight = {w: float(v.mean() / w) for w, v in by_weight.items() if w < 8}
    assert max(per_weight.values()) / min(per_weight.values()) < 1.05
    normal = np.array([work[t] / weights[t] for t in tenants])
    assert normal.max() - normal.min() <= 2 * cost  # the pairwise bound for jobs of one length: 1/w + 1/w'


@pytest.mark.parametrize("slots", [2, 16])
def test_ten_thousand_tenants_with_jobs_of_many_sizes_keep_the_pairwise_bounds_on_several_slots(slots: int) -> None:
    rng = np.random.default_rng(11)
    tenants = [f"t{i}" for i in range(10_000)]
    weight = rng.choice([1.0, 2.0, 4.0, 8.0], len(tenants))
    jobs = [Job(0.0, t, float(c)) for t, w in zip(tenants, weight, strict=True) for c in rng.uniform(0.2, 2.0, int(5 * w))]
    served = run(Pool(dict(zip(tenants, weight, strict=True)), dict.fromkeys(tenants, slots + 1), workers=slots), jobs)
    assert len(served) == len(jobs)
    who = np.array([int(s.job.tenant[1:]) for s in served])
    begin, end, cost = (np.array([getter(s) for s in served]) for getter in (lambda s: s.begin, lambda s: s.end, lambda s: s.job.cost))
    last = np.zeros(len(tenants))
    np.maximum.at(last, who, begin)
    times = np.linspace(0.0, last.min(), 13)  # nobody has run dry before
    largest = 2.0 / weight
    for at, factor in ((begin, 1), (end, slots + 1)):
        done = np.stack([np.bincount(who[at < t], cost[at < t], len(tenants)) / weight for t in times])
        for i, j in itertools.combinations(range(len(times)), 2):
            work = done[j] - done[i]
            # for all pairs at once: W_f - W_g <= factor (l_f + l_g) for every f and g
            assert (work - factor * largest).max() <= (work + factor * largest).min() + 100 / UNIT, (i, j, factor)
    assert done[-1].min() > 0  # none starves


def test_why_a_run_waits() -> None:
    base = {"state": "ready", "ahead": 3, "workers": 1, "in_flight": 1, "cap": 1, "budget_left": 1.0}
    assert why_waiting(**base) is Waits.SHARE  # type: ignore[arg-type]
    assert why_waiting(**{**base, "state": "parked"}) is Waits.CAP  # type: ignore[arg-type]
    assert why_waiting(**{**base, "workers": 0}) is Waits.NO_WORKER  # type: ignore[arg-type]
    assert why_waiting(**{**base, "budget_left": 0.0}) is Waits.BUDGET  # type: ignore[arg-type]
    assert why_waiting(**{**base, "state": "waiting"}) is Waits.PARTS  # type: ignore[arg-type]
    assert why_waiting(**{**base, "state": "done"}) is Waits.NOTHING  # type: ignore[arg-type]
