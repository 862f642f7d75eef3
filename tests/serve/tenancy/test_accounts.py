"""Tiers, quotas, budgets and the cost estimate."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dyocense_cli.errors import AccessError, UsageError
from dyocense_cli.kernel.tenancy.budgets import Account, check, crosses_warning, fit, month_of, spent
from dyocense_cli.kernel.tenancy.estimate import PRIOR, Finished, Size, fit_estimator, predict, scaled
from dyocense_cli.kernel.tenancy.quotas import Ask, within
from dyocense_cli.kernel.tenancy.tiers import TIERS, tier


def test_tiers_are_the_published_table() -> None:
    rows = [(t.name, t.weight, t.scenarios, t.time_limit_s, t.parallel_solves, t.requests_per_min) for t in TIERS.values()]
    assert rows == [
        ("free", 1, 20, 15, 1, 10),
        ("standard", 2, 50, 25, 2, 60),
        ("pro", 4, 100, 45, 4, 180),
        ("enterprise", 8, 200, 90, 8, 600),
    ]


def test_a_tenant_may_have_its_own_numbers() -> None:
    own = tier("pro", {"weight": 6, "parallel_solves": 2, "budget_solver_s": 0})
    assert (own.weight, own.parallel_solves, own.budgets()["solver_sec"], own.scenarios) == (6, 2, 0, 100)


@pytest.mark.parametrize(
    ("name", "own", "text"), [("gold", {}, "no tier is named"), ("pro", {"wieght": 1}, "no limit"), ("pro", {"weight": 0}, "positive")]
)
def test_wrong_tiers_are_refused(name: str, own: dict[str, float], text: str) -> None:
    with pytest.raises(UsageError, match=text):
        tier(name, own)


def test_more_than_the_tier_allows_is_402() -> None:
    assert within(Ask(), TIERS["free"]) == Ask(20, 15.0)
    with pytest.raises(AccessError, match="21 scenarios asked") as caught:
        within(Ask(scenarios=21), TIERS["free"])
    assert (caught.value.code, caught.value.http_status, caught.value.exit_code) == ("DY3105", 402, 6)
    with pytest.raises(AccessError, match="time limit of 16 s"):
        within(Ask(time_limit_s=16), TIERS["free"])


@given(st.lists(st.floats(0, 30), max_size=40))
def test_the_warning_is_crossed_at_most_once_on_the_way_up(amounts: list[float]) -> None:
    account, crossings = Account(100.0), 0
    for amount in amounts:
        after = Account(100.0, used=account.used + amount)
        crossings += crosses_warning(account, after)
        account = after
    assert crossings == (1 if spent(account) >= 0.8 else 0)


def test_a_budget_that_does_not_fit_names_what_is_left() -> None:
    check({"solver_sec": Account(10, reserved=4, used=1)}, {"solver_sec": 5})
    with pytest.raises(AccessError, match="has 5 left this month; the run needs about 6"):
        check({"solver_sec": Account(10, reserved=4, used=1)}, {"solver_sec": 6})
    assert spent(Account(0)) == 1.0
    assert month_of("2026-03-02T10:00:00Z") == "2026-03"


@given(st.floats(0.0, 30.0), st.integers(1, 200), st.floats(0.05, 90.0), st.integers(1, 10**6))
def test_what_the_quote_says_fits_does_fit(left: float, scenarios: int, limit: float, variables: int) -> None:
    def cost(n: int, t: float) -> float:
        return predict(PRIOR, scaled(Size(variables, variables, 50), n), time_limit_s=t)

    quote = fit(cost, left, scenarios=scenarios, time_limit_s=limit)
    assert quote.fits_scenarios == 0 or cost(quote.fits_scenarios, limit) <= left
    assert quote.fits_scenarios == scenarios or cost(quote.fits_scenarios + 1, limit) > left
    assert quote.fits_time_limit_s == 0 or cost(scenarios, quote.fits_time_limit_s) <= left
    assert quote.fits_time_limit_s > 0 or left < 0.01


def test_the_estimate_is_the_prior_until_a_few_runs_outvote_it() -> None:
    size = Size(1000, 1000, 50)
    before = predict(PRIOR, size, time_limit_s=60)
    assert 0.2 < before < 2
    assert predict(PRIOR, Size(10**7, 10**7, 50), time_limit_s=60) == 60
    assert fit_estimator([]) is PRIOR
    slow = Finished(size, 8 * before)
    assert predict(fit_estimator([slow]), size, time_limit_s=60) < 2 * before  # one run may be a bad day
    assert predict(fit_estimator([slow] * 60), size, time_limit_s=60) == pytest.approx(8 * before, rel=0.01)


@given(st.lists(st.tuples(st.integers(1, 10**6), st.integers(1, 10**6), st.integers(1, 200), st.floats(0.01, 100)), max_size=30))
@settings(max_examples=30)
def test_a_larger_model_never_costs_less(raw: list[tuple[int, int, int, float]]) -> None:
    fitted = fit_estimator([Finished(Size(v, c, s), seconds) for v, c, s, seconds in raw])
    assert min(fitted.coef[1:]) >= -1e-9
    small = scaled(Size(20_000, 20_000, 50), 10)
    assert small == Size(4000, 4000, 10)
    assert predict(fitted, small, time_limit_s=60) <= predict(fitted, Size(20_000, 20_000, 50), time_limit_s=60)


def test_the_fit_recovers_the_quantile_of_known_runs() -> None:
    rng = np.random.default_rng(3)
    sizes = [
        Size(int(v), int(c), int(s))
        for v, c, s in zip(rng.integers(100, 10**5, 400), rng.integers(100, 10**5, 400), rng.integers(1, 200, 400), strict=True)
    ]
    runs = [Finished(s, float(0.001 * s.variables**0.6 * s.constraints**0.2 * rng.lognormal(0, 0.3))) for s in sizes]
    fitted = fit_estimator(runs)
    below = np.mean([r.seconds <= predict(fitted, r.size, time_limit_s=1e9) for r in runs])
    assert abs(below - 0.8) < 0.02
    assert abs(fitted.coef[1] - 0.6) < 0.05
    assert min(fitted.coef[1:]) >= -1e-9
