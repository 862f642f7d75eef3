"""Four tiers over saturated workers whose jobs are real solves in children: solver seconds follow weights, however wrong predictions are."""

from __future__ import annotations

import os
from collections import Counter

import pytest

from benchmarks.fairness import WEIGHTS, Bench, saturate

FULL = os.environ.get("DYOCENSE_TEST_SCALE") == "full"
SLOTS, JOBS = 2, 1200 if FULL else 45
pytestmark = pytest.mark.timeout(3600 if FULL else 900)  # a busy machine takes its time


def test_solver_seconds_of_saturated_tiers_stay_within_the_bound_of_fair_queueing(database_url: str) -> None:
    owner = database_url
    if not database_url.startswith("sqlite"):
        owner = os.environ["DYOCENSE_PG_OWNER_DSN"].rpartition("/")[0] + "/" + database_url.rpartition("/")[2]
    outcome = saturate(Bench(database_url, owner), slots=SLOTS, jobs=JOBS, lone_every=JOBS // 3, corrected=FULL)
    assert set(outcome.seconds()) == set(WEIGHTS)
    assert min(outcome.seconds().values()) > 0  # no tier starves
    assert max(Counter(s.run_id for s in outcome.solved).values()) == 1
    for f, g, apart, largest in outcome.gaps():
        assert apart <= (SLOTS + 1) * largest, (f, g)  # the bound of SFQ(D)
    longest = max(s.ended - s.began for s in outcome.solved)
    assert len(outcome.lone) >= 1
    assert max(outcome.lone) <= 2 * longest  # at most the jobs in hand, and what a poll takes on a busy machine
    if FULL:
        assert all(abs(share - 1) <= 0.05 for share in outcome.shares().values()), outcome.shares()
