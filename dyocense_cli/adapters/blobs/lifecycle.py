"""Lifecycle rules of an S3 bucket: what the store itself expires or moves to a colder class."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from minio import Minio
from minio.commonconfig import ENABLED, Filter
from minio.error import MinioException
from minio.lifecycleconfig import Expiration, LifecycleConfig, Rule, Transition

from dyocense_cli.errors import UnavailableError, UnsupportedError

__all__ = ["set_rules"]

#: Rules of this name are ours; all others of the bucket stay as they are.
_OURS: Final = "dyocense-"


def set_rules(
    url: str, rules: Mapping[str, tuple[int, str]], *, endpoint: str = "", access_key: str = "", secret_key: str = ""
) -> list[tuple[str, int, str]]:
    """Replace our rules of the bucket of an ``s3://bucket/prefix`` URL by `rules` and return those that the store now holds.

    Parameters
    ----------
    rules : mapping
        Part below the URL's prefix -> (days, storage class); objects there expire after so many days, or with a class move to it.

    Raises
    ------
    UnavailableError
        DY4301 if the store cannot be reached.
    UnsupportedError
        DY4303 if it takes no such rules.
    """
    split = urlsplit(url)
    place = parse_qs(split.query).get("endpoint", [endpoint])[0] or "https://s3.amazonaws.com"
    client = Minio(
        urlsplit(place).netloc, access_key=access_key or None, secret_key=secret_key or None, secure=not place.startswith("http://")
    )
    try:
        held = client.get_bucket_lifecycle(split.netloc)
        others = [r for r in (held.rules if held else []) if not (r.rule_id or "").startswith(f"{_OURS}{split.path.strip('/')}/")]
        made = [_rule("/".join(p for p in (split.path.strip("/"), part) if p), *asked) for part, asked in sorted(rules.items())]
        if others or made:
            client.set_bucket_lifecycle(split.netloc, LifecycleConfig([*others, *made]))
        elif held:
            client.delete_bucket_lifecycle(split.netloc)
        now = client.get_bucket_lifecycle(split.netloc)
    except MinioException as error:
        raise UnsupportedError(
            "DY4303", f"the store takes no lifecycle rules for `{split.netloc}` ({str(error)[:120]})", hints="set them as its operator"
        ) from error
    except Exception as error:  # the client raises its transport's own errors
        raise UnavailableError("DY4301", f"s3://{split.netloc} cannot be reached", why=str(error)[:200]) from error
    return [_told(r) for r in (now.rules if now else []) if (r.rule_id or "").startswith(_OURS)]


def _rule(prefix: str, days: int, storage_class: str) -> Rule:
    colder = Transition(days=days, storage_class=storage_class) if storage_class else None
    return Rule(
        ENABLED,
        rule_filter=Filter(prefix=f"{prefix}/"),
        rule_id=f"{_OURS}{prefix}",
        expiration=None if colder else Expiration(days=days),
        transition=colder,
    )


def _told(rule: Any) -> tuple[str, int, str]:
    colder = rule.transition
    days = colder.days if colder else rule.expiration.days
    return str(rule.rule_filter.prefix), int(days or 0), str(colder.storage_class) if colder else ""
