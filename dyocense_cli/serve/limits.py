"""Requests per minute of each tenant and endpoint, with the headers that tell a client where it stands."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Final

import limits
from limits.errors import StorageError
from limits.storage import MemoryStorage, storage_from_string
from limits.strategies import MovingWindowRateLimiter

from dyocense_cli.errors import AccessError
from dyocense_cli.kernel.tenancy.tiers import Tier
from dyocense_cli.serve.problems import ProblemError

__all__ = ["RateLimits"]

#: Reads are cheap: so many times more of them are allowed than of calls that compute.
READ_FACTOR: Final = 10


@dataclass(frozen=True, slots=True)
class _Standing:
    allowed: bool
    left: int
    reset_s: int


class RateLimits:
    """Moving windows in memory, or in Redis under ``tn:{tenant}:rate:…`` so that all API processes count together."""

    def __init__(self, redis_url: str) -> None:
        storage: Any = MemoryStorage()
        if redis_url:
            storage = storage_from_string(redis_url, wrap_exceptions=True, key_prefix="tn")
        self._limiter = MovingWindowRateLimiter(storage)

    def check(self, tenant: str, tier: Tier, endpoint: str) -> dict[str, str]:
        """Count a request and return the headers of its standing.

        Raises
        ------
        ProblemError
            DY3104 (HTTP 429) with ``Retry-After`` when the window is full.
        UnavailableError
            DY4501 when Redis is down: a limit that cannot be counted is not waived.
        """
        quota = tier.requests_per_min * (READ_FACTOR if endpoint == "read" else 1)
        standing = self._hit(tenant, endpoint, quota)
        headers = {
            "RateLimit-Policy": f'"{endpoint}";q={quota};w=60',
            "RateLimit": f'"{endpoint}";r={standing.left};t={standing.reset_s}',
        }
        if not standing.allowed:
            refusal = AccessError(
                "DY3104",
                f"more than {quota} requests per minute to `{endpoint}`",
                hints=f"wait {standing.reset_s} s",
                exit_code=6,
                http_status=429,
            )
            raise ProblemError(refusal, headers={**headers, "Retry-After": str(standing.reset_s)})
        return headers

    def _hit(self, tenant: str, endpoint: str, quota: int) -> _Standing:
        from dyocense_cli.errors import UnavailableError

        item = limits.RateLimitItemPerMinute(quota, namespace=f"{tenant}:rate:{endpoint}")
        try:
            allowed = self._limiter.hit(item)
            stats = self._limiter.get_window_stats(item)
        except StorageError as error:
            raise UnavailableError("DY4501", "Redis cannot be reached; requests cannot be counted", hints="try again") from error
        return _Standing(allowed, max(0, stats.remaining), max(1, int(stats.reset_time - time.time()) + 1))
