"""What goes to an engine and comes back, as bytes: plain JSON, no surprises."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from dyocense_cli.adapters.policy.pack import Pack, sha256
from dyocense_cli.errors import UnavailableError
from dyocense_cli.kernel.policy.answer import read_answer

__all__ = ["accepted", "parsed", "question", "snapshot_of"]


def question(document: Mapping[str, Any]) -> bytes:
    """Return the input document as ASCII JSON; lone surrogates become U+FFFD and numbers that are not finite become null.

    A null where a number belongs denies: limits are written as what must hold.
    """
    return json.dumps(_plain(document), allow_nan=False).encode("ascii")


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {_plain(str(k)): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    return value


def parsed(text: bytes, *, engine: str) -> Any:
    """Return the JSON value an engine printed.

    Raises
    ------
    UnavailableError
        DY4205 if it is not one JSON value, or has a key twice.
    """
    try:
        return json.loads(text.decode("utf-8"), object_pairs_hook=_once, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise UnavailableError(
            "DY4205",
            f"{engine} gave no verdict: its answer is not JSON",
            hints="run `dyocense doctor` to see which engine decides",
            why=str(error)[:200],
        ) from error


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON number")


def accepted(decision: Any, pack: Pack, *, engine: str) -> Mapping[str, Any]:
    """Return the decision with the pack's catalogue and packages beside it, once it holds together.

    Raises
    ------
    UnavailableError
        DY4205 otherwise.
    """
    if not isinstance(decision, Mapping):
        raise UnavailableError(
            "DY4205", f"{engine} gave no verdict: the decision is undefined", hints="run `dyocense doctor` to see which engine decides"
        )
    raw = {**decision, "catalogue": pack.rules, "expected": list(pack.packages)}
    read_answer(raw)
    return raw


def snapshot_of(digest: str, engine: str) -> str:
    """Return the policy snapshot: the pack's digest with engine and version."""
    return "sha256:" + sha256(f"{digest}\n{engine}".encode())
