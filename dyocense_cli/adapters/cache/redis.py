"""Stage cache in Redis, shared by machines; every key lies under ``tn:{tenant}:cache:``."""

from __future__ import annotations

import hashlib
from typing import Any, ClassVar, Final, cast

import redis

from dyocense_cli.errors import UnavailableError
from dyocense_cli.ports import Scope

__all__ = ["RedisCache"]

_KEEP_S: Final = 30 * 86_400


class RedisCache:
    """One string per key with its checksum, kept for 30 days; an entry whose checksum fails counts as absent.

    Raises
    ------
    UnavailableError
        DY4001 from every method while Redis is down.
    """

    features: ClassVar[frozenset[str]] = frozenset({"shared"})

    def __init__(self, url: str, scope: Scope) -> None:
        self._redis: Any = redis.Redis.from_url(url, socket_timeout=5, socket_connect_timeout=5)
        self._prefix = f"tn:{scope.tenant_id}:cache:"

    def _key(self, key: str) -> str:
        return self._prefix + hashlib.sha256(key.encode()).hexdigest()

    def get(self, key: str) -> str | None:
        """Return the fingerprint, or None."""
        found = self._ask("get", self._key(key))
        if found is None:
            return None
        value, _, check = cast("bytes", found).decode("utf-8", "replace").rpartition("\n")
        return value if check == _check(value) else None

    def put(self, key: str, fingerprint: str) -> None:
        """Remember; the last writer wins, a reader never sees a torn entry."""
        self._ask("set", self._key(key), f"{fingerprint}\n{_check(fingerprint)}", ex=_KEEP_S)

    def clear(self) -> int:
        """Forget everything of this tenant; return how many entries there were."""
        keys = self._ask("keys", self._prefix + "*")
        return int(self._ask("delete", *keys)) if keys else 0

    def _ask(self, command: str, *arguments: object, **options: object) -> Any:
        try:
            return getattr(self._redis, command)(*arguments, **options)
        except redis.RedisError as error:
            raise UnavailableError("DY4501", "Redis cannot be reached", why=str(error)[:200], hints="set `cache` to a folder") from error


def _check(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()[:16]
