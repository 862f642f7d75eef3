"""Quotas of a tier: how many scenarios and how many seconds one run may ask for."""

from __future__ import annotations

from dataclasses import dataclass

from dyocense_cli.errors import AccessError
from dyocense_cli.kernel.tenancy.tiers import Tier

__all__ = ["Ask", "within"]


@dataclass(frozen=True, slots=True)
class Ask:
    """What a request asks for; None takes the goal's own number, capped by the tier."""

    scenarios: int | None = None
    time_limit_s: float | None = None


def within(ask: Ask, tier: Tier) -> Ask:
    """Return the numbers that hold: what was asked, or the tier's limit where nothing was asked.

    Raises
    ------
    AccessError
        DY3105 (exit 6, HTTP 402) when more is asked than the tier allows.
    """
    if ask.scenarios is not None and ask.scenarios > tier.scenarios:
        raise _over(f"{ask.scenarios} scenarios", f"{tier.scenarios}", tier, "scenarios")
    if ask.time_limit_s is not None and ask.time_limit_s > tier.time_limit_s:
        raise _over(f"a time limit of {ask.time_limit_s:g} s", f"{tier.time_limit_s:g} s", tier, "time_limit_s")
    return Ask(ask.scenarios or tier.scenarios, ask.time_limit_s or tier.time_limit_s)


def _over(asked: str, allowed: str, tier: Tier, field: str) -> AccessError:
    return AccessError(
        "DY3105",
        f"{asked} asked, tier `{tier.name}` allows {allowed}",
        hints=f"lower `{field}` to {allowed} or ask for a higher tier",
        exit_code=6,
        http_status=402,
    )
