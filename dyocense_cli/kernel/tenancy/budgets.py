"""Budgets: what is left, when to warn, and what a refused run would cost and what would fit."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from dyocense_cli.defaults import default
from dyocense_cli.errors import AccessError

__all__ = ["Account", "Quote", "check", "crosses_warning", "fit", "month_of", "spent"]


@dataclass(frozen=True, slots=True)
class Account:
    """One budget of one month: limit, reserved by runs in flight, used by finished ones; all ≥ 0 in the budget's unit."""

    limit: float
    reserved: float = 0.0
    used: float = 0.0

    def left(self) -> float:
        """Return what can still be reserved; never negative."""
        return max(0.0, self.limit - self.reserved - self.used)


@dataclass(frozen=True, slots=True)
class Quote:
    """What a run would cost in solver seconds, what is left, and the largest scope that fits (0 = nothing does)."""

    estimate_s: float
    left_s: float
    fits_scenarios: int
    fits_time_limit_s: float


def month_of(now: str) -> str:
    """Return the budget month of an ISO time, ``2026-03``."""
    return now[:7]


def spent(account: Account) -> float:
    """Return the share of a budget that is reserved or used; 1.0 for a budget of zero."""
    return 1.0 if account.limit <= 0 else (account.reserved + account.used) / account.limit


def crosses_warning(before: Account, after: Account) -> bool:
    """Say whether this change is the one that crosses the warning line (80 %); true once on the way up."""
    line = float(default("budget.warn_at"))  # type: ignore[arg-type]  # a number by its table
    return after.limit > 0 and spent(before) < line <= spent(after)


def fit(cost: Callable[[int, float], float], left_s: float, *, scenarios: int, time_limit_s: float) -> Quote:
    """Return the quote of a run and what would fit: fewer scenarios at the same time limit, or a shorter one at the same scenarios.

    Parameters
    ----------
    cost : callable
        Predicted solver seconds of (scenarios, time limit in seconds); never less for more of either.

    Notes
    -----
    Law: a submit that asks for either number passes, as long as nothing else was reserved meanwhile.
    """
    fits = bisect_right(range(1, scenarios + 1), left_s, key=lambda n: cost(n, time_limit_s))
    shorter = math.floor(min(time_limit_s, left_s) * 1000) / 1000
    return Quote(cost(scenarios, time_limit_s), left_s, fits, shorter if cost(scenarios, shorter) <= left_s else 0.0)


def check(accounts: Mapping[str, Account], amounts: Mapping[str, float]) -> None:
    """Raise if a reservation does not fit.

    Raises
    ------
    AccessError
        DY3106 (exit 6, HTTP 402) naming the first budget, in sorted order, that is too small.
    """
    for name in sorted(amounts):
        left = accounts[name].left() if name in accounts else 0.0
        if amounts[name] > left + 1e-9:
            raise AccessError(
                "DY3106",
                f"budget `{name}` has {left:g} left this month; the run needs about {amounts[name]:g}",
                hints=("ask for fewer scenarios or a shorter time limit", "ask for a larger budget"),
                exit_code=6,
                http_status=402,
            )
