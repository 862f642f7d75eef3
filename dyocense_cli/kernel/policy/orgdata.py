"""Check an organisation's policy data: a misspelt key would switch a rule off in silence, so the shape is closed."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TypeAlias

from dyocense_cli.errors import InputError, Ref

__all__ = ["check_data", "merged"]

Problem: TypeAlias = "tuple[str, str]"  # pointer, what is wrong
Check: TypeAlias = "Callable[[str, Any], Iterator[Problem]]"

_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}")


def _text(at: str, value: Any) -> Iterator[Problem]:
    if not isinstance(value, str) or not value:
        yield at, f"should be text, is {_show(value)}"


def _date(at: str, value: Any) -> Iterator[Problem]:
    if not isinstance(value, str) or not _DATE.fullmatch(value):
        yield at, f"should be a date as YYYY-MM-DD, is {_show(value)}"


def _amount(at: str, value: Any) -> Iterator[Problem]:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value) or value < 0:
        yield at, f"should be a number of at least 0, is {_show(value)}"


def _switch(at: str, value: Any) -> Iterator[Problem]:
    if not isinstance(value, bool):
        yield at, f"should be true or false, is {_show(value)}"


def _over(at: str, value: Any) -> Iterator[Problem]:
    if value not in ("horizon", "period"):
        yield at, f"should be horizon or period, is {_show(value)}"


def _anything(at: str, value: Any) -> Iterator[Problem]:
    del at, value
    yield from ()


def _step(at: str, value: Any) -> Iterator[Problem]:
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        yield at, f"should be a name or a position, is {_show(value)}"


def _list(of: Check) -> Check:
    def check(at: str, value: Any) -> Iterator[Problem]:
        if not isinstance(value, list):
            yield at, f"should be a list, is {_show(value)}"
            return
        for i, item in enumerate(value):
            yield from of(f"{at}/{i}", item)

    return check


def _map(of: Check) -> Check:
    def check(at: str, value: Any) -> Iterator[Problem]:
        if not isinstance(value, Mapping):
            yield at, f"should be a map, is {_show(value)}"
            return
        for key, item in value.items():
            yield from of(f"{at}/{key}", item)

    return check


def _unknown(key: str, known: Mapping[str, Check]) -> str:
    near = difflib.get_close_matches(key, known, n=1)
    return f"is not known; did you mean `{near[0]}`?" if near else f"is not known; known: {', '.join(sorted(known))}"


def _closed(needed: Mapping[str, Check], optional: Mapping[str, Check] | None = None) -> Check:
    known = {**needed, **(optional or {})}

    def check(at: str, value: Any) -> Iterator[Problem]:
        if not isinstance(value, Mapping):
            yield at, f"should be a map, is {_show(value)}"
            return
        for key in needed:
            if key not in value:
                yield at, f"lacks `{key}`"
        for key, item in value.items():
            if key in known:
                yield from known[key](f"{at}/{key}", item)
            else:
                yield f"{at}/{key}", _unknown(str(key), known)

    return check


_TENANTS: Final = {"tenants": _list(_text), "owner": _text, "since": _date, "reason": _text}
_SHAPE: Final = _closed(
    {},
    {
        "vendors": _closed(
            {},
            {
                "allow": _map(_list(_text)),
                "deny": _list(_closed({"supplier": _text}, _TENANTS)),
                "deny_regions": _list(_closed({"region": _text}, _TENANTS)),
            },
        ),
        "spend": _closed(
            {},
            {
                "require_cap": _switch,
                "caps": _map(_list(_closed({"max": _amount, "currency": _text}, {"over": _over, "category": _text, "supplier": _text}))),
            },
        ),
        "tiers": _map(_closed({"scenarios": _amount, "time_limit_s": _amount, "cells": _amount})),
        "exempt_tenants": _list(_text),
        "required": _map(_list(_list(_step))),
        "relax": _map(_map(_closed({"max_fraction": _amount}))),
        "waivers": _list(
            _closed(
                {"rule": _text, "tenant": _text, "owner": _text, "reason": _text, "expires": _date},
                {"path": _list(_step), "args": _map(_anything)},
            )
        ),
        "mandatory": _list(_text),
        "custom": _anything,
    },
)


def check_data(data: Any, *, file: str) -> Mapping[str, Any]:
    """Return policy data whose every key is known and every value of its type.

    Raises
    ------
    InputError
        DY3001 naming all faults at once; `custom` is for the data of own rules and may hold anything.
    """
    problems = [f"{at or '/'} {what}" for at, what in _SHAPE("", data)]
    if not problems:
        problems = [f"/spend/caps/{at} names a category and a supplier; a cap bounds one of them" for at in _double(data)]
    if problems:
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        raise InputError(
            "DY3001",
            f"policy data: {problems[0]}{more}",
            where=Ref(file),
            why="\n".join(problems[1:20]),
            hints="`dyocense policy explain data` lists the keys",
        )
    return dict(data)


def _double(data: Mapping[str, Any]) -> Iterator[str]:
    for tenant, caps in data.get("spend", {}).get("caps", {}).items():
        yield from (f"{tenant}/{i}" for i, cap in enumerate(caps) if "category" in cap and "supplier" in cap)


def merged(base: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Return `base` with the top-level keys of `own` in place of its; `vendors`, `spend`, `tiers`, `relax` merge one level down."""
    result = dict(base)
    for key, value in own.items():
        both = isinstance(value, Mapping) and isinstance(result.get(key), Mapping)
        result[key] = {**result[key], **value} if both else value
    return result


def _show(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."
